//! When the machine is to be kept awake: pure, with the time as an argument.
//!
//! While a session works or waits for a person, and only then. What can be seen of the first is its log: a session
//! counts from each new event on for [`WORKING`]. It waits for a person while it has an approval that nobody has decided. A person's answer may be typed that long after the last word of a
//! program; a shell at its prompt counts no longer than that either.

use session::id::SessionId;
use session::message::{Awake, Cursor};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a session counts from its last event on.
pub(crate) const WORKING: Duration = Duration::from_mins(10);
/// How old what is known of the machine's power may be.
const POWER_FRESH: Duration = Duration::from_secs(30);
/// How long after a lock that could not be had it is asked for again.
const AGAIN: Duration = Duration::from_mins(5);

/// What a person has settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Keep the machine awake at all.
    pub enabled: bool,
    /// Also while it runs on its battery.
    pub on_battery: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, on_battery: false }
    }
}

/// A running session, as it is seen now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub id: SessionId,
    /// The last event.
    pub head: Cursor,
    /// How long ago that was, by a clock that may have been set since: believed for a session that is new here only.
    pub quiet: Duration,
    /// How long it waits for a person's decision yet.
    pub waits: Duration,
}

/// Where the machine's power comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// The mains, or something that cannot be told from it.
    Mains,
    /// Its battery, which is getting emptier.
    Battery,
}

/// What the machine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// All running sessions.
    Sessions(Vec<Seen>),
    /// The answer to [`Output::LookAtPower`].
    Power(Power),
    /// The answer to [`Output::Hold`]: it is held.
    Held,
    /// The lock could not be had, or was lost.
    Lost(String),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Take the lock.
    Hold,
    /// Give it back.
    Release,
    /// Say where the power comes from.
    LookAtPower,
}

enum Lock {
    Released,
    Asked,
    Held,
    /// The system does not give it.
    Unable {
        why: String,
        again: Instant,
    },
}

/// What wants the machine awake, or why nothing does.
#[derive(PartialEq, Eq)]
enum Verdict {
    Off,
    Quiet,
    PowerUnknown,
    OnBattery,
    Working,
}

/// The rule.
pub(crate) struct Machine {
    settings: Settings,
    /// Each running session's head, until when it counts for that, and until when it waits for a person.
    sessions: BTreeMap<SessionId, (Cursor, Instant, Instant)>,
    power: Option<(Power, Instant)>,
    looking: bool,
    lock: Lock,
    now: Instant,
}

impl Machine {
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self { settings, sessions: BTreeMap::new(), power: None, looking: false, lock: Lock::Released, now }
    }

    /// Takes something in.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.now = now;
        match input {
            Input::Sessions(seen) => self.see(seen),
            Input::Power(power) => {
                self.looking = false;
                self.power = Some((power, now));
            }
            Input::Held => {
                if matches!(self.lock, Lock::Asked) {
                    self.lock = Lock::Held;
                }
            }
            Input::Lost(why) => {
                if matches!(self.lock, Lock::Asked | Lock::Held) {
                    self.lock = Lock::Unable { why, again: now + AGAIN };
                }
            }
        }
    }

    /// The time of [`Machine::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
    }

    /// What is to be done next, if anything is.
    pub fn poll_output(&mut self) -> Option<Output> {
        let verdict = self.verdict();
        if verdict == Verdict::PowerUnknown {
            let asked = std::mem::replace(&mut self.looking, true);
            return (!asked).then_some(Output::LookAtPower);
        }
        let wanted = verdict == Verdict::Working;
        match &self.lock {
            Lock::Released if wanted => {}
            Lock::Unable { again, .. } if wanted && *again <= self.now => {}
            Lock::Asked | Lock::Held if !wanted => {
                self.lock = Lock::Released;
                return Some(Output::Release);
            }
            Lock::Unable { .. } if !wanted => {
                self.lock = Lock::Released;
                return None;
            }
            Lock::Released | Lock::Asked | Lock::Held | Lock::Unable { .. } => return None,
        }
        self.lock = Lock::Asked;
        Some(Output::Hold)
    }

    /// When something may be to be done although nothing comes in.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let quiet = self.until().filter(|until| self.settings.enabled && *until > self.now)?;
        let power = self.power.filter(|_| !self.settings.on_battery).map(|(_, at)| at + POWER_FRESH);
        let again = match &self.lock {
            Lock::Unable { again, .. } => Some(*again),
            Lock::Released | Lock::Asked | Lock::Held => None,
        };
        [Some(quiet), power, again].into_iter().flatten().filter(|at| *at > self.now).min()
    }

    /// How it stands, for people.
    pub fn report(&self) -> Awake {
        let why = match (self.verdict(), &self.lock) {
            (Verdict::Off, _) => "switched off in the settings".to_owned(),
            (Verdict::Quiet, _) => {
                format!("no session was busy in the last {} minutes", WORKING.as_secs() / 60)
            }
            (Verdict::OnBattery, _) => {
                "the machine runs on its battery (`on_battery = true` in the settings would allow it)"
                    .to_owned()
            }
            (Verdict::Working | Verdict::PowerUnknown, Lock::Held) => {
                return Awake { held: true, why: "a session is busy".to_owned(), hint: String::new() };
            }
            (Verdict::Working | Verdict::PowerUnknown, Lock::Unable { why, .. }) => {
                let hint =
                    "Turn off the machine's own sleep, or this with `[awake] enabled = false`.".to_owned();
                return Awake { held: false, why: why.clone(), hint };
            }
            (Verdict::Working | Verdict::PowerUnknown, Lock::Released | Lock::Asked) => {
                "a session has just become busy".to_owned()
            }
        };
        Awake { held: false, why, hint: String::new() }
    }

    fn see(&mut self, seen: Vec<Seen>) {
        let before = std::mem::take(&mut self.sessions);
        for Seen { id, head, quiet, waits } in seen {
            let until = match before.get(&id) {
                Some((known, until, _)) if *known == head => *until,
                Some(_) => self.now + WORKING,
                None => self.now + WORKING.saturating_sub(quiet),
            };
            self.sessions.insert(id, (head, until, self.now + waits));
        }
    }

    /// Until when some session counts.
    fn until(&self) -> Option<Instant> {
        self.sessions.values().map(|(_, works, waits)| *works.max(waits)).max()
    }

    fn verdict(&self) -> Verdict {
        if !self.settings.enabled {
            return Verdict::Off;
        }
        if self.until().is_none_or(|until| until <= self.now) {
            return Verdict::Quiet;
        }
        if self.settings.on_battery {
            return Verdict::Working;
        }
        match self.power {
            Some((_, at)) if at + POWER_FRESH <= self.now => Verdict::PowerUnknown,
            None => Verdict::PowerUnknown,
            Some((Power::Battery, _)) => Verdict::OnBattery,
            Some((Power::Mains, _)) => Verdict::Working,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct World {
        machine: Machine,
        now: Instant,
        power: Power,
        gives: bool,
        held: bool,
        looks: u32,
    }

    impl World {
        fn new(settings: Settings) -> Self {
            let now = Instant::now();
            let machine = Machine::new(settings, now);
            Self { machine, now, power: Power::Mains, gives: true, held: false, looks: 0 }
        }

        /// Does all that is to be done.
        fn settle(&mut self) {
            while let Some(output) = self.machine.poll_output() {
                let input = match output {
                    Output::Hold if self.gives => {
                        assert!(!self.held, "held already");
                        self.held = true;
                        Input::Held
                    }
                    Output::Hold => Input::Lost("no such program".to_owned()),
                    Output::Release => {
                        assert!(self.held, "not held");
                        self.held = false;
                        continue;
                    }
                    Output::LookAtPower => {
                        self.looks += 1;
                        Input::Power(self.power)
                    }
                };
                self.machine.handle_input(input, self.now);
            }
            assert_eq!(self.machine.report().held, self.held);
        }

        /// One session with this head, last heard of so long ago.
        fn see(&mut self, seq: u64, quiet: Duration) {
            self.see_waiting(seq, quiet, Duration::ZERO);
        }

        /// As [`World::see`], and it waits for a person for so long yet.
        fn see_waiting(&mut self, seq: u64, quiet: Duration, waits: Duration) {
            let head = Cursor { epoch: 1, seq };
            let seen = Seen { id: SessionId::from_random([1; 10]), head, quiet, waits };
            self.machine.handle_input(Input::Sessions(vec![seen]), self.now);
            self.settle();
        }

        /// Lets time go by, with a turn whenever the machine asks for one.
        fn pass(&mut self, time: Duration) {
            let end = self.now + time;
            let mut turns = 0;
            while let Some(at) = self.machine.poll_timeout().filter(|at| *at <= end) {
                assert!(at > self.now, "a timeout in the past");
                self.now = at;
                self.machine.handle_timeout(at);
                self.settle();
                turns += 1;
                assert!(turns < 10_000, "it spins");
            }
            self.now = end;
        }

        fn why(&self) -> String {
            self.machine.report().why
        }
    }

    #[test]
    fn it_is_held_while_a_person_is_asked() {
        const HOUR: Duration = Duration::from_hours(1);
        let mut world = World::new(Settings::default());
        world.see_waiting(1, Duration::ZERO, HOUR);
        world.pass(HOUR / 2);
        assert!(world.held, "longer than a session counts for its last event");
        world.see(1, HOUR / 2);
        assert!(!world.held, "somebody has decided");
        world.see_waiting(2, Duration::ZERO, HOUR);
        world.pass(HOUR + Duration::from_secs(1));
        assert!(!world.held, "nobody has, in time");
    }

    #[test]
    fn it_is_held_while_a_session_works_and_ten_minutes_after() {
        let mut world = World::new(Settings::default());
        world.settle();
        assert!(!world.held && world.why().contains("no session was busy"));
        world.see(1, Duration::ZERO);
        assert!(world.held);
        world.pass(WORKING.saturating_sub(SECOND));
        assert!(world.held);
        world.see(2, Duration::ZERO);
        world.pass(WORKING.saturating_sub(SECOND));
        assert!(world.held, "each event counts anew");
        world.pass(SECOND);
        assert!(!world.held && world.why().contains("no session was busy"));
        assert_eq!(world.machine.poll_timeout(), None, "nothing to wake up for");
        world.see(2, Duration::ZERO);
        assert!(!world.held, "what was seen before is not new");
        world.see(3, Duration::ZERO);
        assert!(world.held);
    }

    #[test]
    fn an_ended_session_lets_go_at_once() {
        let mut world = World::new(Settings::default());
        world.see(1, Duration::ZERO);
        assert!(world.held);
        world.machine.handle_input(Input::Sessions(Vec::new()), world.now);
        world.settle();
        assert!(!world.held);
    }

    #[test]
    fn a_daemon_that_starts_does_not_take_a_quiet_session_for_a_busy_one() {
        let mut world = World::new(Settings::default());
        world.see(9, WORKING * 3);
        assert!(!world.held);
        let mut world = World::new(Settings::default());
        world.see(9, WORKING.saturating_sub(5 * SECOND));
        assert!(world.held);
        world.pass(5 * SECOND);
        assert!(!world.held);
    }

    #[test]
    fn not_on_battery_unless_asked() {
        let mut world = World::new(Settings::default());
        world.power = Power::Battery;
        world.see(1, Duration::ZERO);
        assert!(!world.held && world.why().contains("battery"));
        world.power = Power::Mains;
        world.pass(POWER_FRESH);
        assert!(world.held, "plugged in");
        world.power = Power::Battery;
        world.pass(POWER_FRESH);
        assert!(!world.held, "unplugged");
        let mut world = World::new(Settings { on_battery: true, ..Settings::default() });
        world.power = Power::Battery;
        world.see(1, Duration::ZERO);
        assert!(world.held);
        world.pass(WORKING * 2);
        assert_eq!(world.looks, 0, "nobody needs to know");
    }

    #[test]
    fn nobody_looks_at_the_power_while_nothing_works() {
        let mut world = World::new(Settings::default());
        world.see(1, WORKING);
        world.pass(WORKING);
        assert_eq!(world.looks, 0);
    }

    #[test]
    fn switched_off_means_never() {
        let mut world = World::new(Settings { enabled: false, on_battery: true });
        world.see(1, Duration::ZERO);
        assert!(!world.held && world.why().contains("switched off"));
        assert_eq!(world.machine.poll_timeout(), None);
    }

    #[test]
    fn a_lock_that_is_not_given_is_asked_for_again_and_said_so() {
        let mut world = World::new(Settings::default());
        world.gives = false;
        world.see(1, Duration::ZERO);
        assert!(!world.held && world.why() == "no such program");
        world.gives = true;
        world.pass(AGAIN.saturating_sub(SECOND));
        assert!(!world.held);
        world.pass(SECOND);
        assert!(world.held);
        world.machine.handle_input(Input::Lost("killed".to_owned()), world.now);
        world.held = false;
        world.settle();
        assert_eq!(world.why(), "killed");
        world.pass(AGAIN.saturating_sub(SECOND));
        assert!(!world.held, "it is not fought over");
    }
}
