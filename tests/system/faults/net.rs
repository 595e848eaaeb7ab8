//! A machine's worth of networks that nobody else sees: the test runs again in namespaces of its own, which end with it,
//! and each of its places is one more, at the end of a virtual cable.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;

/// Where the relay listens: an address of the middle, which every place has a way to.
pub const MIDDLE: &str = "10.9.9.9";
/// Says that the test runs in its own namespaces already.
const INSIDE: &str = "LONGREIN_TEST_INSIDE";

/// Runs `body` with networks of its own; `name` is the test's whole name.
pub fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        make_middle();
        return body();
    }
    let status = unshared().args(["--exact", name, "--nocapture"]).env(INSIDE, "1").status().unwrap();
    assert!(status.success(), "{name} failed in its own network, or there may be none: {status}");
}

/// This program once more, with networks of its own, in which nothing is yet.
pub fn unshared() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare.arg(std::env::current_exe().unwrap());
    unshare
}

/// In networks of one's own, what every place has a way to.
pub fn make_middle() {
    run("mount", &["-t", "tmpfs", "tmpfs", "/run"]);
    run("ip", &["link", "set", "lo", "up"]);
    run("ip", &["addr", "add", &format!("{MIDDLE}/32"), "dev", "lo"]);
}

fn run(program: &str, args: &[&str]) {
    let output =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Which way packets are lost, as the place sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
    Both,
}

/// A network of its own with a way to the middle.
#[derive(Clone, Copy)]
pub struct Place {
    name: &'static str,
    number: u8,
}

impl Place {
    pub fn new(name: &'static str, number: u8) -> Self {
        let this = Self { name, number };
        run("ip", &["netns", "add", name]);
        run("ip", &["link", "add", &this.cable(), "type", "veth", "peer", "name", "eth0", "netns", name]);
        run("ip", &["addr", "add", &format!("10.0.{number}.1/24"), "dev", &this.cable()]);
        run("ip", &["link", "set", &this.cable(), "up"]);
        this.ip(&["link", "set", "lo", "up"]);
        this.ip(&["link", "set", "eth0", "up"]);
        this.address(2);
        this
    }

    fn cable(&self) -> String {
        format!("to-{}", self.name)
    }

    fn ip(&self, args: &[&str]) {
        run("ip", &[&["-n", self.name], args].concat());
    }

    /// Has this address from now on, and no other.
    pub fn address(&self, last: u8) {
        let number = self.number;
        self.ip(&["addr", "flush", "dev", "eth0"]);
        self.ip(&["addr", "add", &format!("10.0.{number}.{last}/24"), "dev", "eth0"]);
        self.ip(&["route", "replace", "default", "via", &format!("10.0.{number}.1")]);
    }

    /// The cable is out, or in again. What manages a machine's networks takes the address away with it, and the way to
    /// anywhere; [`Place::address`] gives another.
    pub fn plug(&self, on: bool) {
        if !on {
            self.ip(&["addr", "flush", "dev", "eth0"]);
        }
        run("ip", &["link", "set", &self.cable(), if on { "up" } else { "down" }]);
    }

    /// Packets are lost without a word, until [`Place::mend`].
    pub fn lose(&self, way: Way) {
        let hook = |on: bool, name: &str| {
            let policy = if on { "drop" } else { "accept" };
            format!("add chain inet t {name} {{ type filter hook {name} priority 0; policy {policy}; }};")
        };
        self.nft(&format!(
            "add table inet t; {}{}",
            hook(way != Way::Out, "input"),
            hook(way != Way::In, "output")
        ));
    }

    /// Every connection that something comes in on is reset, until [`Place::mend`].
    pub fn reset(&self) {
        self.nft(
            "add table inet t; add chain inet t input { type filter hook input priority 0; }; \
             add rule inet t input meta l4proto tcp reject with tcp reset",
        );
    }

    /// What [`Place::lose`] and [`Place::reset`] did is over.
    pub fn mend(&self) {
        self.nft("delete table inet t");
    }

    fn nft(&self, rules: &str) {
        run("ip", &["netns", "exec", self.name, "nft", rules]);
    }

    /// A command that runs there.
    pub fn command(&self, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there.args(["netns", "exec", self.name]).arg(command.get_program()).args(command.get_args());
        there.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        there.current_dir(command.get_current_dir().unwrap());
        there
    }

    /// The calling thread is there from now on; what it opens is there, too.
    pub fn enter(&self) {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let kind = rustix::thread::LinkNameSpaceType::Network;
        rustix::thread::move_into_link_name_space(namespace.as_fd(), Some(kind)).unwrap();
    }
}
