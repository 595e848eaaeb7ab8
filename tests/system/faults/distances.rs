//! Hosts that are far away, over a network that loses packets.

use super::net::{self, Place, alone};
use super::{Stage, Walker};
use crate::support::{Distance, Weather, eventually};
use client::Route;
use std::time::Duration;

/// Half way around the world, on a bad day.
const FAR: Weather = Weather { round_trip: Duration::from_millis(200), lost: 5 };
/// Between two numbers of a typist.
const TYPES_EVERY: Duration = Duration::from_millis(100);
/// Numbers of each typist that are looked at.
const TYPED: usize = 100;

#[test]
fn typing_over_a_long_way_that_loses_packets_is_usable_and_every_number_is_exact() {
    alone(
        "faults::distances::typing_over_a_long_way_that_loses_packets_is_usable_and_every_number_is_exact",
        || {
            let stage = Stage::new();
            let way = Distance::start(net::MIDDLE.parse().unwrap(), stage.relay.address, FAR).unwrap();
            let walkers = [("a", Place::new("one", 2)), ("b", Place::new("two", 3))].map(|(name, place)| {
                let mut host = stage.device(name, place);
                host.relay = format!("http://{}", way.address);
                Walker::start(name, place, Route::Host(Box::new(host)), &stage.session)
            });
            for walker in &walkers {
                walker.types_every(TYPES_EVERY);
            }
            Stage::go(&walkers);
            for walker in &walkers {
                let echoes = || {
                    let echoes = walker.seen().echoes.clone();
                    (echoes.len() >= TYPED).then_some(echoes)
                };
                let mut took = eventually("the echoes", echoes);
                took.sort();
                let at = |percent: usize| took[(took.len() - 1) * percent / 100];
                println!(
                    "from key to echo {:?} (median), {:?} (p95), {:?} (at most)",
                    at(50),
                    at(95),
                    at(100)
                );
                assert!(at(0) >= FAR.round_trip, "it is not far: {took:?}");
                assert!(at(50) < Duration::from_secs(1) && at(95) < Duration::from_secs(3), "{took:?}");
            }
            way.away(true);
            for walker in &walkers {
                eventually("it is cut", || (!walker.is_live()).then_some(()));
            }
            way.away(false);
            for walker in &walkers {
                walker.moves_on(walker.name);
            }
            Stage::finish(&walkers);
        },
    );
}
