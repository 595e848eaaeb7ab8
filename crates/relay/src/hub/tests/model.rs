//! Every endpoint as it would see the world if each of its connections were a private pipe.

use super::super::*;
use super::world::World;
use proptest::prelude::*;

/// One step of a random history. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    HostComes(u8),
    HostGoes(usize),
    HostSends(usize, usize),
    HostCloses(usize, usize),
    HostReads(usize, usize),
    ClientComes(u8),
    ClientGoes(usize),
    ClientSends(usize),
    ClientReads(usize, usize),
    TimePasses(u16),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let any = 0usize..64;
    prop_oneof![
        1 => (0u8..2).prop_map(Step::HostComes),
        1 => any.clone().prop_map(Step::HostGoes),
        6 => (any.clone(), any.clone()).prop_map(|(host, conn)| Step::HostSends(host, conn)),
        1 => (any.clone(), any.clone()).prop_map(|(host, conn)| Step::HostCloses(host, conn)),
        4 => (any.clone(), 1usize..300).prop_map(|(host, budget)| Step::HostReads(host, budget)),
        3 => (0u8..2).prop_map(Step::ClientComes),
        1 => any.clone().prop_map(Step::ClientGoes),
        6 => any.clone().prop_map(Step::ClientSends),
        4 => (any.clone(), 1usize..300).prop_map(|(client, budget)| Step::ClientReads(client, budget)),
        1 => (0u16..3000).prop_map(Step::TimePasses),
    ]
}

/// The reference: every endpoint as it would see the world if each of its connections were a private pipe.
#[derive(Default)]
pub(super) struct Model {
    pub(super) hosts: Vec<ModelHost>,
    pub(super) clients: Vec<ModelClient>,
    /// Which client each conversation belongs to, so that bytes can be traced to who sent them.
    serial: u32,
}

pub(super) struct ModelHost {
    pub(super) link: Link,
    /// Connection number -> how many it sent, and the client's numbers it received so far.
    pub(super) conns: HashMap<u32, (u32, Vec<[u32; 2]>)>,
}

pub(super) struct ModelClient {
    pub(super) link: Link,
    /// Its current conversation, as the client itself understands it: begun by `PRESENCE` online.
    pub(super) conversation: Option<u32>,
    pub(super) sent: u32,
    /// Host's link and connection, and the host's numbers received in this conversation.
    pub(super) received: Vec<[u32; 2]>,
    pub(super) ended: bool,
}

fn two(a: u32, b: u32) -> Vec<u8> {
    [a.to_be_bytes(), b.to_be_bytes()].concat()
}

fn parse(body: &[u8]) -> [u32; 2] {
    [0, 4].map(|at| u32::from_be_bytes(body[at..at + 4].try_into().unwrap()))
}

/// Bytes of one conversation arrive from its first on, in order, each once.
fn is_prefix(received: &[[u32; 2]]) -> bool {
    received.iter().enumerate().all(|(at, [whose, n])| *whose == received[0][0] && *n as usize == at)
}

impl Model {
    pub(super) fn host_reads(
        &mut self,
        world: &mut World,
        at: usize,
        budget: usize,
    ) -> Result<(), TestCaseError> {
        let mut batch = Vec::new();
        let host = &mut self.hosts[at];
        world.hub.take(host.link, budget, &mut batch);
        for frame in batch {
            match HostFrame::decode(&frame).unwrap() {
                HostFrame::Open { conn, .. } => {
                    prop_assert!(host.conns.insert(conn.0, (0, Vec::new())).is_none(), "opened twice");
                }
                HostFrame::Data { conn, body } => {
                    let conn = host.conns.get_mut(&conn.0);
                    prop_assert!(conn.is_some(), "data without a connection");
                    let received = &mut conn.unwrap().1;
                    received.push(parse(body));
                    prop_assert!(is_prefix(received), "a host saw {received:?}");
                }
                HostFrame::Close { conn, .. } => drop(host.conns.remove(&conn.0)),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn client_reads(
        &mut self,
        world: &mut World,
        at: usize,
        budget: usize,
    ) -> Result<(), TestCaseError> {
        let mut batch = Vec::new();
        let client = &mut self.clients[at];
        let taken = world.hub.take(client.link, budget, &mut batch);
        for frame in batch {
            match ClientFrame::decode(&frame).unwrap() {
                ClientFrame::Presence { online: true, .. } => {
                    prop_assert!(client.conversation.is_none(), "met a host while with a host");
                    self.serial += 1;
                    client.conversation = Some(self.serial);
                    (client.sent, client.received) = (0, Vec::new());
                }
                ClientFrame::Presence { online: false, .. } => client.conversation = None,
                ClientFrame::Ping(id) => world.client_says(client.link, &ClientFrame::Pong(id)),
                ClientFrame::Data(body) => {
                    prop_assert!(client.conversation.is_some(), "data without a host");
                    client.received.push(parse(body));
                    prop_assert!(is_prefix(&client.received), "a client saw {:?}", client.received);
                }
                _ => {}
            }
        }
        client.ended |= matches!(taken, Taken::End(_));
        Ok(())
    }

    pub(super) fn apply(&mut self, world: &mut World, step: Step) -> Result<(), TestCaseError> {
        let (hosts, clients) = (self.hosts.len().max(1), self.clients.len().max(1));
        match step {
            Step::HostComes(n) => {
                let link = world.host(n);
                self.hosts.push(ModelHost { link, conns: HashMap::new() });
            }
            Step::HostGoes(at) if !self.hosts.is_empty() => {
                let host = self.hosts.swap_remove(at % hosts);
                world.gone(host.link);
            }
            Step::HostSends(at, which) if !self.hosts.is_empty() => {
                let host = &mut self.hosts[at % hosts];
                let mut conns: Vec<u32> = host.conns.keys().copied().collect();
                conns.sort_unstable();
                if let Some(conn) = conns.get(which % conns.len().max(1)) {
                    let sent = &mut host.conns.get_mut(conn).unwrap().0;
                    let body = two(u32::try_from(host.link.0).unwrap() << 16 | *conn, *sent);
                    *sent += 1;
                    let link = host.link;
                    world.host_says(link, &HostFrame::Data { conn: Conn(*conn), body: &body });
                }
            }
            Step::HostCloses(at, which) if !self.hosts.is_empty() => {
                let host = &mut self.hosts[at % hosts];
                let mut conns: Vec<u32> = host.conns.keys().copied().collect();
                conns.sort_unstable();
                if let Some(conn) = conns.get(which % conns.len().max(1)) {
                    host.conns.remove(conn);
                    let frame = HostFrame::Close { conn: Conn(*conn), code: CloseCode::Normal };
                    world.host_says(host.link, &frame);
                }
            }
            Step::HostReads(at, budget) if !self.hosts.is_empty() => {
                self.host_reads(world, at % hosts, budget)?;
            }
            Step::ClientComes(n) => {
                let link = world.client(n);
                let client =
                    ModelClient { link, conversation: None, sent: 0, received: Vec::new(), ended: false };
                self.clients.push(client);
            }
            Step::ClientGoes(at) if !self.clients.is_empty() => {
                let client = self.clients.swap_remove(at % clients);
                world.gone(client.link);
            }
            Step::ClientSends(at) if !self.clients.is_empty() => {
                let client = &mut self.clients[at % clients];
                if let Some(conversation) = client.conversation {
                    let body = two(conversation, client.sent);
                    client.sent += 1;
                    world.data(client.link, &body);
                }
            }
            Step::ClientReads(at, budget) if !self.clients.is_empty() => {
                self.client_reads(world, at % clients, budget)?;
            }
            Step::TimePasses(ms) => world.pass(Duration::from_millis(ms.into())),
            _ => {}
        }
        Ok(())
    }
}
