//! `longrein up`.

use crate::args::Up;
use crate::config::Config;
use crate::daemon::serve::{self, Ready};
use crate::daemon::spawn::{self, Said};
use crate::daemon::{self, choice::Choice};
use crate::problem::{Hint as _, Outcome, problem};
use crate::{hosts, out};
use client::Route;
use session::message::{ErrorKind, Failure, Method, Status};
use std::process::ExitCode;
use store::Paths;

/// Starts the daemon, in the background unless told otherwise.
pub async fn run(args: Up) -> Outcome {
    if args.detached {
        return in_background(&args).await;
    }
    let paths = hosts::paths()?;
    let config = Config::load(&paths.config)?;
    let relay = serve::choose(&args.reach, &config)?;
    let origins = serve::origins(&args.reach.origins, &config)?;
    let mut choice = Choice::of(&args.reach);
    let mut former = None;
    if daemon::is_up(&paths).await? {
        let status = status(paths.clone()).await?;
        if !args.replace {
            let message = format!("The daemon is already running (process {})", status.pid);
            return Err(problem(ErrorKind::Invalid, message).hint(
                "`longrein status` shows it, `longrein down` stops it, `longrein up --replace` takes its place.",
            ));
        }
        if choice.args.is_empty() {
            choice = Choice::load(&paths);
        }
        daemon::stop(&paths).await?;
        former = Some(status);
    }
    if args.foreground {
        daemon::log();
        let ready = |ready: &Ready| {
            if let Err(failure) = choice.save(&paths) {
                tracing::warn!(hint = failure.hint, "{failure}");
            }
            if args.json {
                tokio::spawn(print_status(paths.clone()));
            } else {
                out::line_if_read(format_args!("{}", told(ready)));
            }
        };
        serve::serve(&paths, relay, origins, &config, ready).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let address = former.as_ref().and_then(|former: &Status| former.address.as_deref());
    let notes = match daemon::start(&paths, &choice.at(address)).await {
        Ok(notes) => {
            choice.save(&paths)?;
            notes
        }
        Err(failure) if former.is_none() => return Err(failure),
        // A service manager was quicker, and started the one it keeps.
        Err(_) if daemon::is_up(&paths).await? => Vec::new(),
        Err(failure) => {
            let message =
                format!("The daemon before has ended, and no other took its place: {}", failure.message);
            return Err(Failure { message, ..failure });
        }
    };
    if args.json {
        print_status(paths).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = status(paths).await?;
    say!("The daemon is up (process {}): {}", status.pid, status.relay);
    if let Some(former) = former {
        say!("It took the place of process {} ({}). Sessions go on.", former.pid, former.version);
    }
    for note in notes {
        say!("{note}");
    }
    say!("`longrein pair` lets a device in.");
    Ok(ExitCode::SUCCESS)
}

async fn status(paths: Paths) -> Result<Status, Failure> {
    hosts::ask(&Route::Daemon(paths), Method::HostStatus {}).await
}

async fn print_status(paths: Paths) -> Result<(), Failure> {
    let mut value = serde_json::json!(status(paths).await?);
    value["running"] = true.into();
    out::line_if_read(format_args!("{value}"));
    Ok(())
}

/// The daemon that another `up` waits for.
async fn in_background(args: &Up) -> Outcome {
    spawn::detach();
    daemon::log();
    let served = async {
        let paths = hosts::paths()?;
        let config = Config::load(&paths.config)?;
        let relay = serve::choose(&args.reach, &config)?;
        let origins = serve::origins(&args.reach.origins, &config)?;
        serve::serve(&paths, relay, origins, &config, |ready| {
            spawn::say(&Said::Ready { notes: ready.notes.clone() });
        })
        .await
    };
    match served.await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(failure) => {
            tracing::error!(hint = failure.hint, "{failure}");
            spawn::say(&Said::Failed(failure));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn told(ready: &Ready) -> String {
    let first = format!("Serving: {} ({})", ready.page, ready.kind);
    [&[first], &ready.notes[..]].concat().join("\n")
}
