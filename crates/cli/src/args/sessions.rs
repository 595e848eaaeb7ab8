//! Of sessions: starting, showing, ending and keeping them.

use crate::duration;
use clap::{Args, ValueEnum};
use session::message::Size;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Run {
    /// The session's name (default: from the program and the folder)
    #[arg(long)]
    pub name: Option<String>,
    /// The folder to start in (default: this one)
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// The terminal's size until somebody attaches, such as 120x40: 2 to 1000 columns, 1 to 500 rows (1x1 becomes 2x1)
    #[arg(long, value_name = "COLSxROWS", value_parser = size)]
    pub size: Option<Size>,
    /// Which agent the program is (default: found out from its name), or `none` to treat it as any program
    #[arg(long)]
    pub agent: Option<String>,
    /// Print a link and a QR code that pair a device, even where one is paired already
    #[arg(long)]
    pub link: bool,
    /// End the session by itself after this time, such as 90s, 30m, 2h or 1h30m; time in which the machine sleeps counts
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start the session and leave it; print its id
    #[arg(long)]
    pub detach: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Ls {
    /// A host this machine has joined; without it, this machine
    pub host: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Attach {
    /// A session's id or name, or HOST/SESSION; without it, the only or the latest running one
    pub session: Option<String>,
}

#[derive(Debug, Args)]
pub struct Kill {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Restart {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// End it first, where it runs
    #[arg(long)]
    pub stop: bool,
    /// Start it although it was imported: the command is what its file says
    #[arg(long)]
    pub imported: bool,
    /// End the new session by itself after this time, as with `run`
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start it and leave it; print the new session's id
    #[arg(long)]
    pub detach: bool,
    /// Start it and leave it; print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Ttl {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// From now on (90s, 30m, 2h, 1h30m), later than it would (+30m), or not at all (off); without it, show what is left
    #[arg(value_parser = duration::ttl)]
    pub time: Option<session::message::Ttl>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Chat {
    /// Which agent; `longrein agents` lists them
    #[arg(long)]
    pub agent: String,
    /// The folder to start in (default: this one)
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
    /// Go on with a conversation, by the agent's own name for it
    #[arg(long, value_name = "ID")]
    pub resume: Option<String>,
    /// The session's name (default: from the agent and the folder)
    #[arg(long)]
    pub name: Option<String>,
    /// End the session by itself after this time, such as 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub ttl: Option<u32>,
    /// Start the session and leave it; print its id
    #[arg(long)]
    pub detach: bool,
    /// More arguments for the agent
    #[arg(last = true, value_name = "ARG")]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// A session's id or name, or HOST/SESSION
    pub session: String,
    /// Text only: no colours, no cursor movement
    #[arg(long)]
    pub plain: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    /// A session's id or name
    pub session: String,
    /// What to write (default: by the file's name, and JSON lines where that does not end in .cast)
    #[arg(long)]
    pub format: Option<ExportFormat>,
    /// The file to write, in place of one that is there (default: standard output)
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The file that `export` wrote
    pub file: PathBuf,
    /// The session's name (default: the one it had)
    #[arg(long)]
    pub name: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// JSON lines: everything, and `longrein import` reads it
    Jsonl,
    /// asciicast v3: the terminal alone, for asciinema and other players
    Asciicast,
}

fn size(text: &str) -> Result<Size, String> {
    let number = |text: &str, most| text.parse::<u16>().ok().filter(|n| (1..=most).contains(n));
    let parts = text.split_once(['x', 'X']);
    match parts
        .and_then(|(cols, rows)| Some(Size { cols: number(cols, 1000)?, rows: number(rows, 500)? }.clamped()))
    {
        Some(size) => Ok(size),
        None => Err("a size is columns x rows, 2x1 to 1000x500, such as 120x40".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_bounds() {
        assert_eq!(size("1x1"), Ok(Size { cols: 2, rows: 1 }));
        assert_eq!(size("1000x500"), Ok(Size { cols: 1000, rows: 500 }));
        for wrong in ["0x24", "80x501", "80", "80x", "1001x24", "axb", "-1x5"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
