//! A writer that is killed between any two steps leaves a log that opens, and that is the truth up to some event: never
//! less than the writer was told is stored, never anything else.

use longrein_store::{Base, Entry, Kept, NewEntry, SessionLog, StreamRow, boot_id, write_private};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the child works.
const FOLDER: &str = "LONGREIN_CRASH_FOLDER";
/// See `src/crash.rs`.
const AT: &str = "LONGREIN_CRASH_AT";
/// Events of one run, unless it is ended.
const EVENTS: u64 = 120;
/// The size that the log is trimmed to.
const KEEP: u64 = 200 * 1024;

/// Every point, and how often the workload comes to it at least.
const POINTS: [(&str, u32); 18] = [
    ("opened", 1),
    ("beginning", 1),
    ("begun", 1),
    ("bulk-write", 40),
    ("bulk-half", 40),
    ("bulk-written", 40),
    ("insert", 100),
    ("inserted", 100),
    ("commit", 10),
    ("base", 5),
    ("base-stored", 5),
    ("trim-chosen", 5),
    ("trim-deleted", 5),
    ("trimmed", 5),
    ("streams", 10),
    ("synced", 5),
    ("file-written", 10),
    ("close", 1),
];

/// What the event `seq` is: some are kept, some large, some tiny.
fn truth(seq: u64) -> (Kept, String, Vec<u8>) {
    let kept = match seq % 22 {
        0 => Kept::Past,
        11 => Kept::Told,
        _ => Kept::Trimmed,
    };
    let size = if kept == Kept::Trimmed {
        [1, 90, 5000, 20_000, 3, 48_000][usize::try_from(seq % 6).unwrap()]
    } else {
        40
    };
    let payload = seq.to_le_bytes().into_iter().cycle().take(size).collect();
    (kept, format!(r#"{{"n":{seq}}}"#), payload)
}

fn check(entry: &Entry) {
    let (kept, header, payload) = truth(entry.seq);
    assert_eq!((entry.kept, &entry.header, &entry.payload), (kept, &header, &payload), "{}", entry.seq);
}

fn append(log: &mut SessionLog, count: u64) {
    let first = log.head().seq + 1;
    let events: Vec<_> = (first..first + count).map(truth).collect();
    let entries =
        events.iter().map(|(kept, header, payload)| NewEntry { at: 1, kept: *kept, header, payload });
    log.append(&entries.collect::<Vec<_>>()).unwrap();
}

/// All that a keeper does with a log. What is stored is said, so that it can be asked for afterwards.
fn work(folder: &Path) {
    let mut out = std::io::stdout();
    let mut say = |what: &str, n: u64| {
        writeln!(out, "{what} {n}").unwrap();
        out.flush().unwrap();
    };
    let mut log = SessionLog::open(&folder.join("log.db"), &boot_id()).unwrap();
    let reader = log.reader().unwrap();
    while log.head().seq < EVENTS {
        // Every fifth time, two in one.
        let count = if log.head().seq.is_multiple_of(5) { 2 } else { 1 };
        append(&mut log, count);
        let seq = log.head().seq;
        say("stored", seq);
        if seq.is_multiple_of(7) {
            let row = StreamRow {
                device: "d".into(),
                stream: "s".into(),
                settled: seq,
                at: 1,
                refused: String::new(),
            };
            log.put_streams(&[row], 0).unwrap();
            say("settled", seq);
            write_private(&folder.join("meta.json"), format!("{seq:0>400}").as_bytes()).unwrap();
            say("written", seq);
        }
        if seq.is_multiple_of(10) {
            let upto = log.head().upto;
            log.put_base(&Base { seq, upto, cols: 80, rows: 24, bytes: seq.to_le_bytes().to_vec() }).unwrap();
            while log.trim(KEEP, 100 * 1024).unwrap() {}
            reader.checkpoint().unwrap();
        }
    }
    log.close().unwrap();
    say("closed", 0);
}

/// What the child said last of each.
#[derive(Default)]
struct Said {
    stored: u64,
    settled: u64,
    written: u64,
    closed: bool,
}

fn verify(folder: &Path, said: &Said, what: &str) {
    let path = folder.join("log.db");
    let mut log = SessionLog::open(&path, &boot_id()).unwrap();
    assert_eq!(log.epoch(), 1, "{what}: no power was cut");
    let head = log.head().seq;
    assert!(
        (said.stored..=said.stored + 2).contains(&head),
        "{what}: {head}, and {} were stored",
        said.stored
    );
    let left = log.read_after(log.trimmed().seq, u64::MAX).unwrap();
    assert!(left.iter().map(|entry| entry.seq).eq(log.trimmed().seq + 1..=head), "{what}");
    left.iter().for_each(check);
    let mut kept = log.read_kept(0, head, u64::MAX).unwrap();
    kept.extend(log.read_past(u64::MAX, u64::MAX).unwrap());
    kept.sort_by_key(|entry| entry.seq);
    assert!(kept.iter().map(|entry| entry.seq).eq((1..=head).filter(|seq| seq.is_multiple_of(11))), "{what}");
    kept.iter().for_each(check);
    let base = log.base().unwrap();
    assert!(base.as_ref().map_or(0, |base| base.seq) >= log.trimmed().seq, "{what}: trimmed is covered");
    assert!(base.is_none_or(|base| base.bytes == base.seq.to_le_bytes()), "{what}");
    let settled = log.streams().unwrap().first().map_or(0, |row| row.settled);
    assert!(settled == said.settled || settled == said.settled + 7, "{what}: {settled}");
    let written = std::fs::read_to_string(folder.join("meta.json")).unwrap_or_default();
    assert!(written.is_empty() || written.len() == 400, "{what}: a file is whole or not there");
    let written: u64 = written.parse().unwrap_or(0);
    assert!(written >= said.written, "{what}: {written}");
    // It goes on.
    append(&mut log, 3);
    let seq = log.head().seq;
    log.put_base(&Base { seq, upto: log.head().upto, cols: 1, rows: 1, bytes: Vec::new() }).unwrap();
    while log.trim(0, u64::MAX).unwrap() {}
    append(&mut log, 3);
    let left = log.read_after(seq, u64::MAX).unwrap();
    assert_eq!(left.len(), 3, "{what}");
    left.iter().for_each(check);
}

/// Also the child: there it works in the folder that it is told, and does not come back.
#[test]
fn a_writer_that_nobody_kills_stores_everything() {
    if let Ok(folder) = std::env::var(FOLDER) {
        return work(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    work(folder.path());
    let settled = (1..=EVENTS).rev().find(|seq| seq % 7 == 0).unwrap();
    let log = SessionLog::open(&folder.path().join("log.db"), &boot_id()).unwrap();
    let stored = log.head().seq;
    assert!(stored >= EVENTS && log.trimmed().seq > 50 && log.size() < 2 * KEEP);
    let settled = log.streams().unwrap().first().map_or(settled, |row| row.settled);
    drop(log);
    verify(folder.path(), &Said { stored, settled, written: settled, closed: true }, "nobody killed it");
}

/// Runs the child, which is the test of this name again, until it comes to this point.
fn run(test: &str, folder: &Path, point: &str, time: u32) -> (Said, bool) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder)
        .env(AT, format!("{point}:{time}"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut said = Said::default();
    for line in String::from_utf8_lossy(&child.stdout).lines() {
        let Some((what, n)) = line.split_once(' ') else { continue };
        let Ok(n) = n.parse() else { continue };
        match what {
            "stored" => said.stored = n,
            "settled" => said.settled = n,
            "written" => said.written = n,
            "closed" => said.closed = true,
            _ => {}
        }
    }
    let killed = child.status.signal() == Some(9);
    assert!(killed || child.status.success(), "{point}:{time}: {}", String::from_utf8_lossy(&child.stderr));
    (said, killed)
}

#[test]
fn a_writer_killed_between_any_two_steps_leaves_a_prefix_of_the_truth() {
    let mut runs = 0;
    for (point, often) in POINTS {
        // The first time, and evenly from there on.
        let times = often.min(30);
        for step in 0..times {
            let time = 1 + step * often / times;
            let folder = tempfile::tempdir().unwrap();
            let what = format!("{point}:{time}");
            let (said, killed) =
                run("a_writer_that_nobody_kills_stores_everything", folder.path(), point, time);
            assert!(killed && !said.closed, "{what} is never reached");
            verify(folder.path(), &said, &what);
            runs += 1;
        }
    }
    assert!(runs >= 200, "{runs}");
}

/// Also the child, as above.
#[test]
fn damage_is_found_also_where_the_first_to_open_the_log_after_a_power_cut_was_killed() {
    let open = |folder: &Path| SessionLog::open(&folder.join("log.db"), "another boot").unwrap();
    if let Ok(folder) = std::env::var(FOLDER) {
        open(Path::new(&folder));
        return;
    }
    for point in ["opened", "beginning", "begun"] {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        // The second and the third are large, and lie one behind the other.
        append(&mut log, 4);
        drop(log);
        let path = folder.path().join("log.bulk");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let test = "damage_is_found_also_where_the_first_to_open_the_log_after_a_power_cut_was_killed";
        let (_, killed) = run(test, folder.path(), point, 1);
        assert!(killed, "{point} is never reached");
        let log = open(folder.path());
        let left = log.read_after(0, u64::MAX).unwrap();
        assert_eq!(left.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2], "{point}");
        left.iter().for_each(check);
        assert_eq!((log.head().seq, log.epoch()), (2, 2), "{point}");
    }
}
