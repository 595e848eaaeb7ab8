//! Whose a folder is: what lies in it may have an agent run programs, as settings of a project do.

use crate::core::failure;
use session::message::{ErrorKind, Failure};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// The folder's real name, if nobody but this user and root can have put something there, or put another in its place. One
/// that is not there might be made by somebody else meanwhile.
pub(crate) fn own(folder: &str) -> Result<String, Failure> {
    if !Path::new(folder).is_absolute() {
        return Ok(folder.to_owned());
    }
    let Ok(found) = Path::new(folder).canonicalize() else {
        let message = format!("there is no folder {folder}");
        return Err(failure(ErrorKind::Invalid, message, "make it first, or name another"));
    };
    let us = rustix::process::geteuid().as_raw();
    for at in found.ancestors() {
        let why = match at.metadata() {
            Ok(about) => judge(&about, us, at != found, |group| is_private(group, us)),
            Err(_) => Some("cannot be looked at"),
        };
        if let Some(why) = why {
            let message = format!("{} {why}: what lies there could run programs as you", at.display());
            let hint = "choose a folder of your own, or use a token with the scope manage";
            return Err(failure(ErrorKind::Forbidden, message, hint));
        }
    }
    Ok(found.to_string_lossy().into_owned())
}

/// What is wrong with a folder, or with one that is above it.
fn judge(about: &Metadata, us: u32, above: bool, private: impl Fn(u32) -> bool) -> Option<&'static str> {
    let mode = about.mode();
    if about.uid() != us && about.uid() != 0 {
        return Some("belongs to another user");
    }
    // There nobody renames or removes what is somebody else's.
    if above && mode & STICKY != 0 {
        return None;
    }
    if mode & OTHERS_WRITE != 0 {
        return Some("can be written to by everybody");
    }
    if mode & GROUP_WRITES != 0 && !private(about.gid()) {
        return Some("can be written to by a group");
    }
    None
}

/// Whether a group has nobody in it but this user, as many systems make one for each. Groups that are not in the system's
/// files are not known.
fn is_private(group: u32, us: u32) -> bool {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    is_private_in(&read("/etc/passwd"), &read("/etc/group"), group, us)
}

fn is_private_in(users: &str, groups: &str, group: u32, us: u32) -> bool {
    let number = |text: Option<&&str>| text.and_then(|text| text.parse::<u32>().ok());
    let (mut name, mut found) = (None, false);
    for user in users.lines() {
        let fields: Vec<_> = user.split(':').collect();
        let id = number(fields.get(2));
        if id == Some(us) {
            name = name.or(fields.first().copied());
        } else if number(fields.get(3)) == Some(group) {
            return false;
        }
    }
    for line in groups.lines() {
        let fields: Vec<_> = line.split(':').collect();
        if number(fields.get(2)) == Some(group) {
            let members = fields.get(3).copied().unwrap_or_default();
            let mut members = members.split(',').filter(|member| !member.is_empty());
            if members.any(|member| Some(member) != name) {
                return false;
            }
            found = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir_all, set_permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_folder_is_ones_own_if_nobody_else_can_write_there_or_above_it() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().canonicalize().unwrap().join(name);
        let mode = |name: &str, mode| set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        create_dir_all(at("a/b")).unwrap();
        symlink(at("a/b"), at("link")).unwrap();
        let own = |name: &str| own(at(name).to_str().unwrap());
        for name in ["a/b", "link"] {
            assert_eq!(own(name).unwrap(), at("a/b").to_str().unwrap(), "by its real name");
        }
        assert_eq!(own("none").unwrap_err().kind, ErrorKind::Invalid, "somebody might make it meanwhile");
        for (name, bits, fine) in [
            ("a/b", 0o757, false),
            ("a/b", 0o1777, false),
            ("a/b", 0o755, true),
            ("a", 0o777, false),
            ("a", 0o1777, true),
        ] {
            mode(name, bits);
            assert_eq!(own("a/b").is_ok(), fine, "{name} {bits:o}");
            assert_eq!(own("link").is_ok(), fine, "{name} {bits:o}");
        }
        let about = at("a/b").metadata().unwrap();
        let us = about.uid();
        assert_eq!(judge(&about, us, false, |_| false), None);
        if us != 0 {
            assert!(judge(&about, us + 1, false, |_| false).is_some(), "somebody else's");
        }
        mode("a/b", 0o775);
        let about = at("a/b").metadata().unwrap();
        assert_eq!(judge(&about, us, false, |group| group == about.gid()), None, "a group of one's own");
        assert!(judge(&about, us, false, |_| false).is_some());
    }

    #[test]
    fn a_group_is_private_where_nobody_else_is_in_it() {
        let users =
            "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:100::/:/bin/sh\n";
        let groups = "root:x:0:\nada:x:1000:\nalso:x:1002:ada\nboth:x:1003:ada,bob\nusers:x:100:\n";
        for (group, private) in
            [(1000, true), (1002, true), (1003, false), (100, false), (0, false), (7, false)]
        {
            assert_eq!(is_private_in(users, groups, group, 1000), private, "{group}");
        }
    }
}
