//! Puts what the tests need on the machine: on Debian and its relatives by apt, elsewhere by saying what is missing.

use crate::step::{command, run};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

/// A program the tests run, and the Debian package it comes in.
const PROGRAMS: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    ("git", "git"),
    ("htop", "htop"),
    ("less", "less"),
    ("mc", "mc"),
    ("ps", "procps"),
    ("nft", "nftables"),
    ("python3", "python3"),
    ("script", "bsdutils"),
    ("ss", "iproute2"),
    ("tmux", "tmux"),
    ("unshare", "util-linux"),
    ("vim", "vim"),
];

/// Everything the tests need; an error names what could not be had.
pub fn install(root: &Path) -> Result<()> {
    for program in ["node", "npm"] {
        if !is_here(program) {
            bail!("{program} is missing: install Node.js 20 or newer");
        }
    }
    packages(root)?;
    if !is_here("cargo-nextest") {
        run(root, "cargo", &["install", "cargo-nextest", "--locked"])?;
    }
    Ok(())
}

/// The browser the browser tests drive, where there is one.
pub fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(find)
}

fn packages(root: &Path) -> Result<()> {
    let mut missing: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !(is_here(program) || *program == "chromium" && browser().is_some()))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if missing.contains(&"chromium") {
        // Only recommended by it, but without a font there is nothing to see.
        missing.push("fonts-dejavu-core");
    }
    let names = missing.join(" ");
    if !is_here("apt-get") {
        bail!("the tests need these programs, please install them: {names}");
    }
    println!("installing {names}");
    let sudo = if is_root() { &[][..] } else { &["sudo"][..] };
    let apt = |args: &[&str]| {
        let line: Vec<&str> =
            sudo.iter().copied().chain(["apt-get", "-qq"]).chain(args.iter().copied()).collect();
        run(root, line[0], &line[1..])
    };
    apt(&["update"])?;
    let mut args = vec!["-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", "install"];
    args.extend(&missing);
    apt(&args)
}

/// Whether this process may install without asking: `id -u` says 0.
fn is_root() -> bool {
    command(Path::new("/"), "id", &["-u"]).output().is_ok_and(|out| out.stdout == b"0\n")
}

fn is_here(program: &str) -> bool {
    find(program).is_some()
}

/// Where a program is, by `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
