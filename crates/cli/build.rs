//! Puts the built web app (`web/dist`) into the program, each file with the compressed forms its build made.
//!
//! Without a built web app the program still builds; its page then says what to do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const MISSING: &str = "<!doctype html><meta charset=utf-8><title>Longrein</title>\
<p>This build of Longrein has no web app in it. Build one that has with <code>cargo xtask build</code>.";

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = here.join("../../web/dist");
    // A folder that is missing would make cargo run this every time; an empty one is noticed when it fills.
    let _ = fs::create_dir_all(&dist);
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());

    // A copy, because the next build of the web app may replace its files while the compiler reads them.
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let copy = out.join("web");
    let _ = fs::remove_dir_all(&copy);
    copy_all(&dist, &copy)?;

    let mut files = Vec::new();
    gather(&copy, &mut files)?;
    files.sort();
    let mut table = String::from("/// The web app.\npub static ASSETS: &[Asset] = &[\n");
    for file in &files {
        let path = file.strip_prefix(&copy).map_err(io::Error::other)?.to_string_lossy().into_owned();
        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
        let _ = writeln!(
            table,
            "    Asset {{ path: {path:?}, content_type: {:?}, identity: {}, gzip: {}, brotli: {}, immutable: {} }},",
            content_type(&path),
            include(file)?,
            compressed(file, "gz")?,
            compressed(file, "br")?,
            // Everything in this folder carries a hash of its content in its name.
            folder == "assets",
        );
    }
    if files.is_empty() {
        let _ = writeln!(
            table,
            "    Asset {{ path: \"index.html\", content_type: {:?}, identity: {MISSING:?}.as_bytes(), gzip: None, \
             brotli: None, immutable: false }},",
            content_type("index.html"),
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

/// Everything but hidden files, which are the build's own. What is gone again by the time it is copied is left out.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to.join(name))?;
        } else {
            match fs::copy(entry.path(), to.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Every file that is not the compressed form of another.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if !is_compressed(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz" || extension == "br")
        && path.with_extension("").is_file()
}

fn compressed(file: &Path, extension: &str) -> io::Result<String> {
    let mut path = file.as_os_str().to_owned();
    path.push(".");
    path.push(extension);
    let path = PathBuf::from(path);
    if path.is_file() { Ok(format!("Some({})", include(&path)?)) } else { Ok("None".to_owned()) }
}

fn include(file: &Path) -> io::Result<String> {
    Ok(format!("include_bytes!({:?})", fs::canonicalize(file)?.to_string_lossy()))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
