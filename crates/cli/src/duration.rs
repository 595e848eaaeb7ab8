//! Spans of time as people write and read them: `90s`, `30m`, `1h30m`.

use session::ending::MAX_SECONDS;
use session::message::Ttl;

/// Letters and their seconds, the largest first.
const UNITS: [(char, u32); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// What may be longer than the time that is left to a session: a hundred years.
const MAX_AGE: u32 = 100 * 365 * 86_400;

/// Seconds from text such as `90s`, `30m`, `2h`, `1h30m` or `1d`: at least one, at most a year.
pub fn parse(text: &str) -> Result<u32, String> {
    within(text, MAX_SECONDS, "a session can be given a year at most")
}

/// As [`parse`], but up to a hundred years.
pub fn age(text: &str) -> Result<u32, String> {
    within(text, MAX_AGE, "that is longer than a hundred years")
}

fn within(text: &str, most: u32, more: &str) -> Result<u32, String> {
    let too_long = || more.to_owned();
    let wrong = || "a time is a number and its unit, such as 90s, 30m, 2h, 1h30m or 1d".to_owned();
    let mut units = UNITS.iter();
    let mut rest = text;
    let mut seconds = 0u32;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let letter = rest[digits..].chars().next().ok_or_else(wrong)?;
        // Each unit once, and the larger first, so that a slip does not pass for a time.
        let (_, unit) = units.find(|(name, _)| *name == letter).ok_or_else(wrong)?;
        let part = number.checked_mul(u64::from(*unit)).and_then(|part| u32::try_from(part).ok());
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or_else(too_long)?;
        rest = &rest[digits + letter.len_utf8()..];
    }
    match seconds {
        0 => Err(if text.is_empty() { wrong() } else { "that is no time at all".to_owned() }),
        1.. if seconds <= most => Ok(seconds),
        1.. => Err(too_long()),
    }
}

/// A time from now on, a longer time (`+30m`), or none (`off`).
pub fn ttl(text: &str) -> Result<Ttl, String> {
    match text.strip_prefix('+') {
        Some(more) => Ok(Ttl::More { seconds: parse(more)? }),
        None if text == "off" => Ok(Ttl::Off),
        None => match parse(text) {
            Ok(seconds) => Ok(Ttl::In { seconds }),
            Err(why) => Err(format!("{why}; +30m is so much later, off is never")),
        },
    }
}

/// Seconds until a moment in Unix milliseconds, a begun one counted; 0 where it has passed.
pub fn left(until_ms: u64, now_ms: u64) -> u64 {
    until_ms.saturating_sub(now_ms).div_ceil(1000)
}

/// How long that is: its two largest units, and seconds only where there is little left.
pub fn show(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let pair = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..600 => pair(minutes, "min", seconds % 60, "s"),
        600..3600 => format!("{minutes} min"),
        3600..86_400 => pair(hours, "h", minutes % 60, "min"),
        _ => pair(days, if days == 1 { "day" } else { "days" }, hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_the_larger_first() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1d2h3m4s", 93_784),
            ("365d", MAX_SECONDS),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
        let wrong =
            ["", "30", "m", "30 m", "1h30", "30m1h", "1h1h", "-5m", "1.5h", "5x", "0s", "0h0m", "366d"];
        for text in wrong.into_iter().chain(["99999999999999999999d", "4294967296s", "1hö", "ö"]) {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_age_may_be_longer_than_what_is_left_to_a_session() {
        assert_eq!(age("730d"), Ok(2 * MAX_SECONDS));
        assert!(age("36501d").is_err() && age("0d").is_err() && age("30").is_err());
    }

    #[test]
    fn more_time_and_none_have_words_of_their_own() {
        assert_eq!(ttl("+30m"), Ok(Ttl::More { seconds: 1800 }));
        assert_eq!(ttl("30m"), Ok(Ttl::In { seconds: 1800 }));
        assert_eq!(ttl("off"), Ok(Ttl::Off));
        assert!(ttl("+off").is_err() && ttl("++1m").is_err() && ttl("never").unwrap_err().contains("off"));
    }

    #[test]
    fn what_is_left_is_said_in_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (599, "9 min 59 s"),
            (600, "10 min"),
            (3599, "59 min"),
            (5400, "1 h 30 min"),
            (7200, "2 h"),
            (90_000, "1 day 1 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(show(seconds), text);
        }
        assert_eq!((left(10_500, 10_000), left(1, 10_000)), (1, 0));
    }
}
