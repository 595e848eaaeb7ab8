//! Messages as a newer version writes them, read by the real codec.

use crate::Dice;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use session::codec::{self, DecodeError};
use session::id::SessionId;
use session::later::Later;
use session::message::{Cursor, Event, ToClient, ToHost};

/// The header of a message of a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skewed {
    header: &'static str,
    /// Its type is known here; there is only more in it.
    known: bool,
}

const TO_HOST: [Skewed; 4] = [
    Skewed { header: r#"{"t":"telepathy","thought":"later"}"#, known: false },
    Skewed { header: r#"{"t":"ping","sent":1,"mood":{"of":"tomorrow"}}"#, known: true },
    Skewed { header: r#"{"t":"watch","only":["what","is","new"]}"#, known: true },
    Skewed { header: r#"{"t":"call","id":1,"method":"host.dream","params":{}}"#, known: false },
];

const TO_CLIENT: [Skewed; 4] = [
    Skewed { header: r#"{"t":"smell","of":"smoke"}"#, known: false },
    Skewed { header: r#"{"t":"pong","sent":1,"mood":["fine"]}"#, known: true },
    Skewed { header: r#"{"t":"notice","notice":"prophecy","text":"later"}"#, known: false },
    Skewed { header: r#"{"t":"removed","session":"mflrcqyjmvwziywl","why":"newer"}"#, known: true },
];

pub fn to_host(dice: &mut Dice) -> Skewed {
    TO_HOST[dice.place(TO_HOST.len())]
}

pub fn to_client(dice: &mut Dice) -> Skewed {
    TO_CLIENT[dice.place(TO_CLIENT.len())]
}

/// An event of a kind that the client does not know, as the client reads it.
pub fn event_of_newer(at: Cursor) -> Event {
    let (session, Cursor { epoch, seq }) = (SessionId::from_random([1; 10]), at);
    let header = format!(
        r#"{{"t":"event","session":"{session}","epoch":{epoch},"seq":{seq},"at":3,"kind":"dream","n":[1]}}"#
    );
    let message = framed(&header);
    assert!(matches!(codec::decode::<ToClient>(&message), Err(DecodeError::Header(_))));
    assert_eq!(Later::of(&message), Later::Event { session, at, time: 3 });
    Later::event()
}

fn framed(header: &str) -> Bytes {
    let length = u32::try_from(header.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], header.as_bytes()].concat().into()
}

impl Skewed {
    /// What a host makes of it: nothing that ends the channel.
    pub fn read_by_host(self) {
        self.read::<ToHost>();
    }

    /// What a client makes of it.
    pub fn read_by_client(self) {
        self.read::<ToClient>();
    }

    fn read<M: DeserializeOwned>(self) {
        match codec::decode::<M>(&framed(self.header)) {
            Ok(_) => assert!(self.known, "{} is not known", self.header),
            Err(DecodeError::Header(_)) => assert!(!self.known, "{} is known", self.header),
            Err(error @ (DecodeError::Truncated | DecodeError::TooLarge)) => panic!("{error}"),
        }
    }
}
