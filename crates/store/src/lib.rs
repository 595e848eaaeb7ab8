//! What Longrein keeps on disk: where it lies ([`Paths`]), the host's identity and devices ([`HostDb`]), one session's
//! log ([`SessionLog`]), and what can be found in all of them ([`DecisionIndex`]).
//!
//! `SQLite` is named nowhere outside this crate, and this crate knows nothing of sessions' messages: ids are text,
//! events are bytes. Folders are 0700 and files 0600.

mod crash;
mod decisions;
mod error;
mod host;
mod log;
mod paths;
mod sqlite;

pub use decisions::{DecisionIndex, OverRow, Read, Told};
pub use error::Error;
pub use host::{AuditEntry, DeviceRow, HostDb, TokenRow};
pub use log::{
    BESIDE, Base, Entry, Header, Kept, LogReader, NewEntry, Place, SessionLog, StreamRow, boot_id, log_in_use,
};
pub use paths::{Paths, write_private};
pub use sqlite::PAGE;
