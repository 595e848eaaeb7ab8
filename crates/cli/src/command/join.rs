//! `longrein join`.

use crate::args::Join;
use crate::hosts;
use crate::problem::{Doing as _, Outcome};
use crate::table::clean;
use client::KnownHosts;
use session::message::Failure;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// No line with a link is longer, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Pairs this machine, as a device, with the host behind the link.
pub async fn run(args: &Join) -> Outcome {
    let paths = hosts::paths()?;
    let known = KnownHosts::new(&paths);
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let label = format!("{node} (terminal)");
    let quiet = args.json;
    let tell = move |words: &str| {
        if !quiet {
            say!("Waiting for the host's yes. It should show these four words: {words}");
        }
    };
    let url = match args.url.as_deref() {
        None | Some("-") => read_link().await?,
        Some(url) => url.to_owned(),
    };
    let paired = client::pair(&known, &url, &label, args.name.as_deref(), tell).await;
    let paired = paired.map_err(hosts::failure)?;
    let host = paired.host;
    if args.json {
        say!("{}", serde_json::json!({ "host": host.name, "device": host.device, "words": paired.words }));
        return Ok(ExitCode::SUCCESS);
    }
    let name = clean(&host.name);
    say!("Joined {name}. The four words of this pairing: {}", paired.words);
    say!("Now: longrein ls {name}, longrein attach {name}/SESSION");
    Ok(ExitCode::SUCCESS)
}

/// A line of standard input: who may list this machine's processes sees their arguments, and not this.
async fn read_link() -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        let mut aside = io::stderr();
        let _ = aside.write_all(b"Paste the link: ").and_then(|()| aside.flush());
    }
    let mut line = String::new();
    let mut input = BufReader::new(tokio::io::stdin()).take(MAX_LINE);
    input.read_line(&mut line).await.doing("read the link")?;
    Ok(line.trim().to_owned())
}
