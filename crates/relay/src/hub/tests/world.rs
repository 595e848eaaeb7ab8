//! A hub with hosts and clients to speak for, and a clock to turn.

use super::super::*;
use wire::RelaySecret;

pub(super) struct World {
    pub(super) hub: Hub,
    pub(super) now: Instant,
    tickets: u64,
}

pub(super) fn secret(n: u8) -> RelaySecret {
    RelaySecret([n; 32])
}

pub(super) fn address(text: &str) -> Address {
    Address::new(text.parse().unwrap())
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(super) fn with(limits: Limits) -> Self {
        let now = Instant::now();
        Self { hub: Hub::new(limits, now, 1_000_000), now, tickets: 0 }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.hub.handle_timeout(self.now);
    }

    pub(super) fn host(&mut self, n: u8) -> Link {
        let link = self.hub.connect_host(address("127.0.0.1"), self.now).unwrap();
        self.host_says(link, &HostFrame::Register(secret(n)));
        link
    }

    pub(super) fn ticket(&mut self, rid: Rid, from: &str, origin: Option<&str>) -> Result<Ticket, CloseCode> {
        self.tickets += 1;
        let mut ticket = Ticket([7; 32]);
        ticket.0[..8].copy_from_slice(&self.tickets.to_be_bytes());
        self.hub.issue_ticket(ticket.hash(), rid, origin, address(from), self.now)?;
        Ok(ticket)
    }

    pub(super) fn client(&mut self, n: u8) -> Link {
        let rid = secret(n).rid();
        let ticket = self.ticket(rid, "127.0.0.1", None).unwrap();
        self.hub.connect_client(rid, &ticket, None, address("127.0.0.1"), self.now).unwrap()
    }

    pub(super) fn host_says(&mut self, link: Link, frame: &HostFrame<'_>) {
        self.hub.handle_frame(link, frame.to_vec().into(), self.now);
    }

    pub(super) fn client_says(&mut self, link: Link, frame: &ClientFrame<'_>) {
        self.hub.handle_frame(link, frame.to_vec().into(), self.now);
    }

    pub(super) fn data(&mut self, link: Link, body: &[u8]) {
        self.client_says(link, &ClientFrame::Data(body));
    }

    pub(super) fn take(&mut self, link: Link) -> (Vec<Bytes>, Taken) {
        let mut batch = Vec::new();
        let taken = self.hub.take(link, usize::MAX, &mut batch);
        (batch, taken)
    }

    /// What a host reads: shown as text, to be compared as a whole.
    pub(super) fn host_reads(&mut self, link: Link) -> Vec<String> {
        self.take(link).0.iter().map(|frame| format!("{:?}", HostFrame::decode(frame).unwrap())).collect()
    }

    pub(super) fn client_reads(&mut self, link: Link) -> Vec<ClientRead> {
        let (frames, taken) = self.take(link);
        let frames = frames.iter().map(|frame| match ClientFrame::decode(frame).unwrap() {
            ClientFrame::Data(body) => ClientRead::Data(body.to_vec()),
            ClientFrame::Presence { online, .. } => ClientRead::Presence(online),
            ClientFrame::Ping(id) => ClientRead::Ping(id),
            ClientFrame::Pong(id) => ClientRead::Pong(id),
            ClientFrame::Close(code) => ClientRead::Close(code),
            ClientFrame::Restarting(ms) => ClientRead::Restarting(ms),
        });
        let end = if let Taken::End(code) = taken { Some(ClientRead::End(code)) } else { None };
        frames.chain(end).collect()
    }

    pub(super) fn gone(&mut self, link: Link) {
        self.hub.handle_gone(link, self.now);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ClientRead {
    Data(Vec<u8>),
    Presence(bool),
    Ping([u8; 8]),
    Pong([u8; 8]),
    Close(CloseCode),
    Restarting(u32),
    End(CloseCode),
}

pub(super) const ONLINE: ClientRead = ClientRead::Presence(true);
pub(super) const OFFLINE: ClientRead = ClientRead::Presence(false);

pub(super) fn registered(n: u8) -> String {
    format!("{:?}", HostFrame::Registered(secret(n).rid()))
}

pub(super) fn open(conn: u32) -> String {
    format!("{:?}", HostFrame::Open { conn: Conn(conn), address: "127.0.0.1" })
}

pub(super) fn data(conn: u32, body: &[u8]) -> String {
    format!("{:?}", HostFrame::Data { conn: Conn(conn), body })
}

pub(super) fn close(conn: u32, code: CloseCode) -> String {
    format!("{:?}", HostFrame::Close { conn: Conn(conn), code })
}
