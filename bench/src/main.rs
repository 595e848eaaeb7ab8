//! Measures Longrein beside a floor taken in the same run, and writes docs/benchmarks.md.
//!
//! `bench [--quick] [--only PART] [--out FILE]` measures; `bench program …`, `bench floor …` and
//! `bench away …` are the parts it starts.

/// The system tests', so that both mean the same by a long way.
#[expect(dead_code, reason = "the tests cut it, too")]
#[path = "../../tests/system/support/distance.rs"]
mod distance;
mod floor;
mod longrein;
mod measure;
mod net;
/// The system tests', too.
#[expect(dead_code, reason = "the tests do more to networks")]
#[path = "../../tests/system/faults/net.rs"]
mod place;
mod proc;
mod program;
mod remote;
mod report;
mod run;
mod scale;
mod stats;

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.split_first() {
        Some((first, rest)) if first == "program" => program::run(rest),
        Some((first, rest)) if first == "floor" => floor::serve(rest),
        Some((first, rest)) if first == "away" => net::inside(rest),
        _ => bench(&args),
    }
}

fn bench(args: &[String]) -> Result<()> {
    let mut out = PathBuf::from("docs/benchmarks.md");
    let mut amount = run::Amount { keys: 2000, flood: 200_000_000, repeats: 5 };
    let mut only = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => amount = run::Amount { keys: 300, flood: 20_000_000, repeats: 1 },
            "--only" => only = Some(args.next().context("--only takes a part")?.clone()),
            "--out" => out = args.next().context("--out takes a file")?.into(),
            other => bail!("unknown option {other}; known are --quick, --only PART and --out FILE"),
        }
    }
    let own = std::env::current_exe()?;
    let program = own.with_file_name("longrein");
    if !program.exists() {
        bail!("{} does not exist; `cargo xtask bench` builds it first", program.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let document = runtime.block_on(run::all(&program, amount, &versions(&program), only.as_deref()))?;
    std::fs::write(&out, document).with_context(|| format!("{} could not be written", out.display()))?;
    println!("written to {}", out.display());
    Ok(())
}

/// Longrein's, OpenSSH's and the compiler's version, as they print them.
fn versions(program: &std::path::Path) -> String {
    let first_line = |command: &mut Command| {
        let output = command.output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Some(String::from_utf8_lossy(&text).lines().next()?.to_owned())
    };
    [Command::new(program).arg("--version"), Command::new("ssh").arg("-V"), Command::new("rustc").arg("-V")]
        .into_iter()
        .filter_map(first_line)
        .collect::<Vec<_>>()
        .join("; ")
}
