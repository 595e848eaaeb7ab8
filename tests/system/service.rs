//! The daemon as a service, with a stand-in for systemd's user manager: it notes how it is called, and starts and stops
//! what the unit says.

use crate::support::{Home, Ran, eventually, is_alive, kill, pid, reserved};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A manager of one unit.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "systemctl $*" >> "$HOME/asked"
test -e "$HOME/unreachable" && { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
test "$2" = disable && test -e "$HOME/stuck" && { echo 'Job for longrein.service timed out.' >&2; exit 1; }
unit="$XDG_CONFIG_HOME/systemd/user/longrein.service"
link="$XDG_CONFIG_HOME/systemd/user/default.target.wants/longrein.service"
stop() {
  test -s "$HOME/main.pid" && kill "$(cat "$HOME/main.pid")" && while kill -0 "$(cat "$HOME/main.pid")"; do sleep 0.05; done
  rm -f "$HOME/main.pid"
}
case "$2" in
  enable) mkdir -p "${link%/*}"; ln -sf "$unit" "$link" ;;
  disable) stop; rm -f "$link" ;;
  restart)
    stop
    # shellcheck disable=SC2046
    setsid $(sed -n 's/^ExecStart=//p' "$unit") < /dev/null > "$HOME/service.log" 2>&1 &
    echo $! > "$HOME/main.pid" ;;
  show)
    pid=$(cat "$HOME/main.pid" 2>/dev/null); kill -0 "$pid" || pid=0
    test -e "$link" && echo UnitFileState=enabled
    test "$pid" = 0 && test -s "$HOME/main.pid" && printf 'ActiveState=failed\nResult=exit-code\n'
    echo "MainPID=$pid" ;;
esac 2>/dev/null
exit 0
"#;

const LOGINCTL: &str = r#"#!/bin/sh
echo "loginctl $*" >> "$HOME/asked"
case "$1" in
  show-user) test -e "$HOME/lingers" && echo Linger=yes ;;
  enable-linger) test -e "$HOME/nolinger" && { echo 'Could not enable linger: Access denied' >&2; exit 1; }; touch "$HOME/lingers" ;;
  disable-linger) rm -f "$HOME/lingers" ;;
esac
"#;

/// A home whose user has a service manager.
struct Managed(Home);

impl Managed {
    fn new() -> Self {
        let home = Home::new();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for (name, text) in [("systemctl", SYSTEMCTL), ("loginctl", LOGINCTL)] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self(home)
    }

    fn command(&self, args: &[&str]) -> Command {
        let path = format!("{}:{}", self.0.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = self.0.command(args);
        command.env("PATH", path).env("XDG_CONFIG_HOME", self.0.path().join("etc"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(&self.command(args).output().unwrap())
    }

    fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.status, 0, "{args:?}: {ran:?}");
        ran.out
    }

    fn status(&self) -> serde_json::Value {
        self.run(&["service", "status", "--json"]).json()
    }

    fn unit(&self) -> PathBuf {
        self.0.path().join("etc/systemd/user/longrein.service")
    }

    fn mark(&self, name: &str) {
        fs::write(self.0.path().join(name), "").unwrap();
    }

    /// What was asked of the manager since the last look.
    fn asked(&self) -> String {
        let file = self.0.path().join("asked");
        let asked = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        asked
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn the_service_takes_a_running_daemons_place_and_gives_it_back_and_sessions_go_on() {
    let managed = Managed::new();
    managed.ok(&["up", "--bind", "127.0.0.1:0", "--origin", "http://localhost:9999"]);
    let before = managed.0.json(&["status", "--json"]);
    let session = managed.0.session(&["sleep", "1000"]);
    let keeper = pid(&managed.0.listed(&session)["keeper_pid"]);

    let said = managed.ok(&["service", "install"]);
    assert!(said.contains(&format!("ran before (process {}) has ended", before["pid"])), "{said}");
    assert!(said.contains("without anybody logging in"), "{said}");
    let asked = managed.asked();
    for call in [
        "loginctl enable-linger",
        "systemctl --user daemon-reload",
        "systemctl --user enable longrein.service",
    ] {
        assert!(asked.contains(call), "{call}: {asked}");
    }
    let unit = fs::read_to_string(managed.unit()).unwrap();
    let address = before["address"].as_str().unwrap();
    assert!(
        unit.contains(&format!(" up --foreground --bind {address} --origin http://localhost:9999\n")),
        "{unit}"
    );
    assert!(
        unit.contains(&format!("\nEnvironment=LONGREIN_HOME={}/lr\n", managed.0.path().display())),
        "{unit}"
    );
    let after = managed.0.json(&["status", "--json"]);
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["relay"], before["relay"], "reached as the one before was");
    let status = managed.status();
    assert_eq!(status["pid"], after["pid"]);
    for (name, value) in [("enabled", true), ("linger", true), ("current", true)] {
        assert_eq!(status[name], value, "{name}: {status}");
    }
    assert_eq!(status["notes"], serde_json::json!([]));

    managed.ok(&["up", "--replace"]);
    let replaced = managed.status();
    assert_ne!(replaced["pid"], status["pid"]);
    assert_eq!(replaced["pid"], replaced["daemon"], "it is the service that swaps its daemon");

    let said = managed.ok(&["service", "uninstall"]);
    assert!(said.contains("removed") && said.contains("Lingering"), "{said}");
    assert!(
        !managed.unit().exists()
            && managed.asked().contains("systemctl --user disable --now longrein.service")
    );
    assert_eq!(managed.run(&["service", "status"]).status, 1);
    assert_eq!(managed.run(&["status"]).status, 1);
    assert!(is_alive(keeper));
    managed.0.up(&[]);
    assert_eq!(pid(&managed.0.listed(&session)["keeper_pid"]), keeper);
    assert!(managed.ok(&["service", "uninstall"]).contains("No service"));
}

#[test]
fn a_command_that_needs_the_daemon_has_the_service_start_it_unless_down_has_closed_it() {
    let managed = Managed::new();
    managed.ok(&["service", "install", "--bind", "127.0.0.1:0"]);
    managed.ok(&["down"]);
    eventually("the service's daemon has ended", || managed.status()["pid"].is_null().then_some(()));
    managed.ok(&["ls"]);
    let status = managed.status();
    assert!(!status["pid"].is_null() && status["pid"] == status["daemon"], "{status}");

    managed.ok(&["service", "install", "--bind", "0.0.0.0:0"]);
    managed.ok(&["down"]);
    managed.ok(&["ls"]);
    let address = managed.0.json(&["status", "--json"])["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let notes = managed.status()["notes"].to_string();
    assert!(notes.contains("is not the service's"), "{notes}");
}

#[test]
fn what_could_not_be_done_and_what_has_drifted_is_said() {
    let managed = Managed::new();
    managed.mark("nolinger");
    let ran = managed.run(&["service", "install", "--bind", "127.0.0.1:0"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(ran.err.contains("Access denied") && ran.err.contains("sudo loginctl enable-linger"), "{ran:?}");
    assert!(ran.out.contains("when you log in"), "{ran:?}");

    let unit = fs::read_to_string(managed.unit()).unwrap();
    let notes = |text: &str| {
        fs::write(managed.unit(), text).unwrap();
        managed.status()["notes"].to_string()
    };
    assert!(notes(&unit).contains("Lingering is off"));
    assert!(notes(&unit.replace("RestartSec=5", "RestartSec=9")).contains("changed by hand"));
    assert!(notes(&unit.replace("longrein/0", "longrein/0.0")).contains("was written by longrein/0.0"));
    let program = env!("CARGO_BIN_EXE_longrein");
    assert!(notes(&unit.replace(program, "/bin/true")).contains("another program than this one: /bin/true"));
    assert!(notes(&unit.replace(program, "/gone/longrein")).contains("/gone/longrein, which is not there"));
    fs::write(managed.unit(), &unit).unwrap();

    let daemon = managed.0.daemon();
    kill(daemon, "KILL");
    eventually("the failure is told", || {
        managed.status()["notes"].to_string().contains("Its daemon failed (exit-code)").then_some(())
    });
}

#[test]
fn a_service_that_the_manager_does_not_stop_is_removed_all_the_same() {
    let managed = Managed::new();
    managed.ok(&["service", "install", "--bind", "127.0.0.1:0"]);
    managed.mark("stuck");
    let removed = managed.run(&["service", "uninstall"]);
    assert!(
        removed.out.contains("The service is removed") && removed.out.contains("Lingering"),
        "{removed:?}"
    );
    assert!(!removed.out.contains("is stopped"), "{removed:?}");
    assert!(removed.err.contains("timed out") && removed.err.contains("longrein down"), "{removed:?}");
    let link = managed.unit().with_file_name("default.target.wants/longrein.service");
    assert!(!managed.unit().exists() && fs::symlink_metadata(link).is_err());
    managed.ok(&["down"]);
}

#[test]
fn without_a_manager_nothing_is_written_and_it_says_what_to_do() {
    let managed = Managed::new();
    managed.mark("unreachable");
    let ran = managed.run(&["service", "install"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("No systemd user manager can be reached") && ran.err.contains("hint:"),
        "{ran:?}"
    );
    assert!(!managed.unit().exists() && !managed.0.path().join("lingers").exists());
    let none = self::ran(&managed.command(&["service", "install"]).env("PATH", "/nowhere").output().unwrap());
    assert_eq!(none.status, 1);
    assert!(none.err.contains("systemctl is not installed") && none.err.contains("hint:"), "{none:?}");
}

#[test]
fn a_service_of_another_home_and_a_file_of_somebody_else_are_left_alone() {
    let managed = Managed::new();
    managed.ok(&["service", "install", "--bind", "127.0.0.1:0"]);
    let other = managed.0.path().join("other");
    for verb in ["install", "uninstall"] {
        let ran = ran(&managed.command(&["service", verb]).env("LONGREIN_HOME", &other).output().unwrap());
        assert_eq!(ran.status, 1);
        assert!(
            ran.err.contains(&format!(
                "LONGREIN_HOME={}/lr longrein service uninstall",
                managed.0.path().display()
            )),
            "{ran:?}"
        );
    }
    managed.ok(&["service", "uninstall"]);
    fs::write(managed.unit(), "[Service]\nExecStart=/bin/true\n").unwrap();
    for verb in ["install", "uninstall", "status"] {
        let ran = managed.run(&["service", verb]);
        assert!(ran.status == 1 && ran.err.contains("Move it away first"), "{ran:?}");
    }
}

#[test]
fn a_service_whose_daemon_does_not_start_says_so() {
    let managed = Managed::new();
    let taken = reserved();
    let address = taken.local_addr().unwrap().to_string();
    let ran = managed.run(&["service", "install", "--bind", &address]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("installed, but its daemon does not serve (exit-code)"), "{ran:?}");
    assert!(ran.err.contains("journalctl --user -u longrein.service"), "{ran:?}");
    drop(taken);
    managed.ok(&["service", "install", "--bind", &address]);
}

#[test]
fn options_that_no_daemon_could_start_with_are_refused() {
    let managed = Managed::new();
    let ran = managed.run(&["service", "install", "--relay", "ftp://nowhere"]);
    assert!(ran.status == 1 && ran.err.contains("not the address of a relay"), "{ran:?}");
    assert!(!managed.unit().exists() && managed.asked().is_empty());
}
