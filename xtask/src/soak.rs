//! What takes too long for every test run: the simulation with as many seeds as are wanted, and the fault tests with as
//! many faults.

use crate::step::{command, run, run_watched};
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::process::ExitCode;

/// Seeds that are played where nothing else is said.
const SEEDS: u64 = 1_000_000;
/// How many times as many faults as in a test run: a thousand disconnects, and the rest in proportion.
const FAULTS: u64 = 40;

/// `cargo xtask soak [--seeds N] [--faults TIMES]`: what is named, or both.
pub fn soak(root: &Path, args: &[String]) -> Result<ExitCode> {
    let amount = Amount::parse(args)?;
    let worlds = amount.seeds.map_or(Ok(true), |seeds| worlds(root, seeds))?;
    let faults = amount.faults.map_or(Ok(()), |times| faults(root, times));
    if let Err(error) = &faults {
        eprintln!("{error:#}");
    }
    Ok(if worlds && faults.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn worlds(root: &Path, seeds: u64) -> Result<bool> {
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
    Ok(status.success())
}

/// One after the other, so that each says what was done and what was lost, and none disturbs another's times.
fn faults(root: &Path, times: u64) -> Result<()> {
    let tests = ["nextest", "run", "--locked", "--package", "longrein", "--test", "system"];
    let how = ["--profile", "soak", "--no-capture", "--no-fail-fast", "faults::"];
    let mut nextest = command(root, "cargo", &[&tests[..], &how[..]].concat());
    run_watched(nextest.env("LONGREIN_SOAK", times.to_string()), &mut |_| {})
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Amount {
    seeds: Option<u64>,
    faults: Option<u64>,
}

impl Amount {
    fn parse(args: &[String]) -> Result<Self> {
        if args.is_empty() {
            return Ok(Self { seeds: Some(SEEDS), faults: Some(FAULTS) });
        }
        let mut amount = Self::default();
        for pair in args.chunks(2) {
            let (slot, usual) = match pair[0].as_str() {
                "--seeds" => (&mut amount.seeds, SEEDS),
                "--faults" => (&mut amount.faults, FAULTS),
                other => bail!("soak does not know {other:?}; try --seeds {SEEDS} or --faults {FAULTS}"),
            };
            let text = pair.get(1).map_or("", String::as_str);
            match text.replace('_', "").parse() {
                Ok(number) if number > 0 => *slot = Some(number),
                Ok(_) | Err(_) => bail!("{text:?} is no number; try {} {usual}", pair[0]),
            }
        }
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Amount> {
        Amount::parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn amounts_are_numbers_and_what_is_not_named_is_not_done() {
        assert_eq!(parsed(&[]).unwrap(), Amount { seeds: Some(SEEDS), faults: Some(FAULTS) });
        assert_eq!(parsed(&["--seeds", "20_000"]).unwrap(), Amount { seeds: Some(20_000), faults: None });
        let both = parsed(&["--faults", "3", "--seeds", "5"]).unwrap();
        assert_eq!(both, Amount { seeds: Some(5), faults: Some(3) });
        for bad in [&["--seeds"][..], &["--seeds", "0"], &["--seeds", "many"], &["5"], &["--seeds", "5", "6"]]
        {
            assert!(parsed(bad).unwrap_err().to_string().contains("--seeds 1000000"), "{bad:?}");
        }
        assert!(parsed(&["--faults", "x"]).unwrap_err().to_string().contains("--faults 40"));
    }
}
