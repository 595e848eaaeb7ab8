//! `longrein run -- CMD…`.

use crate::args::Run;
use crate::command::attach::{self, Shown};
use crate::config::Config;
use crate::duration;
use crate::hosts;
use crate::problem::{self, Doing as _, Hint as _, Outcome, invalid};
use crate::qr;
use crate::table;
use crate::terminal::pairing::{self, News};
use crate::terminal::{tty, view};
use client::{AttachOpts, Attachment, Route, Update};
use session::ending::NOTICE_MS;
use session::id::SessionId;
use session::message::{Agent, Create, Created, Cursor, Device, ErrorKind, Failure, Invited, Method};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;
use tokio::sync::mpsc;

/// Bytes of environment that fit in one message beside everything else.
const ENVIRONMENT: usize = 48_000;

/// Starts a program in a session and shows it here.
pub async fn run(args: Run) -> Outcome {
    let paths = hosts::paths()?;
    let config = Config::load(&paths.config)?;
    let host = hosts::route(&paths, None).await?;
    let interactive = tty::is_interactive() && !args.detach;
    let mut connection = hosts::open(&host).await?;
    let show_link = args.link || interactive && no_device(&mut connection).await?;
    let create = create(&args)?;
    let name = create.name.clone().unwrap_or_else(|| create.command[0].clone());
    let size = create.size;
    let executable = is_executable(&create);
    let created: Created = match hosts::call(&mut connection, Method::SessionCreate(create)).await {
        Err(failure) if executable == Some(false) => {
            problem::report(&failure, false);
            return Ok(ExitCode::from(problem::NOT_EXECUTABLE));
        }
        Err(failure) if failure.kind == ErrorKind::NotFound => {
            problem::report(&failure, false);
            return Ok(ExitCode::from(problem::NO_PROGRAM));
        }
        created => created?,
    };
    drop(connection);
    let mut news = show_link.then(|| pairing::start(host.clone()));
    if let Some(news) = &mut news {
        match news.recv().await {
            Some(News::Link(invited)) => tell_link(&invited, interactive, &config),
            Some(News::Failed(failure)) => return Err(failure),
            Some(News::Paired(_) | News::Reused) | None => {}
        }
    }
    let route = Route::Keeper(paths);
    if interactive {
        let shown = Shown {
            host,
            route,
            session: created.session,
            name,
            prefix: config.prefix,
            // From its very first byte, which is behind the event that says the size: no snapshot comes, and what the
            // terminal shows already stays where it is.
            after: Some(Cursor { epoch: 1, seq: 1 }),
            size,
            quiet: is_brief(args.ttl),
            news,
        };
        return attach::show(shown).await;
    }
    if !args.link {
        say!("{}", created.session);
    }
    if args.detach {
        return Ok(ExitCode::SUCCESS);
    }
    note!("The session is {0}. Attach with: longrein attach {0}", created.session);
    follow(route, created.session, news).await
}

/// Whoever gave so little time need not be told that little is left.
pub fn is_brief(ttl: Option<u32>) -> bool {
    ttl.is_some_and(|seconds| u64::from(seconds) * 1000 <= NOTICE_MS)
}

/// Whether the program can be executed; `None` where there is none. As the keeper looks it up.
fn is_executable(create: &Create) -> Option<bool> {
    let (program, env) = (create.command.first()?, create.env.as_deref().unwrap_or_default());
    let cwd = Path::new(create.cwd.as_deref().unwrap_or("/"));
    let paths = env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, paths)| paths);
    let folders = if program.contains('/') { "" } else { paths };
    let files = folders.split(':').map(|folder| cwd.join(folder).join(program));
    let mut found = files.filter_map(|file| file.metadata().ok()).peekable();
    found.peek()?;
    Some(found.any(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0))
}

async fn no_device(connection: &mut client::Connection) -> Result<bool, Failure> {
    let devices: Vec<Device> = hosts::call(connection, Method::DeviceList { after: None }).await?;
    Ok(devices.is_empty())
}

fn create(args: &Run) -> Result<Create, Failure> {
    Ok(Create {
        command: args.command.clone(),
        cwd: Some(folder(args.cwd.as_deref())?),
        name: args.name.clone(),
        size: args.size.or_else(tty::size),
        env: Some(environment()),
        ttl: args.ttl,
        agent: args.agent.clone().map(|name| Agent { name, structured: false, resume: None }),
        asks: false,
    })
}

/// The folder to start in, named from the root on.
pub fn folder(cwd: Option<&Path>) -> Result<String, Failure> {
    let here = std::env::current_dir().doing("find the current folder")?;
    let cwd = cwd.map_or_else(|| here.clone(), |cwd| here.join(cwd));
    if !cwd.is_dir() {
        return Err(invalid(format!("{} is not a folder", cwd.display()))
            .hint("The program is started in a folder that is there: here, or in --cwd DIR."));
    }
    cwd.into_os_string().into_string().map_err(|_| invalid("The folder's name is not valid UTF-8"))
}

/// This process's environment, as far as it is text and fits; what is largest is left out first.
pub fn environment() -> Vec<(String, String)> {
    let text = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut variables: Vec<(String, String)> = text.collect();
    // JSON may take more bytes than the text itself: quotes, brackets, escapes.
    let cost = |(name, value): &(String, String)| serde_json::json!([name, value]).to_string().len() + 1;
    variables.sort_by_key(cost);
    let mut total = 0;
    let before = variables.len();
    variables.retain(|variable| {
        total += cost(variable);
        total <= ENVIRONMENT
    });
    if variables.len() < before {
        note!(
            "longrein: the environment is too large; {} variables were left out.",
            before - variables.len()
        );
    }
    variables
}

fn tell_link(invited: &Invited, interactive: bool, config: &Config) {
    if !interactive {
        say!("{}", invited.url);
        return;
    }
    let code = qr::lines(&invited.url)
        .filter(|(_, width)| tty::size().is_some_and(|s| *width <= usize::from(s.cols)));
    for line in code.map(|(lines, _)| lines).unwrap_or_default() {
        say!("{line}");
    }
    say!("{}", invited.url);
    say!("Scan or open this within {} s to have the session on another device.", invited.expires_in);
    let prefix = config.prefix;
    say!("{prefix} then q shows a fresh code, d leaves, ? helps.");
}

/// With no terminal: until the program ends, whose status becomes ours. Meanwhile says which device was paired.
async fn follow(route: Route, session: SessionId, mut news: Option<mpsc::Receiver<News>>) -> Outcome {
    let id = session.clone();
    let opts =
        AttachOpts { route, session, client: hosts::CLIENT.to_owned(), size: None, window: 0, after: None };
    let (_attachment, mut updates) = Attachment::start(opts);
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(Update::Exit { exit }) => return Ok(attach::exit_code(exit)),
                Some(Update::Ended(Some(failure))) => return Err(failure),
                Some(Update::Ended(None)) | None => return Ok(ExitCode::SUCCESS),
                Some(Update::Ending { ends_at: Some(at) }) => {
                    let left = duration::show(duration::left(at, table::now_ms()));
                    note!("The session ends in {left}. Give it more with: longrein ttl {id} +30m");
                }
                Some(_) => {}
            },
            heard = pairing::next(&mut news) => match heard {
                Some(News::Paired(device)) => {
                    for line in view::paired(&device) {
                        note!("{line}");
                    }
                }
                Some(News::Reused) => note!("{}", pairing::REUSED),
                Some(News::Link(_) | News::Failed(_)) => {}
                None => news = None,
            },
        }
    }
}
