//! Which web pages may use this relay from a browser.

/// The allowlist. A request without `Origin` does not come from a page and always passes; tickets and sealed channels
/// are what protects a host, this only keeps a stranger's page from using its visitors to knock.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Origins such as `https://app.example`, besides the relay's own.
    pub others: Vec<String>,
    /// Let every page in.
    pub any: bool,
}

impl Origins {
    /// Whether a page from `origin` may, on a relay that was addressed as `host` (name and port).
    pub fn allow(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        if self.any {
            return true;
        }
        let own = match (origin.split_once("://"), host) {
            (Some(("http", authority)), Some(host)) => same(authority, host, ":80"),
            (Some(("https", authority)), Some(host)) => same(authority, host, ":443"),
            _ => false,
        };
        own || self.others.iter().any(|other| other.trim_end_matches('/').eq_ignore_ascii_case(origin))
    }
}

fn same(a: &str, b: &str, default_port: &str) -> bool {
    let bare = |text: &str| text.strip_suffix(default_port).unwrap_or(text).to_ascii_lowercase();
    bare(a) == bare(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_listed_and_foreign_pages() {
        let origins = Origins { others: vec!["https://app.example".into()], any: false };
        let allow = |origin: &str, host: &str| origins.allow(Some(origin), Some(host));
        assert!(allow("http://127.0.0.1:7000", "127.0.0.1:7000"));
        assert!(allow("https://relay.example", "relay.example:443"));
        assert!(allow("https://Relay.example:443", "relay.example"));
        assert!(allow("https://app.example", "relay.example"));
        assert!(!allow("http://127.0.0.1:7001", "127.0.0.1:7000"));
        assert!(!allow("https://evil.example", "relay.example"));
        assert!(!allow("https://relay.example.evil.example", "relay.example"));
        assert!(!allow("null", "relay.example"));
        assert!(!allow("file://relay.example", "relay.example"));
        assert!(!origins.allow(Some("https://relay.example"), None));
        assert!(origins.allow(None, None));
        assert!(Origins { any: true, ..Origins::default() }.allow(Some("null"), None));
    }
}
