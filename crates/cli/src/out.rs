//! Standard output and standard error, as far as anybody still reads them.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};

/// A line on standard output; like `println!`, but quiet about a pipe that was closed.
macro_rules! say {
    ($($part:tt)*) => { $crate::out::line(format_args!($($part)*)) };
}

/// A line on standard error, for whoever reads it.
macro_rules! note {
    ($($part:tt)*) => { $crate::out::aside(format_args!($($part)*)) };
}

/// Writes a line. Where the reader has gone there is nobody left to work for, so that the program ends.
pub fn line(text: fmt::Arguments<'_>) {
    bytes(format!("{text}\n").as_bytes());
}

/// Writes text without ending the line.
pub fn bytes(bytes: &[u8]) {
    if let Err(error) = write(bytes) {
        end(&error);
    }
}

/// Writes, and says whether it was taken: for answers that count.
pub fn try_bytes(bytes: &[u8]) -> io::Result<()> {
    write(bytes)
}

/// Writes a line for somebody who may have gone, which is no reason to stop: a daemon says where it serves.
pub fn line_if_read(text: fmt::Arguments<'_>) {
    let _ = try_line(text);
}

/// Writes a line, for a program whose exit status says something that a closed pipe does not change.
pub fn try_line(text: fmt::Arguments<'_>) -> io::Result<()> {
    write(format!("{text}\n").as_bytes())
}

/// Writes a line on standard error. That nobody reads it changes nothing.
pub fn aside(text: fmt::Arguments<'_>) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A reader who went away, as `head` does, has had what was wanted; anything else that goes wrong is said.
fn end(error: &io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    aside(format_args!("longrein: Could not write to standard output: {error}."));
    std::process::exit(1);
}
