//! What a network that is far, loses packets, or goes away costs a client that stays.

use crate::distance::{Distance, Weather};
use crate::longrein::Host;
use crate::program::READY;
use crate::remote::{PATIENCE, contains, own_program};
use crate::report::{Table, met};
use crate::run::millis;
use crate::stats::Samples;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use client::{AttachOpts, Attachment, Route, Update};
use session::id::SessionId;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

/// Half way around the world, on a bad day.
const FAR: Weather = Weather { round_trip: Duration::from_millis(200), lost: 5 };
/// How long the network is away at a time.
const AWAY: Duration = Duration::from_secs(3);
/// Between two numbers that are typed while it is.
const TYPES_EVERY: Duration = Duration::from_millis(50);
/// Keys for each repeat.
const KEYS: u32 = 40;

/// All of it, in a table.
pub async fn measure(program: &Path, repeats: u32) -> Result<Table> {
    let mut table = Table::new(
        "Networks",
        "Median / p95. A native client reaches the relay through a proxy on loopback, and types numbered lines into a \
         program that repeats them and prints numbers of its own ten times a second. \"Away\" means that every \
         connection is reset and none can be made, for 3 s; most of the time back is what is left of the client's wait \
         between two attempts. \"Loss\" is what TCP makes of it: the proxy passes on each piece of at most 1448 bytes \
         100 ms late, and of a hundred such pieces each way, five come one retransmission (400 ms, doubled where that is \
         lost, too) later, with everything behind them. Numbers lost and repeated are counted at the client, both what \
         was typed and what was printed, until everything typed has come back; the goal is none of either.",
        &["what", "measured", "numbers typed", "numbers printed", "lost", "repeated", "goal"],
    );
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    away(&host, &joined, repeats, &mut table).await?;
    far(&host, &joined, repeats, &mut table).await?;
    Ok(table)
}

async fn away(host: &Host, joined: &Route, repeats: u32, table: &mut Table) -> Result<()> {
    let (distance, mut typist) = Typist::through(host, joined, Weather::default()).await?;
    let mut times = Vec::new();
    for _ in 0..repeats * 4 {
        distance.away(true);
        let end = tokio::time::Instant::now() + AWAY;
        while tokio::time::Instant::now() < end {
            typist.types().await;
            typist.takes_until(tokio::time::Instant::now() + TYPES_EVERY).await?;
        }
        distance.away(false);
        let (back, seen) = (Instant::now(), typist.tally.seen(PRINTED));
        typist.until("output", |tally| tally.seen(PRINTED) > seen).await?;
        times.push(back.elapsed());
        typist.all_is_back().await?;
    }
    table.row(typist.tally.row("time from network back to live output", &Samples::of(&times)));
    Ok(())
}

async fn far(host: &Host, joined: &Route, repeats: u32, table: &mut Table) -> Result<()> {
    let (_distance, mut typist) = Typist::through(host, joined, FAR).await?;
    let mut times = Vec::new();
    for _ in 0..repeats * KEYS {
        let start = Instant::now();
        typist.types().await;
        typist.all_is_back().await?;
        times.push(start.elapsed());
        // A person types with pauses.
        typist.takes_until(tokio::time::Instant::now() + TYPES_EVERY).await?;
    }
    let what = "200 ms round trip and 5 % loss: time from key to echo";
    table.row(typist.tally.row(what, &Samples::of(&times)));
    Ok(())
}

/// Lines that the program prints by itself.
const PRINTED: &str = "o";
/// Lines that are typed.
const TYPED: &str = "k";

/// Somebody who types numbers and looks at what comes.
struct Typist {
    attachment: Attachment,
    updates: mpsc::Receiver<Update>,
    rest: Vec<u8>,
    tally: Tally,
}

impl Typist {
    /// Attached through a long way to the host's relay.
    async fn through(host: &Host, joined: &Route, weather: Weather) -> Result<(Distance, Self)> {
        let Route::Host(known) = joined else { bail!("not joined") };
        let relay = known.relay.strip_prefix("http://").context("the relay is not on loopback")?;
        let relay: SocketAddr = relay.parse()?;
        let distance = Distance::start(Ipv4Addr::LOCALHOST.into(), relay, weather)?;
        let mut known = known.clone();
        known.relay = format!("http://{}", distance.address);
        let session = host.session(own_program(&["numbers"])?).await?;
        Ok((distance, Self::attach(Route::Host(known), session).await?))
    }

    async fn attach(route: Route, session: SessionId) -> Result<Self> {
        let opts = AttachOpts {
            route,
            session,
            client: "longrein-bench".into(),
            size: Some(crate::longrein::SIZE),
            window: 0,
            after: None,
        };
        let (attachment, updates) = Attachment::start(opts);
        let mut this = Self { attachment, updates, rest: Vec::new(), tally: Tally::default() };
        this.until("the program", |tally| tally.ready).await?;
        this.attachment.input(Bytes::from_static(b"go\n")).await;
        this.until("numbers", |tally| tally.seen(PRINTED) > 0).await?;
        Ok(this)
    }

    async fn types(&mut self) {
        self.tally.typed += 1;
        self.attachment.input(Bytes::from(format!("{TYPED}:{}\n", self.tally.typed))).await;
    }

    async fn all_is_back(&mut self) -> Result<()> {
        self.until("the echo", |tally| tally.seen(TYPED) >= tally.typed).await
    }

    async fn until(&mut self, what: &'static str, done: impl Fn(&Tally) -> bool) -> Result<()> {
        timeout(PATIENCE, async {
            while !done(&self.tally) {
                self.takes().await?;
            }
            Ok(())
        })
        .await
        .with_context(|| format!("waited in vain for {what}"))?
    }

    async fn takes_until(&mut self, moment: tokio::time::Instant) -> Result<()> {
        loop {
            tokio::select! {
                took = self.takes() => took?,
                () = sleep_until(moment) => return Ok(()),
            }
        }
    }

    async fn takes(&mut self) -> Result<()> {
        match self.updates.recv().await.context("the client ended")? {
            Update::Output { bytes, .. } => {
                self.rest.extend_from_slice(&bytes);
                while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.rest.drain(..=end).collect();
                    if line == READY {
                        self.tally.ready = true;
                    } else {
                        self.tally.take(&line)?;
                    }
                }
            }
            // The first is what was there before; any other would stand for numbers that never came.
            Update::Snapshot { bytes, .. } => {
                ensure!(self.tally.seen(PRINTED) == 0, "the client was skipped ahead");
                self.tally.ready |= contains(&bytes, READY.trim_ascii_end());
            }
            Update::Ended(why) => bail!("the session ended: {why:?}"),
            Update::Refused { n, why } => bail!("command {n} was refused: {why}"),
            _ => {}
        }
        Ok(())
    }
}

/// What was seen of numbers that come in order, each once.
#[derive(Default)]
struct Tally {
    /// The program waits to be told to begin.
    ready: bool,
    typed: u64,
    last: BTreeMap<String, u64>,
    lost: u64,
    repeated: u64,
}

impl Tally {
    fn seen(&self, kind: &str) -> u64 {
        self.last.get(kind).copied().unwrap_or(0)
    }

    fn take(&mut self, line: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(line)?.trim_end();
        let (kind, n) = text.split_once(':').with_context(|| format!("a line {text:?}"))?;
        let n: u64 = n.parse().with_context(|| format!("a line {text:?}"))?;
        let last = self.last.entry(kind.to_owned()).or_default();
        if n <= *last {
            self.repeated += 1;
        } else {
            self.lost += n - *last - 1;
            *last = n;
        }
        Ok(())
    }

    fn row(&self, what: &str, times: &Samples) -> Vec<String> {
        let (median, p95) = (times.median(), times.quantile(0.95));
        vec![
            format!("{what} (median, p95)"),
            format!("{} / {} ms", millis(median), millis(p95)),
            self.typed.to_string(),
            self.seen(PRINTED).to_string(),
            self.lost.to_string(),
            self.repeated.to_string(),
            met(self.lost == 0 && self.repeated == 0),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_and_what_comes_twice_is_counted() {
        let mut tally = Tally::default();
        for line in ["o:1\n", "k:1\n", "o:2\n", "o:5\n", "o:5\n", "k:2\n", "o:4\n", "o:6\n"] {
            tally.take(line.as_bytes()).unwrap();
        }
        assert_eq!((tally.lost, tally.repeated), (2, 2));
        assert_eq!((tally.seen(PRINTED), tally.seen(TYPED)), (6, 2));
        assert!(tally.take(b"k:2o:7\n").is_err());
    }
}
