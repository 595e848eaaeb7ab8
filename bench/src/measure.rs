//! The measurements themselves, the same for every far end.

use crate::proc;
use crate::program::{LINE, STOPPED, line, monotonic};
use crate::remote::{PATIENCE, Remote, contains};
use anyhow::{Result, ensure};
use std::path::Path;
use std::time::{Duration, Instant};

/// CPU time of some processes over a stretch.
pub struct CpuMeter {
    pids: Vec<u32>,
    before: Duration,
}

impl CpuMeter {
    /// Starts counting.
    pub fn start(pids: Vec<u32>) -> Result<Self> {
        let before = Self::total(&pids)?;
        Ok(Self { pids, before })
    }

    fn total(pids: &[u32]) -> Result<Duration> {
        pids.iter().map(|&pid| proc::cpu(pid)).sum()
    }

    /// What they used since.
    pub fn stop(&self) -> Result<Duration> {
        Ok(Self::total(&self.pids)?.saturating_sub(self.before))
    }
}

/// What some keys say.
#[derive(Default)]
pub struct Echo {
    /// From each key to its echo.
    pub delays: Vec<Duration>,
    /// Server CPU seconds for one key, of each round.
    pub cpu: Vec<f64>,
}

impl Echo {
    /// Types `samples` keys into `program echo`, each after the echo of the last, and adds what they say.
    pub async fn round(&mut self, remote: &mut Remote, pids: &[u32], samples: u32) -> Result<()> {
        for n in 0..WARM_UP {
            key(remote, n).await?;
        }
        let meter = CpuMeter::start(pids.to_vec())?;
        for n in 0..samples {
            self.delays.push(key(remote, n).await?);
            // A person types with pauses; back-to-back keys would measure a pipeline that never sleeps.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        self.cpu.push(meter.stop()?.as_secs_f64() / f64::from(samples));
        Ok(())
    }
}

/// Keys of a round before those that count.
const WARM_UP: u32 = 20;

/// Types one key and waits for its echo.
async fn key(remote: &mut Remote, n: u32) -> Result<Duration> {
    let byte = b'a' + u8::try_from(n % 26)?;
    let mut buffer = Vec::new();
    let start = Instant::now();
    remote.send(&[byte]).await?;
    remote.recv(&mut buffer).await?;
    let took = start.elapsed();
    ensure!(buffer == [byte], "typed {byte:#04x}, the echo was {buffer:02x?}");
    Ok(took)
}

/// What a flood says.
pub struct Flood {
    /// Bytes per second.
    pub rate: f64,
    /// Server CPU seconds for a GB.
    pub cpu_per_gb: f64,
}

/// Checks flood output line by line as it comes.
pub struct Checker {
    number: u64,
    expected: Vec<u8>,
    at: usize,
}

impl Checker {
    /// Expects line 0 next.
    pub fn new() -> Self {
        let mut checker = Self { number: 0, expected: Vec::new(), at: 0 };
        line(0, &mut checker.expected);
        checker
    }

    /// Compares every byte.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let n = bytes.len().min(LINE - self.at);
            let same = bytes[..n] == self.expected[self.at..self.at + n];
            ensure!(same, "line {} is not what was written", self.number);
            bytes = &bytes[n..];
            self.at += n;
            if self.at == LINE {
                self.number += 1;
                self.at = 0;
                self.expected.clear();
                line(self.number, &mut self.expected);
            }
        }
        Ok(())
    }
}

/// Starts `program flood` by a key and takes in all of it.
#[expect(clippy::cast_precision_loss, reason = "rates are shown to three digits")]
pub async fn flood(remote: &mut Remote, pids: Vec<u32>, bytes: u64) -> Result<Flood> {
    let meter = CpuMeter::start(pids)?;
    let start = Instant::now();
    remote.send(b"g").await?;
    let mut checker = Checker::new();
    let (mut total, mut buffer) = (0, Vec::with_capacity(1 << 20));
    while total < bytes {
        buffer.clear();
        remote.recv(&mut buffer).await?;
        ensure!(remote.snapshots() == 0, "the reader was skipped ahead after {total} bytes");
        checker.feed(&buffer)?;
        total += buffer.len() as u64;
    }
    let (took, cpu) = (start.elapsed(), meter.stop()?);
    ensure!(total == bytes, "{total} bytes came of {bytes}");
    Ok(Flood {
        rate: bytes as f64 / took.as_secs_f64(),
        cpu_per_gb: cpu.as_secs_f64() / (bytes as f64 / 1e9),
    })
}

/// What a Ctrl-C into a flood says.
pub struct Interrupted {
    /// From the key to the program noticing.
    pub reaction: Duration,
    /// Bytes that came between the key and the program's last word.
    pub ahead: usize,
}

/// Starts `program flood-until` by a key, reads for a while, presses Ctrl-C.
pub async fn interrupt(remote: &mut Remote, noticed: &Path) -> Result<Interrupted> {
    std::fs::remove_file(noticed).ok();
    remote.send(b"g").await?;
    let mut buffer = Vec::with_capacity(1 << 20);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(300) {
        buffer.clear();
        remote.recv(&mut buffer).await?;
    }
    let pressed = monotonic();
    remote.send(b"\x03").await?;
    let mut after = Vec::new();
    while !contains(&after[after.len().saturating_sub(1 << 20)..], STOPPED) {
        remote.recv(&mut after).await?;
        ensure!(start.elapsed() < PATIENCE, "the program never stopped");
    }
    while !noticed.exists() {
        ensure!(start.elapsed() < PATIENCE, "the program did not write down when it stopped");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let text = std::fs::read_to_string(noticed)?;
    let reaction = Duration::from_nanos(text.parse()?).saturating_sub(pressed);
    Ok(Interrupted { reaction, ahead: after.len() - STOPPED.len() })
}
