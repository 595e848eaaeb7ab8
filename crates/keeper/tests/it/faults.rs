//! Killed, told to end, out of disk.

use crate::kit::{Client, Keeper};
use session::follow::Follow;
use session::message::Cursor;
use store::SessionLog;

#[tokio::test]
async fn a_killed_keepers_log_holds_all_that_any_client_saw() {
    // A flood without an end, and yet no client, however slow, falls so far behind that it is skipped ahead.
    let mut keeper =
        Keeper::shell("i=0; while :; do i=$((i+1)); echo line $i; [ $i -lt 10000 ] || sleep 0.01; done");
    let mut client = Client::new(&keeper);
    client.follow = Follow::from_cursor(256 * 1024, Cursor { epoch: 1, seq: 1 });
    client.connect(&keeper).await;
    client.until_shown("line 5000\r\n").await;
    keeper.kill();
    let seen = client.follow.cursor();
    client.cut();
    let log = SessionLog::open(&keeper.paths.session_log(keeper.id.as_str()), &store::boot_id()).unwrap();
    assert_eq!(log.epoch(), 1, "nothing can have been lost");
    assert!(log.head().seq >= seen.seq);
    let entries = log.read_after(1, u64::MAX).unwrap();
    let mut logged: Vec<u8> = entries.iter().flat_map(|entry| entry.payload.iter().copied()).collect();
    assert!(logged.starts_with(&client.screen));
    drop(log);
    // And whoever comes back reads the rest of it.
    keeper.reader();
    client.connect(&keeper).await;
    client.until("the rest", |client| client.screen.len() >= logged.len() || client.snapshots > 0).await;
    if client.snapshots == 0 {
        assert!(client.screen == logged);
    }
    let mut fresh = keeper.client().await;
    logged.truncate(logged.len() - 2);
    let last = logged.rsplit(|byte| *byte == b'\n').nth(1).unwrap().to_vec();
    fresh.until_shown(std::str::from_utf8(&last).unwrap().trim()).await;
}

#[tokio::test]
async fn an_ended_session_can_be_read_again() {
    let mut keeper = Keeper::shell("echo the end; exit 4");
    let mut client = keeper.client().await;
    client.until("the exit", |client| client.exits == [4]).await;
    client.cut();
    keeper.terminate();
    keeper.reader();
    // With the place where it was, it has nothing to be told; a new one is told all.
    client.connect(&keeper).await;
    let mut fresh = keeper.client().await;
    fresh.until("the exit", |client| client.exits == [4]).await;
    assert!(fresh.shows("the end"));
    assert_eq!((client.exits.len(), client.snapshots), (1, 1));
}

#[tokio::test]
async fn a_session_whose_summary_a_power_cut_emptied_can_be_read() {
    let mut keeper = Keeper::shell("echo the end; exit 4");
    keeper.client().await.until("the exit", |client| client.exits == [4]).await;
    keeper.terminate();
    std::fs::write(keeper.paths.session_meta(keeper.id.as_str()), b"").unwrap();
    keeper.reader();
    let mut client = keeper.client().await;
    client.until("the exit", |client| client.exits == [4]).await;
    assert!(client.shows("the end"));
}

#[tokio::test]
async fn a_keeper_told_to_end_takes_its_program_along_and_closes_its_log() {
    let mut keeper = Keeper::shell("trap 'echo hup; exit 9' HUP; echo ready; while :; do sleep 0.1; done");
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    assert_eq!(keeper.terminate(), 0);
    let log = SessionLog::open(&keeper.paths.session_log(keeper.id.as_str()), "another boot").unwrap();
    assert_eq!(log.epoch(), 1, "it was closed");
    let last = log.read_after(log.head().seq - 1, 1).unwrap();
    assert!(last[0].header.contains("exit") && last[0].header.contains('9'), "{}", last[0].header);
    assert!(!keeper.paths.keeper_sock(keeper.id.as_str()).unwrap().exists());
}

#[tokio::test]
async fn a_full_disk_pauses_the_log_and_not_the_session() {
    let home = tempfile::tempdir().unwrap();
    let small = Mount::new(home.path());
    let Some(small) = small else {
        // Only root may mount; the log's own tests have a full disk without it.
        return;
    };
    let flood = "read x; seq -f '%063.0f' 300000; echo flood is over; cat";
    let keeper = Keeper::under(&small.0, &["/bin/sh", "-c", flood], |_| {}).unwrap();
    let mut client = keeper.client().await;
    client.type_in("\r");
    client.until_shown("flood is over").await;
    client.until("a word about it", |client| client.banners.iter().any(|text| text.contains("paused"))).await;
    client.type_in("still here\r");
    client.until_echoed("still here").await;
    let mut late = keeper.client().await;
    late.until_shown("still here").await;
    small.grow();
    client
        .until("a word about it", |client| client.banners.iter().any(|text| text.contains("goes on")))
        .await;
    client.type_in("logged again\r");
    client.until_echoed("logged again").await;
    drop(keeper);
}

/// A folder with a small disk of its own.
struct Mount(std::path::PathBuf);

impl Mount {
    fn new(at: &std::path::Path) -> Option<Self> {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount("tmpfs", at, "tmpfs", flags, Some(c"size=8m")).ok()?;
        Some(Self(at.to_owned()))
    }

    fn grow(&self) {
        let flags = rustix::mount::MountFlags::empty();
        rustix::mount::mount_remount(&self.0, flags, c"size=256m").expect("it can grow");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
    }
}
