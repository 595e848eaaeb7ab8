//! What a network that is far, loses packets, or goes away costs a client that stays.

use crate::distance::{Distance, Weather};
use crate::longrein::Host;
use crate::place::{self, MIDDLE, Place};
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
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};

/// Half way around the world, on a bad day.
const FAR: Weather = Weather { round_trip: Duration::from_millis(200), lost: 5 };
/// What the row is of.
const BACK: &str = "time from network back to live output";
/// How long the network is away at least, at a time.
const AWAY: Duration = Duration::from_secs(2);
/// So much longer, or a multiple of it below [`LENGTHS`]: after one length alone it would be chance whether TCP is just
/// about to try again.
const LONGER: Duration = Duration::from_millis(300);
const LENGTHS: u32 = 20;
/// Between two numbers that are typed while it is.
const TYPES_EVERY: Duration = Duration::from_millis(50);
/// Keys for each repeat.
const KEYS: u32 = 40;

/// All of it, in a table.
pub async fn measure(program: &Path, repeats: u32) -> Result<Table> {
    let mut table = Table::new(
        "Networks",
        "Median / p95. A native client reaches the relay through a proxy on loopback, and types numbered lines into a \
         program that repeats them and prints numbers of its own ten times a second. For the first row it is in a \
         network of its own, whose cable is out and whose address is gone for 2 to 8 s at a time; it is back when TCP \
         sends again or the client has looked at its network, which it does once a second. For the second the proxy \
         makes the way long. \"Loss\" is what TCP makes of it: the proxy passes on each piece of at most 1448 bytes 100 \
         ms late, and of a hundred such pieces each way, five come one retransmission (400 ms, doubled where that is \
         lost, too) later, with everything behind them. Numbers lost and repeated are counted at the client, both \
         what was typed and what was printed, until everything typed has come back; the goal is none of either.",
        &["what", "measured", "numbers typed", "numbers printed", "lost", "repeated", "goal"],
    );
    table.row(away(program, repeats)?);
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    table.row(far(&host, &joined, repeats).await?);
    Ok(table)
}

/// Has [`inside`] run in networks of its own. Where there can be none, the row says so.
fn away(program: &Path, repeats: u32) -> Result<Vec<String>> {
    let output = place::unshared().arg("away").arg(program).arg(repeats.to_string()).output()?;
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout)?);
    }
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    let mut row = vec![String::new(); 7];
    (row[0], row[1]) = (format!("{BACK} (median, p95)"), "no networks of its own here".into());
    Ok(row)
}

/// `bench away PROGRAM REPEATS`: prints the row.
pub fn inside(args: &[String]) -> Result<()> {
    let [program, repeats] = args else { bail!("bench away PROGRAM REPEATS") };
    place::make_middle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let row = runtime.block_on(unplugged(Path::new(program), repeats.parse()?))?;
    println!("{}", serde_json::to_string(&row)?);
    Ok(())
}

async fn unplugged(program: &Path, repeats: u32) -> Result<Vec<String>> {
    let host = Host::start(program, false).await?;
    let joined = host.join().await?;
    let (_distance, route, session) = through(&host, &joined, MIDDLE.parse()?, Weather::default()).await?;
    let place = Place::new("one", 2);
    let (cable, plugs) = std::sync::mpsc::channel();
    let (done, plugged) = std::sync::mpsc::channel();
    // Whoever is in the place cannot reach the cable's other end.
    std::thread::spawn(move || {
        for on in plugs {
            place.plug(on);
            if on {
                place.address(2);
            }
            if done.send(()).is_err() {
                break;
            }
        }
    });
    place.enter();
    let plug = |on| {
        cable.send(on)?;
        anyhow::Ok(plugged.recv()?)
    };
    let mut typist = Typist::attach(route, session).await?;
    let mut times = Vec::new();
    for n in 0..repeats * 4 {
        plug(false)?;
        let end = tokio::time::Instant::now() + AWAY + LONGER * (7 * n % LENGTHS);
        while tokio::time::Instant::now() < end {
            typist.types().await;
            typist.takes_until(tokio::time::Instant::now() + TYPES_EVERY).await?;
        }
        plug(true)?;
        let (back, seen) = (Instant::now(), typist.tally.seen(PRINTED));
        typist.until("output", |tally| tally.seen(PRINTED) > seen).await?;
        times.push(back.elapsed());
        typist.all_is_back().await?;
    }
    Ok(typist.tally.row(BACK, &Samples::of(&times)))
}

async fn far(host: &Host, joined: &Route, repeats: u32) -> Result<Vec<String>> {
    let near = Ipv4Addr::LOCALHOST.into();
    let (_distance, route, session) = through(host, joined, near, FAR).await?;
    let mut typist = Typist::attach(route, session).await?;
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
    Ok(typist.tally.row(what, &Samples::of(&times)))
}

/// A session, and the way to it through a proxy that listens on `near`.
async fn through(
    host: &Host,
    joined: &Route,
    near: IpAddr,
    weather: Weather,
) -> Result<(Distance, Route, SessionId)> {
    let Route::Host(known) = joined else { bail!("not joined") };
    let relay = known.relay.strip_prefix("http://").context("the relay is not on loopback")?;
    let distance = Distance::start(near, relay.parse()?, weather)?;
    let mut known = known.clone();
    known.relay = format!("http://{}", distance.address);
    let session = host.session(own_program(&["numbers"])?).await?;
    Ok((distance, Route::Host(known), session))
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
