//! The relay over real sockets: accepts, limits, upgrades, and answers HTTP.

use crate::address::{Address, AddressKey, Network, forwarded};
use crate::assets::{self, Assets, Table};
use crate::hub::{Hub, Limits};
use crate::local;
use crate::origin::Origins;
use crate::seats::{Seat, Seats};
use crate::shared::Shared;
use crate::socket::{self, Deadlines, Peer, WRITE_BUFFER};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::ServiceExt;
use wire::limits::{HEARTBEAT, MAX_FRAME, WRITE_TIMEOUT};
use wire::{CloseCode, HostFrame, RelaySecret, Rid, SUBPROTOCOL, TICKET_PREFIX, Ticket};

/// How a relay behaves; the default is right for one that is embedded.
#[derive(Clone, Debug)]
pub struct Config {
    /// The hub's bounds.
    pub limits: Limits,
    /// Which pages may use it.
    pub origins: Origins,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The web app.
    pub assets: Assets,
    /// What answers requests below `/api`, if something does. It decides by itself who may ask.
    pub api: Option<Router>,
    /// Sockets that have not shown yet what they are for; the oldest goes when there are more.
    pub seats: usize,
    /// The same, from one address.
    pub seats_per_address: usize,
    /// A request that takes longer, or a connection that asks nothing for so long, is closed.
    pub request_timeout: Duration,
    /// A write that takes longer ends its link.
    pub write_timeout: Duration,
    /// How often a silent link is pinged; it is dead after three.
    pub heartbeat: Duration,
    /// What links are told at a shutdown: come back after so long.
    pub restart_pause: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            origins: Origins::default(),
            trusted_proxies: Vec::new(),
            assets: Assets::default(),
            api: None,
            seats: 512,
            seats_per_address: 64,
            request_timeout: wire::limits::HANDSHAKE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            heartbeat: HEARTBEAT,
            restart_pause: Duration::from_millis(500),
        }
    }
}

/// A running relay. Dropping it closes every link; [`Server::shutdown`] also waits until they have heard it.
pub struct Server {
    context: Arc<Context>,
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

struct Context {
    config: Config,
    shared: Arc<Shared>,
    seats: Arc<Seats>,
    table: Table,
}

impl Server {
    /// Serves on listeners that are bound already; none is fine for a host that only attaches to itself.
    pub fn start(listeners: Vec<TcpListener>, config: Config) -> io::Result<Self> {
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let hub = Hub::new(config.limits.clone(), Instant::now(), u64::try_from(unix_ms).unwrap_or(0));
        let seats = Seats::new(config.seats, config.seats_per_address);
        let table = Table::new(config.assets);
        let context = Arc::new(Context { config, shared: Shared::new(hub), seats, table });
        let shared = Arc::clone(&context.shared);
        let mut tasks = vec![tokio::spawn(async move { shared.run_timer().await })];
        for listener in listeners {
            tasks.push(tokio::spawn(accept(listener, Arc::clone(&context))));
        }
        Ok(Self { context, addresses, tasks })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes the slot of `secret` for a host in this process: frames to the relay, and frames from it, the first of
    /// which is `REGISTERED`. The same rules hold as for any host, and a host elsewhere with the same secret takes the
    /// slot over. Where the relay takes no more hosts, both queues are closed already.
    pub fn attach_local(&self, secret: &RelaySecret) -> (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
        let (to_host, host_receives) = mpsc::channel(local::QUEUE);
        let (host_sends, from_host) = mpsc::channel(local::QUEUE);
        let shared = &self.context.shared;
        let here = Address::new(IpAddr::from([127, 0, 0, 1]));
        if let Ok(link) = shared.with(|hub, now| hub.connect_host(here, now)) {
            let owned = shared.own(link);
            owned.frame(HostFrame::Register(secret.clone()).to_vec().into());
            tokio::spawn(local::drive(owned, to_host, from_host));
        }
        (host_sends, host_receives)
    }

    /// Hosts and clients that are connected, and bytes that wait for them.
    pub fn load(&self) -> (usize, usize, usize) {
        self.context.shared.with(|hub, _| hub.load())
    }

    /// Tells every link to come back, gives them a moment to hear it, and ends.
    pub async fn shutdown(&self) {
        let pause = self.context.config.restart_pause;
        self.context.shared.with(|hub, now| hub.restart(pause, now));
        let all_gone = async {
            while self.load() != (0, 0, 0) {
                self.context.shared.gone.notified().await;
            }
        };
        let _ = timeout(Duration::from_secs(2), all_gone).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        let pause = self.context.config.restart_pause;
        self.context.shared.with(|hub, now| hub.restart(pause, now));
    }
}

/// Serves a standalone relay on `bind` until `stop` resolves.
pub async fn run(bind: SocketAddr, config: Config, stop: impl Future<Output = ()>) -> io::Result<()> {
    let server = Server::start(vec![TcpListener::bind(bind).await?], config)?;
    for address in server.addresses() {
        tracing::info!(%address, "relay is listening");
    }
    stop.await;
    server.shutdown().await;
    Ok(())
}

async fn accept(listener: TcpListener, context: Arc<Context>) {
    let app = router(Arc::clone(&context));
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                failing = false;
                let seat = context.seats.take(context.seat_key(peer.ip()));
                let apps = (app.clone(), context.config.api.clone());
                tokio::spawn(serve(tcp, peer.ip(), seat, apps, context.config.request_timeout));
            }
            Err(error) => {
                // Out of sockets, most likely: those that have shown nothing yet make room.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept a connection");
                }
                context.seats.make_room();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One HTTP connection, until it is closed or has become a WebSocket.
async fn serve(
    tcp: TcpStream,
    peer: IpAddr,
    seat: Seat,
    apps: (Router, Option<Router>),
    request_timeout: Duration,
) {
    let (app, api) = apps;
    if tcp.set_nodelay(true).is_err() {
        return;
    }
    let seat = Arc::new(seat);
    let caller = Caller { peer, seat: Arc::clone(&seat) };
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (app, api, caller) = (app.clone(), api.clone(), caller.clone());
        async move {
            let mut request = request.map(Body::new);
            let answered = if let Some(api) = api.filter(|_| is_api(request.uri().path())) {
                Ok(ask(api, request, &caller).await)
            } else {
                request.extensions_mut().insert(caller);
                timeout(request_timeout, app.oneshot(request)).await
            };
            let mut response = match answered {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => assets::plain(StatusCode::REQUEST_TIMEOUT, "too slow\n"),
            };
            assets::harden(response.headers_mut());
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(request_timeout)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(tcp), service)
        .with_upgrades();
    tokio::select! {
        // What goes wrong on a connection is its peer's business; there is nothing to do about it here.
        _ = connection => {}
        () = seat.put_out() => {}
    }
}

fn is_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Has the API answer, for however long that takes. Whoever has shown it a token leaves the seat.
async fn ask(api: Router, mut request: Request, caller: &Caller) -> Result<Answer, std::convert::Infallible> {
    let proved = Arc::new(Notify::new());
    request.extensions_mut().insert(ConnectInfo(caller.peer));
    request.extensions_mut().insert(Arc::clone(&proved));
    let mut answered = std::pin::pin!(api.oneshot(request));
    tokio::select! {
        answer = &mut answered => return answer,
        () = proved.notified() => caller.seat.leave(),
    }
    answered.await
}

/// Who sent a request.
#[derive(Clone)]
struct Caller {
    peer: IpAddr,
    seat: Arc<Seat>,
}

impl Context {
    /// Programs on this machine and trusted proxies speak for many, so they do not share one address's limit.
    fn seat_key(&self, peer: IpAddr) -> Option<AddressKey> {
        let address = Address::new(peer);
        (!address.is_local() && !self.is_trusted(peer)).then(|| address.key())
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        self.config.trusted_proxies.iter().any(|network| network.contains(peer))
    }

    fn address(&self, caller: &Caller, headers: &HeaderMap) -> Address {
        let values = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?"));
        let values: Vec<&str> = values.collect();
        forwarded(caller.peer, &self.config.trusted_proxies, values.into_iter())
    }

    /// The request's `Origin`, or a refusal where that page may not use this relay.
    fn origin<'a>(&self, caller: &Caller, headers: &'a HeaderMap) -> Result<Option<&'a str>, CloseCode> {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text("x-forwarded-host").filter(|_| self.is_trusted(caller.peer)).or_else(|| text("host"));
        let origin = text("origin");
        if self.config.origins.allow(origin, host) { Ok(origin) } else { Err(CloseCode::Refused) }
    }
}

type Answer = Response<Body>;

fn refused(code: CloseCode) -> Answer {
    match code {
        CloseCode::Limited => assets::plain(StatusCode::TOO_MANY_REQUESTS, "too many; try again later\n"),
        CloseCode::Restarting => assets::plain(StatusCode::SERVICE_UNAVAILABLE, "restarting\n"),
        _ => assets::plain(StatusCode::FORBIDDEN, "refused\n"),
    }
}

fn router(context: Arc<Context>) -> Router {
    Router::new()
        .route("/v1/host", get(host))
        .route("/v1/ticket", any(ticket))
        .route("/v1/connect/{rid}", get(client))
        .route("/health", get(|| async { assets::plain(StatusCode::OK, "ok\n") }))
        .fallback(async |State(context): State<Arc<Context>>, request: Request| {
            context.table.answer(request.method(), request.uri().path(), request.headers())
        })
        .with_state(context)
}

fn bounded(upgrade: WebSocketUpgrade, read_buffer: usize) -> WebSocketUpgrade {
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .read_buffer_size(read_buffer)
        .write_buffer_size(WRITE_BUFFER)
}

fn deadlines(config: &Config) -> Deadlines {
    Deadlines { write: config.write_timeout, heartbeat: config.heartbeat }
}

async fn host(
    State(context): State<Arc<Context>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let upgrade = bounded(upgrade, 64 * 1024);
    if upgrade.selected_protocol().is_none() {
        return assets::plain(StatusCode::BAD_REQUEST, "subprotocol longrein.1 is missing\n");
    }
    if let Err(code) = context.origin(&caller, &headers) {
        return refused(code);
    }
    let address = context.address(&caller, &headers);
    let shared = &context.shared;
    match shared.with(|hub, now| hub.connect_host(address, now)) {
        Err(code) => refused(code),
        Ok(link) => {
            let owned = shared.own(link);
            let deadlines = deadlines(&context.config);
            upgrade.on_upgrade(move |socket| socket::drive(socket, owned, Peer::Host, deadlines, caller.seat))
        }
    }
}

async fn client(
    State(context): State<Arc<Context>>,
    Extension(caller): Extension<Caller>,
    Path(rid): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Answer {
    let upgrade = bounded(upgrade, 8 * 1024);
    if upgrade.selected_protocol().is_none() {
        return assets::plain(StatusCode::BAD_REQUEST, "subprotocol longrein.1 is missing\n");
    }
    let origin = match context.origin(&caller, &headers) {
        Ok(origin) => origin,
        Err(code) => return refused(code),
    };
    let Ok(rid) = rid.parse::<Rid>() else {
        return assets::plain(StatusCode::NOT_FOUND, "not a slot\n");
    };
    let ticket = upgrade
        .requested_protocols()
        .find_map(|protocol| protocol.to_str().ok()?.strip_prefix(TICKET_PREFIX)?.parse::<Ticket>().ok());
    let Some(ticket) = ticket else { return refused(CloseCode::Refused) };
    let address = context.address(&caller, &headers);
    let shared = &context.shared;
    match shared.with(|hub, now| hub.connect_client(rid, &ticket, origin, address, now)) {
        Err(code) => refused(code),
        Ok(link) => {
            let owned = shared.own(link);
            let deadlines = deadlines(&context.config);
            upgrade
                .on_upgrade(move |socket| socket::drive(socket, owned, Peer::Client, deadlines, caller.seat))
        }
    }
}

#[derive(Deserialize)]
struct TicketRequest {
    rid: String,
}

async fn ticket(
    State(context): State<Arc<Context>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Answer {
    let (parts, body) = request.into_parts();
    let origin = match context.origin(&caller, &parts.headers) {
        Ok(origin) => origin,
        Err(code) => return refused(code),
    };
    let mut response = match parts.method {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        Method::POST => issue(&context, &caller, &parts.headers, origin, body).await,
        _ => assets::plain(StatusCode::METHOD_NOT_ALLOWED, "only POST\n"),
    };
    // A page of another origin that is allowed in may also read the answer.
    if let Some(origin) = origin.and_then(|origin| HeaderValue::try_from(origin).ok()) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

async fn issue(
    context: &Context,
    caller: &Caller,
    headers: &HeaderMap,
    origin: Option<&str>,
    body: Body,
) -> Answer {
    let bad = || assets::plain(StatusCode::BAD_REQUEST, "expected {\"rid\": \"<slot>\"}\n");
    let Ok(body) = to_bytes(body, 1024).await else { return bad() };
    let Ok(request) = serde_json::from_slice::<TicketRequest>(&body) else { return bad() };
    let Ok(rid) = request.rid.parse::<Rid>() else { return bad() };
    let mut ticket = Ticket([0; 32]);
    if getrandom::fill(&mut ticket.0).is_err() {
        return assets::plain(StatusCode::INTERNAL_SERVER_ERROR, "no randomness\n");
    }
    let address = context.address(caller, headers);
    let issued = context.shared.with(|hub, now| hub.issue_ticket(ticket.hash(), rid, origin, address, now));
    if let Err(code) = issued {
        return refused(code);
    }
    let expires_in = context.config.limits.ticket_lifetime.as_secs();
    let answer = serde_json::json!({ "ticket": ticket.encode(), "expires_in": expires_in });
    let mut response = Response::new(Body::from(answer.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
