//! The `longrein` program: one file per subcommand, below `command`.

#[macro_use]
mod out;

mod args;
mod asked;
mod command;
mod config;
mod daemon;
mod duration;
mod hosts;
mod margin;
mod portable;
mod problem;
mod qr;
mod questions;
mod service;
mod size;
mod table;
mod terminal;
mod tunnel;
mod visible;

use args::{Cli, Command, ServiceCommand, TokenCommand};
use clap::Parser as _;
use problem::{Doing as _, Outcome, Status};
use std::process::ExitCode;

/// Turns of tasks between two looks at the sockets. In a flood there is always a task that could go on, and a Ctrl-C must
/// not wait for many of them.
const EVENT_INTERVAL: u32 = 4;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let json = wants_json(&cli.command);
    let status = match cli.command {
        Command::Run(_) | Command::Attach(_) => Status::OfProgram,
        Command::Ask(_) => Status::OfAnswer,
        Command::Hook => {
            // An agent would go on.
            std::panic::set_hook(Box::new(|_| std::process::exit(problem::OBJECTION.into())));
            Status::OfHook
        }
        _ => Status::Own,
    };
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            problem::report(&failure, json);
            problem::status(status)
        }
    }
}

/// Tells how it is used. A question is never answered by that, also not one that reads `--help`.
fn misused(error: &clap::Error) -> ExitCode {
    if std::env::args_os().nth(1).is_none_or(|first| first != "ask") {
        error.exit();
    }
    // The exit status says it as well.
    let _ = error.print();
    ExitCode::from(problem::OURS)
}

fn dispatch(command: Command) -> Outcome {
    // Everything else is a conversation with somebody, on one thread: hops between tasks are then cheap.
    let alone = match command {
        Command::Completions(args) => return Ok(command::completions::run(&args)),
        Command::Keeper(args) => return command::keeper::run(&args),
        command => command,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .doing("start")?;
    let outcome = runtime.block_on(conversation(alone));
    // A thread that still waits for a line of input must not hold us up.
    runtime.shutdown_background();
    outcome
}

async fn conversation(command: Command) -> Outcome {
    match command {
        Command::Run(args) => command::run::run(args).await,
        Command::Up(args) => command::up::run(args).await,
        Command::Down(args) => command::down::run(&args).await,
        Command::Status(args) => command::status::run(&args).await,
        Command::Pair(args) => command::pair::run(&args).await,
        Command::Ls(args) => command::ls::run(&args).await,
        Command::Attach(args) => command::attach::run(&args).await,
        Command::Kill(args) => command::kill::run(&args).await,
        Command::Restart(args) => command::restart::run(&args).await,
        Command::Ttl(args) => command::ttl::run(&args).await,
        Command::Ask(args) => command::ask::run(&args).await,
        Command::Waiting(args) => command::ask::wait(&args).await,
        Command::Agents(args) => command::agents::run(&args).await,
        Command::Notify(args) => command::notify::run(&args).await,
        Command::Said(args) => Ok(command::notify::said(&args)),
        Command::Chat(args) => command::chat::run(args).await,
        Command::Hook => Ok(command::hook::run().await),
        Command::Approvals(args) => command::approvals::run(&args).await,
        Command::Approve(args) => command::approvals::approve(&args).await,
        Command::Deny(args) => command::approvals::deny(&args).await,
        Command::Logs(args) => command::logs::run(&args).await,
        Command::Export(args) => command::export::run(&args).await,
        Command::Import(args) => command::import::run(&args).await,
        Command::Devices(args) => command::devices::run(&args).await,
        Command::Revoke(args) => command::revoke::run(&args).await,
        Command::Token(args) => command::token::run(args.command).await,
        Command::Join(args) => command::join::run(&args).await,
        Command::Doctor(args) => command::doctor::run(&args).await,
        Command::Service(args) => command::service::run(&args).await,
        Command::Relay(args) => command::relay::run(&args).await,
        Command::Completions(_) | Command::Keeper(_) => unreachable!("taken care of before the runtime"),
    }
}

fn wants_json(command: &Command) -> bool {
    match command {
        Command::Agents(args)
        | Command::Down(args)
        | Command::Status(args)
        | Command::Devices(args)
        | Command::Doctor(args) => args.json,
        Command::Up(args) => args.json,
        Command::Pair(args) => args.json,
        Command::Ls(args) => args.json,
        Command::Kill(args) => args.json,
        Command::Restart(args) => args.json,
        Command::Ttl(args) => args.json,
        Command::Ask(args) => args.json,
        Command::Approvals(args) => args.json,
        Command::Import(args) => args.json,
        Command::Revoke(args) => args.json,
        Command::Join(args) => args.json,
        Command::Service(args) => match &args.command {
            ServiceCommand::Status(args) => args.json,
            ServiceCommand::Install(_) | ServiceCommand::Uninstall => false,
        },
        Command::Token(args) => match &args.command {
            TokenCommand::Create(args) => args.json,
            TokenCommand::List(args) => args.json,
            TokenCommand::Revoke(args) => args.json,
        },
        Command::Run(_)
        | Command::Attach(_)
        | Command::Approve(_)
        | Command::Deny(_)
        | Command::Waiting(_)
        | Command::Notify(_)
        | Command::Said(_)
        | Command::Chat(_)
        | Command::Hook
        | Command::Logs(_)
        | Command::Export(_)
        | Command::Relay(_)
        | Command::Completions(_)
        | Command::Keeper(_) => false,
    }
}
