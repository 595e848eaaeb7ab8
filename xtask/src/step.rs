//! Runs other programs: shows what they print as it comes, and keeps the lines in which a test runner counts.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A command in a folder. What it says is about the work and not its result, so it goes to standard error: whoever
/// reads the output of `run` gets the link and nothing else.
pub fn run(dir: &Path, program: &str, args: &[&str]) -> Result<()> {
    let mut command = command(dir, program, args);
    let status = command.stdout(std::io::stderr()).status().with_context(|| missing(program))?;
    if !status.success() {
        bail!("`{program} {}` failed ({status})", args.join(" "));
    }
    Ok(())
}

/// A command whose printed lines are handed to `line` (without colour) while they go on to our own output.
pub fn run_watched(command: &mut Command, line: &mut (dyn FnMut(&str) + Send)) -> Result<()> {
    let what = format!("{command:?}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| missing(&command.get_program().to_string_lossy()))?;
    let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("{what} started without its pipes");
    };
    let line = std::sync::Mutex::new(line);
    std::thread::scope(|scope| {
        scope.spawn(|| copy(out, std::io::stdout(), &line));
        copy(err, std::io::stderr(), &line);
    });
    let status = child.wait()?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// A command in a folder, not yet started.
pub fn command(dir: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir);
    command
}

/// Times one part of a longer run and says so.
pub fn timed<T>(name: &str, part: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("── {name}");
    let start = Instant::now();
    let result = part().with_context(|| format!("step {name:?}"));
    eprintln!(
        "── {name}: {} in {:.1} s",
        if result.is_ok() { "done" } else { "FAILED" },
        start.elapsed().as_secs_f64()
    );
    result
}

/// Text without escape sequences of the colour kind (`ESC [ … letter`).
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            out.push(c);
        } else if chars.next() == Some('[') {
            let _ = chars.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    out
}

fn copy(from: impl Read, mut to: impl Write, line: &std::sync::Mutex<&mut (dyn FnMut(&str) + Send)>) {
    for text in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let text = String::from_utf8_lossy(&text).into_owned();
        // A reader that went away must not stop the tests.
        let _ = writeln!(to, "{text}");
        if let Ok(mut line) = line.lock() {
            line(&plain(&text));
        }
    }
}

fn missing(program: &str) -> String {
    let from = match program {
        "npm" | "node" => " (install Node.js 20 or newer)",
        "cargo" => " (install Rust with rustup)",
        _ => "",
    };
    format!("{program} could not be started{from}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[32m3 passed\u{1b}[0m, 0 failed"), "3 passed, 0 failed");
    }

    #[test]
    fn a_watched_command_hands_over_its_lines_and_its_failure() {
        let mut seen = Vec::new();
        let mut command = command(Path::new("/"), "sh", &["-c", "echo out; echo err >&2; exit 3"]);
        let result = run_watched(&mut command, &mut |line: &str| seen.push(line.to_owned()));
        seen.sort();
        assert_eq!(seen, ["err", "out"]);
        assert!(result.unwrap_err().to_string().contains('3'));
    }
}
