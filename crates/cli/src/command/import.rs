//! `longrein import FILE`.

use crate::args::Import;
use crate::portable;
use crate::problem::{Doing as _, Outcome};
use crate::table::clean;
use crate::{daemon, hosts};
use client::Route;
use session::id::SessionId;
use session::message::{Failure, Method};
use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;
use store::Paths;

/// Makes a session of an exported one: ended, and readable as any other.
pub async fn run(args: &Import) -> Outcome {
    let paths = hosts::paths()?;
    let reading = format!("read {}", args.file.display());
    let file = File::open(&args.file).doing(&reading)?;
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).doing("get random bytes")?;
    let id = SessionId::from_random(bytes);
    let made = portable::place(&paths, &id, args.name.as_deref(), BufReader::new(file))?;
    if let Err(why) = show(&paths, &id).await {
        note!("longrein: The session is there, but the daemon does not show it yet: {why}.");
        note!("  hint: `longrein up --replace` starts one that does.");
    }
    if args.json {
        say!("{}", serde_json::json!({ "session": id }));
    } else {
        say!("Imported {} as {id}.", clean(&made.name));
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the daemon, where one runs; any other finds it when it starts.
async fn show(paths: &Paths, id: &SessionId) -> Result<(), Failure> {
    if daemon::is_up(paths).await? {
        let adopt = Method::SessionAdopt { session: id.clone() };
        let _: serde_json::Value = hosts::ask(&Route::Daemon(paths.clone()), adopt).await?;
    }
    Ok(())
}
