//! One file per subcommand.

pub mod approvals;
pub mod ask;
pub mod attach;
pub mod completions;
pub mod devices;
pub mod doctor;
pub mod down;
pub mod export;
pub mod import;
pub mod join;
pub mod keeper;
pub mod kill;
pub mod logs;
pub mod ls;
pub mod pair;
pub mod relay;
pub mod restart;
pub mod revoke;
pub mod run;
pub mod service;
pub mod status;
pub mod ttl;
pub mod up;
