//! `longrein export SESSION`.

use crate::args::{Export, ExportFormat};
use crate::hosts;
use crate::out;
use crate::portable::cast::{About, Writer};
use crate::portable::jsonl::{self, Head};
use crate::portable::{self, Piece};
use crate::problem::{Doing as _, Hint as _, Outcome, invalid};
use client::Route;
use session::message::{Failure, Summary};
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use store::{LogReader, Paths};

/// Written at once, in bytes.
const PART: usize = 64 * 1024;

/// Writes everything that a session's log has.
pub async fn run(args: &Export) -> Outcome {
    let paths = hosts::paths()?;
    let found = hosts::find(&paths, Some(&args.session)).await?;
    match &found.host {
        Route::Host(_) => Err(invalid("Only a session of this machine can be exported")
            .hint("Run `longrein export` on the machine that has the session.")),
        Route::Daemon(paths) | Route::Keeper(paths) => {
            write(paths, found.summary, args)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn write(paths: &Paths, shown: Summary, args: &Export) -> Result<(), Failure> {
    let reader = LogReader::open(&paths.session_log(shown.id.as_str())).map_err(hosts::stored)?;
    let summary = whole(paths, shown);
    let mut sink = Sink::open(args.output.as_deref())?;
    match format(args) {
        ExportFormat::Jsonl => {
            sink.line(&jsonl::head(&Head::from(summary)))?;
            portable::read(&reader, |piece| sink.line(&jsonl::line(&piece)))?;
            sink.line(jsonl::END)?;
        }
        ExportFormat::Asciicast => {
            let (size, started_at) = (summary.size, summary.started_at);
            let command = summary.command.join(" ");
            let mut writer = Writer::new(About { title: summary.name, command, started_at }, size);
            portable::read(&reader, |piece: Piece| sink.text(&writer.lines(&piece)))?;
            sink.text(&writer.end())?;
        }
    }
    sink.end()
}

/// What was asked for, or what the file's name says.
fn format(args: &Export) -> ExportFormat {
    let is_cast = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "cast");
    match args.format {
        Some(format) => format,
        None if args.output.as_ref().is_some_and(is_cast) => ExportFormat::Asciicast,
        None => ExportFormat::Jsonl,
    }
}

/// A list has no room for a long command; what the keeper wrote beside the log has it whole.
fn whole(paths: &Paths, shown: Summary) -> Summary {
    let text = std::fs::read(paths.session_meta(shown.id.as_str())).unwrap_or_default();
    match serde_json::from_slice::<Summary>(&text) {
        Ok(stored) if stored.id == shown.id => Summary { command: stored.command, ..shown },
        _ => shown,
    }
}

/// Where it goes: standard output, or a file that nobody else can read.
struct Sink {
    file: Option<Target>,
    waiting: String,
}

impl Sink {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self { file: path.map(Target::open).transpose()?, waiting: String::new() })
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.waiting += line;
        self.text("\n")
    }

    fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.waiting += text;
        if self.waiting.len() < PART { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.file {
            Some(target) => target.file.write_all(self.waiting.as_bytes()).doing(&target.what)?,
            None => out::bytes(self.waiting.as_bytes()),
        }
        self.waiting.clear();
        Ok(())
    }

    fn end(mut self) -> Result<(), Failure> {
        self.flush()?;
        self.file.map_or(Ok(()), Target::end)
    }
}

/// A file that takes its place when it is whole: until then, and where it never is, what was there before stays.
struct Target {
    file: File,
    /// What is being done, for a person.
    what: String,
    /// Where it is written, and the place it takes. None where it is written there at once.
    beside: Option<(PathBuf, PathBuf)>,
}

impl Target {
    fn open(path: &Path) -> Result<Self, Failure> {
        let what = format!("write to {}", path.display());
        // A pipe or a terminal cannot be replaced, nor should what they lead to be.
        let is_place = fs::metadata(path).is_ok_and(|found| !found.is_file()) || path.starts_with("/dev");
        if is_place {
            let file = OpenOptions::new().append(true).open(path).doing(&what)?;
            return Ok(Self { file, what, beside: None });
        }
        // Behind a link, the file it leads to.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut name = place.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{}.new", std::process::id()));
        let beside = place.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside).doing(&what)?;
        Ok(Self { file, what, beside: Some((beside, place)) })
    }

    fn end(mut self) -> Result<(), Failure> {
        let Some((beside, place)) = &self.beside else { return Ok(()) };
        self.file.sync_all().and_then(|()| fs::rename(beside, place)).doing(&self.what)?;
        self.beside = None;
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.beside {
            let _ = fs::remove_file(beside);
        }
    }
}
