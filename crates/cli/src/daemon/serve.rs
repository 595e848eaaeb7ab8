//! The daemon itself: the embedded relay with the web app, or a relay elsewhere, and the host.

use super::place::{self, Wanted};
use super::{asked_to_stop, failed};
use crate::config::Config;
use crate::problem::{Doing as _, Hint as _, invalid};
use crate::tunnel;
use relay::Origins;
use relay::assets::{Asset, Assets};
use session::message::Failure;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Paths;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What was asked for on the command line or in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relay {
    /// The embedded one, here.
    Embedded(Wanted),
    /// The embedded one, reached through a tunnel.
    Tunnel(Wanted),
    /// One elsewhere, at this origin.
    Remote(String),
}

/// From the command line, and where that says nothing from the settings.
pub fn choose(args: &crate::args::Reach, config: &Config) -> Result<Relay, Failure> {
    let wanted = match args.bind.or(config.bind.filter(|_| !args.lan)) {
        Some(address) => Wanted::Exactly(address),
        None => Wanted::Usual { lan: args.lan },
    };
    let asked_for_embedded = args.bind.is_some() || args.lan || args.tunnel;
    match args.relay.as_ref().or(config.relay.as_ref().filter(|_| !asked_for_embedded)) {
        Some(url) => Ok(Relay::Remote(origin(url)?)),
        None if args.tunnel => Ok(Relay::Tunnel(wanted)),
        None => Ok(Relay::Embedded(wanted)),
    }
}

/// The pages that may use a relay of ours besides its own: those of the command line and of the settings.
pub fn origins(args: &[String], config: &Config) -> Result<Origins, Failure> {
    let all = args.iter().chain(&config.origins).map(|url| origin(url));
    Ok(Origins { others: all.collect::<Result<_, _>>()?, any: false })
}

/// Serves until told to stop; calls `ready` once it does.
pub async fn serve(
    paths: &Paths,
    relay: Relay,
    origins: Origins,
    config: &Config,
    ready: impl FnOnce(&Ready),
) -> Result<(), Failure> {
    let stop = asked_to_stop()?;
    let host = super::open(paths).await?;
    let program = std::env::current_exe().doing("find this program")?;
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut tunnel = None;
    let mut embedded = None;
    let mut moved = None;
    let api = config.api.enabled.then(|| {
        let (paths, program) = (paths.clone(), program.clone());
        api::router(api::Config { paths, program, remote: config.api.remote })
    });
    let mut aside = None;
    let (relay_kind, relay, public_url, address) = match relay {
        Relay::Remote(url) => {
            if api.is_some() {
                aside = for_the_api(paths, api).await;
            }
            (host::RelayKind::Remote, host::Relay::Remote { url: url.clone() }, url, None)
        }
        Relay::Embedded(wanted) => {
            let (server, address, instead_of) = start(wanted, paths, origins, false, api).await?;
            moved = instead_of;
            let attach = attach(&server, &host);
            embedded = Some(server);
            (host::RelayKind::Embedded, attach, page(address), Some(address))
        }
        Relay::Tunnel(wanted) => {
            let (server, address, _) = start(wanted, paths, origins, true, api).await?;
            let attach = attach(&server, &host);
            embedded = Some(server);
            let open = tunnel.insert(tunnel::open(address.port()).await?);
            (host::RelayKind::Tunnel, attach, format!("{}/", open.url), Some(address))
        }
    };
    let notes = notes(relay_kind, address, moved);
    for note in &notes {
        tracing::warn!("{note}");
    }
    let ready_as = Ready { page: public_url.clone(), kind: relay_kind, notes };
    let listens = address.or(aside.as_ref().map(|(_, address)| *address));
    let opts = host::Opts {
        name,
        version: crate::hosts::CLIENT.to_owned(),
        program,
        relay,
        relay_kind,
        public_url,
        relay_origin: None,
        address: address.map(|address| address.to_string()),
        api: listens.filter(|_| config.api.enabled).map(api_url),
        awake: config.awake,
        expires_in: config.expire,
        history: config.history,
    };
    let running = host.start(opts).await.map_err(failed)?;
    tracing::info!(relay = %relay_kind, page = ready_as.page, "serving");
    ready(&ready_as);
    let stopper = running.stopper();
    let signals = tokio::spawn(async move {
        stop.await;
        stopper.stop();
    });
    running.wait().await;
    signals.abort();
    if let Some(server) = embedded.and_then(Arc::into_inner) {
        server.shutdown().await;
    }
    if let Some((server, _)) = aside {
        server.shutdown().await;
    }
    drop(tunnel);
    tracing::info!("stopped");
    Ok(())
}

/// What a person wants to know of a daemon that has just begun to serve.
pub struct Ready {
    /// The page that devices open.
    pub page: String,
    /// How they reach it.
    pub kind: host::RelayKind,
    /// What else a person should know.
    pub notes: Vec<String>,
}

const LAN: &str = "\
Anybody in your network can reach this page now; only paired devices get further.
What you type and see stays sealed from end to end. The page itself comes over plain http, so somebody
who can alter traffic in your network could alter the page. On a network you do not trust, use --tunnel
or a relay behind TLS (see docs/security.md).";

/// What follows from where it listens, for a person.
fn notes(kind: host::RelayKind, address: Option<SocketAddr>, moved: Option<u16>) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(address) = address else { return notes };
    if let Some(usual) = moved {
        notes.push(format!(
            "Port {usual} is in use by another program, so this is port {} until the daemon starts again.\n\
             Browsers that were paired at the usual address do not find it meanwhile.",
            address.port()
        ));
    }
    if address.ip().is_loopback() {
        return notes;
    }
    if address.ip().is_unspecified()
        && place::network_address().is_none()
        && kind == host::RelayKind::Embedded
    {
        notes.push(
            "This machine has no network address, so only programs on it can open the page.".to_owned(),
        );
    }
    notes.push(LAN.to_owned());
    notes
}

/// The web app that is in this program.
pub fn assets() -> Assets {
    Assets(ASSETS)
}

async fn start(
    wanted: Wanted,
    paths: &Paths,
    origins: Origins,
    tunnel: bool,
    api: Option<api::Router>,
) -> Result<(Arc<relay::Server>, SocketAddr, Option<u16>), Failure> {
    let place::Place { listener, instead_of } = place::listen(wanted, &paths.state).await?;
    let address = listener.local_addr().doing("read the relay's address")?;
    let mut listeners = vec![listener];
    if !address.ip().is_loopback() && !address.ip().is_unspecified() && api.is_some() {
        // Programs of this machine find the API there; where something else has the port, they do not.
        match tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, address.port())).await {
            Ok(near) => listeners.push(near),
            Err(error) => tracing::warn!(%error, "the API is not reached on loopback"),
        }
    }
    let mut config = relay::Config { assets: assets(), origins, api, ..relay::Config::default() };
    if tunnel {
        config.trusted_proxies = loopback();
    }
    let server = relay::Server::start(listeners, config).doing("start the relay")?;
    Ok((Arc::new(server), address, instead_of))
}

/// A place on loopback for the API, where the relay is elsewhere. Without it everything but the API works.
async fn for_the_api(paths: &Paths, api: Option<api::Router>) -> Option<(relay::Server, SocketAddr)> {
    let started = async {
        let place::Place { listener, .. } = place::listen(Wanted::Usual { lan: false }, &paths.state).await?;
        let address = listener.local_addr().doing("read the API's address")?;
        let config = relay::Config { api, ..relay::Config::default() };
        let server = relay::Server::start(vec![listener], config).doing("start the API")?;
        Ok::<_, Failure>((server, address))
    };
    started.await.inspect_err(|why| tracing::warn!(%why, "there is no API")).ok()
}

/// Where programs of this machine find the API.
fn api_url(address: SocketAddr) -> String {
    let near = std::net::Ipv4Addr::LOCALHOST.into();
    let ip = if address.ip().is_loopback() { address.ip() } else { near };
    format!("http://{}/api", SocketAddr::new(ip, address.port()))
}

/// Programs on this machine that speak for others: a tunnel, or a web server that terminates TLS.
pub fn loopback() -> Vec<relay::address::Network> {
    ["127.0.0.0/8", "::1"].iter().filter_map(|network| network.parse().ok()).collect()
}

/// The host's end of the embedded relay, as often as it is needed.
fn attach(server: &Arc<relay::Server>, host: &host::Host) -> host::Relay {
    let (server, secret) = (Arc::downgrade(server), host.relay_secret());
    host::Relay::Embedded(Box::new(move || match server.upgrade() {
        Some(server) => Ok(server.attach_local(&secret)),
        None => Err(wire::CloseCode::Restarting),
    }))
}

/// The page of an embedded relay, as others reach it.
fn page(address: SocketAddr) -> String {
    let ip = if address.ip().is_unspecified() {
        place::network_address().unwrap_or_else(|| std::net::Ipv4Addr::LOCALHOST.into())
    } else {
        address.ip()
    };
    format!("http://{}/", SocketAddr::new(ip, address.port()))
}

/// A relay's address as browsers write it, from any of the forms people use.
fn origin(url: &str) -> Result<String, Failure> {
    let url = url.trim();
    let http = match url.split_once("://") {
        Some(("https" | "wss", rest)) => format!("https://{rest}"),
        Some(("http" | "ws", rest)) => format!("http://{rest}"),
        None if !url.is_empty() => format!("https://{url}"),
        _ => String::new(),
    };
    seal::origin(&http).map(|origin| format!("{origin}/")).ok_or_else(|| {
        invalid(format!("{url:?} is not the address of a relay"))
            .hint("It looks like https://relay.example.org.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Reach;

    #[test]
    fn the_command_line_goes_before_the_settings() {
        let config = Config { relay: Some("wss://relay.example".to_owned()), ..Config::default() };
        let remote = Relay::Remote("https://relay.example/".to_owned());
        assert_eq!(choose(&Reach::default(), &config).unwrap(), remote);
        let lan = Reach { lan: true, ..Reach::default() };
        assert_eq!(choose(&lan, &config).unwrap(), Relay::Embedded(Wanted::Usual { lan: true }));
    }

    #[test]
    fn pages_are_let_in_by_the_command_line_and_the_settings() {
        let config = Config { origins: vec!["https://b.example".to_owned()], ..Config::default() };
        let both = origins(&["http://a.example:7373".to_owned()], &config).unwrap();
        for origin in ["http://a.example:7373", "https://b.example"] {
            assert!(both.allow(Some(origin), Some("127.0.0.1:7373")), "{origin}");
        }
        assert!(!both.allow(Some("https://c.example"), Some("127.0.0.1:7373")));
        assert!(origins(&["ftp://a.example".to_owned()], &config).is_err());
    }

    #[test]
    fn a_relay_is_named_in_any_usual_form() {
        for url in ["https://r.example", "wss://r.example/", "r.example", " https://r.example/ "] {
            assert_eq!(origin(url).unwrap(), "https://r.example/", "{url}");
        }
        assert_eq!(origin("ws://127.0.0.1:7374").unwrap(), "http://127.0.0.1:7374/");
        for wrong in ["", "ftp://r.example", "https://", "https://a b"] {
            assert!(origin(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn there_is_always_a_page_to_show() {
        assert!(assets().0.iter().any(|asset| asset.path == "index.html"));
    }
}
