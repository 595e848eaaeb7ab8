//! How much care a tool's call wants, by rules that can be read.
//!
//! It is used only ever to ask for more care: a request is never easier to allow because of it, and nothing is allowed by
//! it. It looks at what is asked and not at the machine, so it is no protection against somebody who means to get around
//! it; whoever decides sees the whole request. docs/approvals.md lists the rules. What always holds: it never fails, and a
//! command with more behind a `;` is never of a lower risk.

mod command;
mod place;
mod rules;
mod shell;

use crate::message::{Risk, Tool, ToolKind};
use place::Place;
use rules::Rule;
use serde_json::Value;

/// Characters of what a reason is about.
const MAX_DETAIL: usize = 100;
/// Characters of a line that can be read at a glance.
const MAX_LINE: usize = 500;

/// How much care a call wants, and why, one reason for each rule. `cwd` is the folder that it is made in and `home` its
/// user's, whole paths; empty where not known.
pub fn assess(tool: &Tool, cwd: &str, home: &str) -> (Risk, Vec<String>) {
    let mut found = Found { cwd, home, rules: Vec::new() };
    if let Some(text) = &tool.command {
        found.command(text);
    }
    if tool.kind == ToolKind::Run && tool.command.is_none() {
        found.add(Rule::Opaque, &tool.name);
    }
    let changed = tool.changes.iter().map(|change| change.path.as_str());
    for path in tool.paths.iter().map(String::as_str).chain(changed) {
        found.secrets(path);
        found.invisible(path, false);
        if tool.kind == ToolKind::Edit {
            found.writes(path);
        }
    }
    for change in &tool.changes {
        match &change.new {
            Some(text) => found.invisible(text, true),
            None => found.add(Rule::Discard, &change.path),
        }
    }
    match tool.kind {
        ToolKind::Edit if tool.paths.is_empty() && tool.changes.is_empty() => {
            found.add(Rule::Opaque, &tool.name);
        }
        ToolKind::Fetch => found.add(Rule::Network, &tool.title),
        ToolKind::Other => found.strings(&tool.input),
        _ => {}
    }
    found.rules.sort_by_key(|(rule, _)| Rule::ALL.iter().position(|other| other == rule));
    let risk = found.rules.iter().map(|(rule, _)| rule.risk()).max().unwrap_or_default();
    let reason = |(rule, detail): &(Rule, String)| match detail.as_str() {
        "" => rule.words().to_owned(),
        detail => format!("{}: {detail}", rule.words()),
    };
    (risk, found.rules.iter().map(reason).collect())
}

/// What was found so far.
struct Found<'a> {
    cwd: &'a str,
    home: &'a str,
    rules: Vec<(Rule, String)>,
}

impl Found<'_> {
    /// A rule applies; the first time that it does is said.
    fn add(&mut self, rule: Rule, about: &str) {
        if self.rules.iter().all(|(other, _)| *other != rule) {
            let mut plain = about.chars().filter(|c| !place::is_invisible(*c, false));
            let mut detail: String = plain.by_ref().take(MAX_DETAIL).collect();
            if plain.next().is_some() {
                detail.pop();
                detail.push('…');
            }
            self.rules.push((rule, detail.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }

    fn command(&mut self, text: &str) {
        command::assess(text, self, 0);
        self.secrets(text);
        self.invisible(text, false);
        self.database(text);
        if text.contains("$(") || text.contains('`') {
            self.add(Rule::Substitution, "");
        }
        if text.contains("$'") {
            self.add(Rule::Opaque, "$'…'");
        }
        if text.lines().any(|line| line.chars().nth(MAX_LINE).is_some()) {
            self.add(Rule::Long, "");
        }
    }

    /// All texts of what a tool is given that is known by its name alone.
    fn strings(&mut self, input: &Value) {
        match input {
            Value::String(text) => {
                self.secrets(text);
                self.invisible(text, true);
                self.database(text);
            }
            Value::Array(values) => values.iter().for_each(|value| self.strings(value)),
            Value::Object(members) => members.values().for_each(|value| self.strings(value)),
            _ => {}
        }
    }

    fn secrets(&mut self, text: &str) {
        if let Some(name) = place::secret(text) {
            self.add(Rule::Secrets, name);
        }
    }

    fn invisible(&mut self, text: &str, emoji: bool) {
        if let Some(c) = text.chars().find(|c| place::is_invisible(*c, emoji)) {
            self.add(Rule::Invisible, &format!("U+{:04X}", u32::from(c)));
        }
    }

    fn database(&mut self, text: &str) {
        let mut before = String::new();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            let word = word.get(..16).unwrap_or(word).to_ascii_lowercase();
            let thing =
                matches!(word.as_str(), "table" | "database" | "schema" | "view" | "index" | "role" | "user");
            match before.as_str() {
                "drop" | "truncate" if thing => self.add(Rule::Database, &format!("{before} {word}")),
                "delete" if word == "from" => self.add(Rule::Database, "delete from"),
                _ => {}
            }
            before = word;
        }
    }

    fn place(&self, path: &str) -> Place {
        place::of(path, self.cwd, self.home)
    }

    /// Something is written, changed or deleted at this path.
    fn writes(&mut self, path: &str) {
        if path.contains('$') {
            self.add(Rule::Opaque, path);
        }
        match self.place(path) {
            Place::Inside | Place::Nowhere => {}
            Place::Temporary => self.add(Rule::Temporary, path),
            Place::Device => self.add(Rule::Disk, path),
            Place::Outside => self.add(Rule::Outside, path),
        }
        let below = path.strip_prefix(self.cwd).filter(|_| !self.cwd.is_empty()).unwrap_or(path);
        if place::is_gate(below) {
            self.add(Rule::Gate, path);
        } else if place::is_obeyed(below) {
            self.add(Rule::Hidden, path);
        }
    }
}

#[cfg(test)]
mod tests;
