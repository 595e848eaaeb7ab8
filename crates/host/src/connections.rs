//! Who is connected: the connections that have not proved anything yet, and the channels that stand.
//!
//! Bounds: [`MAX_HALF_OPEN`] half-open connections, the oldest of which makes way; [`MAX_PER_DEVICE`] channels of
//! one device, likewise; [`MAX_STANDING`] in all, above which a new one is turned away.

use session::id::DeviceId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use wire::CloseCode;

/// Connections that are still to finish the handshake.
const MAX_HALF_OPEN: usize = 64;
/// Channels of one device: its tabs and terminals.
const MAX_PER_DEVICE: usize = 32;
/// Channels of all devices and local programs together.
const MAX_STANDING: usize = 512;

type Kick = oneshot::Sender<CloseCode>;

struct Standing {
    number: u64,
    /// `None` is a local program.
    device: Option<DeviceId>,
    /// The API token that it has shown.
    token: Option<String>,
    kick: Kick,
}

#[derive(Default)]
struct Inner {
    next: u64,
    half_open: VecDeque<(u64, Kick)>,
    standing: HashMap<u64, Standing>,
}

/// All connections of this daemon.
#[derive(Default)]
pub(crate) struct Connections {
    inner: Arc<Mutex<Inner>>,
}

/// One connection's entry, gone when this is dropped.
pub(crate) struct Seat {
    inner: Arc<Mutex<Inner>>,
    number: u64,
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// A connection was made. It has to end when the receiver hears a reason, or fails.
    pub fn open(&self) -> (Seat, oneshot::Receiver<CloseCode>) {
        let (kick, kicked) = oneshot::channel();
        let mut inner = lock(&self.inner);
        if inner.half_open.len() == MAX_HALF_OPEN
            && let Some((_, oldest)) = inner.half_open.pop_front()
        {
            // It may be ending by itself just now.
            let _ = oldest.send(CloseCode::Limited);
        }
        let number = inner.next;
        inner.next += 1;
        inner.half_open.push_back((number, kick));
        (Seat { inner: Arc::clone(&self.inner), number }, kicked)
    }

    /// Ends every channel of a device but `except`.
    pub fn kick(&self, device: &DeviceId, code: CloseCode, except: Option<&Seat>) {
        self.kick_those(code, |standing| {
            standing.device.as_ref() == Some(device)
                && except.is_none_or(|seat| seat.number != standing.number)
        });
    }

    /// Ends every channel of an API token.
    pub fn kick_token(&self, name: &str, code: CloseCode) {
        self.kick_those(code, |standing| standing.token.as_deref() == Some(name));
    }

    fn kick_those(&self, code: CloseCode, theirs: impl Fn(&Standing) -> bool) {
        let mut inner = lock(&self.inner);
        let gone: Vec<u64> = inner.standing.values().filter(|s| theirs(s)).map(|s| s.number).collect();
        for number in gone {
            if let Some(standing) = inner.standing.remove(&number) {
                let _ = standing.kick.send(code);
            }
        }
    }

    /// Whether a device has a channel.
    pub fn is_online(&self, device: &DeviceId) -> bool {
        lock(&self.inner).standing.values().any(|standing| standing.device.as_ref() == Some(device))
    }

    /// Channels of devices that stand.
    pub fn count(&self) -> u32 {
        let all = lock(&self.inner).standing.values().filter(|standing| standing.device.is_some()).count();
        u32::try_from(all).unwrap_or(u32::MAX)
    }
}

impl Seat {
    /// The connection has proved who it is. False where there are too many; it must end then.
    pub fn stand(&self, device: Option<DeviceId>) -> bool {
        let mut inner = lock(&self.inner);
        let Some(place) = inner.half_open.iter().position(|(number, _)| *number == self.number) else {
            return false;
        };
        if inner.standing.len() >= MAX_STANDING {
            return false;
        }
        let Some((number, kick)) = inner.half_open.remove(place) else { return false };
        if device.is_some() {
            let mut own: Vec<u64> =
                inner.standing.values().filter(|s| s.device == device).map(|s| s.number).collect();
            own.sort_unstable();
            if own.len() >= MAX_PER_DEVICE
                && let Some(oldest) = inner.standing.remove(&own[0])
            {
                let _ = oldest.kick.send(CloseCode::Limited);
            }
        }
        inner.standing.insert(number, Standing { number, device, token: None, kick });
        true
    }
}

impl Seat {
    /// The connection stands, and has shown this API token.
    pub fn bear(&self, token: &str) {
        if let Some(standing) = lock(&self.inner).standing.get_mut(&self.number) {
            standing.token = Some(token.to_owned());
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = lock(&self.inner);
        inner.standing.remove(&self.number);
        inner.half_open.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(n: u8) -> DeviceId {
        DeviceId::from_random([n; 10])
    }

    #[test]
    fn the_oldest_half_open_connection_makes_way_and_standing_ones_stay() {
        let all = Connections::default();
        let (standing, mut standing_kicked) = all.open();
        assert!(standing.stand(Some(device(1))));
        let mut seats: Vec<_> = (0..MAX_HALF_OPEN).map(|_| all.open()).collect();
        assert!(seats[0].1.try_recv().is_err());
        seats.push(all.open());
        assert_eq!(seats[0].1.try_recv(), Ok(CloseCode::Limited));
        assert!(!seats[0].0.stand(None), "what had to make way does not stand any more");
        assert!(seats[1].0.stand(None));
        assert!(standing_kicked.try_recv().is_err());
        assert_eq!(all.count(), 1);
        drop(seats);
        assert!(lock(&all.inner).half_open.is_empty());
    }

    #[test]
    fn a_device_is_kicked_from_all_its_channels_but_one() {
        let all = Connections::default();
        let mut own: Vec<_> = (0..3).map(|_| all.open()).collect();
        for (seat, _) in &own {
            assert!(seat.stand(Some(device(1))));
        }
        let (other, mut other_kicked) = all.open();
        assert!(other.stand(Some(device(2))));
        all.kick(&device(1), CloseCode::Refused, Some(&own[2].0));
        assert_eq!(own[0].1.try_recv(), Ok(CloseCode::Refused));
        assert_eq!(own[1].1.try_recv(), Ok(CloseCode::Refused));
        assert!(own[2].1.try_recv().is_err() && other_kicked.try_recv().is_err());
        assert!(all.is_online(&device(1)));
        drop(own);
        assert!(!all.is_online(&device(1)) && all.is_online(&device(2)));
    }

    #[test]
    fn a_devices_oldest_channel_makes_way() {
        let all = Connections::default();
        let mut own: Vec<_> = (0..=MAX_PER_DEVICE).map(|_| all.open()).collect();
        for (seat, _) in &own {
            assert!(seat.stand(Some(device(1))));
        }
        assert_eq!(own[0].1.try_recv(), Ok(CloseCode::Limited));
        assert!(own[1].1.try_recv().is_err());
    }
}
