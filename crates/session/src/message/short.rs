//! Summaries as they are told: whatever is in one, it fits a message.

use super::Summary;

/// Longest command in a list, as JSON writes it, in bytes.
const MAX_COMMAND: usize = 4096;

impl Summary {
    /// Cuts the command to what a list, or a message beside all approvals, has room for. Whole it is in what a keeper writes
    /// beside the log.
    pub fn shorten(&mut self) {
        shorten(&mut self.command);
    }
}

/// Cuts a command to what a list has room for. A program's arguments may be a whole prompt.
fn shorten(command: &mut Vec<String>) {
    // Two quotes and a comma.
    const AROUND: usize = 3;
    let cost = |c: char| match c {
        '"' | '\\' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    };
    let whole: usize = command.iter().map(|word| AROUND + word.chars().map(cost).sum::<usize>()).sum();
    if whole <= MAX_COMMAND {
        return;
    }
    let mut room = MAX_COMMAND - AROUND - '…'.len_utf8();
    for at in 0..command.len() {
        room = room.saturating_sub(AROUND);
        let word = &mut command[at];
        let fits = word.char_indices().find(|(_, c)| {
            let over = cost(*c) > room;
            room = room.saturating_sub(cost(*c));
            over
        });
        if let Some((end, _)) = fits {
            word.truncate(end);
            word.push('…');
            command.truncate(at + 1);
            return;
        }
        if room < AROUND {
            command.truncate(at + 1);
            command.push("…".to_owned());
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_cut_and_a_short_one_is_not() {
        let cut = |words: &[String]| {
            let mut words = words.to_vec();
            shorten(&mut words);
            let size = serde_json::to_vec(&words).unwrap().len();
            assert!(size <= MAX_COMMAND + 2, "{size}");
            words
        };
        let short = ["claude".to_owned(), "x".repeat(4000)];
        assert_eq!(cut(&short), short);
        for letter in ["x", "€", "\u{1}", "\"", "\u{7f}"] {
            let words = cut(&["claude".to_owned(), letter.repeat(33_000), "last".to_owned()]);
            assert_eq!((words.len(), words[0].as_str()), (2, "claude"));
            assert!(words[1].ends_with(&format!("{letter}…")), "{letter:?}");
        }
        let many = cut(&vec![String::new(); 20_000]);
        assert_eq!(many.last().map(String::as_str), Some("…"));
        assert!(many.len() > 1000);
        for length in 4060..4110 {
            cut(&["a".repeat(length), "b".into(), String::new()]);
        }
    }
}
