//! `longrein doctor`.

use crate::args::Json;
use crate::command::status;
use crate::config::Config;
use crate::problem::Outcome;
use crate::terminal::tty;
use crate::{daemon, duration, hosts, size, tunnel};
use client::Route;
use serde::Serialize;
use session::message::{Awake, Failure, Method, Status};
use std::process::ExitCode;
use store::Paths;

/// How one check went.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// Works, but something is worth knowing.
    Note,
    Bad,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    message: String,
    hint: String,
}

/// Checks what Longrein needs; fails if anything does not work.
pub async fn run(args: &Json) -> Outcome {
    let mut checks = Vec::new();
    if let Some(paths) = folders(&mut checks) {
        settings(&paths, &mut checks);
        host(&paths, &mut checks).await;
    }
    terminal(&mut checks);
    programs(&mut checks);
    let good = checks.iter().all(|check| check.verdict != Verdict::Bad);
    if args.json {
        say!("{}", serde_json::json!({ "ok": good, "checks": checks }));
    } else {
        for check in &checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Note => "note",
                Verdict::Bad => "BAD ",
            };
            say!("{mark}  {:<9} {}", check.name, check.message);
            if !check.hint.is_empty() {
                say!("                hint: {}", check.hint);
            }
        }
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn folders(checks: &mut Vec<Check>) -> Option<Paths> {
    match hosts::paths().and_then(|paths| paths.host_sock().map(|_| paths).map_err(hosts::stored)) {
        Ok(paths) => {
            checks.push(ok("folders", format!("{} and {}", paths.state.display(), paths.config.display())));
            Some(paths)
        }
        Err(failure) => {
            checks.push(bad("folders", &failure));
            None
        }
    }
}

fn settings(paths: &Paths, checks: &mut Vec<Check>) {
    match Config::load(&paths.config) {
        Ok(config) => {
            let told = format!("prefix {}; {}", config.prefix, history(config.history));
            checks.push(ok("settings", told));
        }
        Err(failure) => checks.push(bad("settings", &failure)),
    }
}

/// What goes by itself.
fn history(settings: host::history::Settings) -> String {
    let age = settings.keep.map(|keep| format!("{} after they ended", duration::show(keep.as_secs())));
    let size = settings.max_size.map(|most| format!("where all take more than {}", size::show(most)));
    match [age, size].into_iter().flatten().collect::<Vec<_>>().join(", and ") {
        none if none.is_empty() => "sessions are kept for ever".to_owned(),
        when => format!("sessions are removed {when}"),
    }
}

async fn host(paths: &Paths, checks: &mut Vec<Check>) {
    match daemon::is_up(paths).await {
        Ok(false) => checks.push(note("daemon", "not running", "`longrein run` or `longrein up` starts it.")),
        Err(failure) => checks.push(bad("daemon", &failure)),
        Ok(true) => match hosts::ask::<Status>(&Route::Daemon(paths.clone()), Method::HostStatus {}).await {
            Err(failure) => checks.push(bad("daemon", &failure)),
            Ok(status) => {
                if status.version == hosts::CLIENT {
                    checks.push(ok("daemon", format!("process {}, {}", status.pid, status.version)));
                } else {
                    let message = format!("is {}, this program is {}", status.version, hosts::CLIENT);
                    checks.push(note(
                        "daemon",
                        &message,
                        "`longrein up --replace` swaps it; sessions go on.",
                    ));
                }
                checks.extend(status.awake.as_ref().map(awake));
                if status.online {
                    checks.push(ok("relay", format!("{} ({})", status.relay, status.relay_kind)));
                } else {
                    let message = format!("{} is not reached", status.relay);
                    checks.push(Check {
                        name: "relay",
                        verdict: Verdict::Bad,
                        message,
                        hint: "Check the address and this machine's network.".into(),
                    });
                }
            }
        },
    }
}

fn awake(awake: &Awake) -> Check {
    let message = status::told(awake);
    if awake.hint.is_empty() { ok("awake", message) } else { note("awake", &message, &awake.hint) }
}

fn terminal(checks: &mut Vec<Check>) {
    let term = std::env::var("TERM").unwrap_or_default();
    match tty::size() {
        Some(size) => checks.push(ok("terminal", format!("{term}, {} x {}", size.cols, size.rows))),
        None => {
            checks.push(note("terminal", "none", "`run` and `attach` show a session only in a terminal."));
        }
    }
}

fn programs(checks: &mut Vec<Check>) {
    if tunnel::is_installed() {
        checks.push(ok("tunnel", "cloudflared is installed".to_owned()));
    } else {
        checks.push(note(
            "tunnel",
            "cloudflared is not installed",
            "Needed for `longrein up --tunnel` only.",
        ));
    }
}

fn ok(name: &'static str, message: String) -> Check {
    Check { name, verdict: Verdict::Ok, message, hint: String::new() }
}

fn note(name: &'static str, message: &str, hint: &str) -> Check {
    Check { name, verdict: Verdict::Note, message: message.to_owned(), hint: hint.to_owned() }
}

fn bad(name: &'static str, failure: &Failure) -> Check {
    Check { name, verdict: Verdict::Bad, message: failure.message.clone(), hint: failure.hint.clone() }
}
