//! Connections that end in every way there is, again and again, while numbers go both ways.

use super::net::{Place, Way, alone};
use super::{Stage, scale};
use crate::support::{Dice, kill};
use std::time::{Duration, Instant};

/// Forced disconnects of one run.
const FAULTS: u64 = 25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Reset,
    Lost,
    Unplugged,
    RelayRestarts,
    DaemonKilled,
}

const ALL: [Fault; 5] =
    [Fault::Reset, Fault::Lost, Fault::Unplugged, Fault::RelayRestarts, Fault::DaemonKilled];

fn strike(stage: &mut Stage, fault: Fault, at: Place, outage: Duration) {
    let wait = || std::thread::sleep(outage);
    match fault {
        Fault::Reset => {
            at.reset();
            wait();
            at.mend();
        }
        Fault::Lost => {
            at.lose(Way::Both);
            wait();
            at.mend();
        }
        Fault::Unplugged => {
            at.plug(false);
            wait();
            at.plug(true);
            at.address(2);
        }
        Fault::RelayRestarts => stage.relay.restart(),
        Fault::DaemonKilled => {
            kill(stage.host.daemon(), "KILL");
            stage.up();
        }
    }
}

#[test]
fn every_number_arrives_once_and_in_order_both_ways_whatever_is_cut() {
    alone("faults::disconnects::every_number_arrives_once_and_in_order_both_ways_whatever_is_cut", || {
        let mut stage = Stage::new();
        let (one, two) = (Place::new("one", 2), Place::new("two", 3));
        let walkers = [stage.walker("a", one), stage.walker("b", two)];
        Stage::go(&walkers);
        let mut dice = Dice(7);
        let mut back = Vec::new();
        let faults = FAULTS * scale();
        let start = Instant::now();
        for n in 0..faults {
            let fault = ALL[usize::try_from(n).unwrap() % ALL.len()];
            let places = [stage.at, one, two];
            let at = places[usize::try_from(dice.below(3)).unwrap()];
            strike(&mut stage, fault, at, Duration::from_millis(20 + dice.below(400)));
            let mended = Instant::now();
            for walker in &walkers {
                walker.moves_on("o");
                walker.moves_on(walker.name);
                walker.is_sound();
            }
            back.push((mended.elapsed(), fault));
        }
        back.sort_by_key(|(time, _)| *time);
        let at = |percent: usize| back[(back.len() - 1) * percent / 100];
        let attached: u64 = walkers.iter().map(|walker| walker.seen().attached).sum();
        println!(
            "{faults} faults in {:.0} s, {attached} attaches; all live again after {:?} (median), {:?} (p95), {:?} (at most)",
            start.elapsed().as_secs_f64(),
            at(50),
            at(95),
            at(100),
        );
        assert!(attached > faults / 2, "the faults did not cut: {attached}");
        Stage::finish(&walkers);
    });
}
