//! What many sessions, many clients and a full log cost.

use crate::longrein::{Came, Host, Terminal, until};
use crate::proc;
use crate::remote::{PATIENCE, own_program};
use crate::report::{Table, met};
use crate::run::{mib, millis};
use crate::stats::Samples;
use anyhow::{Result, ensure};
use client::Route;
use session::id::SessionId;
use std::path::Path;
use std::time::Instant;
use tokio::time::timeout;

/// Lines of 100 bytes that fill a log of 64 MiB and have its beginning trimmed.
const LINES: u64 = 800_000;
/// Keys whose echoes are counted.
const KEYS: usize = 20_000;
/// Clients at a time.
const CLIENTS: usize = 100;

/// All of it, in a table.
pub async fn measure(program: &Path, repeats: u32) -> Result<Table> {
    let mut table = Table::new(
        "Many and much",
        "Memory is PSS. Clients come through the relay.",
        &["what", "measured", "at most", "goal"],
    );
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    full_log(&host, &joined, repeats, &mut table).await?;
    events(&host, &mut table).await?;
    drop(host);
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    memory(&host, &joined, &mut table).await?;
    Ok(table)
}

/// Attaches to a log that was trimmed, until the screen and its scrollback are there.
async fn full_log(host: &Host, joined: &Route, repeats: u32, table: &mut Table) -> Result<()> {
    let session = host.session(own_program(&["lines", &LINES.to_string()])?).await?;
    let last = format!("{:>12}", LINES - 1);
    let mut times = Vec::new();
    // The first look waits for the program to have printed it all.
    until("the last line", async || Ok(whole(joined, &session, &last).await?.then_some(()))).await?;
    for _ in 0..repeats * 4 {
        let start = Instant::now();
        ensure!(whole(joined, &session, &last).await?, "the last line is missing");
        times.push(start.elapsed());
    }
    let times = Samples::of(&times);
    table.row(vec![
        "first screen of a session with a full 64 MiB log, natively: connect, attach, complete".into(),
        format!("{} / {} / {} ms", millis(times.min()), millis(times.median()), millis(times.max())),
        "300 ms".into(),
        met(times.median() <= 0.3),
    ]);
    Ok(())
}

async fn whole(route: &Route, session: &SessionId, last: &str) -> Result<bool> {
    let mut terminal = Terminal::attach(route, session, client::DEFAULT_WINDOW).await?;
    timeout(PATIENCE, async {
        while !matches!(terminal.next().await?, Came::Snapshot) {}
        anyhow::Ok(())
    })
    .await??;
    Ok(crate::remote::contains(&terminal.snapshot, last.as_bytes()))
}

/// Keys in a row, each its own event: how many a second are stored and shown.
async fn events(host: &Host, table: &mut Table) -> Result<()> {
    let session = host.session(own_program(&["echo"])?).await?;
    let mut terminal = Terminal::attach(&host.local(), &session, client::DEFAULT_WINDOW).await?;
    while !matches!(timeout(PATIENCE, terminal.next()).await??, Came::Output(_) | Came::Snapshot) {}
    let (start, mut events, mut echoed, mut sent) = (Instant::now(), 0u32, 0, 0);
    while echoed < KEYS {
        // A few ahead, so that nobody waits for the other.
        while sent < KEYS && sent < echoed + 8 {
            terminal.send(b"x").await?;
            sent += 1;
        }
        if let Came::Output(bytes) = timeout(PATIENCE, terminal.next()).await?? {
            events += 1;
            echoed += bytes.len();
        }
    }
    let rate = f64::from(events) / start.elapsed().as_secs_f64();
    table.row(vec![
        "events a second that one keeper logs and shows, each the echo of a key or a few".into(),
        format!("{rate:.0}"),
        String::new(),
        String::new(),
    ]);
    Ok(())
}

async fn memory(host: &Host, joined: &Route, table: &mut Table) -> Result<()> {
    let mut keepers = Vec::new();
    let mut sessions = Vec::new();
    for count in [1, 10, 100] {
        while sessions.len() < count {
            let session = host.session(own_program(&["echo"])?).await?;
            keepers.push(host.keeper_pid(&session).await?);
            sessions.push(session);
        }
        let all = keepers.iter().map(|&pid| proc::pss(pid)).sum::<Result<u64>>()?;
        let daemon = proc::pss(host.status().await?.pid)?;
        table.row(vec![
            format!("memory with {count} idle sessions: the daemon, all keepers"),
            format!("{}, {}", mib(daemon), mib(all)),
            String::new(),
            String::new(),
        ]);
    }
    let mut clients = Vec::new();
    for session in sessions.iter().cycle().take(CLIENTS) {
        let mut terminal = Terminal::attach(joined, session, client::DEFAULT_WINDOW).await?;
        while !matches!(timeout(PATIENCE, terminal.next()).await??, Came::Output(_) | Came::Snapshot) {}
        clients.push(terminal);
    }
    let daemon = proc::pss(host.status().await?.pid)?;
    table.row(vec![
        format!("memory of a daemon with {CLIENTS} attached clients"),
        mib(daemon),
        String::new(),
        String::new(),
    ]);
    Ok(())
}
