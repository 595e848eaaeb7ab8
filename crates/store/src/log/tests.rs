//! The log by itself: what comes back, what is trimmed, and what a cut or a full disk leaves.

use super::*;
use proptest::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

fn output(payload: &[u8]) -> NewEntry<'_> {
    NewEntry { at: 5, kept: Kept::Trimmed, header: r#"{"kind":"output"}"#, payload }
}

fn banner() -> NewEntry<'static> {
    NewEntry { at: 6, kept: Kept::Told, header: r#"{"kind":"banner","text":"x"}"#, payload: b"" }
}

fn open() -> (tempfile::TempDir, SessionLog) {
    let folder = tempfile::tempdir().unwrap();
    let log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
    (folder, log)
}

fn base_at(seq: u64) -> Base {
    Base { seq, upto: 0, cols: 80, rows: 24, bytes: b"snap".to_vec() }
}

#[test]
fn events_are_numbered_and_come_back_in_order_within_the_bound() {
    let (_folder, mut log) = open();
    log.append(&[output(b"one"), banner(), output(b"two")]).unwrap();
    log.append(&[output(b"three")]).unwrap();
    assert_eq!(log.head().seq, 4);
    let all = log.read_after(0, u64::MAX).unwrap();
    assert_eq!(all.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(all[3].payload, b"three");
    assert_eq!(all[3].upto, log.head().upto);
    assert_eq!(log.read_after(2, 0).unwrap(), all[2..3]);
    assert_eq!(log.read_after(0, all[1].upto).unwrap(), all[..2]);
    assert_eq!(log.read_kept(0, 4, 1 << 20).unwrap(), all[1..2]);
    assert!(log.read_kept(2, 4, 1 << 20).unwrap().is_empty());
    assert_eq!(log.place(3).unwrap(), Some(Place { seq: 3, upto: all[2].upto }));
    assert_eq!(log.place(0).unwrap(), Some(Place::default()));
    assert_eq!(log.place(5).unwrap(), None);
    assert_eq!(log.reader().unwrap().read_after(0, u64::MAX).unwrap(), all);
}

#[test]
fn trimming_spares_what_is_kept_and_what_no_snapshot_covers() {
    let (_folder, mut log) = open();
    let kilobyte = [b'x'; 1024];
    for n in 0..100 {
        log.append(&[if n == 10 { banner() } else { output(&kilobyte) }]).unwrap();
    }
    assert!(!log.trim(10_000, u64::MAX).unwrap());
    assert_eq!(log.trimmed().seq, 0);
    log.put_base(&base_at(50)).unwrap();
    while log.trim(10_000, 8_000).unwrap() {}
    assert_eq!(log.trimmed().seq, 50);
    assert_eq!(log.place(49).unwrap(), None);
    assert_eq!(log.read_kept(0, 100, 1 << 20).unwrap()[0].seq, 11);
    log.put_base(&base_at(100)).unwrap();
    while log.trim(10_000, 8_000).unwrap() {}
    assert!(log.size() <= 10_000 && log.size() > 8_000, "{}", log.size());
    let left = log.read_after(log.trimmed().seq, u64::MAX).unwrap();
    assert_eq!(left[0].seq, log.trimmed().seq + 1);
    assert_eq!(left.last().unwrap().seq, 100);
}

#[test]
fn all_trimmed_and_reopened_goes_on_counting() {
    let (folder, mut log) = open();
    log.append(&[output(b"a"), output(b"b")]).unwrap();
    log.put_base(&base_at(2)).unwrap();
    while log.trim(0, 1).unwrap() {}
    let head = log.head();
    log.close().unwrap();
    drop(log);
    let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
    assert_eq!((log.head(), log.trimmed(), log.epoch()), (head, head, 1));
    log.append(&[output(b"c")]).unwrap();
    assert_eq!(log.read_after(2, u64::MAX).unwrap()[0].seq, 3);
    assert_eq!(log.base().unwrap(), Some(base_at(2)));
}

#[test]
fn only_a_power_cut_opens_a_new_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let epoch = |boot: &str, close: bool| {
        let mut log = SessionLog::open(&path, boot).unwrap();
        let epoch = log.epoch();
        if close {
            log.close().unwrap();
        }
        epoch
    };
    assert_eq!(epoch("one", true), 1);
    assert_eq!(epoch("two", false), 1, "closed well, other boot");
    assert_eq!(epoch("two", false), 1, "killed, same boot");
    assert_eq!(epoch("three", true), 2, "killed, other boot");
    assert_eq!(epoch("", false), 2);
    assert_eq!(epoch("", false), 3, "killed, no way to know");
}

#[test]
fn a_log_has_one_writer() {
    let (folder, log) = open();
    let second = SessionLog::open(&folder.path().join("log.db"), "boot");
    assert!(matches!(second, Err(Error::InUse { .. })));
    drop(log);
    SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
}

#[test]
fn streams_are_stored_and_forgotten() {
    let (_folder, mut log) = open();
    let row = |stream: &str, settled, at| StreamRow {
        device: "d".into(),
        stream: stream.into(),
        settled,
        at,
        refused: "[]".into(),
    };
    log.put_streams(&[row("a", 1, 10), row("b", 2, 20)], 0).unwrap();
    log.put_streams(&[row("b", 3, 30)], 15).unwrap();
    assert_eq!(log.streams().unwrap(), [row("b", 3, 30)]);
}

#[test]
fn a_full_disk_is_told_apart_and_appending_goes_on_when_there_is_room() {
    let (_folder, mut log) = open();
    let pages: i64 = log.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    log.connection.pragma_update(None, "max_page_count", pages + 2).unwrap();
    let big = vec![b'x'; 32 * 1024];
    log.append(&[output(b"small")]).unwrap();
    let head = log.head();
    let inside = NewEntry { kept: Kept::Told, ..output(&big) };
    assert!(matches!(log.append(&[output(b"y"), inside]), Err(Error::Full)));
    assert!(matches!(log.append(&[inside]), Err(Error::Full)));
    assert_eq!(log.head(), head);
    log.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
    log.append(&[inside]).unwrap();
    assert_eq!(log.read_after(0, u64::MAX).unwrap().len(), 2);
}

#[test]
fn a_full_disk_beside_the_database_is_told_apart_too() {
    let (_folder, mut log) = open();
    let big = vec![b'x'; 32 * 1024];
    log.append(&[output(&big)]).unwrap();
    let head = log.head();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let room = std::mem::replace(&mut log.bulk, Bulk::new(full, "/dev/full".into()));
    assert!(matches!(log.append(&[output(b"y"), output(&big)]), Err(Error::Full)));
    assert!(matches!(log.append(&[output(&big)]), Err(Error::Full)));
    assert_eq!(log.head(), head);
    log.bulk = room;
    log.append(&[output(b"y"), output(&big)]).unwrap();
    assert_eq!(log.read_after(0, u64::MAX).unwrap().len(), 3);
}

/// A payload that says which event's it is.
fn large(n: u64) -> Vec<u8> {
    let size = BESIDE + usize::try_from(n % 7).unwrap() * 9000;
    n.to_le_bytes().into_iter().cycle().take(size).collect()
}

#[test]
fn large_payloads_come_back_however_often_their_room_was_used_again() {
    let (folder, mut log) = open();
    let path = folder.path().join("log.db");
    let keep = 4 * 1024 * 1024;
    let check = |log: &SessionLog, reader: &LogReader| {
        let all = log.read_after(log.trimmed().seq, u64::MAX).unwrap();
        assert_eq!(all.last().map(|last| last.seq), Some(log.head().seq));
        assert!(all.iter().all(|entry| entry.payload == large(entry.seq)));
        assert_eq!(reader.read_after(log.trimmed().seq, u64::MAX).unwrap(), all);
    };
    for round in 0..8u64 {
        let reader = log.reader().unwrap();
        for seq in round * 500 + 1..=round * 500 + 500 {
            log.append(&[output(&large(seq))]).unwrap();
            if seq % 50 == 0 {
                log.put_base(&base_at(seq)).unwrap();
                while log.trim(keep, 1 << 20).unwrap() {}
            }
        }
        check(&log, &reader);
        reader.checkpoint().unwrap();
        drop(log);
        log = SessionLog::open(&path, "boot").unwrap();
        check(&log, &reader);
    }
    assert!(log.head().upto > 100 * 1024 * 1024, "the file went round");
}

/// Writes over what is in the file for `seq`, as if it had not reached the disk.
fn damage(folder: &tempfile::TempDir, log: &SessionLog, seq: u64) {
    let found: Vec<u8> = log
        .connection
        .query_row("SELECT payload FROM event WHERE seq = ?", [seq.cast_signed()], |row| row.get(0))
        .unwrap();
    let bytes = std::fs::read(folder.path().join("log.bulk")).unwrap();
    let offset = usize::try_from(u64::from_le_bytes(found[..8].try_into().unwrap())).unwrap();
    let mut bytes = bytes;
    bytes[offset] ^= 1;
    std::fs::write(folder.path().join("log.bulk"), bytes).unwrap();
}

#[test]
fn what_a_power_cut_left_half_written_is_not_shown_and_not_counted() {
    for (base, from, to) in [(None, 1, 4), (Some(3), 1, 4), (Some(6), 7, 7), (Some(9), 10, 9)] {
        let (folder, mut log) = open();
        let path = folder.path().join("log.db");
        (1..=9).for_each(|seq| log.append(&[output(&large(seq))]).unwrap());
        if let Some(seq) = base {
            let upto = log.place(seq).unwrap().unwrap().upto;
            log.put_base(&Base { upto, ..base_at(seq) }).unwrap();
        }
        damage(&folder, &log, 5);
        damage(&folder, &log, 8);
        assert!(matches!(log.read_after(4, 1), Err(Error::Corrupt(_))));
        assert_eq!(log.read_after(3, u64::MAX).unwrap().len(), 1);
        drop(log);
        let mut log = SessionLog::open(&path, "another boot").unwrap();
        assert_eq!(log.epoch(), 2);
        let left: Vec<_> = log.read_after(log.trimmed().seq, u64::MAX).unwrap();
        assert!(left.iter().map(|entry| entry.seq).eq(from..=to), "{base:?}");
        assert!(left.iter().all(|entry| entry.payload == large(entry.seq)));
        log.append(&[output(&large(to + 1))]).unwrap();
        assert_eq!(log.head().seq, to + 1);
        assert_eq!(log.read_after(to, u64::MAX).unwrap().len(), 1);
    }
}

#[test]
fn numbers_lost_to_a_full_disk_are_left_out() {
    let (_folder, mut log) = open();
    log.append(&[output(b"a")]).unwrap();
    log.put_base(&base_at(9)).unwrap();
    let saved = (Place { seq: 5, upto: 500 }, banner());
    log.skip_to(Place { seq: 9, upto: 9999 }, &[saved]).unwrap();
    assert_eq!(log.read_kept(0, 9, 1).unwrap()[0].seq, 5);
    log.append(&[output(b"b")]).unwrap();
    assert_eq!(log.read_after(log.trimmed().seq, u64::MAX).unwrap()[0].seq, 10);
    assert_eq!(log.place(1).unwrap(), None);
}

#[test]
fn what_a_full_disk_left_out_leaves_no_row_that_refers_to_other_bytes() {
    let (_folder, mut log) = open();
    (1..=5).for_each(|seq| log.append(&[output(&large(seq))]).unwrap());
    log.put_base(&base_at(9)).unwrap();
    log.skip_to(Place { seq: 9, upto: log.head().upto + 1 }, &[]).unwrap();
    log.reader().unwrap().checkpoint().unwrap();
    log.append(&[output(&large(10))]).unwrap();
    let all = log.reader().unwrap().read_after(0, u64::MAX).unwrap();
    assert_eq!(all.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [10]);
    assert_eq!(all[0].payload, large(10));
}

#[test]
fn a_closed_log_whose_payloads_did_not_reach_the_disk_is_cut_there_too() {
    let (folder, mut log) = open();
    (1..=3).for_each(|seq| log.append(&[output(&large(seq))]).unwrap());
    log.close().unwrap();
    damage(&folder, &log, 2);
    drop(log);
    let log = SessionLog::open(&folder.path().join("log.db"), "another boot").unwrap();
    assert_eq!((log.head().seq, log.epoch()), (1, 2));
}

#[test]
fn a_log_of_the_version_before_is_read_without_being_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let connection = sqlite::open(&path, &FORMAT[..1]).unwrap();
    connection.execute("INSERT INTO event VALUES (1, 5, 70, 0, '{}', x'616263')", []).unwrap();
    let reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.read_after(0, u64::MAX).unwrap()[0].payload, b"abc");
    let log = SessionLog::open(&path, "boot").unwrap();
    assert_eq!(log.read_after(0, u64::MAX).unwrap()[0].payload, b"abc");
}

thread_local! {
    static BESIDE_IT: std::cell::RefCell<Option<LogReader>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn room_is_not_free_where_somebody_else_just_moves_the_log() {
    let (folder, mut log) = open();
    (1..=3).for_each(|seq| log.append(&[output(&large(seq))]).unwrap());
    log.put_base(&base_at(3)).unwrap();
    // Whoever reads holds the log as it was, so that a full checkpoint has to wait; while it does, it is under way.
    let holder = Connection::open(folder.path().join("log.db")).unwrap();
    holder.execute_batch("BEGIN; SELECT * FROM state").unwrap();
    while log.trim(0, u64::MAX).unwrap() {}
    let mut mover = Connection::open(folder.path().join("log.db")).unwrap();
    BESIDE_IT.set(Some(log.reader().unwrap()));
    let meanwhile = |_| {
        BESIDE_IT.with_borrow(|reader| reader.as_ref().unwrap().checkpoint().unwrap());
        false
    };
    mover.busy_handler(Some(meanwhile)).unwrap();
    let busy: bool = mover.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0)).unwrap();
    assert!(busy, "it had to wait");
    let settled = log.bulk.settled();
    assert_eq!(settled.load(std::sync::atomic::Ordering::Acquire), 0);
    drop((holder, mover));
    BESIDE_IT.with_borrow(|reader| reader.as_ref().unwrap().checkpoint().unwrap());
    assert_eq!(settled.load(std::sync::atomic::Ordering::Acquire), 3);
    BESIDE_IT.set(None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_left_is_always_a_suffix_and_all_that_is_kept(
        steps in prop::collection::vec((0u8..4, 0usize..3000), 1..60),
    ) {
        let (_folder, mut log) = open();
        let mut kept = Vec::new();
        for (what, n) in steps {
            match what {
                0 => log.append(&[output(&vec![b'x'; n])]).unwrap(),
                1 => {
                    log.append(&[output(b"y"), banner()]).unwrap();
                    kept.push(log.head().seq);
                }
                2 => log.put_base(&base_at(log.head().seq)).unwrap(),
                _ => while log.trim(n as u64 * 2, 500).unwrap() {},
            }
            let (from, head) = (log.trimmed().seq, log.head().seq);
            let left = log.read_after(from, u64::MAX).unwrap();
            prop_assert_eq!(left.iter().map(|e| e.seq).collect::<Vec<_>>(), (from + 1..=head).collect::<Vec<_>>());
            let found = log.read_kept(0, head, u64::MAX).unwrap();
            prop_assert_eq!(found.iter().map(|e| e.seq).collect::<Vec<_>>(), kept.clone());
        }
    }
}

#[test]
fn whoever_only_looks_keeps_no_writer_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    drop(lock(&path).unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                log_in_use(&path);
            }
        });
        let kept_out = (0..1000).filter(|_| lock(&path).is_err()).count();
        done.store(true, Ordering::Relaxed);
        assert_eq!(kept_out, 0);
    });
    let held = lock(&path).unwrap();
    assert!(log_in_use(&path) && matches!(lock(&path), Err(Error::InUse { .. })));
    drop(held);
    assert!(!log_in_use(&path));
}
