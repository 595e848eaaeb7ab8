//! Which crate may use which, and that the pure crates are pure.
//!
//! The directions are the architecture: a relay that cannot name a message cannot read one, and a crate without
//! clock, threads and IO can be run a million times a second in a simulator.

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::fs;
use std::path::{Path, PathBuf};

/// A crate, and the crates of ours that it may use outside of its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("seal", &["wire"]),
    ("session", &["wire", "seal"]),
    ("store", &["wire"]),
    ("relay", &["wire"]),
    ("agent", &["session"]),
    ("link", &["wire", "seal", "session"]),
    ("keeper", &["agent", "link", "seal", "session", "store", "wire"]),
    ("host", &["link", "seal", "session", "store", "wire"]),
    ("client", &["link", "seal", "session", "store", "wire"]),
    ("api", &["client", "session", "store"]),
    (
        "cli",
        &["agent", "api", "client", "host", "keeper", "link", "relay", "seal", "session", "store", "wire"],
    ),
    ("testkit", &["seal", "session", "wire"]),
];

/// Crates that never use one another, not even in their tests.
const STRANGERS: &[&str] = &["host", "client", "keeper"];

/// Crates without IO, clock, randomness and threads.
const PURE: &[&str] = &["wire", "seal", "session"];

/// What a pure crate's sources may not name outside of tests.
const IMPURE: &[&str] = &[
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "thread::spawn",
    "SystemTime::now",
    "Instant::now",
    "tokio",
    "getrandom",
    "OsRng",
    "ThreadRng",
];

/// Packages that bring the outside with them, so no pure crate may use them, however indirectly.
const OUTSIDE: &[&str] = &["tokio", "mio", "socket2", "async-io", "rustix", "nix"];

/// A library, and the crate or crates whose insides it is.
const OWNED: &[(&str, &[&str])] = &[
    ("alacritty_terminal", &["agent"]),
    ("portable-pty", &["agent"]),
    ("axum", &["relay", "api"]),
    ("rusqlite", &["store"]),
    ("snow", &["seal"]),
    ("tokio-tungstenite", &["link"]),
    ("utoipa", &["api"]),
];

/// Checks all of it; the error lists every breach.
pub fn check(root: &Path) -> Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .exec()
        .context("cargo metadata could not be read")?;
    let mut breaches = Vec::new();
    let crates = crates(root, &metadata)?;
    for (name, package) in &crates {
        check_edges(name, package, &crates, &mut breaches);
        check_owned(name, package, &mut breaches);
    }
    for name in PURE {
        let Some((_, package)) = crates.iter().find(|(other, _)| other == name) else {
            breaches.push(format!("the pure crate {name} is missing"));
            continue;
        };
        check_outside(name, package, &metadata, &mut breaches)?;
        for file in sources(&root.join("crates").join(name).join("src"))? {
            let text = fs::read_to_string(&file)?;
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            check_source(&shown, &text, &mut breaches);
        }
    }
    if !breaches.is_empty() {
        bail!("the layering does not hold:\n  {}", breaches.join("\n  "));
    }
    println!("layering: {} crates, {} of them pure", crates.len(), PURE.len());
    Ok(())
}

/// The packages below `crates/`, by folder name.
fn crates<'a>(root: &Path, metadata: &'a Metadata) -> Result<Vec<(String, &'a Package)>> {
    let home = root.join("crates");
    let mut found = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().context("a manifest without a folder")?.as_std_path();
        if folder.parent() == Some(&home) {
            let name = folder.file_name().context("a crate without a name")?.to_string_lossy().into_owned();
            found.push((name, package));
        }
    }
    Ok(found)
}

fn check_edges(name: &str, package: &Package, crates: &[(String, &Package)], breaches: &mut Vec<String>) {
    let Some((_, allowed)) = ALLOWED.iter().find(|(other, _)| *other == name) else {
        breaches.push(format!("{name} is not in the list of crates; say there what it may use"));
        return;
    };
    for dependency in &package.dependencies {
        let Some((used, _)) = crates.iter().find(|(_, other)| other.name.as_str() == dependency.name) else {
            continue;
        };
        let in_tests = dependency.kind == DependencyKind::Development;
        let strangers = STRANGERS.contains(&name) && STRANGERS.contains(&used.as_str());
        if strangers || !in_tests && !allowed.contains(&used.as_str()) {
            breaches.push(format!("{name} may not use {used}"));
        }
    }
}

fn check_owned(name: &str, package: &Package, breaches: &mut Vec<String>) {
    for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
        if let Some((_, owners)) = OWNED.iter().find(|(library, _)| *library == dependency.name)
            && !owners.contains(&name)
        {
            let owners = owners.join(" and ");
            breaches.push(format!("{name} may not use {}, which belongs to {owners}", dependency.name));
        }
    }
}

/// Follows what a pure crate uses, and what that uses, outside of tests and build scripts.
fn check_outside(
    name: &str,
    package: &Package,
    metadata: &Metadata,
    breaches: &mut Vec<String>,
) -> Result<()> {
    let graph = metadata.resolve.as_ref().context("cargo metadata without a resolve graph")?;
    let mut seen = vec![&package.id];
    let mut next = 0;
    while let Some(id) = seen.get(next).copied() {
        next += 1;
        let used = &metadata[id].name;
        if OUTSIDE.contains(&used.as_str()) {
            breaches.push(format!("{name} is pure and may not use {used}, not even through another package"));
        }
        let Some(node) = graph.nodes.iter().find(|node| node.id == *id) else { continue };
        for dependency in &node.deps {
            let normal = dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind == DependencyKind::Normal && is_for_us(kind));
            if normal && !seen.contains(&&dependency.pkg) {
                seen.push(&dependency.pkg);
            }
        }
    }
    Ok(())
}

/// Dependencies of other systems (`cfg(windows)` and so on) are not built here.
fn is_for_us(kind: &cargo_metadata::DepKindInfo) -> bool {
    kind.target.as_ref().is_none_or(|target| {
        let target = target.to_string();
        !target.contains("windows")
            && !target.contains("wasm")
            && !target.contains("hermit")
            && !target.contains("wasi")
    })
}

fn check_source(file: &str, text: &str, breaches: &mut Vec<String>) {
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]")
            && !text.lines().nth(number + 1).is_some_and(|next| next.ends_with(';'))
        {
            // Tests stand last in every file, and may do as they like.
            return;
        }
        let code = line.split("//").next().unwrap_or_default();
        for word in IMPURE.iter().filter(|word| code.contains(**word)) {
            breaches.push(format!("{file}:{} names {word}, but the crate is pure", number + 1));
        }
    }
}

/// Whether a file's module is declared for tests only, in the `lib.rs` or `mod.rs` of its folder.
fn is_for_tests(file: &Path) -> bool {
    let (Some(folder), Some(module)) = (file.parent(), file.file_stem()) else { return false };
    let declared = format!("#[cfg(test)]\nmod {};", module.to_string_lossy());
    ["lib.rs", "mod.rs"]
        .iter()
        .any(|name| fs::read_to_string(folder.join(name)).is_ok_and(|t| t.contains(&declared)))
}

/// Every Rust file below a folder, except those that hold only tests.
fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        let is_tests = is_for_tests(&path);
        if path.is_dir() && !is_tests {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(text: &str) -> usize {
        let mut breaches = Vec::new();
        check_source("file.rs", text, &mut breaches);
        breaches.len()
    }

    #[test]
    fn a_pure_source_may_not_look_at_the_clock() {
        assert_eq!(breaches("fn f() { let now = Instant::now(); }"), 1);
        assert_eq!(breaches("use std::net::IpAddr;\nuse std::fs;"), 2);
    }

    #[test]
    fn comments_and_tests_may_name_anything() {
        assert_eq!(
            breaches("// not Instant::now\nfn f() {}\n#[cfg(test)]\nmod tests { use std::thread; }"),
            0
        );
    }

    #[test]
    fn nobody_is_allowed_what_the_relay_is_not() {
        let relay = ALLOWED.iter().find(|(name, _)| *name == "relay").unwrap().1;
        assert_eq!(relay, ["wire"]);
    }
}
