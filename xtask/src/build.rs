//! Builds the web app and the program, runs them, and starts the benchmarks.

use crate::step::{self, command, run};
use anyhow::{Context as _, Result, bail};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The web app, then the release program with the app in it; gives the program's path.
pub fn build(root: &Path) -> Result<PathBuf> {
    let program = program(root, true)?;
    println!("{}", program.display());
    Ok(program)
}

/// `run [--release] [-- CMD…]`.
pub fn run_args(args: &[String]) -> Result<(bool, &[String])> {
    let (release, args) = match args.split_first() {
        Some((first, rest)) if first == "--release" => (true, rest),
        _ => (false, args),
    };
    match args.split_first() {
        None => Ok((release, &[])),
        Some((first, command)) if first == "--" => Ok((release, command)),
        Some((first, _)) => bail!("unexpected {first:?}; the program to run goes behind `--`"),
    }
}

/// Builds and becomes `longrein run`.
pub fn run_session(root: &Path, args: &[String]) -> Result<ExitCode> {
    let (release, session) = run_args(args)?;
    let program = program(root, release)?;
    let shell =
        std::env::var("SHELL").ok().filter(|shell| !shell.is_empty()).unwrap_or_else(|| "/bin/sh".to_owned());
    let session = if session.is_empty() { std::slice::from_ref(&shell) } else { session };
    // Our place is taken by the program, so that its terminal, signals and exit status are the caller's own.
    let error = std::process::Command::new(&program).args(["run", "--link", "--"]).args(session).exec();
    Err(error).with_context(|| format!("{} could not be started", program.display()))
}

/// `bench [-- ARG…]`.
pub fn bench(root: &Path, args: &[String]) -> Result<ExitCode> {
    program(root, true)?;
    web_packages(root, "tests/browser")?;
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let mut cargo = command(root, "cargo", &["run", "--release", "--package", "bench", "--"]);
    let status = cargo.args(args).status().context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Installs the web app's packages, unless what is installed is what the lock file says.
pub fn web_packages(root: &Path, folder: &str) -> Result<()> {
    let folder = root.join(folder);
    let modified = |path: &str| std::fs::metadata(folder.join(path)).and_then(|m| m.modified()).ok();
    let (lock, installed) = (modified("package-lock.json"), modified("node_modules/.package-lock.json"));
    if lock.is_none() {
        bail!("{} has no package-lock.json", folder.display());
    }
    if installed >= lock {
        return Ok(());
    }
    run(&folder, "npm", &["ci", "--no-audit", "--no-fund"])
}

/// The web app, as `web/dist`.
pub fn web(root: &Path) -> Result<()> {
    web_packages(root, "web")?;
    run(&root.join("web"), "npm", &["run", "--silent", "build"])
}

fn program(root: &Path, release: bool) -> Result<PathBuf> {
    step::timed("web app", || web(root))?;
    let mut args = vec!["build", "--package", "longrein", "--bin", "longrein"];
    if release {
        args.push("--release");
    }
    step::timed("program", || run(root, "cargo", &args))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    Ok(target.join(if release { "release" } else { "debug" }).join("longrein"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_session_command_stands_behind_two_dashes() {
        assert_eq!(run_args(&[]).unwrap(), (false, &[][..]));
        let given = args("--release -- vim --clean");
        assert_eq!(run_args(&given).unwrap(), (true, &args("vim --clean")[..]));
        assert!(run_args(&args("vim")).is_err());
    }
}
