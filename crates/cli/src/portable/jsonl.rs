//! JSON lines: what the session is, and then everything in its log.

use super::{Piece, size};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use session::id::SessionId;
use session::message::{Event, RunState, Size, Summary};

/// What the first line says it is.
pub const FORMAT: &str = "longrein-session";
/// The version of all lines.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The session's id; another one once it was imported.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where it was started.
    pub cwd: String,
    /// Running, ended or lost, with exit status and time.
    #[serde(flatten)]
    pub run: RunState,
    /// Unix milliseconds.
    pub started_at: u64,
    /// Unix milliseconds of the last event.
    pub last_activity: u64,
    /// The terminal's title.
    #[serde(default)]
    pub title: String,
    /// The terminal's size at the end.
    pub size: Size,
    /// The last lines of the screen.
    #[serde(default)]
    pub preview: Vec<String>,
}

impl From<Summary> for Head {
    fn from(summary: Summary) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            id: summary.id,
            name: summary.name,
            command: summary.command,
            cwd: summary.cwd,
            run: summary.run,
            started_at: summary.started_at,
            last_activity: summary.last_activity,
            title: summary.title,
            size: summary.size,
            preview: summary.preview,
        }
    }
}

/// The first line, as text.
pub fn head(head: &Head) -> String {
    text(head)
}

/// The last line: a file without it was cut short.
pub const END: &str = r#"{"kind":"end"}"#;

/// A line between them, as text.
pub fn line(piece: &Piece) -> String {
    match piece {
        Piece::Snapshot(base) => {
            let what = What::Snapshot { kind: SNAPSHOT, size: size(base) };
            written(base.seq, None, what, &base.bytes)
        }
        Piece::Event(entry) => {
            // A newer version's is all that it says, as it says it.
            let what = match serde_json::from_str(&entry.header) {
                Ok(event) => What::Event(event),
                Err(_) => What::Newer(serde_json::from_str(&entry.header).unwrap_or_default()),
            };
            written(entry.seq, Some(entry.at), what, &entry.payload)
        }
    }
}

/// The kinds of the lines that are no events.
pub const ENDED: &str = "end";
pub const SNAPSHOT: &str = "snapshot";

#[derive(Serialize)]
#[serde(untagged)]
enum What {
    Snapshot {
        kind: &'static str,
        #[serde(flatten)]
        size: Size,
    },
    Event(Event),
    Newer(Map<String, Value>),
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    #[serde(flatten)]
    what: What,
    /// The payload, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    /// The payload, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

fn written(seq: u64, at: Option<u64>, what: What, payload: &[u8]) -> String {
    let data = std::str::from_utf8(payload).ok();
    let base64 = data.is_none().then(|| BASE64.encode(payload));
    text(&Line { seq, at, what, data: data.filter(|data| !data.is_empty()), base64 })
}

/// What is written here always can be.
fn text<T: Serialize>(line: &T) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{Base, Entry};

    fn event(header: &str, payload: &[u8]) -> Piece {
        let entry = Entry {
            seq: 7,
            at: 9,
            upto: 0,
            kept: store::Kept::Trimmed,
            header: header.into(),
            payload: payload.into(),
        };
        Piece::Event(entry)
    }

    #[test]
    fn a_line_of_each_kind() {
        let base = Base { seq: 6, upto: 0, cols: 80, rows: 24, bytes: b"\x1b[H".to_vec() };
        for (piece, expected) in [
            (Piece::Snapshot(base), r#"{"seq":6,"kind":"snapshot","cols":80,"rows":24,"data":"\u001b[H"}"#),
            (
                event(r#"{"kind":"output"}"#, "é\r\n".as_bytes()),
                r#"{"seq":7,"at":9,"kind":"output","data":"é\r\n"}"#,
            ),
            (event(r#"{"kind":"output"}"#, b"\xff"), r#"{"seq":7,"at":9,"kind":"output","base64":"/w=="}"#),
            (
                event(r#"{"kind":"resize","cols":90,"rows":30}"#, b""),
                r#"{"seq":7,"at":9,"kind":"resize","cols":90,"rows":30}"#,
            ),
            (event(r#"{"kind":"title","title":"t"}"#, b""), r#"{"seq":7,"at":9,"kind":"title","title":"t"}"#),
            (event(r#"{"kind":"banner","text":"b"}"#, b""), r#"{"seq":7,"at":9,"kind":"banner","text":"b"}"#),
            (event(r#"{"kind":"ending"}"#, b""), r#"{"seq":7,"at":9,"kind":"ending"}"#),
            (event(r#"{"kind":"exit","exit":3}"#, b""), r#"{"seq":7,"at":9,"kind":"exit","exit":3}"#),
            (event(r#"{"kind":"newer","n":1}"#, b""), r#"{"seq":7,"at":9,"kind":"newer","n":1}"#),
        ] {
            assert_eq!(line(&piece), expected);
        }
    }
}
