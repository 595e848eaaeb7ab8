//! Who may speak at all, before anything is read of what they say.

use crate::Shared;
use crate::problem::Problem;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// What a program that passes requests on adds to them. One of them says that the caller is elsewhere.
const PASSED_ON: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "cf-ray",
];

/// Turns away who may not speak; what is answered is not kept by anybody.
pub(crate) async fn gate(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<IpAddr>>().map(|info| info.0);
    let mut response = match judge(peer, request.uri(), request.headers(), shared.config.remote) {
        Ok(()) => next.run(request).await,
        Err(why) => why.into_response(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn judge(peer: Option<IpAddr>, uri: &Uri, headers: &HeaderMap, remote: bool) -> Result<(), Problem> {
    let near = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    // A page elsewhere can have a name of its own stand for this machine, but not send another name.
    let direct = is_loopback(host) && PASSED_ON.iter().all(|name| !headers.contains_key(*name));
    if !near || !direct {
        let secure = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
        if !(near && remote && secure) {
            let detail = "the API answers programs of this machine alone";
            let hint =
                "with `remote = true` below [api] in config.toml it answers others too, over TLS or a tunnel";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail, hint));
        }
    }
    // A browser sends what it was once told for Basic with any page's requests.
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
    let same = |origin: &str| origin.split_once("://").is_some_and(|(_, of)| of == host);
    let site = headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("?"));
    if origin.is_some_and(|origin| !same(origin))
        || site.is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        let detail = "the API answers no pages of other sites";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail, ""));
    }
    // Whatever stands in a URL ends up in logs and histories.
    let query = uri.query().unwrap_or_default();
    let secret = |value: &str| value.starts_with("lr_") && value.len() > 40;
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    if pairs.any(|(name, value)| name == "token" || secret(value)) {
        return Err(Problem::invalid(
            "a token does not belong into a URL",
            "send it as `Authorization: Bearer TOKEN`",
        ));
    }
    Ok(())
}

/// Whether a `Host` is a name of this machine's own, with or without a port.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(peer: &str, headers: &[(&'static str, &str)], remote: bool) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let judged = judge(Some(peer.parse().unwrap()), &Uri::from_static("/api/sessions"), &map, remote);
        judged.err().map(|why| why.into_response().status().as_u16())
    }

    #[test]
    fn programs_of_this_machine_are_answered_and_nobody_else() {
        for host in ["localhost:7373", "127.0.0.1:7373", "[::1]:7373", "LocalHost"] {
            assert_eq!(asked("127.0.0.1", &[("host", host)], false), None, "{host}");
        }
        assert_eq!(asked("::ffff:127.0.0.1", &[("host", "localhost")], false), None);
        let near = ("host", "localhost:7373");
        assert_eq!(asked("192.168.1.7", &[near], false), Some(403));
        assert_eq!(asked("192.168.1.7", &[near], true), Some(403), "not without TLS");
        let https = ("x-forwarded-proto", "https");
        assert_eq!(asked("192.168.1.7", &[near, https], true), Some(403), "anybody could say so");
        for other in
            ["evil.example", "evil.example:7373", "", "localhost.evil.example", "127.0.0.1.evil.example"]
        {
            assert_eq!(asked("127.0.0.1", &[("host", other)], false), Some(403), "{other:?}");
        }
        for passed_on in PASSED_ON {
            assert_eq!(asked("127.0.0.1", &[near, (passed_on, "x")], false), Some(403), "{passed_on}");
        }
        let tunnel = ("host", "some.trycloudflare.com");
        assert_eq!(asked("127.0.0.1", &[tunnel, https], false), Some(403));
        assert_eq!(asked("127.0.0.1", &[tunnel, https], true), None);
        assert_eq!(asked("127.0.0.1", &[tunnel, ("x-forwarded-proto", "http")], true), Some(403));
    }

    #[test]
    fn no_page_of_another_site_gets_an_answer() {
        let near = ("host", "localhost:7373");
        assert_eq!(asked("127.0.0.1", &[near, ("origin", "http://localhost:7373")], false), None);
        assert_eq!(asked("127.0.0.1", &[near, ("origin", "http://localhost:8080")], false), Some(403));
        assert_eq!(asked("127.0.0.1", &[near, ("origin", "null")], false), Some(403));
        for (site, answer) in
            [("same-origin", None), ("none", None), ("cross-site", Some(403)), ("same-site", Some(403))]
        {
            assert_eq!(asked("127.0.0.1", &[near, ("sec-fetch-site", site)], false), answer, "{site}");
        }
    }

    #[test]
    fn a_token_in_a_url_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().unwrap());
        let near = "127.0.0.1".parse().ok();
        for (uri, fine) in [
            ("/api/sessions?token=x", false),
            ("/api/reset?conv_id=curl_x", true),
            ("/api/x?a=lr_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("/api/x?after=3", true),
        ] {
            assert_eq!(judge(near, &uri.parse().unwrap(), &headers, false).is_ok(), fine, "{uri}");
        }
    }
}
