//! `longrein join URL`.

use crate::args::Join;
use crate::hosts;
use crate::problem::Outcome;
use crate::table::clean;
use client::KnownHosts;
use std::process::ExitCode;

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
    let paired = client::pair(&known, &args.url, &label, args.name.as_deref(), tell).await;
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
