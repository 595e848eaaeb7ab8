//! How frames pass through the hub, and how links end.

use super::limits::Kind;
use super::queue::cost;
use super::{Client, Entry, Hub, Link, Side, Stage};
use bytes::{Buf, Bytes, BytesMut};
use std::time::Instant;
use wire::limits::MAX_DATA;
use wire::{ClientFrame, CloseCode, Conn, HostFrame, Rid};

impl Hub {
    /// One WebSocket message from a link.
    pub fn handle_frame(&mut self, link: Link, frame: Bytes, now: Instant) {
        let Some(entry) = self.links.get(&link) else { return };
        if entry.end.is_some() {
            return;
        }
        let good = match &entry.side {
            Side::Host(_) => self.host_frame(link, frame, now),
            Side::Client(_) => self.client_frame(link, &frame, now),
        };
        if !good {
            let address = self.links.get(&link).map(|entry| entry.address);
            if let Some(address) = address {
                self.addresses.failed(address, &self.limits, now);
            }
            self.end(link, CloseCode::Malformed, now);
        }
    }

    /// False where the host broke the protocol.
    fn host_frame(&mut self, link: Link, frame: Bytes, now: Instant) -> bool {
        let Some(Entry { side: Side::Host(host), .. }) = self.links.get(&link) else { return true };
        let registered = host.rid.is_some();
        match HostFrame::decode(&frame) {
            Ok(HostFrame::Register(secret)) if !registered => {
                self.register(link, secret.rid(), now);
                true
            }
            Ok(HostFrame::Data { conn, .. }) if registered => {
                // A connection that has just ended may still have frames under way.
                if let Some(client) = host.clients.get(&conn).copied() {
                    self.push_client(client, as_client_data(frame));
                }
                true
            }
            Ok(HostFrame::Close { conn, code }) if registered => {
                match host.clients.get(&conn).copied() {
                    Some(client) => self.end_client(client, code, None),
                    // The client went at the same time; what is left of it is of no use to the host.
                    None => self.clear_lane(link, conn),
                }
                true
            }
            Ok(HostFrame::Ping(id)) if registered => {
                self.push_host(link, Conn(0), HostFrame::Pong(id).to_vec().into());
                true
            }
            Ok(HostFrame::Pong(_)) => registered,
            _ => false,
        }
    }

    /// False where the client broke the protocol.
    fn client_frame(&mut self, link: Link, frame: &Bytes, now: Instant) -> bool {
        let Some(Entry { side: Side::Client(client), deadline, .. }) = self.links.get(&link) else {
            return true;
        };
        let (rid, stage, fresh) = (client.rid, client.stage, deadline.is_some());
        match (ClientFrame::decode(frame), stage) {
            (Ok(ClientFrame::Data(body)), Stage::Joined { host, conn }) => {
                let mut data = BytesMut::with_capacity(5 + body.len());
                data.extend_from_slice(&[frame[0]]);
                data.extend_from_slice(&conn.0.to_be_bytes());
                data.extend_from_slice(body);
                if fresh {
                    self.set_deadline(link, None);
                }
                self.push_host(host, conn, data.freeze());
                true
            }
            (Ok(ClientFrame::Close(code)), _) => {
                self.end_client(link, CloseCode::Normal, Some(code));
                true
            }
            (Ok(ClientFrame::Ping(id)), _) => {
                self.tell_client(link, &ClientFrame::Pong(id));
                true
            }
            (Ok(ClientFrame::Pong(id)), Stage::Waiting { barrier: Some(barrier) }) => {
                if u64::from_be_bytes(id) == barrier {
                    self.set_stage(link, Stage::Waiting { barrier: None });
                    if let Some(host) = self.slots.get(&rid).and_then(|slot| slot.host) {
                        self.join(link, host, now);
                    }
                }
                true
            }
            // Bytes while waiting were sent before the client knew that the host is away.
            (Ok(ClientFrame::Data(_)), Stage::Waiting { .. }) | (Ok(ClientFrame::Pong(_)), _) => true,
            _ => false,
        }
    }

    fn register(&mut self, link: Link, rid: Rid, now: Instant) {
        let seen = self.unix_ms(now);
        let slot = self.slot(rid, now);
        slot.last_seen = seen;
        if let Some(old) = slot.host {
            self.end(old, CloseCode::Replaced, now);
        }
        self.set_deadline(link, None);
        if let Some(Entry { side: Side::Host(host), .. }) = self.links.get_mut(&link) {
            host.rid = Some(rid);
        }
        self.push_host(link, Conn(0), HostFrame::Registered(rid).to_vec().into());
        let slot = self.slot(rid, now);
        slot.host = Some(link);
        let mut waiting: Vec<Link> = slot.clients.iter().copied().collect();
        waiting.sort_unstable();
        for client in waiting {
            if matches!(
                self.links.get(&client),
                Some(Entry {
                    side: Side::Client(Client { stage: Stage::Waiting { barrier: None }, .. }),
                    ..
                })
            ) {
                self.join(client, link, now);
            }
        }
    }

    /// The link's socket is gone, whoever closed it.
    pub fn handle_gone(&mut self, link: Link, now: Instant) {
        self.end(link, CloseCode::Normal, now);
        self.set_deadline(link, None);
        let Some(entry) = self.links.remove(&link) else { return };
        let (kind, waiting) = match &entry.side {
            Side::Host(host) => (Kind::Host, host.queue.bytes()),
            Side::Client(client) => (Kind::Client, client.queue.bytes()),
        };
        match kind {
            Kind::Host => self.hosts -= 1,
            Kind::Client => self.clients -= 1,
        }
        self.queued -= waiting;
        self.addresses.left(entry.address, kind);
    }

    /// Takes a link out of the table and closes it for this reason, once what waits is written.
    pub(super) fn end(&mut self, link: Link, code: CloseCode, now: Instant) {
        match self.links.get(&link) {
            Some(Entry { end: None, side: Side::Host(_), .. }) => self.end_host(link, code, None, now),
            Some(Entry { end: None, side: Side::Client(_), .. }) => self.end_client(link, code, Some(code)),
            _ => {}
        }
    }

    pub(super) fn end_host(&mut self, link: Link, code: CloseCode, bye: Option<HostFrame<'_>>, now: Instant) {
        self.set_deadline(link, None);
        let seen = self.unix_ms(now);
        let Some(Entry { side: Side::Host(host), end, .. }) = self.links.get_mut(&link) else { return };
        *end = Some(code);
        let clients = std::mem::take(&mut host.clients);
        let rid = host.rid.take();
        // Nobody will miss what waits for a host whose connections are all over.
        let stale = std::mem::take(&mut host.queue);
        self.queued -= stale.bytes();
        for frame in bye.into_iter().chain([HostFrame::Close { conn: Conn(0), code }]) {
            self.push_host(link, Conn(0), frame.to_vec().into());
        }
        self.wake(link);
        if let Some(slot) = rid.and_then(|rid| self.slots.get_mut(&rid)) {
            slot.host = None;
            slot.last_seen = seen;
            slot.used = now;
        }
        for client in clients.into_values() {
            // Link numbers are never used twice, and neither is one as a barrier for the same client.
            let barrier = self.next_link;
            self.next_link += 1;
            self.set_deadline(client, None);
            self.set_stage(client, Stage::Waiting { barrier: Some(barrier) });
            self.tell_client(client, &ClientFrame::Presence { online: false, last_seen: seen });
            self.tell_client(client, &ClientFrame::Ping(barrier.to_be_bytes()));
        }
    }

    /// The client is told `code`; the host, if it does not know yet, `for_host`.
    pub(super) fn end_client(&mut self, link: Link, code: CloseCode, for_host: Option<CloseCode>) {
        self.set_deadline(link, None);
        let Some(Entry { side: Side::Client(client), end, .. }) = self.links.get_mut(&link) else { return };
        if end.is_some() {
            return;
        }
        *end = Some(code);
        let (rid, stage) = (client.rid, client.stage);
        if code == CloseCode::Overflow {
            self.queued -= client.queue.bytes();
            client.queue.clear();
        }
        let bye: Bytes = ClientFrame::Close(code).to_vec().into();
        self.queued += cost(&bye);
        client.queue.push(bye);
        client.stage = Stage::Waiting { barrier: None };
        self.wake(link);
        if let Some(slot) = self.slots.get_mut(&rid) {
            slot.clients.remove(&link);
        }
        let Stage::Joined { host, conn } = stage else { return };
        // Not worth writing any more: the host closed it itself, or it was too much.
        if for_host.is_none_or(|code| code == CloseCode::Overflow) {
            self.clear_lane(host, conn);
        }
        let Some(Entry { side: Side::Host(there), .. }) = self.links.get_mut(&host) else { return };
        there.clients.remove(&conn);
        if let Some(code) = for_host {
            let frame: Bytes = HostFrame::Close { conn, code }.to_vec().into();
            self.queued += cost(&frame);
            there.queue.push(conn, frame);
            self.wake(host);
        }
    }

    fn clear_lane(&mut self, host: Link, conn: Conn) {
        if let Some(Entry { side: Side::Host(host), .. }) = self.links.get_mut(&host) {
            self.queued -= host.queue.lane(conn);
            host.queue.clear_lane(conn);
        }
    }

    pub(super) fn tell_client(&mut self, link: Link, frame: &ClientFrame<'_>) {
        self.push_client(link, frame.to_vec().into());
    }

    fn push_client(&mut self, link: Link, frame: Bytes) {
        let total = self.queued + cost(&frame);
        let Some(Entry { side: Side::Client(client), .. }) = self.links.get_mut(&link) else { return };
        if client.queue.bytes() + cost(&frame) > self.limits.queued_per_connection
            || total > self.limits.queued
        {
            return self.end_client(link, CloseCode::Overflow, Some(CloseCode::Overflow));
        }
        self.queued = total;
        client.queue.push(frame);
        self.wake(link);
    }

    /// Queues a frame for one of a host's connections, or for the link itself as connection 0.
    pub(super) fn push_host(&mut self, link: Link, conn: Conn, frame: Bytes) {
        let total = self.queued + cost(&frame);
        let Some(Entry { side: Side::Host(host), .. }) = self.links.get_mut(&link) else { return };
        let ahead = if conn.0 == 0 { host.queue.link() } else { host.queue.lane(conn) };
        if ahead + cost(&frame) > self.limits.queued_per_connection || total > self.limits.queued {
            // What is asked of the link itself and never read is the host's own doing: its answers are dropped, and
            // its silence ends the link soon.
            if let Some(client) = host.clients.get(&conn).copied() {
                self.end_client(client, CloseCode::Overflow, Some(CloseCode::Overflow));
            }
            return;
        }
        self.queued = total;
        if conn.0 == 0 {
            host.queue.push_link(frame);
        } else {
            host.queue.push(conn, frame);
        }
        self.wake(link);
    }

    fn set_stage(&mut self, link: Link, to: Stage) {
        if let Some(Entry { side: Side::Client(client), .. }) = self.links.get_mut(&link) {
            client.stage = to;
        }
    }

    pub(super) fn set_deadline(&mut self, link: Link, to: Option<Instant>) {
        let Some(entry) = self.links.get_mut(&link) else { return };
        if let Some(old) = std::mem::replace(&mut entry.deadline, to) {
            self.deadlines.remove(&(old, link));
        }
        if let Some(new) = to {
            self.deadlines.insert((new, link));
        }
    }
}

/// A host's `DATA` as its client's: in place where nobody else holds the bytes.
fn as_client_data(mut frame: Bytes) -> Bytes {
    debug_assert!(frame.len() > 5 && frame.len() <= MAX_DATA + 5);
    let kind = frame[0];
    frame.advance(4);
    match frame.try_into_mut() {
        Ok(mut own) => {
            own[0] = kind;
            own.freeze()
        }
        Err(shared) => {
            let mut own = BytesMut::from(&*shared);
            own[0] = kind;
            own.freeze()
        }
    }
}
