//! Sessions as files.

use crate::support::{Home, eventually};
use data_encoding::BASE64;
use rustix::fs::{FileType, Mode};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Text, a character that is cut in two, bytes that are no text, and a status.
const PROGRAM: &str = r"printf 'text \303'; sleep 0.3; printf '\251 \377 \033[1mbold\033[0m\n'; exit 3";

fn ended(home: &Home, session: &str) {
    eventually("its end", || (home.listed(session)["state"] == "ended").then_some(()));
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// The output that the lines of an export hold.
fn output(lines: &[Value]) -> Vec<u8> {
    let payload = |line: &Value| match (line["data"].as_str(), line["base64"].as_str()) {
        (Some(data), None) => data.as_bytes().to_vec(),
        (None, Some(base64)) => BASE64.decode(base64.as_bytes()).unwrap(),
        _ => panic!("no payload, or two: {line}"),
    };
    lines.iter().filter(|line| line["kind"] == "output").flat_map(payload).collect()
}

#[test]
fn an_export_has_every_event_of_the_log() {
    let home = Home::new();
    home.up(&[]);
    let session =
        home.ok(&["run", "--detach", "--name", "it", "--size", "90x30", "--", "/bin/sh", "-c", PROGRAM]);
    let session = session.trim();
    ended(&home, session);
    let exported = lines(&home.ok(&["export", "it"]));
    let head = &exported[0];
    assert_eq!((head["format"].as_str(), head["version"].as_u64()), (Some("longrein-session"), Some(1)));
    assert_eq!((head["id"].as_str(), head["name"].as_str()), (Some(session), Some("it")));
    assert_eq!(head["command"], serde_json::json!(["/bin/sh", "-c", PROGRAM]));
    assert_eq!((head["state"].as_str(), head["exit"].as_i64()), (Some("ended"), Some(3)));
    let (end, exported) = exported.split_last().unwrap();
    assert_eq!(*end, serde_json::json!({ "kind": "end" }));
    let seqs: Vec<u64> = exported[1..].iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert!(exported[1..].iter().all(|line| line["at"].as_u64() >= head["started_at"].as_u64()));
    assert_eq!((exported[1]["kind"].as_str(), exported[1]["cols"].as_u64()), (Some("resize"), Some(90)));
    assert_eq!(exported.last().unwrap()["exit"], 3);
    let expected = b"text \xc3\xa9 \xff \x1b[1mbold\x1b[0m\r\n";
    assert!(output(exported).starts_with(expected), "{exported:?}");
    let logged = home.command(&["logs", session]).output().unwrap();
    assert_eq!(output(exported), logged.stdout);
}

#[test]
fn a_recording_has_whole_characters_and_is_private() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", PROGRAM]);
    ended(&home, &session);
    let file = home.path().join("it.cast");
    assert_eq!(home.ok(&["export", &session, "--output", file.to_str().unwrap()]), "");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, home.ok(&["export", &session, "--format", "asciicast"]));
    let lines = lines(&text);
    assert_eq!(lines[0]["version"], 3);
    assert_eq!(lines[0]["term"]["cols"], 80);
    let shown: String =
        lines[1..].iter().filter(|line| line[1] == "o").map(|line| line[2].as_str().unwrap()).collect();
    assert!(shown.starts_with("text é \u{fffd} \u{1b}[1mbold\u{1b}[0m\r\n"), "{shown:?}");
    let seconds: f64 = lines[1..].iter().map(|line| line[0].as_f64().unwrap()).sum();
    assert!((0.25..30.0).contains(&seconds), "{text}");
    assert_eq!(
        (lines.last().unwrap()[1].as_str(), lines.last().unwrap()[2].as_str()),
        (Some("x"), Some("3"))
    );
}

#[test]
fn a_file_that_is_there_is_replaced_by_a_private_one_and_only_by_a_whole_one() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' y; echo all"]);
    ended(&home, &session);
    let folder = home.path().join("exports");
    fs::create_dir(&folder).unwrap();
    let (file, link) = (folder.join("it.jsonl"), folder.join("link"));
    fs::write(&file, "what was there").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink("it.jsonl", &link).unwrap();

    // A disk with room for a part of it.
    let small = "trap '' XFSZ; ulimit -f 400; exec \"$0\" export \"$1\" -o exports/it.jsonl";
    let program = home.command(&[]).get_program().to_owned();
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", small]).arg(program).arg(&session).envs(home.env()).current_dir(home.path());
    let failed = limited.output().unwrap();
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(
        failed.status.code() == Some(1) && said.contains("Could not write to exports/it.jsonl"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "what was there");
    assert_eq!(names(&folder).len(), 2, "{:?}", names(&folder));

    home.ok(&["export", &session, "-o", link.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), home.ok(&["export", &session]));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(&folder).len(), 2, "{:?}", names(&folder));
}

#[test]
fn a_pipe_and_a_device_are_written_to() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["true"]);
    ended(&home, &session);
    let expected = home.ok(&["export", &session]);
    assert_eq!(home.ok(&["export", &session, "-o", "/dev/stdout"]), expected);
    let pipe = home.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    home.ok(&["export", &session, "-o", pipe.to_str().unwrap()]);
    assert_eq!(reader.join().unwrap(), expected);
}

#[test]
fn a_session_that_runs_is_exported_as_far_as_it_is() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", "echo so-far; exec sleep 1000"]);
    let exported = eventually("its output", || {
        let exported = lines(&home.ok(&["export", &session, "--format", "jsonl"]));
        (output(&exported) == b"so-far\r\n").then_some(exported)
    });
    assert_eq!(exported[0]["state"], "running");
}

/// What a folder holds, if it is there.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn an_imported_session_is_there_at_once_and_reads_as_the_one_that_was_exported() {
    let (from, to) = (Home::new(), Home::new());
    from.up(&[]);
    let session = from.ok(&["run", "--detach", "--name", "it", "--", "/bin/sh", "-c", PROGRAM]);
    let session = session.trim();
    ended(&from, session);
    let file = from.path().join("it.jsonl");
    let file = file.to_str().unwrap();
    from.ok(&["export", session, "-o", file]);

    to.up(&[]);
    let daemon = to.daemon();
    let id = to.json(&["import", file, "--json"])["session"].as_str().unwrap().to_owned();
    assert_ne!(id, session);
    let (listed, original) = (to.listed(&id), from.listed(session));
    for field in [
        "name",
        "command",
        "cwd",
        "state",
        "exit",
        "by",
        "size",
        "started_at",
        "last_activity",
        "preview",
        "head",
    ] {
        assert_eq!(listed[field], original[field], "{field}");
    }
    assert_eq!(to.daemon(), daemon, "it was not restarted");
    assert_eq!(to.ok(&["logs", &id]), from.ok(&["logs", session]));
    let mut terminal = to.terminal(&["attach", &id]);
    terminal.wait("bold");
    let again = to.ok(&["export", &id]);
    let exported = fs::read_to_string(file).unwrap();
    let events = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(events(&again), events(&exported));
    assert_eq!(names(&to.path().join("lr/state/incoming")), Vec::<String>::new());

    // Its command is somebody else's.
    assert_eq!((&listed["imported"], &original["imported"]), (&true.into(), &Value::Null));
    let refused = to.run(&["restart", &id]);
    assert!(refused.status == 1 && refused.err.contains("restart --imported"), "{refused:?}");
    let started = to.ok(&["restart", &id, "--imported"]);
    assert_eq!(to.listed(started.trim())["continues"], id.as_str());

    // And without a daemon, under another name.
    to.ok(&["down"]);
    assert!(to.ok(&["import", file, "--name", "other"]).starts_with("Imported other as "));
    let second = to.json(&["ls", "--json"]).as_array().unwrap().iter().any(|entry| entry["name"] == "other");
    assert!(second);
}

#[test]
fn a_session_that_ran_when_it_was_exported_is_readable_as_far_as_it_was() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", "echo so-far; exec sleep 1000"]);
    let text = eventually("its output", || {
        Some(home.ok(&["export", &session])).filter(|text| text.contains("so-far"))
    });
    let file = home.path().join("it.jsonl");
    fs::write(&file, text).unwrap();
    let id = home.json(&["import", file.to_str().unwrap(), "--json"])["session"].as_str().unwrap().to_owned();
    assert_eq!(home.listed(&id)["state"], "lost");
    assert_eq!(home.ok(&["logs", &id]), "so-far\r\n");
}

#[test]
fn what_cannot_be_imported_leaves_nothing_behind() {
    let home = Home::new();
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", PROGRAM]);
    ended(&home, &session);
    let good = home.ok(&["export", &session]);
    let lines: Vec<&str> = good.lines().collect();
    let last = lines.len();
    let without = |left_out: usize| {
        let rest = lines.iter().enumerate().filter(|(at, _)| *at != left_out);
        rest.map(|(_, line)| *line).collect::<Vec<_>>().join("\n") + "\n"
    };
    let snapshot = |seq: u64| {
        let end = lines[last - 1];
        format!(
            "{}{{\"seq\":{seq},\"kind\":\"snapshot\",\"cols\":80,\"rows\":24}}\n{end}\n",
            without(last - 1)
        )
    };
    let file = home.path().join("it.jsonl");
    let path = file.to_str().unwrap();
    for (text, expected) in [
        (String::new(), "empty"),
        ("hello\n".to_owned(), "not an exported session"),
        (home.ok(&["export", &session, "--format", "asciicast"]), "asciicast"),
        (without(1), "event 1 is missing"),
        (without(2), "Line 3"),
        (without(last - 1), "ends before the session does"),
        (format!("{}{}\n{}\n", without(last - 1), lines[last - 2], lines[last - 1]), "is behind event"),
        (good.clone() + &good, "behind the end"),
        (good.replace("\"seq\":2", "\"seq\":\"2\""), "Line 3"),
        (good[..good.len() - 5].to_owned(), &format!("Line {last}")),
        (snapshot(1), "older than what is before it"),
    ] {
        fs::write(&file, &text).unwrap();
        let ran = home.run(&["import", path]);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(ran.err.contains(expected) && ran.err.contains("hint:"), "{expected}: {ran:?}");
        let failed = home.run(&["import", path, "--json"]);
        assert!(failed.status == 1 && failed.out.contains("error"), "{failed:?}");
    }
    assert!(home.run(&["import", "/nowhere"]).err.contains("/nowhere"));
    assert_eq!(names(&home.path().join("lr/state/incoming")), Vec::<String>::new());
    assert_eq!(names(&home.path().join("lr/state/sessions")), [session]);
}

#[test]
fn what_cannot_be_exported_is_said_in_a_sentence() {
    let home = Home::new();
    home.up(&[]);
    let none = home.run(&["export", "nothing"]);
    assert!(none.status == 1 && none.err.contains("No session is called"), "{none:?}");
    let session = home.session(&["true"]);
    let nowhere = Path::new("/nowhere/at/all.cast").to_str().unwrap();
    let failed = home.run(&["export", &session, "-o", nowhere]);
    assert!(failed.status == 1 && failed.err.contains(nowhere), "{failed:?}");
    assert_eq!(home.run(&["export", &session, "--format", "mp4"]).status, 2);
}
