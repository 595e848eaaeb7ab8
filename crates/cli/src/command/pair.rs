//! `longrein pair`.

use crate::args::Pair;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, invalid, problem};
use crate::qr;
use crate::table::clean;
use crate::terminal::{pairing, tty, view};
use client::Connection;
use session::id::{DeviceId, InvitationId};
use session::message::{Device, ErrorKind, Failure, Invited, Method, Notice, ToClient, ToHost};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// How long a person may take to say yes or no.
const ANSWER: Duration = Duration::from_mins(2);

/// Shows a link and waits for the device that uses it.
pub async fn run(args: &Pair) -> Outcome {
    if args.confirm && args.json && !std::io::stdin().is_terminal() {
        return Err(invalid("`pair --confirm --json` asks a person, and there is no terminal to ask on")
            .hint("Run it in a terminal, or leave out --confirm."));
    }
    let paths = hosts::paths()?;
    let host = hosts::route(&paths, None).await?;
    let mut connection = hosts::open(&host).await?;
    connection.send(&ToHost::Watch {}, &[]).await.map_err(hosts::failure)?;
    let invited: Invited = hosts::ask(&host, Method::PairCreate { confirm: args.confirm }).await?;
    if args.json {
        say!("{}", serde_json::json!(invited));
        if !args.confirm {
            return Ok(ExitCode::SUCCESS);
        }
    } else {
        show(&invited);
    }
    let talk = Talk { aside: args.json };
    let life = Duration::from_secs(u64::from(invited.expires_in));
    let news = tokio::time::timeout(life, news(&mut connection, &invited.invitation)).await;
    let news = match news {
        Ok(news) => news?,
        Err(_) => {
            return Err(problem(ErrorKind::Ended, "The code was not used in time and is dead")
                .hint("`longrein pair` makes a fresh one."));
        }
    };
    match news {
        News::Asks { device, label, words } => {
            let allow = talk.asked(&label, &words).await;
            let confirm = Method::PairConfirm { device: device.clone(), allow };
            let _: serde_json::Value = hosts::ask(&host, confirm).await?;
            if !allow {
                talk.line("Refused.");
                return Ok(ExitCode::FAILURE);
            }
            match tokio::time::timeout(ANSWER, paired(&mut connection, &device)).await {
                Ok(device) => {
                    talk.tell(&device?);
                    Ok(ExitCode::SUCCESS)
                }
                Err(_) => Err(problem(ErrorKind::Ended, "The device went away before it was paired")),
            }
        }
        News::Paired(device) => {
            talk.tell(&device);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What becomes of an invitation.
enum News {
    /// A device used it, and waits for a yes.
    Asks { device: DeviceId, label: String, words: String },
    /// A device used it, and is in.
    Paired(Device),
}

fn show(invited: &Invited) {
    let fits = |width: usize| tty::size().is_some_and(|size| width <= usize::from(size.cols));
    if let Some((lines, _)) = qr::lines(&invited.url).filter(|(_, width)| fits(*width)) {
        for line in lines {
            say!("{line}");
        }
    }
    say!("{}", invited.url);
    say!("Scan or open this within {} s. It works once.", invited.expires_in);
}

/// Until somebody uses our invitation. Others may be open at the same time, here and on other devices; who comes by
/// those is not ours to welcome.
async fn news(connection: &mut Connection, ours: &InvitationId) -> Result<News, Failure> {
    loop {
        match notice(connection).await? {
            Notice::ConfirmPairing { invitation, device, label, words } if invitation == *ours => {
                return Ok(News::Asks { device, label, words });
            }
            Notice::Paired { invitation, device } if invitation == *ours => return Ok(News::Paired(device)),
            // Ours would have been used before, and this have ended with it: it is an earlier one.
            Notice::InvitationReused { .. } => note!("{}", pairing::REUSED_EARLIER),
            Notice::ConfirmPairing { .. } | Notice::Paired { .. } | Notice::Revoked { .. } => {}
        }
    }
}

/// Until this device is paired.
async fn paired(connection: &mut Connection, wanted: &DeviceId) -> Result<Device, Failure> {
    loop {
        match notice(connection).await? {
            Notice::Paired { device, .. } if device.id == *wanted => return Ok(device),
            _ => {}
        }
    }
}

async fn notice(connection: &mut Connection) -> Result<Notice, Failure> {
    loop {
        if let (ToClient::Notice { notice }, _) = connection.recv().await.map_err(hosts::failure)? {
            return Ok(notice);
        }
    }
}

/// The conversation with the person here.
struct Talk {
    /// On standard error, because standard output is for JSON.
    aside: bool,
}

impl Talk {
    fn line(&self, text: &str) {
        if self.aside {
            note!("{text}");
        } else {
            say!("{text}");
        }
    }

    fn tell(&self, device: &Device) {
        for line in view::paired(device) {
            self.line(&line);
        }
    }

    async fn asked(&self, label: &str, words: &str) -> bool {
        self.line(&format!("{} wants to pair. Its screen should show these four words:", clean(label)));
        self.line(&format!("  {words}"));
        self.line("Let it in? [y/N]");
        let mut line = String::new();
        let mut input = BufReader::new(tokio::io::stdin());
        let read = tokio::time::timeout(ANSWER, input.read_line(&mut line)).await;
        matches!(read, Ok(Ok(_))) && matches!(line.trim(), "y" | "Y" | "yes" | "Yes")
    }
}
