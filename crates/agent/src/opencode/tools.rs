//! opencode's tools, and the changes that it shows as a unified diff.

use crate::jsonrpc::text_at;
use serde_json::Value;
use session::message::{Change, Tool, ToolKind};
use std::path::{Component, Path, PathBuf};

/// What a call is to do. `cwd` is the folder that its paths are named from.
pub(super) fn tool(name: &str, input: &Value, cwd: &str) -> Tool {
    let path = text_at(input, "filePath").or_else(|| text_at(input, "path")).map(|path| whole(cwd, &path));
    let kind = match name {
        "bash" => ToolKind::Run,
        "edit" | "write" | "patch" | "apply_patch" | "multiedit" => ToolKind::Edit,
        "read" => ToolKind::Read,
        "glob" | "grep" | "list" => ToolKind::Search,
        "webfetch" | "websearch" => ToolKind::Fetch,
        "task" => ToolKind::Delegate,
        _ => ToolKind::Other,
    };
    let text = |name: &str| input[name].as_str().map(str::to_owned);
    let changes = match (name, &path) {
        ("edit", Some(path)) => {
            vec![Change { path: path.clone(), old: text("oldString"), new: text("newString") }]
        }
        ("write", Some(path)) => vec![Change { path: path.clone(), old: None, new: text("content") }],
        _ => Vec::new(),
    };
    let title = ["description", "url", "query", "pattern"].iter().find_map(|name| text_at(input, name));
    Tool {
        name: name.to_owned(),
        kind,
        title: title.unwrap_or_default(),
        command: text_at(input, "command").filter(|_| kind == ToolKind::Run),
        paths: path.into_iter().collect(),
        changes,
        input: input.clone(),
    }
}

/// A file's whole path, without what means nothing in it.
pub(super) fn whole(cwd: &str, path: &str) -> String {
    let path = Path::new(cwd).join(path);
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    plain.to_string_lossy().into_owned()
}

/// The changes in a unified diff, one for each hunk; `None` where it cannot be read to its end. Files that it does not name
/// are `path`.
pub(super) fn changes(diff: &str, path: &str, cwd: &str) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    let mut path = path.to_owned();
    let mut lines = diff.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(named) = line.strip_prefix("Index: ") {
            path = whole(cwd, named.trim());
        }
        let Some(ranges) = line.strip_prefix("@@ ") else { continue };
        let mut ranges = ranges.split(' ');
        let (mut left, mut right) = (count(ranges.next()?, '-')?, count(ranges.next()?, '+')?);
        let [mut old, mut new] = [left, right].map(|count| (count > 0).then(String::new));
        let add = |text: &mut Option<String>, line: &str| {
            let text = text.get_or_insert_default();
            text.push_str(line);
            text.push('\n');
        };
        while left > 0 || right > 0 {
            // Some leave out the blank of an empty line.
            let line = lines.next()?;
            match line.split_at_checked(1).unwrap_or((" ", "")) {
                ("-", rest) => {
                    add(&mut old, rest);
                    left = left.checked_sub(1)?;
                }
                ("+", rest) => {
                    add(&mut new, rest);
                    right = right.checked_sub(1)?;
                }
                (" ", rest) => {
                    add(&mut old, rest);
                    add(&mut new, rest);
                    (left, right) = (left.checked_sub(1)?, right.checked_sub(1)?);
                }
                ("\\", _) => {}
                _ => return None,
            }
        }
        changes.push(Change { path: path.clone(), old, new });
    }
    Some(changes)
}

/// How many lines a range such as `-3,7` has.
fn count(range: &str, sign: char) -> Option<u64> {
    let range = range.strip_prefix(sign)?;
    range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, old: Option<&str>, new: Option<&str>) -> Change {
        Change { path: path.into(), old: old.map(Into::into), new: new.map(Into::into) }
    }

    #[test]
    fn a_diff_is_read_hunk_by_hunk() {
        let diff = "Index: /p/a\n=====\n--- /p/a\n+++ /p/a\n@@ -1,2 +1,2 @@\n one\n--- two\n+2\n@@ -9 +9,0 @@\n-x\n\\ No newline\n\
                    Index: b\n--- b\n+++ b\n@@ -0,0 +1,2 @@\n+new\n+\n";
        let found = changes(diff, "/p/x", "/p").unwrap();
        assert_eq!(
            found,
            [
                change("/p/a", Some("one\n-- two\n"), Some("one\n2\n")),
                change("/p/a", Some("x\n"), None),
                change("/p/b", None, Some("new\n\n")),
            ]
        );
        assert_eq!(changes("", "/p/x", "/p"), Some(Vec::new()));
        for broken in ["@@ -1,2 +1,2 @@\n one\n", "@@ -1 +1 @@\n*x\n", "@@ x @@\n", "@@ -1,0 +1,1 @@\n-x\n"] {
            assert_eq!(changes(broken, "/p/x", "/p"), None, "{broken}");
        }
    }

    #[test]
    fn a_write_is_a_new_text_of_its_file() {
        let tool = tool("write", &serde_json::json!({"filePath": "./a.txt", "content": "x"}), "/p");
        assert_eq!(tool.paths, ["/p/a.txt"]);
        assert_eq!(tool.changes, [change("/p/a.txt", None, Some("x"))]);
    }
}
