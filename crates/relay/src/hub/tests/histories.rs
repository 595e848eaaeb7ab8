//! Random histories, against the model.

use super::super::*;
use super::model::{Model, step};
use super::world::World;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_conversation_is_a_private_pipe(steps in prop::collection::vec(step(), 0..150)) {
        let mut world = World::new();
        let mut model = Model::default();
        for step in steps {
            model.apply(&mut world, step)?;
            settled(&mut world);
        }
        // Healed: everybody reads everything, twice because answering a barrier makes more.
        for _ in 0..3 {
            for at in 0..model.clients.len() {
                model.client_reads(&mut world, at, usize::MAX)?;
            }
            for at in 0..model.hosts.len() {
                model.host_reads(&mut world, at, usize::MAX)?;
            }
        }
        for client in &model.clients {
            if let (Some(conversation), false) = (client.conversation, client.ended) {
                let all = model.hosts.iter().flat_map(|host| host.conns.values());
                let arrived = all.filter(|(_, got)| got.first().is_some_and(|[whose, _]| *whose == conversation));
                let arrived: Vec<usize> = arrived.map(|(_, got)| got.len()).collect();
                let expected: Vec<usize> = if client.sent == 0 { vec![] } else { vec![client.sent as usize] };
                prop_assert_eq!(arrived, expected, "all that a client sent in its conversation is there");
            }
        }
        for host in &model.hosts {
            world.gone(host.link);
        }
        for client in &model.clients {
            world.gone(client.link);
        }
        prop_assert_eq!(world.hub.load(), (0, 0, 0));
        prop_assert!(world.hub.links.is_empty() && world.hub.deadlines.is_empty());
        prop_assert!(world.hub.slots.values().all(|slot| slot.host.is_none() && slot.clients.is_empty()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
        let mut world = World::new();
        let host = world.host(1);
        let client = world.client(1);
        for (at, frame) in frames.into_iter().enumerate() {
            world.hub.handle_frame(if at % 2 == 0 { host } else { client }, frame.into(), world.now);
            settled(&mut world);
        }
    }
}

pub(super) fn settled(world: &mut World) {
    let mut woken = Vec::new();
    while let Some(Output::Wake(link)) = world.hub.poll_output() {
        woken.push(link);
    }
    // Whoever has something to read was woken.
    let waiting = |entry: &Entry| match &entry.side {
        Side::Host(host) => !host.queue.is_empty(),
        Side::Client(client) => !client.queue.is_empty(),
    };
    for entry in world.hub.links.values() {
        assert!(!waiting(entry) || entry.woken);
    }
    let queued: usize = world
        .hub
        .links
        .values()
        .map(|entry| match &entry.side {
            Side::Host(host) => host.queue.bytes(),
            Side::Client(client) => client.queue.bytes(),
        })
        .sum();
    assert_eq!(world.hub.queued, queued);
    // What is due is due of a link that is there, and joined numbers are those of clients that have not ended.
    for (at, link) in &world.hub.deadlines {
        assert_eq!(world.hub.links.get(link).and_then(|entry| entry.deadline), Some(*at));
    }
    for entry in world.hub.links.values() {
        let Side::Host(host) = &entry.side else { continue };
        for link in host.clients.values() {
            assert!(world.hub.links.get(link).is_some_and(|entry| entry.end.is_none()));
        }
    }
}
