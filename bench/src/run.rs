//! All measurements in order, and the tables they make.

use crate::longrein::{Came, Host, Terminal, until};
use crate::measure::{self, Checker};
use crate::proc;
use crate::program::{LINE, READY};
use crate::remote::{PATIENCE, Remote, Sshd, floor, own_program};
use crate::report::{Table, document, met, ratio};
use crate::stats::Samples;
use anyhow::{Context, Result, ensure};
use client::Route;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// A client's credit window, as the program's own clients ask for it.
const WINDOW: u32 = client::DEFAULT_WINDOW;

/// Turns in which the keys of all far ends are typed.
const ECHO_ROUNDS: u32 = 20;

/// How much of everything.
pub struct Amount {
    /// Keystrokes for each far end.
    pub keys: u32,
    /// Bytes of one flood.
    pub flood: u64,
    /// Floods, interrupts and attaches for each far end.
    pub repeats: u32,
}

/// Where a terminal is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Floor,
    Ssh,
    Relay,
    Local,
}

impl Place {
    const ALL: [Self; 4] = [Self::Floor, Self::Ssh, Self::Relay, Self::Local];

    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ssh => "OpenSSH",
            Self::Relay => "Longrein, relay",
            Self::Local => "Longrein, local",
        }
    }
}

/// Everything that terminals are made with.
struct Bench {
    host: Host,
    joined: Route,
    sshd: Option<Sshd>,
    amount: Amount,
}

fn micros(seconds: f64) -> String {
    format!("{:.0}", seconds * 1e6)
}

pub fn millis(seconds: f64) -> String {
    format!("{:.1}", seconds * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "shown to one digit")]
pub fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}

impl Bench {
    /// A terminal that has printed [`READY`], and the pids that serve it.
    async fn open(&self, place: Place, program: &[&str]) -> Result<Option<(Remote, Vec<u32>)>> {
        let (mut remote, pids) = match place {
            Place::Floor => (floor(program).await?, Vec::new()),
            Place::Ssh => match &self.sshd {
                Some(sshd) => (sshd.terminal(program)?, Vec::new()),
                None => return Ok(None),
            },
            Place::Relay | Place::Local => {
                let session = self.host.session(own_program(program)?).await?;
                let mut pids = vec![self.host.keeper_pid(&session).await?];
                let route = if place == Place::Local { self.host.local() } else { self.joined.clone() };
                if place == Place::Relay {
                    pids.push(self.host.status().await?.pid);
                    pids.extend(self.host.relay_pid());
                }
                let terminal = Terminal::attach(&route, &session, WINDOW).await?;
                (Remote::Longrein(Box::new(terminal)), pids)
            }
        };
        remote.wait_until_ready().await?;
        let pids = match (&self.sshd, place) {
            // The part that serves this connection exists only now.
            (Some(sshd), Place::Ssh) => sshd.pids(),
            _ => remote.server_pids(&pids),
        };
        Ok(Some((remote, pids)))
    }

    async fn echo(&self) -> Result<Table> {
        let mut table = Table::new(
            "Keystroke echo",
            "Microseconds from key to echo, one key at a time into a raw terminal that echoes. All take turns, so that \
             they meet the same machine; CPU is the median of the rounds. Goals: through the relay at most 3.0x the \
             floor's p50 and p99, locally 2.0x; server CPU (keeper, host and relay) at most 6x.",
            &[
                "where",
                "min",
                "p50",
                "p99",
                "max",
                "p50 ratio",
                "p99 ratio",
                "CPU per key",
                "CPU ratio",
                "goal",
            ],
        );
        let mut places = Vec::new();
        for place in Place::ALL {
            if let Some((remote, pids)) = self.open(place, &["echo"]).await? {
                places.push((place, remote, pids, measure::Echo::default()));
            }
        }
        for _ in 0..ECHO_ROUNDS {
            for (_, remote, pids, echo) in &mut places {
                echo.round(remote, pids, self.amount.keys / ECHO_ROUNDS).await?;
            }
        }
        let mut base = None;
        for (place, _, _, echo) in places {
            let (delay, cpu) = (Samples::of(&echo.delays), Samples::new(echo.cpu).median());
            let (p50, p99) = (delay.median(), delay.quantile(0.99));
            let (b50, b99, bcpu) = *base.get_or_insert((p50, p99, cpu));
            let goal = match place {
                Place::Floor | Place::Ssh => String::new(),
                Place::Relay => met(p50 <= 3.0 * b50 && p99 <= 3.0 * b99 && cpu <= 6.0 * bcpu),
                Place::Local => met(p50 <= 2.0 * b50),
            };
            table.row(vec![
                place.name().into(),
                micros(delay.min()),
                micros(p50),
                micros(p99),
                micros(delay.max()),
                ratio(p50, b50),
                ratio(p99, b99),
                micros(cpu),
                ratio(cpu, bcpu),
                goal,
            ]);
        }
        Ok(table)
    }

    async fn flood(&self, relayed: &Bench) -> Result<Table> {
        let mut table = Table::new(
            "Flood",
            "MB/s of coloured lines, every byte compared. The floods take turns, so that all of them meet the same \
             machine. Goals: at least 0.4x the floor's rate; the relay's own CPU (measured as a process of its own) at \
             most 0.75x the floor's for a GB.",
            &["where", "min", "median", "max", "rate ratio", "server CPU s/GB", "CPU ratio", "goal"],
        );
        let bytes = self.amount.flood.to_string();
        let mut rates: [Vec<f64>; 4] = Default::default();
        let mut cpus: [Vec<f64>; 4] = Default::default();
        let mut relay_cpu = Vec::new();
        for _ in 0..self.amount.repeats {
            for (index, place) in Place::ALL.into_iter().enumerate() {
                let Some((mut remote, pids)) = self.open(place, &["flood", &bytes]).await? else { continue };
                let got = measure::flood(&mut remote, pids, self.amount.flood).await?;
                rates[index].push(got.rate);
                cpus[index].push(got.cpu_per_gb);
                remote.send(b"q").await?;
            }
            let (mut remote, _) =
                relayed.open(Place::Relay, &["flood", &bytes]).await?.context("no session")?;
            let pids = relayed.host.relay_pid().into_iter().collect();
            relay_cpu.push(measure::flood(&mut remote, pids, self.amount.flood).await?.cpu_per_gb);
            remote.send(b"q").await?;
        }
        let mut base = None;
        for (index, place) in Place::ALL.into_iter().enumerate() {
            if rates[index].is_empty() {
                continue;
            }
            let rate = Samples::new(std::mem::take(&mut rates[index]));
            let cpu = Samples::new(std::mem::take(&mut cpus[index])).median();
            let (base_rate, base_cpu) = *base.get_or_insert((rate.median(), cpu));
            let goal = match place {
                Place::Floor | Place::Ssh => String::new(),
                Place::Relay | Place::Local => met(rate.median() >= 0.4 * base_rate),
            };
            table.row(vec![
                place.name().into(),
                format!("{:.1}", rate.min() / 1e6),
                format!("{:.1}", rate.median() / 1e6),
                format!("{:.1}", rate.max() / 1e6),
                ratio(rate.median(), base_rate),
                format!("{cpu:.2}"),
                ratio(cpu, base_cpu),
                goal,
            ]);
        }
        let (_, base_cpu) = base.context("no floor")?;
        let cpu = Samples::new(relay_cpu).median();
        let empty = String::new;
        table.row(vec![
            "relay alone".into(),
            empty(),
            empty(),
            empty(),
            empty(),
            format!("{cpu:.2}"),
            ratio(cpu, base_cpu),
            met(cpu <= 0.75 * base_cpu),
        ]);
        Ok(table)
    }

    async fn interrupt(&self) -> Result<Table> {
        let mut table = Table::new(
            "Ctrl-C into a flood",
            "Milliseconds from the key to the program noticing, and kB that still came after the key. Goals: p50 at most \
             2.5x the floor's, at most 64 kB ahead.",
            &["where", "min", "p50", "max", "ratio", "kB ahead, median", "kB ahead, max", "goal"],
        );
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("noticed");
        let path = file.to_str().context("path is not text")?;
        let mut base = None;
        for place in Place::ALL {
            let (mut reactions, mut ahead) = (Vec::new(), Vec::new());
            for _ in 0..self.amount.repeats * 4 {
                let Some((mut remote, _)) = self.open(place, &["flood-until", path]).await? else { break };
                let got = measure::interrupt(&mut remote, &file).await?;
                reactions.push(got.reaction);
                #[expect(clippy::cast_precision_loss, reason = "shown in kB")]
                ahead.push(got.ahead as f64 / 1e3);
                remote.send(b"q").await?;
            }
            if reactions.is_empty() {
                continue;
            }
            let (reaction, ahead) = (Samples::of(&reactions), Samples::new(ahead));
            let base = *base.get_or_insert(reaction.median());
            let goal = match place {
                Place::Floor | Place::Ssh => String::new(),
                Place::Relay | Place::Local => met(reaction.median() <= 2.5 * base && ahead.median() <= 64.0),
            };
            table.row(vec![
                place.name().into(),
                format!("{:.2}", reaction.min() * 1e3),
                format!("{:.2}", reaction.median() * 1e3),
                format!("{:.2}", reaction.max() * 1e3),
                ratio(reaction.median(), base),
                format!("{:.0}", ahead.median()),
                format!("{:.0}", ahead.max()),
                goal,
            ]);
        }
        Ok(table)
    }

    /// A client that reads nothing for five seconds of flood.
    async fn stalled(&self, table: &mut Table) -> Result<()> {
        let bytes = self.amount.flood;
        let session = self.host.session(own_program(&["flood", &bytes.to_string()])?).await?;
        let mut reader = Remote::Longrein(Box::new(Terminal::attach(&self.joined, &session, WINDOW).await?));
        reader.wait_until_ready().await?;
        let mut stalled = Terminal::attach(&self.joined, &session, WINDOW).await?;
        timeout(PATIENCE, async {
            while !matches!(stalled.next().await?, Came::Snapshot | Came::Output(_)) {}
            anyhow::Ok(())
        })
        .await??;
        let daemon = self.host.status().await?.pid;
        let before = proc::pss(daemon)?;
        reader.send(b"g").await?;
        let start = Instant::now();
        let (mut checker, mut total, mut most, mut buffer) = (Checker::new(), 0, before, Vec::new());
        while total < bytes {
            buffer.clear();
            reader.recv(&mut buffer).await?;
            checker.feed(&buffer)?;
            total += buffer.len() as u64;
            most = most.max(proc::pss(daemon)?);
        }
        tokio::time::sleep(Duration::from_secs(5).saturating_sub(start.elapsed())).await;
        let last = bytes / LINE as u64 - 1;
        let back = Instant::now();
        let (mut snapshots, mut seen) = (0, Vec::new());
        let number = format!("{last:>12}");
        timeout(PATIENCE, async {
            while !crate::remote::contains(&seen, number.as_bytes()) {
                match stalled.next().await? {
                    Came::Snapshot => {
                        snapshots += 1;
                        seen.clone_from(&stalled.snapshot);
                    }
                    Came::Output(bytes) => {
                        seen.drain(..seen.len().saturating_sub(LINE));
                        seen.extend_from_slice(&bytes);
                    }
                    Came::Other => {}
                }
            }
            anyhow::Ok(())
        })
        .await??;
        let took = back.elapsed().as_secs_f64();
        let cost = most.saturating_sub(before);
        let good = took <= 0.1 && snapshots <= 1 && cost <= 2 * 1024 * 1024;
        table.row(vec![
            "a client reads nothing for 5 s of flood, then reads again: right final screen after".into(),
            format!("{} ms, {snapshots} snapshot", millis(took)),
            "100 ms, one declared snapshot".into(),
            met(took <= 0.1 && snapshots <= 1),
        ]);
        table.row(vec![
            "… and what it cost the host meanwhile".into(),
            mib(cost),
            "2 MiB".into(),
            met(good || cost <= 2 * 1024 * 1024),
        ]);
        reader.send(b"q").await
    }

    /// A second client attaches to 10,000 lines.
    async fn attach(&self, table: &mut Table) -> Result<u32> {
        let session = self.host.session(own_program(&["lines", "10000"])?).await?;
        let mut first = Terminal::attach(&self.host.local(), &session, WINDOW).await?;
        let number = format!("{:>12}", 9_999);
        let mut seen = Vec::new();
        timeout(PATIENCE, async {
            while !crate::remote::contains(&seen, number.as_bytes()) {
                match first.next().await? {
                    Came::Output(bytes) => seen.extend_from_slice(&bytes),
                    Came::Snapshot => seen.clone_from(&first.snapshot),
                    Came::Other => {}
                }
            }
            anyhow::Ok(())
        })
        .await??;
        for (what, route, goal) in [
            ("a second client through the relay", &self.joined, Some(0.02)),
            ("a second client on this machine", &self.host.local(), Some(0.02)),
        ] {
            let (mut connects, mut attaches, mut size) = (Vec::new(), Vec::new(), 0);
            for _ in 0..self.amount.repeats * 4 {
                let start = Instant::now();
                let connection = Terminal::connect(route, &session).await?;
                connects.push(start.elapsed());
                let start = Instant::now();
                let mut second = Terminal::follow(connection, &session, WINDOW).await?;
                timeout(PATIENCE, async {
                    while !matches!(second.next().await?, Came::Snapshot) {}
                    anyhow::Ok(())
                })
                .await??;
                attaches.push(start.elapsed());
                size = second.snapshot.len() as u64;
                let whole = crate::remote::contains(&second.snapshot, number.as_bytes());
                ensure!(whole, "the last line is missing");
            }
            let mut row = |what: String, times: &Samples, goal: Option<f64>| {
                let (min, median, max) = (millis(times.min()), millis(times.median()), millis(times.max()));
                table.row(vec![
                    what,
                    format!("{min} / {median} / {max} ms"),
                    goal.map_or_else(String::new, |goal| format!("{} ms", millis(goal))),
                    goal.map_or_else(String::new, |goal| met(times.median() <= goal)),
                ]);
            };
            row(format!("{what} connects and shakes hands"), &Samples::of(&connects), None);
            let what = format!("… and attaches to 10,000 lines, complete ({})", mib(size));
            row(what, &Samples::of(&attaches), goal);
        }
        self.host.keeper_pid(&session).await
    }

    /// `kill -9` of the daemon, `longrein up`, until new output shows.
    async fn reconnect(&self, table: &mut Table) -> Result<()> {
        const TYPED: &[u8] = b"typed again";
        let mut times = Vec::new();
        for _ in 0..self.amount.repeats {
            let session = self.host.session(own_program(&["echo"])?).await?;
            let mut terminal = Terminal::attach(&self.joined, &session, WINDOW).await?;
            timeout(PATIENCE, async {
                while !matches!(terminal.next().await?, Came::Output(_) | Came::Snapshot) {}
                anyhow::Ok(())
            })
            .await??;
            let pid = i32::try_from(self.host.status().await?.pid)?;
            let pid = rustix::process::Pid::from_raw(pid).context("no pid")?;
            rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
            let start = Instant::now();
            self.host.up().await?;
            let mut again = until("the host to be back", async || {
                Ok(Terminal::attach(&self.joined, &session, WINDOW).await.ok())
            })
            .await?;
            again.send(TYPED).await?;
            timeout(PATIENCE, again.until_shown(TYPED)).await??;
            times.push(start.elapsed());
        }
        let times = Samples::of(&times);
        table.row(vec![
            "kill -9 of the daemon and `longrein up`, until new output shows".into(),
            format!("{} / {} / {} ms", millis(times.min()), millis(times.median()), millis(times.max())),
            "1 s".into(),
            met(times.max() < 1.0),
        ]);
        Ok(())
    }

    async fn rest(&self, program: &Path) -> Result<Table> {
        let mut table = Table::new(
            "The rest",
            "Min / median / max where there are three numbers. Everything through the relay.",
            &["what", "measured", "at most", "goal"],
        );
        self.stalled(&mut table).await?;
        let busy = self.attach(&mut table).await?;
        memory(program, busy, &mut table).await?;
        self.reconnect(&mut table).await?;
        first_screen(program, &mut table).await?;
        Ok(table)
    }
}

/// What a person waits for in a browser that was never here before. Where there is no browser, the row says so.
async fn first_screen(program: &Path, table: &mut Table) -> Result<()> {
    const GOAL: f64 = 150.0;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/browser/first-screen.mjs");
    let mut node = tokio::process::Command::new("node");
    node.arg(script).env("LONGREIN_BIN", program).stderr(std::process::Stdio::inherit()).kill_on_drop(true);
    let what = "Chromium: from the tap on a session of 10,000 lines to the last of them on the screen";
    let output = timeout(PATIENCE, node.output()).await?;
    let times = output.ok().filter(|output| output.status.success()).and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.lines().map(|line| line.parse().ok()).collect::<Option<Vec<f64>>>()
    });
    let (measured, goal) = match times.filter(|times| !times.is_empty()).map(Samples::new) {
        Some(times) => {
            let (min, median, max) = (times.min(), times.median(), times.max());
            (format!("{min:.0} / {median:.0} / {max:.0} ms"), met(median < GOAL))
        }
        None => ("no browser here".to_owned(), String::new()),
    };
    table.row(vec![what.into(), measured, format!("{GOAL:.0} ms"), goal]);
    Ok(())
}

async fn memory(program: &Path, busy_keeper: u32, table: &mut Table) -> Result<()> {
    const MIB: u64 = 1024 * 1024;
    let host = Host::start(program, false).await?;
    let mut keepers = Vec::new();
    for _ in 0..50 {
        let session = host.session(own_program(&["echo"])?).await?;
        keepers.push(host.keeper_pid(&session).await?);
    }
    let idle = keepers.iter().map(|&pid| proc::pss(pid)).collect::<Result<Vec<_>>>()?;
    let idle = idle.into_iter().max().unwrap_or(0);
    let (busy, daemon) = (proc::pss(busy_keeper)?, proc::pss(host.status().await?.pid)?);
    for (what, bytes, goal) in [
        ("memory (PSS) of an idle keeper, the largest of 50", idle, 8),
        ("memory of a keeper with 10,000 lines", busy, 40),
        ("memory of a daemon with 50 idle sessions", daemon, 40),
    ] {
        table.row(vec![what.into(), mib(bytes), format!("{goal} MiB"), met(bytes <= goal * MIB)]);
    }
    Ok(())
}

/// Runs everything and gives the document.
///
/// `only` names one part: `echo`, `flood`, `interrupt`, `rest`, `scale` or `net`.
pub async fn all(program: &Path, amount: Amount, versions: &str, only: Option<&str>) -> Result<String> {
    let relayed_amount = Amount { ..amount };
    let sshd = Sshd::start().await?;
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    let bench = Bench { host, joined, sshd, amount };
    let standalone = Host::start(program, true).await?;
    let joined = standalone.join().await?;
    let relayed = Bench { host: standalone, joined, sshd: None, amount: relayed_amount };

    let wanted = |part| only.is_none_or(|only| only == part);
    let mut tables = Vec::new();
    if wanted("echo") {
        tables.push(bench.echo().await?);
    }
    if wanted("flood") {
        tables.push(bench.flood(&relayed).await?);
    }
    if wanted("interrupt") {
        tables.push(bench.interrupt().await?);
    }
    if wanted("rest") {
        tables.push(bench.rest(program).await?);
    }
    if wanted("scale") {
        tables.push(crate::scale::measure(program, bench.amount.repeats).await?);
    }
    if wanted("net") {
        tables.push(crate::net::measure(program, bench.amount.repeats).await?);
    }
    Ok(document(&proc::machine(), versions, &tables))
}

impl Remote {
    async fn wait_until_ready(&mut self) -> Result<()> {
        if let Self::Longrein(terminal) = self {
            // What was printed before the attach comes as a snapshot, and stands in it with a carriage return.
            let word = READY.trim_ascii_end();
            let mut seen = Vec::new();
            return timeout(PATIENCE, async {
                while !crate::remote::contains(&seen, word) {
                    match terminal.next().await? {
                        Came::Output(bytes) => seen.extend_from_slice(&bytes),
                        Came::Snapshot => seen.clone_from(&terminal.snapshot),
                        Came::Other => {}
                    }
                }
                Ok(())
            })
            .await?;
        }
        self.wait_for(READY).await.map(drop)
    }
}
