//! Measures an append: `cargo run --release -p longrein-store --example append`.
use longrein_store::{NewEntry, SessionLog};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut log = SessionLog::open(&folder.path().join("log.db"), "boot")?;
    let reader = log.reader()?;
    for size in [1usize, 100, 4096, 48 * 1024] {
        let payload = vec![b'x'; size];
        let mut times = Vec::new();
        for n in 0..5000u64 {
            let begin = Instant::now();
            log.append(&[NewEntry {
                at: n,
                kept: longrein_store::Kept::Trimmed,
                header: r#"{"kind":"output"}"#,
                payload: &payload,
            }])?;
            times.push(begin.elapsed());
            if n % 100 == 99 {
                reader.checkpoint()?;
            }
        }
        times.sort();
        println!("{size:>6} bytes: p50 {:?}, p99 {:?}, max {:?}", times[2500], times[4950], times[4999]);
    }
    Ok(())
}
