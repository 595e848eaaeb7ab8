//! What takes too long for every test run: the simulation with as many seeds as are wanted.

use crate::step::run;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::ExitCode;

/// Seeds that are played where nothing else is said.
const SEEDS: u64 = 1_000_000;

/// `cargo xtask soak [--seeds N]`.
pub fn soak(root: &Path, args: &[String]) -> Result<ExitCode> {
    let seeds = parse(args)?;
    run(
        root,
        "cargo",
        &["build", "--profile", "soak", "--locked", "--package", "longrein-testkit", "--bins"],
    )?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    // Not by `cargo run`: what it prints is the result, and goes to standard output.
    let status = std::process::Command::new(target.join("soak/worlds"))
        .arg(seeds.to_string())
        .status()
        .context("the simulation could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(args: &[String]) -> Result<u64> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        [] => Ok(SEEDS),
        ["--seeds", text] => match text.replace('_', "").parse() {
            Ok(seeds) if seeds > 0 => Ok(seeds),
            Ok(_) | Err(_) => bail!("{text:?} is no number of seeds; try --seeds {SEEDS}"),
        },
        _ => bail!("soak takes --seeds N and nothing else, such as --seeds {SEEDS}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<u64> {
        parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn seeds_are_a_number() {
        assert_eq!(parsed(&[]).unwrap(), SEEDS);
        assert_eq!(parsed(&["--seeds", "20_000"]).unwrap(), 20_000);
        for bad in [&["--seeds"][..], &["--seeds", "0"], &["--seeds", "many"], &["5"], &["--seeds", "5", "6"]]
        {
            assert!(parsed(bad).unwrap_err().to_string().contains("--seeds 1000000"), "{bad:?}");
        }
    }
}
