//! `longrein relay`.

use crate::args::Relay;
use crate::config::Config;
use crate::daemon::{self, serve};
use crate::out;
use crate::problem::{Doing as _, Outcome};
use std::process::ExitCode;

/// Runs a relay until told to stop.
pub async fn run(args: &Relay) -> Outcome {
    daemon::log();
    let origins = serve::origins(&args.origins, &Config::default())?;
    let mut config = relay::Config { assets: serve::assets(), origins, ..relay::Config::default() };
    if args.bind.ip().is_loopback() {
        // Only a web server in front of it can bring others here, and that one says who they are.
        config.trusted_proxies = serve::loopback();
    }
    let wanted = daemon::place::Wanted::Exactly(args.bind);
    let listener = daemon::place::listen(wanted, std::path::Path::new("")).await?.listener;
    let server = relay::Server::start(vec![listener], config).doing("start the relay")?;
    for address in server.addresses() {
        out::line_if_read(format_args!(
            "Relay on http://{address}/ (plain; put TLS in front of it before others use it)"
        ));
    }
    daemon::asked_to_stop()?.await;
    server.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
