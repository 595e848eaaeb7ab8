//! Everything that must hold before a change lands, cheapest first, each part timed.

use crate::step::{command, plain, run, run_watched, timed};
use crate::{build, docs, install, layering};
use anyhow::{Result, bail};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

type Step = fn(&Path, &mut Counts) -> Result<()>;

/// The parts in their order, by the name that `cargo xtask test NAME` takes.
const STEPS: &[(&str, Step)] = &[
    ("install", |root, _| install::install(root)),
    ("fmt", |root, _| run(root, "cargo", &["fmt", "--all", "--check"])),
    ("layering", |root, _| layering::check(root)),
    ("docs", |root, _| docs::check(root)),
    ("web-build", |root, _| build::web(root).and_then(|()| npm(root, "size"))),
    ("web-lint", |root, _| npm(root, "check").and_then(|()| npm(root, "lint"))),
    ("web-unit", |root, counts| {
        counts.watch(&mut command(&root.join("web"), "npm", &["run", "--silent", "test"]))
    }),
    ("clippy", |root, _| {
        run(root, "cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])
    }),
    ("rust", |root, counts| {
        // Here and not by the first test that needs them: no network is part of a test's time.
        build::web_packages(root, "crates/agent/tests/judge")?;
        let args = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--status-level", "slow"];
        counts.watch(&mut command(root, "cargo", &args))
    }),
    ("browser", browser),
    ("agents", |root, counts| agents(root, counts, Some("claude,codex"))),
];

/// The tests with real agents alone, all of them.
pub fn all_agents(root: &Path) -> ExitCode {
    let all: (&str, Step) = ("agents", |root, counts| agents(root, counts, None));
    steps(root, std::iter::once(&all))
}

/// Runs the steps named, or all; prints every runner's own count and their sum.
pub fn test(root: &Path, only: &[String]) -> Result<ExitCode> {
    if let Some(name) = only.iter().find(|name| !STEPS.iter().any(|(step, _)| step == name)) {
        let names: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        bail!("no step is called {name:?}; there are {}", names.join(", "));
    }
    let wanted = STEPS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|only| only == name));
    Ok(steps(root, wanted))
}

fn steps<'a>(root: &Path, steps: impl Iterator<Item = &'a (&'a str, Step)>) -> ExitCode {
    let start = Instant::now();
    let mut counts = Counts::default();
    let mut failed = Vec::new();
    for (name, step) in steps {
        // Later steps may still say something useful, so one failure does not hide the next.
        if let Err(error) = timed(name, || step(root, &mut counts)) {
            eprintln!("{error:#}");
            failed.push(*name);
        }
    }
    for line in &counts.lines {
        println!("{line}");
    }
    println!("all steps took {:.0} s", start.elapsed().as_secs_f64());
    if !failed.is_empty() {
        println!("steps that failed: {}", failed.join(", "));
    }
    println!("total: {} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn npm(root: &Path, script: &str) -> Result<()> {
    run(&root.join("web"), "npm", &["run", "--silent", script])
}

fn browser(root: &Path, counts: &mut Counts) -> Result<()> {
    let Some(browser) = install::browser() else {
        bail!("no Chromium found; install it (Debian: apt-get install chromium)");
    };
    build::web_packages(root, "tests/browser")?;
    run(root, "cargo", &["build", "--package", "longrein", "--bin", "longrein", "--locked"])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let mut tests = command(&root.join("tests/browser"), "npm", &["run", "--silent", "test"]);
    tests.env("LONGREIN_BIN", target.join("debug/longrein")).env("CHROMIUM", browser);
    counts.watch(&mut tests)
}

/// Real agents, of the versions that are pinned. Only where npm reaches nobody are they left out.
fn agents(root: &Path, counts: &mut Counts, only: Option<&str>) -> Result<()> {
    let Some(browser) = install::browser() else {
        bail!("no Chromium found; install it (Debian: apt-get install chromium)");
    };
    build::web_packages(root, "tests/browser")?;
    if let Err(error) = build::web_packages(root, "tests/agents") {
        if command(root, "npm", &["ping", "--silent"]).status().is_ok_and(|status| status.success()) {
            return Err(error);
        }
        println!("agents: left out, since there is no network to install them from");
        return Ok(());
    }
    run(root, "cargo", &["build", "--package", "longrein", "--bin", "longrein", "--locked"])?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let mut tests = command(&root.join("tests/agents"), "npm", &["run", "--silent", "test"]);
    tests.env("LONGREIN_BIN", target.join("debug/longrein")).env("CHROMIUM", browser);
    match only {
        Some(names) => tests.env("AGENTS", names),
        None => tests.env_remove("AGENTS"),
    };
    counts.watch(&mut tests)
}

/// What the test runners said of themselves.
#[derive(Default)]
struct Counts {
    lines: Vec<String>,
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    fn watch(&mut self, command: &mut std::process::Command) -> Result<()> {
        run_watched(command, &mut |line: &str| self.read(line))
    }

    /// Takes a line into account if it is one in which nextest, vitest, the browser tests or those of agents count.
    fn read(&mut self, line: &str) {
        let line = plain(line);
        let line = line.trim();
        let is_count =
            ["Summary [", "Tests ", "browser: ", "agents: "].iter().any(|count| line.starts_with(count));
        if !is_count || !line.contains(" passed") && !line.contains(" failed") {
            return;
        }
        self.passed += before(line, " passed").unwrap_or(0);
        self.failed += before(line, " failed").unwrap_or(0);
        self.skipped += before(line, " skipped").unwrap_or(0);
        self.lines.push(line.to_owned());
    }
}

/// The number that stands before `word`.
fn before(line: &str, word: &str) -> Option<u64> {
    let text = &line[..line.find(word)?];
    let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    text[text.len() - digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_is_counted() {
        let mut counts = Counts::default();
        for line in [
            "     Summary [  12.345s] 120 tests run: 118 passed (1 slow), 2 failed, 3 skipped",
            "      Tests  4 failed | 31 passed (35)",
            "\u{1b}[1mbrowser: 12 passed, 0 failed, 2 skipped\u{1b}[0m",
            "        PASS [   0.004s] longrein-wire frame::tests::all_passed",
            " Test Files  9 passed (9)",
        ] {
            counts.read(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.skipped, counts.lines.len()), (161, 6, 5, 3));
    }
}
