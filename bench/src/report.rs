//! The table that docs/benchmarks.md is.

use std::fmt::Write;

/// A heading, columns and rows, as Markdown.
pub struct Table {
    title: &'static str,
    note: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty one.
    pub fn new(title: &'static str, note: &'static str, columns: &'static [&'static str]) -> Self {
        Self { title, note, columns, rows: Vec::new() }
    }

    /// One more row; also printed at once, since a run takes minutes.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.columns.len(), "{}", self.title);
        println!("{}: {}", self.title, cells.join(" | "));
        self.rows.push(cells);
    }
}

/// The whole document.
pub fn document(machine: &str, versions: &str, tables: &[Table]) -> String {
    let mut out = String::from("# Benchmarks\n\n");
    let _ = writeln!(
        out,
        "Written by `cargo xtask bench`; do not edit. Every ratio is to a floor taken in the same run: a bare PTY \
         joined to one loopback TCP connection, with nothing logged and nothing encrypted. OpenSSH on loopback stands \
         beside it for orientation. \"Relay\" is a native client through the embedded relay, encrypted and logged; \
         \"local\" is `longrein attach` on the same machine.\n\n- Machine: {machine}\n- Versions: {versions}\n"
    );
    for table in tables {
        let _ = writeln!(out, "## {}\n\n{}\n", table.title, table.note);
        let _ = writeln!(out, "| {} |", table.columns.join(" | "));
        let _ = writeln!(out, "|{}", " --- |".repeat(table.columns.len()));
        for row in &table.rows {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
        out.push('\n');
    }
    out
}

/// `value` beside its ratio to `floor`.
pub fn ratio(value: f64, floor: f64) -> String {
    format!("{:.2}x", value / floor)
}

/// Whether a goal was met, in words.
pub fn met(yes: bool) -> String {
    if yes { "met" } else { "**missed**" }.to_owned()
}
