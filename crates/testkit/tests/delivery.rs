//! Replay, follow, outbox, inbox, approvals and liveness in ten thousand bad worlds, against a model that knows the truth.

use longrein_testkit::each_seed;
use longrein_testkit::sim::{self, Tally};
use std::sync::Mutex;

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let all = Mutex::new(Tally::default());
    each_seed(10_000, |seed| {
        let tally = sim::run(seed);
        *all.lock().unwrap() += tally;
    });
    let all = all.into_inner().unwrap();
    println!("{all:#?}");
    if all.worlds > 1 {
        // A world in which nothing goes wrong proves nothing.
        for happened in [
            all.snapshots,
            all.done,
            all.expired,
            all.refused,
            all.silent,
            all.meddled,
            all.quits,
            all.epochs,
            all.decided,
            all.granted,
            all.too_late,
        ] {
            assert!(happened > 100, "{all:#?}");
        }
    }
}

#[test]
fn a_seed_plays_the_same_world_again() {
    for seed in [1, 2, 3] {
        assert_eq!(sim::run(seed), sim::run(seed));
    }
}
