//! A launchd agent's text.

use super::job::Job;
use std::fmt::Write as _;
use std::path::Path;

/// What launchd knows it by.
pub const LABEL: &str = "longrein";

/// In front of the copy of the [`Job`]; launchd passes over keys that it does not know.
const COPY: &str = "<key>LongreinJob</key>\n  <string>";

/// The whole file; what the daemon has to say goes to `log`.
pub fn text(job: &Job, log: &Path) -> String {
    let mut words = String::new();
    for word in job.words() {
        let _ = writeln!(words, "    <string>{}</string>", escaped(&word));
    }
    let mut env = String::new();
    for (name, value) in &job.env {
        let _ = writeln!(env, "    <key>{}</key>\n    <string>{}</string>", escaped(name), escaped(value));
    }
    let copy = escaped(&serde_json::to_string(job).unwrap_or_default());
    let log = escaped(&log.to_string_lossy());
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by longrein service install; longrein service uninstall removes it. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{LABEL}</string>
  <key>ProgramArguments</key>
  <array>
{words}  </array>
  <key>EnvironmentVariables</key>
  <dict>
{env}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <!-- Sessions are processes of their own, and outlive the daemon. -->
  <key>AbandonProcessGroup</key>
  <true/>
  <key>ProcessType</key>
  <string>Interactive</string>
  <key>StandardErrorPath</key>
  <string>{log}</string>
  {COPY}{copy}</string>
</dict>
</plist>
"#
    )
}

/// The job of a file that [`text`] made.
pub fn parse(text: &str) -> Option<Job> {
    let (_, copy) = text.split_once(COPY)?;
    let (copy, _) = copy.split_once("</string>")?;
    // The ampersand last: what it was written for may look like another one's name.
    let plain = copy.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&plain).ok()
}

/// Text as XML has it. What XML cannot have at all, control characters, is in no [`Job`].
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_what_to_start_and_is_read_back() {
        let job = Job {
            program: "/Users/me/R&D <x>/longrein".into(),
            reach: vec!["--lan".to_owned()],
            env: vec![("PATH".to_owned(), "/opt/homebrew/bin:/usr/bin".to_owned())],
            version: "longrein/1.2.3".to_owned(),
            lingered: false,
        };
        let text = text(&job, Path::new("/Users/me/.local/state/longrein/daemon.log"));
        let words = "  <key>ProgramArguments</key>
  <array>
    <string>/Users/me/R&amp;D &lt;x&gt;/longrein</string>
    <string>up</string>
    <string>--foreground</string>
    <string>--lan</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>PATH</key>
    <string>/opt/homebrew/bin:/usr/bin</string>
  </dict>
";
        assert!(text.contains(words), "{text}");
        assert!(text.contains("<key>AbandonProcessGroup</key>\n  <true/>"), "{text}");
        assert!(text.contains("<string>/Users/me/.local/state/longrein/daemon.log</string>"), "{text}");
        assert_eq!(text.matches("<dict>").count(), text.matches("</dict>").count());
        assert_eq!(parse(&text), Some(job));
        assert_eq!(parse("<plist/>"), None);
    }
}
