//! The programs that run inside the measured terminals.

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::io::{Read, Write};
use std::time::Duration;

/// Bytes of one flood line, its newline included.
pub const LINE: usize = 100;
/// What every program prints once its terminal is raw.
pub const READY: &[u8] = b"ready\n";
/// What `flood-until` prints once its Ctrl-C arrived.
pub const STOPPED: &[u8] = b"\x1b]2;stopped\x07";

/// Between two lines that `numbers` prints.
pub const NUMBERS_EVERY: Duration = Duration::from_millis(100);

/// One line of the flood: numbered, coloured, [`LINE`] bytes long, the same for everybody.
pub fn line(number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    write!(out, "\x1b[3{}m{number:>12}\x1b[0m \x1b[1;48;5;{}m", number % 8, number % 256).expect("to memory");
    while out.len() < start + LINE - 6 {
        out.push(b'a' + ((number + (out.len() - start) as u64) % 26) as u8);
    }
    out.extend_from_slice(b"\x1b[0m\r\n");
}

/// Whole lines, about `bytes` of them.
fn flood(out: &mut impl Write, bytes: u64, mut stop: impl FnMut() -> bool) -> Result<()> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    let lines = bytes / LINE as u64;
    let mut number = 0;
    while number < lines && !stop() {
        buffer.clear();
        while buffer.len() + LINE <= 16 * 1024 && number < lines {
            line(number, &mut buffer);
            number += 1;
        }
        out.write_all(&buffer)?;
    }
    out.flush()?;
    Ok(())
}

/// Raw mode on standard input, so that the terminal passes every byte as it is.
fn raw(keep_signals: bool) -> Result<()> {
    let stdin = std::io::stdin();
    let mut modes = tcgetattr(&stdin).context("standard input is not a terminal")?;
    modes.make_raw();
    if keep_signals {
        modes.local_modes |= LocalModes::ISIG;
    }
    tcsetattr(&stdin, OptionalActions::Now, &modes)?;
    let mut out = std::io::stdout();
    out.write_all(READY)?;
    Ok(out.flush()?)
}

/// Runs `bench program NAME …`.
pub fn run(args: &[String]) -> Result<()> {
    let mut out = std::io::stdout();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // Everything typed comes back, byte for byte.
        ["echo"] => {
            raw(false)?;
            let mut buffer = [0; 4096];
            loop {
                let n = std::io::stdin().read(&mut buffer)?;
                if n == 0 {
                    return Ok(());
                }
                out.write_all(&buffer[..n])?;
                out.flush()?;
            }
        }
        // Waits for a line; then numbered lines of its own, and every line typed once more.
        ["numbers"] => {
            raw(false)?;
            std::io::stdin().read_line(&mut String::new())?;
            std::thread::spawn(|| {
                for n in 1u64.. {
                    std::thread::sleep(NUMBERS_EVERY);
                    if std::io::stdout().write_all(format!("o:{n}\n").as_bytes()).is_err() {
                        break;
                    }
                }
            });
            for line in std::io::stdin().lines() {
                out.write_all(format!("{}\n", line?).as_bytes())?;
            }
            Ok(())
        }
        // Waits for a key, floods so many bytes, waits for another key.
        ["flood", bytes] => {
            raw(false)?;
            let mut key = [0];
            std::io::stdin().read_exact(&mut key)?;
            flood(&mut out, bytes.parse()?, || false)?;
            std::io::stdin().read_exact(&mut key)?;
            Ok(())
        }
        // Waits for a key, floods until Ctrl-C, writes down the monotonic time at which it was noticed.
        ["flood-until", file] => {
            raw(true)?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            let file = file.to_owned();
            let stopped = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
            let flag = stopped.clone();
            runtime.spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    let noticed = monotonic();
                    flag.store(true, std::sync::atomic::Ordering::SeqCst);
                    // Whole or not there at all: somebody waits for it.
                    let unfinished = format!("{file}.new");
                    let written = std::fs::write(&unfinished, noticed.as_nanos().to_string());
                    written.and_then(|()| std::fs::rename(&unfinished, &file)).ok();
                }
            });
            let mut key = [0];
            std::io::stdin().read_exact(&mut key)?;
            flood(&mut out, u64::MAX, || stopped.load(std::sync::atomic::Ordering::SeqCst))?;
            // The kernel sends the signal first and then drops what waits to be read, so that the first may be lost.
            let stdin = std::io::stdin();
            loop {
                out.write_all(STOPPED)?;
                out.flush()?;
                let again = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
                if poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&again))? > 0 {
                    return Ok(());
                }
            }
        }
        // So many lines at once, then idle until a key.
        ["lines", count] => {
            raw(false)?;
            flood(&mut out, count.parse::<u64>()? * LINE as u64, || false)?;
            let mut key = [0];
            std::io::stdin().read_exact(&mut key)?;
            Ok(())
        }
        _ => bail!("no such program: {args:?}"),
    }
}

/// The machine-wide monotonic clock, the same in every process.
pub fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_all_of_one_length() {
        for number in [0, 7, 255, 1_999_999] {
            let mut out = Vec::new();
            line(number, &mut out);
            assert_eq!(out.len(), LINE);
        }
    }
}
