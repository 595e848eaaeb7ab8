//! `longrein attach [SESSION]`.

use crate::args::Attach;
use crate::config::Config;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, invalid};
use crate::table::clean;
use crate::terminal::talk::{self, Talking};
use crate::terminal::tty;
use crate::terminal::view::{self, End, View};
use session::message::{RunState, Summary};
use std::process::ExitCode;

pub use crate::terminal::view::View as Shown;

/// Shows a session in this terminal.
pub async fn run(args: &Attach) -> Outcome {
    let paths = hosts::paths()?;
    let found = hosts::find(&paths, args.session.as_deref()).await?;
    if found.summary.agent.as_ref().is_some_and(|agent| agent.structured) {
        let ended = found.summary.run != RunState::Running;
        let Summary { id: session, imported, .. } = found.summary;
        return talk::run(Talking {
            route: found.route,
            ended,
            imported,
            ..Talking::new(&found.host, session)
        })
        .await;
    }
    if !tty::is_interactive() {
        return Err(invalid("`attach` needs a terminal").hint("`longrein logs SESSION` prints without one."));
    }
    let config = Config::load(&paths.config)?;
    show(View {
        host: found.host,
        route: found.route,
        session: found.summary.id,
        name: found.summary.name,
        prefix: config.prefix,
        after: None,
        size: None,
        quiet: false,
        news: None,
    })
    .await
}

/// Shows it, says afterwards what should be known, and exits as the program did.
pub async fn show(view: View) -> Outcome {
    let name = clean(&view.name);
    let back = format!("longrein attach {}", hosts::name(&view.host, &view.session));
    let shown = view::show(view).await?;
    // Where a signal ended us, nobody may be reading any more.
    if !matches!(shown.end, End::Signal(_)) {
        for line in shown.paired.iter().flat_map(view::paired) {
            note!("{line}");
        }
    }
    match shown.end {
        End::Exit(exit) => {
            if shown.time_over {
                note!("\n[{name} was ended: its time was over]");
            }
            Ok(exit_code(exit))
        }
        End::Detached => {
            note!("\n[left {name}, which goes on; come back with: {back}]");
            Ok(ExitCode::SUCCESS)
        }
        End::Signal(number) => Ok(exit_code(128 + number)),
        End::Gone(failure) => Err(failure.hint(format!("Try again with: {back}"))),
    }
}

/// A program's status as ours; what does not fit in a byte is a plain failure.
pub fn exit_code(exit: i32) -> ExitCode {
    ExitCode::from(u8::try_from(exit).unwrap_or(1))
}
