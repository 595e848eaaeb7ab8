//! The project's own chores: `cargo xtask build | run | test | soak | bench | layering | docs`.
//!
//! Everything a person or a CI machine needs to do with a clone goes through here, so that there is one way to do it.

mod build;
mod docs;
mod install;
mod layering;
mod soak;
mod step;
mod test;

use anyhow::{Context as _, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  build               the web app, then target/release/longrein with the app inside it
  run [-- CMD…]       build, then start a session with the embedded relay on loopback (CMD: your shell)
      --release       build what `build` builds; without it a development build, done in half the time
  test [STEP…]        install what the tests need, then check and test everything (or only the steps named)
  agents              the tests with real agents alone, installed from npm, with a model that answers by a script
  soak [--seeds N] [--faults TIMES]
                      play the simulation with so many seeds (a million), on all processors, and the fault tests with
                      so many times the faults of a test run (40)
  bench [-- ARG…]     measure, and write docs/benchmarks.md
  layering            check which crate uses which, and that the pure crates are pure
  docs                check that every test named in ARCHITECTURE.md exists, and that links between documents hold";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        bail!("no command given\n\n{USAGE}");
    };
    let root = root()?;
    match command.as_str() {
        "build" => build::build(&root).map(|_| ExitCode::SUCCESS),
        "run" => build::run_session(&root, rest),
        "test" => test::test(&root, rest),
        "agents" => Ok(test::all_agents(&root)),
        "soak" => soak::soak(&root, rest),
        "bench" => build::bench(&root, rest),
        "layering" => layering::check(&root).map(|()| ExitCode::SUCCESS),
        "docs" => docs::check(&root).map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("unknown command {other:?}\n\n{USAGE}"),
    }
}

/// The workspace's folder: the one above this package.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("this package has no folder above it")?.to_owned())
}
