//! Documents do not drift: a test that ARCHITECTURE.md names exists, and a link between documents leads somewhere.

use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose sources may hold a named test.
const SOURCES: &[&str] = &["crates", "tests", "xtask", "bench", "web/src"];

/// Checks all documents; the error lists everything that is wrong.
pub fn check(root: &Path) -> Result<()> {
    let mut sources = String::new();
    for folder in SOURCES {
        gather(&root.join(folder), &mut sources)?;
    }
    let mut wrong = Vec::new();
    let architecture = read(&root.join("ARCHITECTURE.md"))?;
    let named = named_tests(&architecture);
    if named.is_empty() {
        wrong.push("ARCHITECTURE.md names no test".to_owned());
    }
    for test in &named {
        let forms = [format!("fn {test}("), format!("\"{test}\""), format!("'{test}'"), format!("`{test}`")];
        if !forms.iter().any(|form| sources.contains(form)) {
            wrong.push(format!("ARCHITECTURE.md names the test {test:?}, which is nowhere"));
        }
    }
    let mut links = 0;
    for document in documents(root)? {
        let text = read(&document)?;
        let folder = document.parent().unwrap_or(root);
        for link in links_of(&text) {
            links += 1;
            if !folder.join(&link).exists() {
                wrong.push(format!("{} links to {link}, which is nowhere", document.display()));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("documents and project differ:\n  {}", wrong.join("\n  "));
    }
    println!("docs: {} named tests and {links} links hold", named.len());
    Ok(())
}

/// Tests stand in the invariants' table, in the last column, in backquotes.
fn named_tests(text: &str) -> Vec<String> {
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells =
        rows.filter_map(|row| row.trim_end().trim_end_matches('|').rsplit_once('|').map(|(_, cell)| cell));
    let in_tests = text.contains("| held by |");
    cells
        .filter(|_| in_tests)
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Relative targets of `[text](target)`, without their anchors.
fn links_of(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.map(|target| target.split('#').next().unwrap_or_default());
    files.filter(|file| !file.is_empty() && !file.contains(':')).map(str::to_owned).collect()
}

fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [root.to_owned(), root.join("docs")] {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn gather(folder: &Path, into: &mut String) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "node_modules" && name != "output") {
                gather(&path, into)?;
            }
        } else if path.extension().is_some_and(|e| ["rs", "ts", "mjs", "js"].iter().any(|known| e == *known))
        {
            into.push_str(&read(&path)?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_from_the_last_column() {
        let text = "| n | what | held by |\n|---|---|---|\n| 1 | a `thing` | `one_test`, `other_test` |\n";
        assert_eq!(named_tests(text), ["one_test", "other_test"]);
    }

    #[test]
    fn only_links_to_files_are_followed() {
        let text = "[a](docs/a.md#part) [b](https://example.org) [c](#here) [d](LICENSE-MIT)";
        assert_eq!(links_of(text), ["docs/a.md", "LICENSE-MIT"]);
    }
}
