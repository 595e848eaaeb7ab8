//! The web app's files: compiled in, compressed at build time, served with strict headers.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Without a leading slash; `index.html` is what `/` shows.
    pub path: &'static str,
    /// The whole `Content-Type`.
    pub content_type: &'static str,
    /// As it is.
    pub identity: &'static [u8],
    /// Compressed with gzip.
    pub gzip: Option<&'static [u8]>,
    /// Compressed with brotli.
    pub brotli: Option<&'static [u8]>,
    /// Its name changes with its content, so that it may be kept for a year without asking.
    pub immutable: bool,
}

/// All files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Assets(pub &'static [Asset]);

/// No inline code, no eval, nothing from anywhere else. Styles are in files too: what the terminal emulator makes at
/// run time it makes through CSSOM and constructed style sheets, which need no exception. Connections may go to other
/// relays, because one app can hold several hosts.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self' https: http: wss: ws:; manifest-src 'self'; \
    worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Nothing that a terminal needs: the clipboard is the exception.
const PERMISSIONS_POLICY: &str = "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), display-capture=(), \
    geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

/// Adds what every answer of the relay carries, whatever it is.
pub(crate) fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The files by path, each with the tag that tells a browser whether its copy is still good.
pub(crate) struct Table {
    files: HashMap<&'static str, (Asset, HeaderValue)>,
}

impl Table {
    pub(crate) fn new(assets: Assets) -> Self {
        let tagged = |asset: &Asset| {
            let digest = Sha256::digest(asset.identity);
            let tag = format!("\"{}\"", BASE64URL_NOPAD.encode(&digest[..16]));
            let tag = HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"-\""));
            (asset.path, (*asset, tag))
        };
        Self { files: assets.0.iter().map(tagged).collect() }
    }

    /// The answer to any request that is not the relay's own.
    pub(crate) fn answer(&self, method: &Method, path: &str, asked: &HeaderMap) -> Response<Body> {
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let path = if path == "/" { "index.html" } else { path.trim_start_matches('/') };
        let Some((asset, tag)) = self.files.get(path) else {
            return plain(StatusCode::NOT_FOUND, "nothing here\n");
        };
        let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut response = Response::new(Body::empty());
        let (encoding, body) = asset.encoded(asked);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::ETAG, tag.clone());
        if matches(asked, tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if method == Method::GET {
            *response.body_mut() = Body::from(body);
        }
        response
    }
}

impl Asset {
    fn encoded(&self, asked: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
        match (self.brotli, self.gzip) {
            (Some(brotli), _) if accepts(asked, "br") => (Some("br"), brotli),
            (_, Some(gzip)) if accepts(asked, "gzip") => (Some("gzip"), gzip),
            _ => (None, self.identity),
        }
    }
}

/// A short answer in words.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
}

/// Whether an encoding is named in `Accept-Encoding` and not with `q=0`.
fn accepts(asked: &HeaderMap, encoding: &str) -> bool {
    list(asked, header::ACCEPT_ENCODING).any(|entry| {
        let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = parameters
            .split(';')
            .filter_map(|parameter| parameter.trim().strip_prefix("q="))
            .any(|q| q.trim().parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case(encoding) && !refused
    })
}

fn matches(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default();
    list(asked, header::IF_NONE_MATCH)
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: &[Asset] = &[
        Asset {
            path: "index.html",
            content_type: "text/html; charset=utf-8",
            identity: b"<!doctype html>",
            gzip: Some(b"gz"),
            brotli: Some(b"br"),
            immutable: false,
        },
        Asset {
            path: "assets/app-1a2b.js",
            content_type: "text/javascript; charset=utf-8",
            identity: b"let",
            gzip: None,
            brotli: None,
            immutable: true,
        },
    ];

    fn ask(method: &Method, path: &str, headers: &[(header::HeaderName, &'static str)]) -> Response<Body> {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Table::new(Assets(FILES)).answer(method, path, &headers)
    }

    fn header_of(response: &Response<Body>, name: header::HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn the_best_encoding_that_is_wanted() {
        for (accepted, given) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, GZIP;q=0.5", Some("gzip")),
            ("identity", None),
            ("zstd, br ; q=0.0", None),
        ] {
            let response = ask(&Method::GET, "/", &[(header::ACCEPT_ENCODING, accepted)]);
            assert_eq!(header_of(&response, header::CONTENT_ENCODING), given, "{accepted}");
            assert_eq!(header_of(&response, header::VARY), Some("accept-encoding"));
        }
        assert_eq!(header_of(&ask(&Method::GET, "/", &[]), header::CONTENT_LENGTH), Some("15"));
    }

    #[test]
    fn caching() {
        let page = ask(&Method::GET, "/", &[]);
        assert_eq!(header_of(&page, header::CACHE_CONTROL), Some("no-cache"));
        let tag = header_of(&page, header::ETAG).unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = ask(&Method::GET, "/", &[(header::IF_NONE_MATCH, known.leak())]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(header_of(&again, header::ETAG), Some(tag.as_str()));
        }
        assert_eq!(ask(&Method::GET, "/", &[(header::IF_NONE_MATCH, "\"other\"")]).status(), StatusCode::OK);
        let script = ask(&Method::GET, "/assets/app-1a2b.js", &[]);
        assert_eq!(header_of(&script, header::CACHE_CONTROL), Some("public, max-age=31536000, immutable"));
    }

    #[test]
    fn what_is_not_there() {
        for path in ["/nothing", "/sessions", "/../etc/passwd", "/assets/", "/assets/app-1a2b.js/x"] {
            assert_eq!(ask(&Method::GET, path, &[]).status(), StatusCode::NOT_FOUND, "{path}");
        }
        let response = ask(&Method::POST, "/", &[]);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header_of(&response, header::ALLOW), Some("GET, HEAD"));
    }
}
