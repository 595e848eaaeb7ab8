//! The machine is kept awake while a session is busy, with a stand-in for systemd-inhibit.

use crate::support::{Home, eventually, is_alive, kill};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

/// Runs what it is given, as the real one does once it has the lock.
const STAND_IN: &str = "#!/bin/sh
echo \"$$ $*\" >> \"$HOME/inhibit.ran\"
test -e \"$HOME/refuse\" && case \"$*\" in *sleep:idle*|*\"$(cat \"$HOME/refuse\")\"*)
  echo 'Failed to inhibit: Access denied' >&2; exit 1 ;;
esac
while test \"${1#--}\" != \"$1\"; do shift; done
exec \"$@\"
";

/// A home with that stand-in on its search path, whose daemon has these settings.
fn home(settings: &str) -> Home {
    let home = Home::new();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("systemd-inhibit"), STAND_IN).unwrap();
    fs::set_permissions(bin.join("systemd-inhibit"), fs::Permissions::from_mode(0o755)).unwrap();
    let config = home.path().join("lr/config");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), settings).unwrap();
    home
}

fn up(home: &Home) {
    let path = format!("{}:{}", home.path().join("bin").display(), std::env::var("PATH").unwrap());
    let up = home.command(&["up", "--bind", "127.0.0.1:0"]).env("PATH", path).output().unwrap();
    assert!(up.status.success(), "{up:?}");
}

fn ran(home: &Home) -> PathBuf {
    home.path().join("inhibit.ran")
}

/// The process that holds the lock, once the daemon says that it is held.
fn held(home: &Home) -> u32 {
    eventually("the lock is held", || {
        (home.json(&["status", "--json"])["awake"]["held"] == true).then_some(())
    });
    let ran = fs::read_to_string(ran(home)).unwrap();
    let last = ran.lines().last().unwrap();
    last.split(' ').next().unwrap().parse().unwrap()
}

/// On battery too, so that it does not matter what runs the tests.
const ALWAYS: &str = "[awake]\non_battery = true\n";

#[test]
fn the_machine_is_kept_awake_while_a_session_is_busy_and_not_after() {
    let home = home(ALWAYS);
    up(&home);
    assert!(home.ok(&["status"]).contains("awake     not kept: no session was busy"));
    assert!(!ran(&home).exists());
    let session = home.session(&["sleep", "1000"]);
    let lock = held(&home);
    assert!(is_alive(lock));
    let asked = fs::read_to_string(ran(&home)).unwrap();
    assert!(
        asked.contains("--what=sleep:idle --who=Longrein --why=A session is busy --mode=block"),
        "{asked}"
    );
    assert!(home.ok(&["status"]).contains("awake     kept: a session is busy"));
    assert!(home.ok(&["doctor"]).contains("kept: a session is busy"));
    home.ok(&["kill", &session]);
    eventually("the lock is given back", || (!is_alive(lock)).then_some(()));
    assert!(home.ok(&["status"]).contains("awake     not kept"));
}

#[test]
fn the_lock_ends_with_a_daemon_that_is_killed_and_the_next_one_takes_it_again() {
    let home = home(ALWAYS);
    up(&home);
    home.session(&["sleep", "1000"]);
    let lock = held(&home);
    kill(home.daemon(), "KILL");
    eventually("the lock is gone", || (!is_alive(lock)).then_some(()));
    up(&home);
    let next = held(&home);
    assert!(next != lock && is_alive(next));
    home.ok(&["down"]);
    eventually("the lock is given back", || (!is_alive(next)).then_some(()));
}

#[test]
fn without_the_right_to_stop_all_sleep_falling_asleep_is_stopped() {
    let home = home(ALWAYS);
    fs::write(home.path().join("refuse"), "--what=sleep:idle").unwrap();
    up(&home);
    home.session(&["sleep", "1000"]);
    let lock = held(&home);
    assert!(is_alive(lock));
    let asked = fs::read_to_string(ran(&home)).unwrap();
    assert!(asked.contains("--what=idle"), "{asked}");
}

#[test]
fn a_machine_that_cannot_be_kept_awake_says_why() {
    let home = home(ALWAYS);
    fs::write(home.path().join("refuse"), "--what=idle").unwrap();
    up(&home);
    home.session(&["sleep", "1000"]);
    eventually("the refusal is told", || home.ok(&["doctor"]).contains("Access denied").then_some(()));
    let said = home.ok(&["status"]);
    assert!(
        said.contains("not kept: systemd-inhibit said: Failed to inhibit") && said.contains("hint:"),
        "{said}"
    );
}

#[test]
fn switched_off_nobody_asks_for_the_lock() {
    let home = home("[awake]\nenabled = false\n");
    up(&home);
    home.session(&["sleep", "1000"]);
    let said = home.ok(&["status"]);
    assert!(said.contains("awake     not kept: switched off in the settings"), "{said}");
    assert!(!ran(&home).exists());
}

#[test]
fn a_misspelt_setting_is_refused_with_its_line() {
    let home = home("prefix = \"Ctrl-b\"\n[awake]\nenbled = false\n");
    let ran = home.run(&["up", "--bind", "127.0.0.1:0"]);
    assert!(ran.status == 1 && ran.err.contains("line 3") && ran.err.contains("enbled"), "{ran:?}");
    assert!(ran.err.contains("hint:"), "{ran:?}");
}
