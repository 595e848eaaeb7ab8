//! The daemon as this program starts, finds and runs it.

pub mod choice;
pub mod place;
pub mod serve;
pub mod spawn;

use crate::problem::{Doing as _, Hint as _, environment, problem};
use crate::{hosts, service};
use client::{Connection, Route};
use session::message::{ErrorKind, Failure, Method, Status};
use std::time::{Duration, Instant};
use store::Paths;
use tokio::net::{TcpStream, UnixStream};

/// How often it is looked whether a daemon has gone.
const LOOK: Duration = Duration::from_millis(20);
/// How long a daemon that was told to end may take.
const ENDING: Duration = Duration::from_secs(10);
/// How long a daemon that was killed may take to let go of its socket and its lock.
const DYING: Duration = Duration::from_secs(2);

/// Whether a daemon answers.
pub async fn is_up(paths: &Paths) -> Result<bool, Failure> {
    let route = Route::Daemon(paths.clone());
    let until = Instant::now() + DYING;
    loop {
        match Connection::open(&route, None, hosts::CLIENT, hosts::stream()?).await {
            Ok(_) => return Ok(true),
            Err(client::Error::NotRunning) => return Ok(false),
            // One that dies at this very moment takes the connection and then cuts it.
            Err(error) if error.is_passing() && Instant::now() < until => tokio::time::sleep(LOOK).await,
            Err(error) => return Err(hosts::failure(error)),
        }
    }
}

/// Starts the daemon if none is up, in the way it was last started by hand, and says so where that was a special one.
pub async fn ensure(paths: &Paths) -> Result<(), Failure> {
    if is_up(paths).await? {
        return Ok(());
    }
    let choice = choice::Choice::load(paths);
    match start(paths, &choice.args).await {
        Ok(notes) => {
            if !choice.args.is_empty() {
                let args = choice.args.join(" ");
                note!("The daemon was not running, and is now as the last `longrein up {args}` had it.");
            }
            for note in notes {
                note!("{note}");
            }
            Ok(())
        }
        // Another command may have started one at the same moment.
        Err(failure) => match is_up(paths).await {
            Ok(true) => Ok(()),
            _ if choice.args.is_empty() => Err(failure),
            _ => Err(Failure {
                hint: format!(
                    "It was to be as the last `longrein up {}`; another `longrein up` settles it anew.",
                    choice.args.join(" ")
                ),
                ..failure
            }),
        },
    }
}

/// Starts the daemon with these arguments, in the background: through its service, where that has the same ones. Gives
/// what a person should know of it.
pub async fn start(paths: &Paths, args: &[String]) -> Result<Vec<String>, Failure> {
    if service::start(paths, args).await? {
        return Ok(Vec::new());
    }
    spawn::spawn(paths, args).await
}

/// Takes this user's place as the one daemon. The lock of one that was killed is waited for, that of one that serves
/// is not.
pub async fn open(paths: &Paths) -> Result<host::Host, Failure> {
    let until = Instant::now() + DYING;
    loop {
        match host::Host::open(paths) {
            Err(host::Error::AlreadyRunning { .. }) if Instant::now() < until && !listens(paths).await => {
                tokio::time::sleep(LOOK).await;
            }
            opened => return opened.map_err(failed),
        }
    }
}

async fn listens(paths: &Paths) -> bool {
    match paths.host_sock() {
        Ok(sock) => UnixStream::connect(&sock).await.is_ok(),
        Err(_) => false,
    }
}

/// Stops the daemon that is up, and waits until the next one gets its place.
pub async fn stop(paths: &Paths) -> Result<(), Failure> {
    let route = Route::Daemon(paths.clone());
    let status: Status = hosts::ask(&route, Method::HostStatus {}).await?;
    let _: serde_json::Value = hosts::ask(&route, Method::HostDown {}).await?;
    let down = wait_down(paths, status.address.as_deref());
    tokio::time::timeout(ENDING, down).await.map_err(|_| {
        environment("The daemon did not end in 10 seconds").hint("`longrein status` names its process.")
    })
}

/// Until nobody listens on the daemon's socket any more, nor on its relay's address, so that the next daemon gets both.
async fn wait_down(paths: &Paths, address: Option<&str>) {
    while listens(paths).await {
        tokio::time::sleep(LOOK).await;
    }
    let Some(address) = address else { return };
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(LOOK).await;
    }
}

/// What a daemon's own error says to a person.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn failed(error: host::Error) -> Failure {
    let kind = match &error {
        host::Error::PublicUrl(_) => ErrorKind::Invalid,
        host::Error::Random => ErrorKind::Internal,
        host::Error::AlreadyRunning { .. }
        | host::Error::Lock { .. }
        | host::Error::Store(_)
        | host::Error::Link(_) => ErrorKind::Environment,
    };
    problem(kind, error.to_string()).hint(error.hint())
}

/// Where `tracing` goes: standard error, which is the log file of a detached daemon.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LONGREIN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // It would say on standard error that this cannot be written, and panic for it: a full disk is no end of a session.
    let subscriber = subscriber.log_internal_errors(false);
    // Fails only where one is set already.
    let _ = subscriber.try_init();
}

/// SIGTERM or SIGINT.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).doing("listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).doing("listen for signals")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
