//! The screen model against xterm.js, on generated and on recorded streams; and programs on real terminals.

mod generate;
mod generated;
mod judge;
mod native;
mod programs;
mod record;
mod recorded;
mod stream;
