//! `config.toml`: what a person has settled for themselves.

use crate::problem::{Doing as _, Hint as _, invalid};
use crate::terminal::keys::Prefix;
use crate::{duration, size};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use session::approval::EXPIRES_WITHIN;
use session::message::Failure;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The shortest time that what agents ask may wait, in seconds: somebody has to see it.
const LEAST_WAIT: u32 = 60;

/// The settings; all of them may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The key in front of `d`, `q` and `?` in an attached terminal.
    pub prefix: Prefix,
    /// Where the embedded relay listens.
    pub bind: Option<SocketAddr>,
    /// The relay to use instead of the embedded one.
    pub relay: Option<String>,
    /// Pages that may use the embedded relay, besides its own.
    pub origins: Vec<String>,
    /// Who the HTTP API answers.
    pub api: Api,
    /// Whether the daemon keeps the machine awake.
    pub awake: host::awake::Settings,
    /// How long ended sessions are kept; for ever, unless it says so.
    pub history: host::history::Settings,
    /// Seconds after which what agents ask is denied; an hour, unless it says so.
    pub expire: Option<u32>,
}

/// Who the HTTP API answers: programs of this machine, unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Anybody at all.
    pub enabled: bool,
    /// Others, too, over a tunnel or where TLS ends before the daemon.
    pub remote: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self { enabled: true, remote: false }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    prefix: Option<String>,
    bind: Option<SocketAddr>,
    relay: Option<String>,
    #[serde(default)]
    origins: Vec<String>,
    #[serde(default)]
    api: Api,
    #[serde(default)]
    awake: Awake,
    #[serde(default)]
    history: History,
    #[serde(default)]
    approvals: Approvals,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Awake {
    enabled: bool,
    on_battery: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    #[serde(default, deserialize_with = "age")]
    keep: Option<Duration>,
    #[serde(default, deserialize_with = "bytes")]
    max_size: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approvals {
    #[serde(default, deserialize_with = "wait")]
    expire: Option<u32>,
}

fn wait<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    let seconds = duration::parse(&String::deserialize(from)?).map_err(D::Error::custom)?;
    if !(LEAST_WAIT..=EXPIRES_WITHIN.1).contains(&seconds) {
        return Err(D::Error::custom("what agents ask waits for 1m at least, and for 7d at most"));
    }
    Ok(Some(seconds))
}

fn age<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let seconds = duration::age(&String::deserialize(from)?).map_err(D::Error::custom)?;
    Ok(Some(Duration::from_secs(seconds.into())))
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    size::parse(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
}

impl Default for Awake {
    fn default() -> Self {
        let host::awake::Settings { enabled, on_battery } = host::awake::Settings::default();
        Self { enabled, on_battery }
    }
}

impl Config {
    /// From the config folder; without the file, the defaults.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("config.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|why| {
                invalid(format!("{} is not valid: {why}", path.display())).hint(
                    "It may have prefix = \"Ctrl-]\", bind = \"127.0.0.1:7373\", relay = \"wss://…\", origins = [\"https://…\"] and, below [awake], \
                     enabled = true and on_battery = false, below [api], enabled = true and remote = false, \
                     below [history], keep = \"30d\" and max_size = \"10GiB\", and, below [approvals], expire = \"30m\".",
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).doing(&format!("read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            match before.map(|before| before.matches('\n').count() + 1) {
                Some(line) => format!("line {line}: {}", error.message()),
                None => error.message().to_owned(),
            }
        })?;
        let prefix = raw.prefix.map_or(Ok(Prefix::default()), |key| key.parse())?;
        let Awake { enabled, on_battery } = raw.awake;
        let awake = host::awake::Settings { enabled, on_battery };
        let History { keep, max_size } = raw.history;
        let history = host::history::Settings { keep, max_size };
        let Approvals { expire } = raw.approvals;
        Ok(Self {
            prefix,
            bind: raw.bind,
            relay: raw.relay,
            origins: raw.origins,
            api: raw.api,
            awake,
            history,
            expire,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn settings_are_read_and_misspelt_ones_refused() {
        let text = "prefix = \"Ctrl-b\"\nbind = \"127.0.0.1:9000\"\norigins = [\"https://a.example\"]";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.origins, ["https://a.example"]);
        assert_eq!(config.prefix.to_string(), "Ctrl-B");
        assert_eq!(config.bind.unwrap().port(), 9000);
        assert!(Config::parse("prefx = \"Ctrl-b\"").unwrap_err().contains("prefx"));
        assert!(Config::parse("prefix = \"b\"").is_err());
    }

    #[test]
    fn everything_is_kept_unless_told_otherwise() {
        let history = |text: &str| Config::parse(text).map(|config| config.history);
        assert_eq!(history(""), Ok(host::history::Settings::default()));
        let both = history("[history]\nkeep = \"30d\"\nmax_size = \"10GiB\"").unwrap();
        assert_eq!(both.keep, Some(Duration::from_hours(720)));
        assert_eq!(both.max_size, Some(10 << 30));
        for wrong in [
            "keep = 30",
            "keep = \"30\"",
            "keep = \"0s\"",
            "max_size = \"10\"",
            "max_size = 10",
            "kep = \"1d\"",
        ] {
            let why = history(&format!("[history]\n{wrong}")).unwrap_err();
            assert!(why.contains("line 2"), "{wrong}: {why}");
        }
    }

    #[test]
    fn what_agents_ask_waits_for_an_hour_unless_told_otherwise() {
        let expire = |text: &str| Config::parse(text).map(|config| config.expire);
        assert_eq!(expire(""), Ok(None));
        assert_eq!(expire("[approvals]\nexpire = \"30m\""), Ok(Some(1800)));
        assert_eq!(expire("[approvals]\nexpire = \"7d\""), Ok(Some(EXPIRES_WITHIN.1)));
        for wrong in ["expire = \"59s\"", "expire = \"7d1s\"", "expire = 30", "expires = \"1h\""] {
            let why = expire(&format!("[approvals]\n{wrong}")).unwrap_err();
            assert!(why.contains("line 2"), "{wrong}: {why}");
        }
    }

    #[test]
    fn the_api_answers_this_machine_unless_told_otherwise() {
        let api = |text| Config::parse(text).map(|config| config.api);
        assert_eq!(api(""), Ok(Api { enabled: true, remote: false }));
        assert_eq!(api("[api]\nenabled = false"), Ok(Api { enabled: false, remote: false }));
        assert_eq!(api("[api]\nremote = true"), Ok(Api { enabled: true, remote: true }));
        assert!(api("[api]\nremot = true").unwrap_err().contains("line 2"));
    }

    #[test]
    fn the_machine_is_kept_awake_unless_told_otherwise() {
        let awake = |text| Config::parse(text).unwrap().awake;
        assert!(awake("").enabled && !awake("").on_battery);
        assert!(!awake("[awake]\nenabled = false").enabled);
        assert!(
            awake("[awake]\non_battery = true").enabled && awake("[awake]\non_battery = true").on_battery
        );
        let wrong = Config::parse("prefix = \"Ctrl-b\"\n\n[awake]\nenbled = false").unwrap_err();
        assert!(wrong.contains("line 4") && wrong.contains("enbled"), "{wrong}");
        let wrong = Config::parse("[awake]\nenabled = \"no\"").unwrap_err();
        assert!(wrong.contains("line 2"), "{wrong}");
    }
}
