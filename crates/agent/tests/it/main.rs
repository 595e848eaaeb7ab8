//! The screen model against xterm.js, on generated and on recorded streams; programs on real terminals; and agents, as they
//! were recorded.

mod acp;
mod claude;
mod codex;
mod codex_joined;
mod gemini;
mod generate;
mod generated;
mod hostile;
mod judge;
mod native;
mod opencode;
mod programs;
mod record;
mod recorded;
mod replay;
mod stream;
