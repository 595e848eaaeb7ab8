//! Much output, and what must not wait behind it.

use super::net::{Place, alone};
use super::{Stage, scale};
use crate::support::eventually;
use std::time::{Duration, Instant};

/// Prints this many numbered lines from the first line that it gets on, then waits for another.
fn flood(lines: u64) -> String {
    format!("stty -echo -onlcr; echo ready; read -r go; seq -f o:%.0f {lines}; read -r end; exit 7")
}

#[test]
fn five_clients_go_on_in_a_flood_when_the_daemon_is_replaced() {
    alone("faults::floods::five_clients_go_on_in_a_flood_when_the_daemon_is_replaced", || {
        let lines = 200_000 * scale();
        let stage = Stage::of(&flood(lines));
        let walkers: Vec<_> = ["a", "b", "c", "d", "e"]
            .into_iter()
            .zip(2..)
            .map(|(name, number)| stage.walker(name, Place::new(name, number)))
            .collect();
        walkers[0].say("go\n");
        walkers[0].moves_on("o");
        let mut swaps = 0;
        while walkers.iter().any(|walker| walker.last("o") < lines) {
            let before: Vec<u64> = walkers.iter().map(|walker| walker.seen().attached).collect();
            stage.replace();
            swaps += 1;
            let swapped = Instant::now();
            for (walker, before) in walkers.iter().zip(before) {
                walker.comes_back(before);
            }
            println!("replaced, all five attached again after {:?}", swapped.elapsed());
            if swaps == 3 * scale() {
                break;
            }
            if swaps >= 3 {
                // A relay gives one address a ticket a second, and sixty at once; each swap takes a few.
                std::thread::sleep(Duration::from_secs(4));
            }
        }
        for walker in &walkers {
            eventually("the last line", || (walker.last("o") == lines).then_some(()));
            let seen = walker.seen();
            // A client that was far behind may have been shown the screen instead of what scrolled by.
            assert!(seen.wrong.is_empty(), "{}: {:?}", walker.name, seen.wrong);
            println!("{}: {} lines, {} times skipped ahead", walker.name, seen.last["o"], seen.skipped);
        }
        walkers[0].say("end\n");
        eventually("the end", || walkers.iter().all(|walker| walker.seen().exit == Some(7)).then_some(()));
    });
}

/// Floods from each line that it gets until an interrupt, and says so in a file, too.
const UNTIL_INTERRUPTED: &str = r#"
trap : INT; stty -echo -onlcr; echo ready; n=0
while read -r go; do
    [ "$go" = end ] && exit 7
    seq -f o:%.0f 100000000; n=$((n+1)); echo "$n" > stopped; echo "s:$n"
done"#;

#[test]
fn a_client_that_reads_slowly_stops_a_flood_at_once() {
    alone("faults::floods::a_client_that_reads_slowly_stops_a_flood_at_once", || {
        let stage = Stage::of(UNTIL_INTERRUPTED);
        let walker = stage.walker("a", Place::new("one", 2));
        walker.reads(50_000);
        let file = stage.host.path().join("stopped");
        let mut took = Vec::new();
        for round in 1..=2 * scale() {
            walker.say("go\n");
            // Long enough that far more was printed than a slow client could have read in an hour.
            std::thread::sleep(Duration::from_secs(1));
            let pressed = Instant::now();
            walker.interrupt();
            let stopped = || std::fs::read_to_string(&file).is_ok_and(|n| n.trim() == round.to_string());
            eventually("the flood stops", || stopped().then_some(()));
            took.push(pressed.elapsed());
            eventually("the last line is there", || (walker.last("s") == round).then_some(()));
        }
        took.sort();
        let p95 = took[(took.len() - 1) * 95 / 100];
        println!(
            "interrupts took {:?} (median), {p95:?} (p95); {} skips",
            took[took.len() / 2],
            walker.seen().skipped
        );
        assert!(p95 < Duration::from_millis(500), "{took:?}");
        walker.say("end\n");
        eventually("the end", || walker.seen().exit);
    });
}
