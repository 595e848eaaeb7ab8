//! Amounts of bytes as people write and read them: `500MB`, `10GiB`.

/// Units and their bytes, the largest first of each kind.
const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

/// Bytes from text such as `10GiB` or `500 MB`.
pub fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "a size is a whole number and its unit, such as 500MB or 10GiB".to_owned();
    let (name, unit) = UNITS.iter().find(|(name, _)| text.ends_with(name)).ok_or_else(wrong)?;
    let number = text.strip_suffix(name).unwrap_or_default().trim_end();
    let is_whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = number.parse::<u64>().ok().filter(|_| is_whole).and_then(|number| number.checked_mul(*unit));
    bytes.ok_or_else(wrong)
}

/// So many bytes, rounded down, in the largest unit that fits.
pub fn show(bytes: u64) -> String {
    let found = UNITS.iter().filter(|(name, _)| name.contains('i')).find(|(_, unit)| bytes >= *unit);
    found.map_or_else(|| format!("{bytes} bytes"), |(name, unit)| format!("{} {name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("10GiB", 10 << 30), ("500 MB", 500_000_000), ("1kB", 1000), ("0KiB", 0)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "10", "GiB", "1.5GiB", "-1GiB", "+1GiB", "10 gib", "10G", "99999999999TiB"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!((show(10 << 30).as_str(), show(1023).as_str()), ("10 GiB", "1023 bytes"));
    }
}
