//! `longrein service install|uninstall|status`.

use crate::args::{Json, Reach, Service, ServiceCommand};
use crate::hosts;
use crate::problem::{Hint as _, Outcome, problem};
use crate::service::install::{self, Done};
use crate::service::manager::{self, Manager};
use crate::service::{self, Found, Installed};
use serde::Serialize;
use session::message::{ErrorKind, Failure, Status};
use std::path::PathBuf;
use std::process::ExitCode;
use store::Paths;

/// Does it.
pub async fn run(args: &Service) -> Outcome {
    let paths = hosts::paths()?;
    match &args.command {
        ServiceCommand::Install(reach) => install(&paths, reach).await,
        ServiceCommand::Uninstall => Ok(told(install::uninstall(&paths).await?)),
        ServiceCommand::Status(args) => status(&paths, args).await,
    }
}

async fn install(paths: &Paths, reach: &Reach) -> Outcome {
    install::install(paths, reach).await.map(told)
}

/// Says what was done, and what was not.
fn told(done: Done) -> ExitCode {
    for line in done.lines {
        say!("{line}");
    }
    for failure in done.missing {
        crate::problem::report(&failure, false);
    }
    ExitCode::SUCCESS
}

/// How the service is.
#[derive(Serialize)]
struct Report {
    installed: bool,
    /// Where it is written down, or would be.
    file: PathBuf,
    /// It is started at boot, or at login.
    enabled: bool,
    /// Its own daemon runs, as this process.
    pid: Option<u32>,
    /// Whichever daemon runs.
    daemon: Option<u32>,
    /// The user's services run without a login; null where the system knows no such thing.
    linger: Option<bool>,
    /// What it starts.
    command: Option<Vec<String>>,
    /// It starts the program that was asked.
    current: Option<bool>,
    /// What a person should do something about.
    notes: Vec<Note>,
}

#[derive(Serialize)]
struct Note {
    message: String,
    hint: String,
}

async fn status(paths: &Paths, args: &Json) -> Outcome {
    let found = service::find(paths)?;
    let running = install::running(paths).await?;
    let mut report = Report {
        installed: false,
        file: Manager::here().file()?,
        enabled: false,
        pid: None,
        daemon: running.as_ref().map(|status| status.pid),
        linger: None,
        command: None,
        current: None,
        notes: Vec::new(),
    };
    match found {
        Found::Nothing => {}
        Found::Foreign => {
            report.note("The file is not one that `longrein service install` wrote", "Move it away first.");
        }
        Found::Ours(installed) => fill(&mut report, paths, &installed, running.as_ref()).await,
    }
    let code = if report.installed { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.json {
        say!("{}", serde_json::json!(report));
        return Ok(code);
    }
    if !report.installed {
        let hint = match report.notes.pop() {
            Some(note) => format!("{}: {}. {}", report.file.display(), note.message, note.hint),
            None => "`longrein service install` installs it.".to_owned(),
        };
        return Err(problem(ErrorKind::NotFound, "The service is not installed").hint(hint));
    }
    show(&report);
    Ok(code)
}

async fn fill(report: &mut Report, paths: &Paths, installed: &Installed, running: Option<&Status>) {
    let Installed { manager, job, untouched } = installed;
    report.installed = true;
    report.command = Some(job.words());
    report.current = Some(job.starts_this());
    if !untouched {
        report.note("The file was changed by hand", "`longrein service install` writes it anew.");
    }
    let again = "`longrein service install` makes it start this one.";
    if !job.program.exists() {
        report.note(&format!("It starts {}, which is not there", job.program.display()), again);
    } else if !job.starts_this() {
        report.note(&format!("It starts another program than this one: {}", job.program.display()), again);
    } else if job.version != hosts::CLIENT {
        let message = format!("It was written by {}, and this is {}", job.version, hosts::CLIENT);
        report.note(&message, "`longrein service install` writes it anew.");
    }
    match manager.state().await {
        Ok(state) => {
            report.enabled = state.enabled;
            report.pid = state.pid;
            if let Some(how) = state.failed {
                report.note(&format!("Its daemon failed ({how})"), &manager.log_hint(paths));
            }
            if !state.enabled {
                report.note(
                    "It is not enabled, so a reboot does not start it",
                    "`longrein service install` enables it.",
                );
            }
        }
        Err(why) => report.failure(why),
    }
    if let Some(status) = running {
        if report.pid != Some(status.pid) {
            let message = format!("The daemon that runs (process {}) is not the service's", status.pid);
            report.note(
                &message,
                "`longrein service install` puts the service's in its place; sessions go on.",
            );
        }
        if status.version != hosts::CLIENT {
            let message =
                format!("The daemon that runs is {}, this program is {}", status.version, hosts::CLIENT);
            report.note(&message, "`longrein up --replace` swaps it; sessions go on.");
        }
    }
    if *manager == Manager::Systemd {
        let lingers = manager::lingers().await;
        report.linger = Some(lingers);
        if !lingers {
            report.note(
                "Lingering is off, so that daemon and sessions end when you log out",
                "`loginctl enable-linger` turns it on.",
            );
        }
    }
}

impl Report {
    fn note(&mut self, message: &str, hint: &str) {
        self.notes.push(Note { message: message.to_owned(), hint: hint.to_owned() });
    }

    fn failure(&mut self, why: Failure) {
        self.notes.push(Note { message: why.message, hint: why.hint });
    }
}

fn show(report: &Report) {
    let yes = |is: bool| if is { "yes" } else { "no" };
    say!("installed  {}", report.file.display());
    if let Some(command) = &report.command {
        say!("starts     {}", command.join(" "));
    }
    say!("enabled    {}", yes(report.enabled));
    match report.pid {
        Some(pid) => say!("running    process {pid}"),
        None => say!("running    no"),
    }
    if let Some(linger) = report.linger {
        say!("linger     {}", yes(linger));
    }
    for Note { message, hint } in &report.notes {
        say!("note       {message}.");
        say!("           hint: {hint}");
    }
}
