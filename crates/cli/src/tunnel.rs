//! A way in from outside through `cloudflared`, where it is installed.
//!
//! The tunnel carries the relay's traffic, so its operator sees what a relay sees: sizes, timing and addresses.

use crate::problem::{Doing as _, Hint as _, environment};
use session::message::Failure;
use std::collections::VecDeque;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// How long cloudflared may take to get a name.
const DEADLINE: Duration = Duration::from_secs(30);
/// Lines of its log that are quoted when it fails.
const LINES_KEPT: usize = 3;

/// Starts the program, and ends it when our end of its standard input closes, which a `kill -9` of us does too.
const WATCHED: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ read -r _ <&3; kill "$program"; } >/dev/null 2>&1 &
exec 3<&-
wait "$program"
"#;

/// A tunnel that stands for as long as this is kept.
pub struct Tunnel {
    /// The address browsers open.
    pub url: String,
    _child: Child,
    _lines: tokio::task::JoinHandle<()>,
}

/// Starts `cloudflared` for a port on loopback and waits for its address.
pub async fn open(port: u16) -> Result<Tunnel, Failure> {
    if !is_installed() {
        return Err(environment("--tunnel needs the program cloudflared, which is not installed").hint(
            "Get it from Cloudflare's downloads page or your package manager, or use --lan or --relay.",
        ));
    }
    let mut child = Command::new("/bin/sh")
        .args(["-c", WATCHED, "sh", "cloudflared", "tunnel", "--no-autoupdate", "--url"])
        .arg(format!("http://127.0.0.1:{port}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .doing("start cloudflared")?;
    let stderr = child.stderr.take().ok_or_else(|| environment("cloudflared started without its output"))?;
    let mut lines = BufReader::new(stderr).lines();
    let url = match tokio::time::timeout(DEADLINE, find(&mut lines)).await {
        Ok(found) => found?,
        Err(_) => {
            return Err(environment("cloudflared gave no address in 30 seconds")
                .hint("Check that this machine reaches the internet, then try again."));
        }
    };
    // Read on, or cloudflared would stop at a full pipe.
    let lines = tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            tracing::debug!(target: "tunnel", "{line}");
        }
        tracing::warn!("the tunnel has ended; start the daemon again for a new one");
    });
    Ok(Tunnel { url, _child: child, _lines: lines })
}

async fn find(lines: &mut Lines<BufReader<ChildStderr>>) -> Result<String, Failure> {
    let mut last = VecDeque::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(url) = address(&line) {
            return Ok(url.to_owned());
        }
        last.push_back(line);
        if last.len() > LINES_KEPT {
            last.pop_front();
        }
    }
    let said = last.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" / ");
    Err(environment(format!("cloudflared ended without an address: {said}"))
        .hint("Run `cloudflared tunnel --url http://127.0.0.1:80` by hand to see more."))
}

/// The address in a line of cloudflared's log, such as `|  https://some-words.trycloudflare.com  |`.
fn address(line: &str) -> Option<&str> {
    let from = &line[line.find("https://")?..];
    let end = from.find(|c: char| c.is_whitespace() || c == '|').unwrap_or(from.len());
    let url = &from[..end];
    let name = url.strip_prefix("https://")?.strip_suffix(".trycloudflare.com")?;
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    // The service's own API has a name of this form too, and stands in error lines.
    (plain && name != "api").then_some(url)
}

/// Whether cloudflared is on the search path.
pub fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("cloudflared").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_box_that_cloudflared_draws() {
        let line = "2026-01-02T03:04:05Z INF |  https://fast-red-horse.trycloudflare.com                  |";
        assert_eq!(address(line), Some("https://fast-red-horse.trycloudflare.com"));
    }

    #[test]
    fn other_addresses_are_not_taken() {
        for line in [
            "INF Requesting new quick Tunnel on trycloudflare.com...",
            "ERR failed: Post \"https://api.trycloudflare.com/tunnel\": timeout",
            "see https://developers.cloudflare.com/x",
            "https://evil.example/.trycloudflare.com",
        ] {
            assert_eq!(address(line), None, "{line}");
        }
    }
}
