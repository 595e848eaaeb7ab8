//! A systemd user unit's text.

use super::job::Job;
use std::fmt::Write as _;

/// In front of the copy of the [`Job`]; systemd passes over sections whose names begin so.
const COPY: &str = "[X-Longrein]\nJob=";

/// The whole unit.
pub fn text(job: &Job) -> String {
    let mut words = job.words().into_iter();
    let program = words.next().map(|word| quoted(&word, false)).unwrap_or_default();
    let exec = words.fold(program, |line, word| line + " " + &quoted(&word, true));
    let mut env = String::new();
    for (name, value) in &job.env {
        let _ = writeln!(env, "Environment={}", quoted(&format!("{name}={value}"), false));
    }
    // Nothing in it can fail to be written: a program's path that is not UTF-8 is refused before.
    let copy = serde_json::to_string(job).unwrap_or_default();
    format!(
        "\
# Written by `longrein service install`; `longrein service uninstall` removes it.
[Unit]
Description=Longrein
# A daemon that was started otherwise has the place for as long as it runs.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={exec}
{env}Restart=on-failure
RestartSec=5
# Sessions are processes of their own, and outlive the daemon; where one of them runs out of memory, the others go on.
KillMode=process
OOMPolicy=continue
ManagedOOMPreference=avoid
TasksMax=infinity

[Install]
WantedBy=default.target

{COPY}{copy}
"
    )
}

/// The job of a unit that [`text`] made.
pub fn parse(text: &str) -> Option<Job> {
    let (_, copy) = text.split_once(COPY)?;
    serde_json::from_str(copy.lines().next()?).ok()
}

/// A word as systemd reads it back unchanged. `expands` where `$` would stand for a variable, which it does in all
/// words of a command but the first.
fn quoted(word: &str, expands: bool) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/_.:=@+,-%$".contains(c);
    let mut text = String::new();
    for c in word.chars() {
        match c {
            '%' => text += "%%",
            '$' if expands => text += "$$",
            '"' => text += "\\\"",
            '\\' => text += "\\\\",
            c if c.is_ascii_control() => {
                let _ = write!(text, "\\x{:02x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    if !word.is_empty() && word.chars().all(is_plain) { text } else { format!("\"{text}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            program: "/home/me/.local/bin/longrein".into(),
            reach: vec!["--bind".to_owned(), "127.0.0.1:9000".to_owned()],
            env: vec![
                ("LONGREIN_HOME".to_owned(), "/home/me/a folder".to_owned()),
                ("PATH".to_owned(), "/home/me/bin:/usr/bin".to_owned()),
            ],
            version: "longrein/1.2.3".to_owned(),
            lingered: true,
        }
    }

    #[test]
    fn the_unit_starts_these_words_in_this_environment() {
        let text = text(&job());
        for line in [
            "ExecStart=/home/me/.local/bin/longrein up --foreground --bind 127.0.0.1:9000",
            "Environment=\"LONGREIN_HOME=/home/me/a folder\"",
            "Environment=PATH=/home/me/bin:/usr/bin",
            "KillMode=process",
            r#"Job={"program":"/home/me/.local/bin/longrein","reach":["--bind","127.0.0.1:9000"],"env":[["LONGREIN_HOME","/home/me/a folder"],["PATH","/home/me/bin:/usr/bin"]],"version":"longrein/1.2.3","lingered":true}"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert_eq!(parse(&text), Some(job()));
    }

    #[test]
    fn what_was_written_is_read_back() {
        let odd = Job {
            program: "/opt/50% of $it/long rein".into(),
            env: vec![("PATH".to_owned(), "a\nb\"c\\d 'e' ü".to_owned())],
            ..job()
        };
        assert_eq!(parse(&text(&odd)), Some(odd));
        assert_eq!(parse("[Service]\nExecStart=/bin/true\n"), None);
    }

    #[test]
    fn words_keep_what_systemd_would_read_otherwise() {
        for (word, inside, first) in [
            ("plain-1.0/x:y=z@+,", "plain-1.0/x:y=z@+,", "plain-1.0/x:y=z@+,"),
            ("", "\"\"", "\"\""),
            ("a b", "\"a b\"", "\"a b\""),
            ("50%", "50%%", "50%%"),
            ("$HOME", "$$HOME", "$HOME"),
            ("say \"hi\"\\", "\"say \\\"hi\\\"\\\\\"", "\"say \\\"hi\\\"\\\\\""),
            ("it's", "\"it's\"", "\"it's\""),
            ("a\nb\tc", "\"a\\x0ab\\x09c\"", "\"a\\x0ab\\x09c\""),
            ("#;", "\"#;\"", "\"#;\""),
            ("ü", "\"ü\"", "\"ü\""),
        ] {
            assert_eq!(quoted(word, true), inside, "{word:?}");
            assert_eq!(quoted(word, false), first, "{word:?}");
        }
    }
}
