//! Fetches an invitation for the panel and waits for what becomes of it, beside the session.

use client::{Connection, Route};
use session::id::InvitationId;
use session::message::{Device, Failure, Invited, Method, Notice, ToClient, ToHost};
use std::time::Duration;
use tokio::sync::mpsc;

use crate::hosts;

/// How long after its death an invitation's late news are still waited for.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// What a person should know when a used code is tried once more.
pub const REUSED: &str = "A code that had been used already was tried again.";

/// The same of another code than the one that is shown, which it leaves as good as it is.
pub const REUSED_EARLIER: &str =
    "An earlier code that had been used already was tried again; this one was not.";

/// What the panel hears: only ever of its own code.
pub enum News {
    /// A link, good for so many seconds from now.
    Link(Invited),
    /// No link, or no more news.
    Failed(Failure),
    /// A device was paired.
    Paired(Device),
    /// The code was tried after it had been used.
    Reused,
}

/// Asks for an invitation; its news arrive until it is used or dead, or nobody listens.
pub fn start(route: Route) -> mpsc::Receiver<News> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        if let Err(failure) = follow(&route, &sender).await {
            let _ = sender.send(News::Failed(failure)).await;
        }
    });
    receiver
}

/// The next of them; never, where nobody sends any.
pub async fn next(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}

async fn follow(route: &Route, sender: &mpsc::Sender<News>) -> Result<(), Failure> {
    let mut connection = hosts::open(route).await?;
    let invited: Invited = hosts::call(&mut connection, Method::PairCreate { confirm: false }).await?;
    let life = Duration::from_secs(u64::from(invited.expires_in)) + AFTERWARDS;
    connection.send(&ToHost::Watch {}, &[]).await.map_err(hosts::failure)?;
    let ours = invited.invitation.clone();
    if sender.send(News::Link(invited)).await.is_err() {
        return Ok(());
    }
    let watching = watch(&mut connection, &ours, sender);
    // Past its life there is nothing to hear of it.
    tokio::time::timeout(life, watching).await.unwrap_or(Ok(()))
}

async fn watch(
    connection: &mut Connection,
    ours: &InvitationId,
    sender: &mpsc::Sender<News>,
) -> Result<(), Failure> {
    loop {
        let (message, _) = tokio::select! {
            received = connection.recv() => received.map_err(hosts::failure)?,
            () = sender.closed() => return Ok(()),
        };
        let ToClient::Notice { notice } = message else { continue };
        let news = match notice {
            Notice::Paired { invitation, device } if invitation == *ours => News::Paired(device),
            Notice::InvitationReused { invitation } if invitation == *ours => News::Reused,
            Notice::Paired { .. }
            | Notice::InvitationReused { .. }
            | Notice::ConfirmPairing { .. }
            | Notice::Revoked { .. } => continue,
        };
        if sender.send(news).await.is_err() {
            return Ok(());
        }
    }
}
