//! Networks that are away for long, half of them, or somewhere else.

use super::net::{Place, Way, alone};
use super::{PROGRAM, Stage, scale};
use crate::support::eventually;
use std::time::{Duration, Instant};

/// So long after the network is there again everything is live: it is looked for once a second. And a slow machine's
/// share.
const BACK: Duration = Duration::from_secs(3);
/// A half-open link is noticed within so long, and a slow machine's share.
const NOTICED: Duration = Duration::from_secs(25);

fn stage() -> (Stage, Place, [super::Walker; 2]) {
    stage_of(PROGRAM)
}

fn stage_of(program: &str) -> (Stage, Place, [super::Walker; 2]) {
    let stage = Stage::of(program);
    let place = Place::new("one", 2);
    let walkers = [stage.walker("a", place), stage.walker("b", stage.at)];
    Stage::go(&walkers);
    (stage, place, walkers)
}

#[test]
fn a_cable_that_was_out_for_long_costs_nothing() {
    alone("faults::outages::a_cable_that_was_out_for_long_costs_nothing", || {
        // In a soak, eleven minutes, too. Who is further behind than a megabyte is shown the screen instead
        // of all numbers, so that there are fewer of them in so long a time.
        let (outages, program) = match scale() {
            1 => (vec![8, 30], PROGRAM.to_owned()),
            _ => (vec![8, 30, 660], PROGRAM.replace("sleep 0.02", "sleep 0.1")),
        };
        let (_stage, place, walkers) = stage_of(&program);
        for seconds in outages {
            let (out, brief) = (Duration::from_secs(seconds), Duration::from_secs(seconds.min(30)));
            if out > brief {
                // What is typed waits for ten minutes, and no longer.
                walkers[0].pauses();
            }
            let before = walkers[0].seen().last.clone();
            place.plug(false);
            std::thread::sleep(brief);
            if out > brief {
                walkers[1].pauses();
                std::thread::sleep(out.saturating_sub(brief));
            }
            place.plug(true);
            place.address(2);
            let back = Instant::now();
            walkers[0].moves_on("o");
            let took = back.elapsed();
            println!("out for {seconds} s, live again after {took:?}");
            assert!(took < BACK, "{took:?}");
            for walker in &walkers {
                walker.types(true);
                walker.moves_on(walker.name);
                walker.is_sound();
            }
            println!("from {before:?} to {:?}", walkers[0].seen().last);
        }
        Stage::finish(&walkers);
    });
}

#[test]
fn a_link_of_which_one_direction_died_is_noticed() {
    alone("faults::outages::a_link_of_which_one_direction_died_is_noticed", || {
        let (_stage, place, walkers) = stage();
        for way in [Way::In, Way::Out] {
            eventually("it is live", || walkers[0].is_live().then_some(()));
            let attached = walkers[0].seen().attached;
            place.lose(way);
            let lost = Instant::now();
            eventually("the client notices", || (!walkers[0].is_live()).then_some(()));
            let noticed = lost.elapsed();
            assert!(noticed < NOTICED, "{way:?}: {noticed:?}");
            place.mend();
            eventually("it is attached again", || (walkers[0].seen().attached > attached).then_some(()));
            walkers[0].moves_on("a");
            println!("{way:?} died: noticed after {noticed:?}");
            walkers[1].is_sound();
        }
        Stage::finish(&walkers);
    });
}

#[test]
fn a_client_that_roams_to_another_address_in_the_midst_of_it_goes_on() {
    alone("faults::outages::a_client_that_roams_to_another_address_in_the_midst_of_it_goes_on", || {
        let (_stage, place, walkers) = stage();
        for n in 0..4 * u8::try_from(scale().min(50)).unwrap() {
            place.address(3 + n % 2);
            let moved = Instant::now();
            walkers[0].moves_on("a");
            // Not after a heartbeat: the machine itself knows.
            assert!(moved.elapsed() < NOTICED / 2, "{:?}", moved.elapsed());
            println!("roamed, live again after {:?}", moved.elapsed());
        }
        Stage::finish(&walkers);
    });
}
