//! `longrein devices`.

use crate::args::Json;
use crate::hosts;
use crate::problem::Outcome;
use crate::table::{self, clean};
use session::message::Device;
use std::process::ExitCode;

/// Lists who is paired.
pub async fn run(args: &Json) -> Outcome {
    let paths = hosts::paths()?;
    let route = hosts::route(&paths, None).await?;
    let devices = hosts::open(&route).await?.devices().await.map_err(hosts::failure)?;
    if args.json {
        say!("{}", serde_json::json!(devices));
        return Ok(ExitCode::SUCCESS);
    }
    if devices.is_empty() {
        say!("No device is paired. `longrein pair` lets one in.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let seen =
        |device: &Device| if device.online { "connected".into() } else { table::ago(device.last_seen, now) };
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            let role = format!("{:?}", device.role).to_lowercase();
            vec![device.id.to_string(), clean(&device.label), role, seen(device), device.words.clone()]
        })
        .collect();
    table::print(&["ID", "NAME", "ROLE", "SEEN", "WORDS"], &rows);
    Ok(ExitCode::SUCCESS)
}
