//! Gemini's tools: what a call is to do, and whether a dialog is about it.

use crate::jsonrpc::{str_at, text_at};
use crate::text;
use serde_json::Value;
use session::message::{Change, Tool, ToolKind};
use std::path::{Component, Path, PathBuf};

/// Characters of a title.
const MAX_TITLE: usize = 200;

/// What a call is to do.
pub(super) fn tool(name: &str, input: &Value, cwd: &str) -> Tool {
    let kind = match name {
        "run_shell_command" => ToolKind::Run,
        "write_file" | "replace" => ToolKind::Edit,
        "read_file" | "read_many_files" => ToolKind::Read,
        "list_directory" | "glob" | "grep_search" | "search_file_content" => ToolKind::Search,
        "web_fetch" | "google_web_search" => ToolKind::Fetch,
        _ => ToolKind::Other,
    };
    let mut title = ["description", "instruction", "prompt", "query", "pattern"].into_iter();
    let title = title.find_map(|member| text_at(input, member)).unwrap_or_default();
    let path = text_at(input, "file_path").map(|path| whole(cwd, &path));
    let change = |path: &String| Change {
        path: path.clone(),
        old: text_at(input, "old_string"),
        new: text_at(input, "new_string").or_else(|| text_at(input, "content")),
    };
    Tool {
        name: name.to_owned(),
        kind,
        title: text::line(&title, MAX_TITLE),
        command: text_at(input, "command").filter(|_| kind == ToolKind::Run),
        changes: path.iter().filter(|_| kind == ToolKind::Edit).map(change).collect(),
        paths: path.into_iter().collect(),
        input: input.clone(),
    }
}

/// What the dialog with these details is about, where it says no other thing than this call, and all of it is known.
pub(super) fn shown(details: &Value, mut tool: Tool) -> Option<Tool> {
    match str_at(details, "type") {
        "exec" if tool.kind == ToolKind::Run => (text_at(details, "command").is_some()
            && text_at(details, "command") == tool.command)
            .then_some(tool),
        "edit" if tool.kind == ToolKind::Edit => {
            let path = text_at(details, "filePath").filter(|path| tool.paths.contains(path))?;
            let new = Some(details["newContent"].as_str()?.to_owned());
            tool.changes = vec![Change { path, old: text_at(details, "originalContent"), new }];
            Some(tool)
        }
        "mcp" => {
            let named = format!("mcp_{}_{}", str_at(details, "serverName"), str_at(details, "toolName"));
            (tool.name == named).then_some(tool)
        }
        _ => None,
    }
}

/// A file's whole path.
pub(super) fn whole(cwd: &str, path: &str) -> String {
    let path = Path::new(cwd).join(path);
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    plain.to_string_lossy().into_owned()
}
