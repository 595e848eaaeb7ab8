//! Changes to files as Codex writes them, as what stood there and what is to stand there: diffs of its app server, and
//! patches that the model writes.

use session::message::Change;

/// What a patch of the model does.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Patch {
    /// The files that it touches, as it names them, in the order in which it does.
    pub(super) paths: Vec<String>,
    pub(super) changes: Vec<Change>,
}

/// One file of the app server's changes. `kind` is `add`, `delete` or `update`; the diff of the first two is the file's
/// whole text.
pub(super) fn change(path: &str, kind: &str, diff: &str) -> Vec<Change> {
    let path = path.to_owned();
    match kind {
        "add" => vec![Change { path, old: None, new: Some(diff.to_owned()) }],
        "delete" => vec![Change { path, old: Some(diff.to_owned()), new: None }],
        // A diff that is not read is shown as it is.
        _ => match hunks(diff.lines()) {
            None if diff.is_empty() => Vec::new(),
            None => vec![Change { path, old: Some(String::new()), new: Some(diff.to_owned()) }],
            Some(hunks) => hunks.into_iter().map(|(old, new)| replaced(&path, old, new)).collect(),
        },
    }
}

/// Reads a patch (`*** Begin Patch` …); `None` where it is not one.
pub(super) fn read(text: &str) -> Option<Patch> {
    let mut patch = Patch::default();
    let mut lines = text.trim().lines().peekable();
    (lines.next()?.trim_end() == "*** Begin Patch").then_some(())?;
    loop {
        let line = lines.next()?;
        let body = |lines: &mut std::iter::Peekable<_>| {
            let mut body = Vec::new();
            while let Some(line) =
                lines.next_if(|line: &&str| !line.starts_with("*** ") || line.starts_with("*** End of File"))
            {
                body.push(line);
            }
            body
        };
        if line.trim_end() == "*** End Patch" {
            // What stands behind its end would be shown to nobody.
            return (lines.next().is_none() && !patch.paths.is_empty()).then_some(patch);
        } else if let Some(path) = line.strip_prefix("*** Add File: ") {
            let text: Option<String> = body(&mut lines)
                .into_iter()
                .map(|line| Some(format!("{}\n", line.strip_prefix('+')?)))
                .collect();
            patch.changes.push(Change { path: path.to_owned(), old: None, new: Some(text?) });
            patch.paths.push(path.to_owned());
        } else if let Some(path) = line.strip_prefix("*** Delete File: ") {
            // It does not say what stood there.
            patch.changes.push(Change { path: path.to_owned(), old: Some(String::new()), new: None });
            patch.paths.push(path.to_owned());
        } else if let Some(path) = line.strip_prefix("*** Update File: ") {
            patch.paths.push(path.to_owned());
            if let Some(to) = lines.next_if(|line| line.starts_with("*** Move to: ")) {
                patch.paths.push(to["*** Move to: ".len()..].to_owned());
            }
            let hunks = hunks(body(&mut lines).into_iter())?;
            patch.changes.extend(hunks.into_iter().map(|(old, new)| replaced(path, old, new)));
        } else if !line.trim().is_empty() {
            return None;
        }
    }
}

fn replaced(path: &str, old: String, new: String) -> Change {
    Change { path: path.to_owned(), old: Some(old), new: Some(new) }
}

/// The parts that a unified diff replaces, with the lines around them; `None` where it is none. The model's patches have
/// the same lines, with less behind the `@@`.
fn hunks<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Vec<(String, String)>> {
    let mut hunks: Vec<(String, String)> = Vec::new();
    let mut begun = false;
    for line in lines {
        if line.starts_with("@@") {
            begun = true;
            hunks.push(Default::default());
            continue;
        }
        if !begun && ["--- ", "+++ ", "diff ", "index "].iter().any(|head| line.starts_with(head)) {
            continue;
        }
        // Lines before the first `@@` are a hunk in patches of the model.
        if !begun {
            begun = true;
            hunks.push(Default::default());
        }
        let (old, new) = hunks.last_mut()?;
        let (mark, rest) = if line.is_empty() { (" ", "") } else { line.split_at_checked(1)? };
        for text in match mark {
            " " => [Some(old), Some(new)],
            "-" => [Some(old), None],
            "+" => [Some(new), None],
            // "No newline at end of file", "End of File".
            "\\" | "*" => [None, None],
            _ => return None,
        }
        .into_iter()
        .flatten()
        {
            text.push_str(rest);
            text.push('\n');
        }
    }
    (!hunks.is_empty()).then_some(hunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(path: &str, old: &str, new: &str) -> Change {
        replaced(path, old.to_owned(), new.to_owned())
    }

    #[test]
    fn a_diff_is_the_parts_that_it_replaces() {
        let diff = "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -9 +9,2 @@\n z\n+y\n\\ No newline at end of file\n";
        assert_eq!(
            change("f", "update", diff),
            [both("f", "a\nb\nc\n", "a\nB\nc\n"), both("f", "z\n", "z\ny\n")]
        );
        assert_eq!(
            change("f", "add", "one\n"),
            [Change { path: "f".into(), old: None, new: Some("one\n".into()) }]
        );
        assert_eq!(
            change("f", "delete", "one\n"),
            [Change { path: "f".into(), old: Some("one\n".into()), new: None }]
        );
        // Nothing is left out of what cannot be read.
        assert_eq!(change("f", "update", "what?"), [both("f", "", "what?")]);
        assert_eq!(change("f", "update", ""), []);
    }

    #[test]
    fn a_patch_of_the_model_is_read_whole_or_not_at_all() {
        let text = "*** Begin Patch\n*** Add File: new.txt\n+one\n+two\n*** Update File: old.rs\n*** Move to: moved.rs\n\
                    @@ fn main\n-a\n+b\n*** Delete File: gone\n*** End Patch\n";
        let patch = read(text).unwrap();
        assert_eq!(patch.paths, ["new.txt", "old.rs", "moved.rs", "gone"]);
        assert_eq!(
            patch.changes,
            [
                Change { path: "new.txt".into(), old: None, new: Some("one\ntwo\n".into()) },
                both("old.rs", "a\n", "b\n"),
                Change { path: "gone".into(), old: Some(String::new()), new: None },
            ]
        );
        for broken in [
            "",
            "*** Begin Patch",
            "*** Begin Patch\n*** End Patch",
            "*** Begin Patch\n*** Add File: a\none\n*** End Patch",
            "*** Begin Patch\n*** Do Something: a\n*** End Patch",
            "*** Begin Patch\n*** Delete File: a\n*** End Patch\n*** Delete File: b",
        ] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
