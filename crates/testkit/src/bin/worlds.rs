//! Plays the simulated worlds of many seeds on all processors, with progress; `cargo xtask soak` runs it.

use longrein_testkit::sim::{self, Tally};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(50);

fn main() -> ExitCode {
    let Some(seeds) = std::env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: worlds SEEDS, a number");
        return ExitCode::from(2);
    };
    let (next, failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let all = Mutex::new(Tally::default());
    let start = Instant::now();
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| play(&next, seeds, &failed, &all))).collect();
        let mut told = start;
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(LOOK_EVERY);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                let played = sum(&all).worlds;
                eprintln!("{played} of {seeds} worlds in {:.0} s", start.elapsed().as_secs_f64());
            }
        }
    });
    println!("in {:.1} s: {:#?}", start.elapsed().as_secs_f64(), sum(&all));
    if failed.load(Ordering::Relaxed) {
        return ExitCode::FAILURE;
    }
    println!("{seeds} worlds: nothing was lost, and nothing came twice");
    ExitCode::SUCCESS
}

/// Plays one world after another, until there are none left or one has failed.
fn play(next: &AtomicU64, seeds: u64, failed: &AtomicBool, all: &Mutex<Tally>) {
    while !failed.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= seeds {
            return;
        }
        if let Ok(tally) = std::panic::catch_unwind(|| sim::run(seed)) {
            *all.lock().unwrap_or_else(PoisonError::into_inner) += tally;
        } else {
            failed.store(true, Ordering::Relaxed);
            eprintln!("failed with SEED={seed}; play it again with");
            eprintln!("  SEED={seed} cargo test -p longrein-testkit --test delivery");
        }
    }
}

fn sum(all: &Mutex<Tally>) -> Tally {
    *all.lock().unwrap_or_else(PoisonError::into_inner)
}
