//! The agents that are known: which programs they are, and how each is started so that it can be heard and gated.

use crate::adapter::Adapter;
use crate::known::KNOWN;
use crate::{acp, claude, codex, gemini, opencode};
use session::message::{Agent, ErrorKind, Failure};
use std::path::{Path, PathBuf};

/// A program that is about to be started.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Program and arguments, as the person gave them; of a structured session the arguments alone.
    pub command: &'a [String],
    /// Which agent the person says it is.
    pub agent: Option<&'a Agent>,
    /// Its folder.
    pub cwd: &'a Path,
    /// Its environment.
    pub env: &'a [(String, String)],
    /// The program and first arguments that an agent is told to run as its hook; what the agent writes to its standard
    /// input comes to the adapter as [`crate::adapter::Input::Hook`].
    pub hook: &'a [String],
    /// A private folder of this session, where files for this run alone may be written.
    pub folder: &'a Path,
}

/// How it is started instead, and who listens to it.
pub struct Launched {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Added to its environment.
    pub env: Vec<(String, String)>,
    /// It speaks on its standard input and output, and has no terminal.
    pub structured: bool,
    /// Who listens.
    pub adapter: Box<dyn Adapter>,
    /// What is started before it and runs beside it.
    pub beside: Option<Beside>,
}

/// What an agent in its terminal shares with us: a program that answers JSON, one message a frame, over a WebSocket on a
/// unix socket. Messages go to and from the adapter as lines do.
pub struct Beside {
    /// Program and arguments. It ends when its standard input does.
    pub command: Vec<String>,
    /// Where it listens once it is up.
    pub socket: PathBuf,
    /// What is started where it does not come up in time.
    pub otherwise: Box<Launched>,
}

/// Finds out how to start a program.
pub fn launch(launch: &Launch<'_>) -> Result<Launched, Failure> {
    check(launch)?;
    let known = match name(launch) {
        "claude" => claude::launch(launch)?,
        "codex" => codex::launch(launch),
        "gemini" => {
            gemini::launch(launch).map_or_else(|| acp::launch("gemini", launch), |it| Ok(Some(it)))?
        }
        "opencode" => opencode::launch(launch)?,
        name => acp::launch(name, launch)?,
    };
    if known.is_none()
        && let Some(agent) = launch.agent.filter(|agent| agent.structured)
    {
        return Err(Failure {
            kind: ErrorKind::NotFound,
            message: format!("no agent is known that is called {:?}", agent.name),
            hint: "`longrein agents` lists them".to_owned(),
        });
    }
    Ok(known.unwrap_or_else(|| Launched {
        command: launch.command.to_vec(),
        env: Vec::new(),
        structured: false,
        adapter: Box::new(crate::any::Any::default()),
        beside: None,
    }))
}

/// Whoever says which agent runs in a terminal means it to be asked about: where that is not so, nothing is started.
fn check(launch: &Launch<'_>) -> Result<(), Failure> {
    let resume = launch.agent.and_then(|agent| agent.resume.as_deref());
    // It becomes a word of the agent's command line, and would be read as an option there.
    if let Some(id) = resume.filter(|id| id.is_empty() || id.starts_with('-')) {
        let message = format!("{id:?} is no conversation that can be gone on with");
        let hint = "start the agent without it".to_owned();
        return Err(Failure { kind: ErrorKind::Invalid, message, hint });
    }
    let Some(agent) = launch.agent.filter(|agent| !agent.structured && agent.name != "none") else {
        return Ok(());
    };
    let invalid = |message: String, hint: &str| {
        Err(Failure { kind: ErrorKind::Invalid, message, hint: hint.to_owned() })
    };
    if KNOWN.iter().all(|known| known.name != agent.name) {
        let message = format!("no agent is known that is called {:?}", agent.name);
        return invalid(message, "`longrein agents` lists them, and `none` starts the program as it is");
    }
    match KNOWN.iter().find(|known| known.program == file(launch) && known.name != agent.name) {
        Some(other) => {
            let message = format!("the program is {}, and not {}", other.name, agent.name);
            invalid(message, "leave --agent out: it is known by its program")
        }
        None => Ok(()),
    }
}

/// What a hook tells its agent where nobody could be asked: no. Codex takes what Claude takes.
pub fn refusal(input: &[u8], why: &str) -> String {
    claude::hooks::refusal(input, why)
}

/// Which agent it is: as the person says, or by the name of the program's file.
fn name<'a>(launch: &Launch<'a>) -> &'a str {
    if let Some(agent) = launch.agent {
        return &agent.name;
    }
    file(launch)
}

fn file<'a>(launch: &Launch<'a>) -> &'a str {
    let file = launch.command.first().and_then(|program| Path::new(program).file_name());
    file.and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(command: &[&str], agent: Option<&Agent>) -> Result<(Vec<String>, bool), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let launched = launch(&Launch {
            command: &command,
            agent,
            cwd: folder.path(),
            env: &[("HOME".into(), "/home/dev".into())],
            hook: &["longrein".into(), "hook".into()],
            folder: folder.path(),
        })?;
        Ok((launched.command, launched.structured))
    }

    fn agent(name: &str, structured: bool, resume: Option<&str>) -> Agent {
        Agent { name: name.into(), structured, resume: resume.map(Into::into) }
    }

    #[test]
    fn an_agent_is_known_by_its_programs_name_or_by_what_is_said() {
        for (command, agent) in [
            (&["claude"][..], None),
            (&["/usr/bin/claude", "hi"], None),
            (&["wrapper"], Some(agent("claude", false, Some("abc")))),
        ] {
            let (started, structured) = started(command, agent.as_ref()).unwrap();
            assert!(started.contains(&"--settings".to_owned()) && !structured, "{started:?}");
            assert_eq!(started[0], command[0]);
            assert_eq!(started.contains(&"abc".to_owned()), agent.is_some());
        }
        for (command, agent) in [
            (&["bash"][..], None),
            (&["claude"], Some(agent("none", false, None))),
            (&["claude", "mcp", "list"], None),
            (&["claude", "-p", "hi"], None),
        ] {
            assert_eq!(
                started(command, agent.as_ref()).unwrap(),
                (command.iter().map(|w| (*w).to_owned()).collect(), false)
            );
        }
        let (command, structured) =
            started(&["--model", "x"], Some(&agent("claude", true, Some("abc")))).unwrap();
        assert!(structured && command[0] == "claude" && command.ends_with(&["--model".into(), "x".into()]));
        assert!(started(&["--output-format", "text"], Some(&agent("claude", true, None))).is_err());
    }

    #[test]
    fn an_agent_that_is_not_known_is_not_started_without_a_gate() {
        for (name, command) in
            [("cluade", "claude"), ("", "claude"), ("CLAUDE", "wrapper"), ("codex", "/bin/claude")]
        {
            let error = started(&[command], Some(&agent(name, false, None))).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{name} {error:?}");
        }
        for (name, command) in [("goose", "goose"), ("codex", "wrapper"), ("none", "claude")] {
            started(&[command], Some(&agent(name, false, None))).unwrap();
        }
    }

    #[test]
    fn no_option_is_passed_to_an_agent_as_the_conversation_to_go_on_with() {
        for id in ["--dangerously-skip-permissions", "-c", ""] {
            for name in ["claude", "codex", "gemini", "opencode", "none"] {
                for structured in [true, false] {
                    let why = started(&[name], Some(&agent(name, structured, Some(id)))).unwrap_err();
                    assert_eq!(why.kind, ErrorKind::Invalid, "{name} {id}");
                }
            }
        }
    }

    #[test]
    fn codex_in_its_terminal_shares_its_app_server_or_gets_hooks() {
        let folder = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
        let start = |command: &[&str], agent: Option<&Agent>| {
            let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
            let (cwd, hook) = (folder.path(), ["longrein".to_owned(), "hook".to_owned()]);
            launch(&Launch { command: &command, agent, cwd, env: &[], hook: &hook, folder: cwd }).unwrap()
        };
        let is_gated = |launched: &Launched| {
            launched.command.iter().any(|word| word.starts_with("hooks.PermissionRequest="))
        };
        let given: Vec<_> = ["-m", "gpt", "hello"].map(str::to_owned).into();
        let codex = start(&["/usr/bin/codex", "-m", "gpt", "hello"], None);
        assert!(codex.command[0] == "/usr/bin/codex" && codex.command.ends_with(&given));
        assert!(codex.command[1] == "--remote" && !is_gated(&codex) && !codex.structured);
        let beside = codex.beside.unwrap();
        assert!(beside.command.contains(&"/usr/bin/codex".to_owned()), "{:?}", beside.command);
        assert!(is_gated(&beside.otherwise) && beside.otherwise.command.ends_with(&given));
        let resumed = start(&["codex"], Some(&agent("codex", false, Some("id"))));
        assert!(resumed.command.ends_with(&["resume".to_owned(), "id".to_owned()]));
        let alone = start(&["codex", "-p", "work"], None);
        assert!(is_gated(&alone) && alone.beside.is_none());
        for same in [&["codex", "exec", "hi"][..], &["/opt/codex/run"]] {
            assert_eq!(started(same, None).unwrap().0, same);
        }
    }

    #[test]
    fn agents_without_a_terminal_are_started_so_that_they_speak() {
        for (name, given, command) in [
            ("codex", "-c x=1", "codex app-server -c x=1"),
            ("opencode", "", "opencode acp"),
            ("gemini", "-m x", "gemini --acp -m x"),
            ("acp", "my-agent --acp", "my-agent --acp"),
        ] {
            let given: Vec<_> = given.split_whitespace().collect();
            let (started, structured) = started(&given, Some(&agent(name, true, None))).unwrap();
            assert_eq!((started.join(" ").as_str(), structured), (command, true));
        }
        for name in ["vim", "acp", "none"] {
            assert!(started(&[], Some(&agent(name, true, None))).is_err(), "{name}");
        }
    }
}
