//! Messages as a newer version writes them, read by the real codec.

use crate::Dice;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use session::codec::{self, DecodeError};
use session::message::{ToClient, ToHost};

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
        let length = u32::try_from(self.header.len()).unwrap_or_default();
        let message: Bytes = [&length.to_be_bytes()[..], self.header.as_bytes()].concat().into();
        match codec::decode::<M>(&message) {
            Ok(_) => assert!(self.known, "{} is not known", self.header),
            Err(DecodeError::Header(_)) => assert!(!self.known, "{} is known", self.header),
            Err(error @ (DecodeError::Truncated | DecodeError::TooLarge)) => panic!("{error}"),
        }
    }
}
