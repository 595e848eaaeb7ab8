//! opencode in its own terminal.
//!
//! Its terminal interface has a server in the same process, which answers on a port of 127.0.0.1 to whoever knows this
//! run's password. What it asks at the desk is asked on every device at the same time, and the first answer wins; what it
//! says is told by the server's events. Without a terminal it speaks the Agent Client Protocol ([`crate::acp`]).
//! Measured with 1.18.

mod asks;
mod hear;
mod said;
mod say;
mod tools;
mod turns;
pub(crate) mod version;

use crate::acp;
use crate::family::{Launch, Launched};
use crate::out::Place;
use crate::served;
use data_encoding::{BASE64, HEXLOWER};
pub use hear::Opencode;
use session::message::{ErrorKind, Failure};
use std::net::{Ipv4Addr, TcpListener};

/// What it is called.
const NAME: &str = "opencode";
/// Options with which it has a server of the person's own, another interface, or none.
const OTHERS: [&str; 9] =
    ["-h", "--help", "-v", "--version", "--port", "--hostname", "--mdns", "--mdns-domain", "--mini"];
/// Options that have a value of their own, so that it is not taken for a command.
const VALUED: [&str; 8] =
    ["--log-level", "--cors", "-m", "--model", "-s", "--session", "--prompt", "--agent"];

/// How it is started; `None` where it is told to do something else than to talk to a person in its terminal interface.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Option<Launched>, Failure> {
    if launch.agent.is_some_and(|agent| agent.structured) {
        return acp::launch(NAME, launch);
    }
    let Some((program, given)) = launch.command.split_first() else { return Ok(None) };
    let resume = launch.agent.and_then(|agent| agent.resume.clone());
    let Given::Terminal(named) = read(given) else { return Ok(None) };
    let resume = resume.filter(|_| named.is_none());
    let version = version::of(program, launch.cwd, launch.env);
    let mut command = vec![program.clone()];
    let mut env = acp::environment(NAME, launch.env);
    let served = if version.as_deref().is_some_and(version::is_known) {
        Some(serve(&mut command, &mut env)?)
    } else {
        // Of another one it is not known whether its server wants a password of everybody.
        None
    };
    if let Some(conversation) = &resume {
        command.extend(["--session".to_owned(), conversation.clone()]);
    }
    command.extend_from_slice(given);
    let mut adapter = Opencode::new(Place::of(launch), resume.or(named), served);
    if !version.as_deref().is_some_and(version::is_known) {
        adapter.apart(version.as_deref());
    }
    Ok(Some(Launched { command, env, structured: false, beside: None, adapter: Box::new(adapter) }))
}

/// Has it serve on a port, with a password.
fn serve(command: &mut Vec<String>, env: &mut Vec<(String, String)>) -> Result<served::Place, Failure> {
    let (port, password) = (free_port()?, password()?);
    command.extend(["--port".to_owned(), port.to_string(), "--hostname".to_owned(), "127.0.0.1".to_owned()]);
    env.push(("OPENCODE_SERVER_USERNAME".to_owned(), NAME.to_owned()));
    env.push(("OPENCODE_SERVER_PASSWORD".to_owned(), password.clone()));
    Ok(served::Place {
        port,
        authorization: format!("Basic {}", BASE64.encode(format!("{NAME}:{password}").as_bytes())),
        health: "/global/health",
        events: "/event",
    })
}

/// What a person's arguments mean.
#[derive(Debug, PartialEq)]
enum Given {
    /// Its terminal interface in the session's folder, and the conversation that they name, if they do.
    Terminal(Option<String>),
    Other,
}

fn read(given: &[String]) -> Given {
    let mut named = None;
    let mut rest = given.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let (name, value) =
            argument.split_once('=').map_or((argument, None), |(name, value)| (name, Some(value)));
        match name {
            "--" => break,
            name if OTHERS.contains(&name) => return Given::Other,
            name if VALUED.contains(&name) => {
                let value = value.or_else(|| rest.next());
                if matches!(name, "-s" | "--session") {
                    named = value.map(str::to_owned);
                }
            }
            name if name.starts_with('-') => {}
            "." => {}
            // A command; or a folder, and its server tells of another one only where it is asked.
            _ => return Given::Other,
        }
    }
    Given::Terminal(named)
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16, Failure> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port())
        .map_err(|error| environment(&format!("no port is free for opencode's server: {error}")))
}

fn password() -> Result<String, Failure> {
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|error| environment(&format!("no randomness: {error}")))?;
    Ok(HEXLOWER.encode(&random))
}

fn environment(message: &str) -> Failure {
    Failure { kind: ErrorKind::Environment, message: message.to_owned(), hint: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Output;
    use session::message::Chat;

    fn terminal(given: &str) -> Given {
        read(&given.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn only_a_version_whose_server_wants_the_password_is_told_to_serve() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("bin/opencode");
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(&program, "").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let command = [program.to_string_lossy().into_owned()];
        let start = |version: &str| {
            let package = format!(r#"{{"name":"opencode-ai","version":"{version}"}}"#);
            std::fs::write(folder.path().join("package.json"), package).unwrap();
            let cwd = folder.path();
            let launched =
                launch(&Launch { command: &command, agent: None, cwd, env: &[], hook: &[], folder: cwd });
            launched.unwrap_or_else(|failure| panic!("{}", failure.message)).unwrap()
        };
        let Launched { command: told, adapter, .. } = start("1.18.33");
        assert!(told.contains(&"--port".to_owned()) && adapter.serves().is_some());
        let Launched { command: told, env, mut adapter, .. } = start("0.9.0");
        assert_eq!((told.as_slice(), adapter.serves().is_some()), (&command[..], false));
        assert!(env.iter().all(|(name, _)| !name.starts_with("OPENCODE_SERVER")));
        let Some(Output::Chat(Chat::Note { text })) = adapter.poll() else { panic!("no note") };
        assert!(text.contains("0.9.0") && text.contains("terminal alone"), "{text}");
    }

    #[test]
    fn only_its_terminal_interface_in_the_sessions_folder_is_spoken_to() {
        for given in ["", ".", "-c", "-m a/b --agent plan", "--prompt serve", "--auto"] {
            assert_eq!(terminal(given), Given::Terminal(None), "{given}");
        }
        for given in ["-s ses_1", "--session=ses_1"] {
            assert_eq!(terminal(given), Given::Terminal(Some("ses_1".to_owned())));
        }
        for given in
            ["serve", "run hi", "-m a/b acp", "--help", "--port 4096", "--port=1", "../other", "--mini"]
        {
            assert_eq!(terminal(given), Given::Other, "{given}");
        }
    }
}
