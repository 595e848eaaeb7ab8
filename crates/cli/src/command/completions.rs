//! `longrein completions SHELL`.

use crate::args::{Cli, Completions};
use crate::out;
use clap::CommandFactory as _;
use std::process::ExitCode;

/// Prints the script.
pub fn run(args: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "longrein", &mut script);
    out::bytes(&script);
    ExitCode::SUCCESS
}
