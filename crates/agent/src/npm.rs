//! What npm wrote down of a program that it installed.

use crate::pty::find;
use serde_json::Value;
use std::path::Path;

/// The version of the program that this name stands for, where it is of a package that is named so.
pub(crate) fn version(
    program: &str,
    cwd: &Path,
    env: &[(String, String)],
    is_it: impl FnOnce(&str) -> bool,
) -> Option<String> {
    let file = find(program, cwd, env).ok()?.canonicalize().ok()?;
    let package = |folder: &Path| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(folder.join("package.json")).ok()?).ok()
    };
    let package = file.ancestors().skip(1).take(3).find_map(package)?;
    let is_it = is_it(package["name"].as_str()?);
    package["version"].as_str().filter(|_| is_it).map(str::to_owned)
}
