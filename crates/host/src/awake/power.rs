//! Where the machine's power comes from.

use super::machine::Power;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// What Linux tells of each power supply.
const SUPPLIES: &str = "/sys/class/power_supply";
/// How long `pmset` may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Where it comes from now. What cannot be told is the mains: a machine without a battery has none to spare.
pub(super) async fn now() -> Power {
    if !cfg!(target_os = "macos") {
        return of_supplies(Path::new(SUPPLIES));
    }
    let mut asked = Command::new("pmset");
    asked.args(["-g", "batt"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match timeout(ANSWER, asked.output()).await {
        Ok(Ok(output)) => of_pmset(&String::from_utf8_lossy(&output.stdout)),
        Ok(Err(_)) | Err(_) => Power::Mains,
    }
}

/// On battery is a machine that has one which gets emptier, and no other supply that is on. A mouse's battery is not the
/// machine's.
fn of_supplies(folder: &Path) -> Power {
    let mut emptier = false;
    for supply in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let read = |name: &str| {
            let text = std::fs::read_to_string(supply.path().join(name)).unwrap_or_default();
            text.trim().to_owned()
        };
        if read("scope") == "Device" {
            continue;
        }
        match read("type").as_str() {
            "Mains" | "USB" | "Wireless" if read("online") == "1" => return Power::Mains,
            "Battery" | "UPS" => emptier |= read("status") == "Discharging",
            _ => {}
        }
    }
    if emptier { Power::Battery } else { Power::Mains }
}

/// From the first line of `pmset -g batt`.
fn of_pmset(said: &str) -> Power {
    let first = said.lines().next().unwrap_or_default();
    if first.contains("'Battery Power'") { Power::Battery } else { Power::Mains }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(supplies: &[&[(&str, &str)]]) -> Power {
        let folder = tempfile::tempdir().unwrap();
        for (n, supply) in supplies.iter().enumerate() {
            let supply_folder = folder.path().join(n.to_string());
            std::fs::create_dir(&supply_folder).unwrap();
            for (name, value) in *supply {
                std::fs::write(supply_folder.join(name), format!("{value}\n")).unwrap();
            }
        }
        of_supplies(folder.path())
    }

    #[test]
    fn a_laptop_runs_on_its_battery_only_when_unplugged() {
        let battery = [("type", "Battery"), ("status", "Discharging"), ("scope", "System")];
        let full = [("type", "Battery"), ("status", "Full")];
        let plugged = [("type", "Mains"), ("online", "1")];
        let unplugged = [("type", "Mains"), ("online", "0")];
        assert_eq!(power(&[&battery, &unplugged]), Power::Battery);
        assert_eq!(power(&[&battery]), Power::Battery);
        assert_eq!(power(&[&battery, &plugged]), Power::Mains);
        assert_eq!(power(&[&full, &unplugged]), Power::Mains);
    }

    #[test]
    fn a_desktop_does_not_run_on_the_battery_of_its_mouse() {
        assert_eq!(power(&[]), Power::Mains);
        assert_eq!(
            power(&[&[("type", "Battery"), ("status", "Discharging"), ("scope", "Device")]]),
            Power::Mains
        );
        assert_eq!(of_supplies(Path::new("/nowhere")), Power::Mains);
    }

    #[test]
    fn what_pmset_says_is_read() {
        let said = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t95%; discharging;";
        assert_eq!(of_pmset(said), Power::Battery);
        assert_eq!(of_pmset("Now drawing from 'AC Power'\n"), Power::Mains);
        assert_eq!(of_pmset(""), Power::Mains);
    }
}
