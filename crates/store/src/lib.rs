//! What Longrein keeps on disk: where it lies ([`Paths`]), the host's identity and devices ([`HostDb`]), and one
//! session's log ([`SessionLog`]).
//!
//! `SQLite` is named nowhere outside this crate, and this crate knows nothing of sessions' messages: ids are text,
//! events are bytes. Folders are 0700 and files 0600.

mod crash;
mod error;
mod host;
mod log;
mod paths;
mod sqlite;

pub use error::Error;
pub use host::{AuditEntry, DeviceRow, HostDb};
pub use log::{
    BESIDE, Base, Entry, Kept, LogReader, NewEntry, Place, SessionLog, StreamRow, boot_id, log_in_use,
};
pub use paths::{Paths, write_private};
pub use sqlite::PAGE;
