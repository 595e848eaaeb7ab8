//! `config.toml`: what a person has settled for themselves.

use crate::problem::{Doing as _, Hint as _, invalid};
use crate::terminal::keys::Prefix;
use serde::Deserialize;
use session::message::Failure;
use std::net::SocketAddr;
use std::path::Path;

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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    prefix: Option<String>,
    bind: Option<SocketAddr>,
    relay: Option<String>,
    #[serde(default)]
    origins: Vec<String>,
}

impl Config {
    /// From the config folder; without the file, the defaults.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("config.toml");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|why| {
                invalid(format!("{} is not valid: {why}", path.display())).hint(
                    "It may have prefix = \"Ctrl-]\", bind = \"127.0.0.1:7373\", relay = \"wss://…\" and origins = [\"https://…\"].",
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).doing(&format!("read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let prefix = raw.prefix.map_or(Ok(Prefix::default()), |key| key.parse())?;
        Ok(Self { prefix, bind: raw.bind, relay: raw.relay, origins: raw.origins })
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
}
