//! Generated streams, cut at random places.

use crate::generate::streams;
use crate::judge::Verdict;
use crate::stream::{Op, Stream};
use longrein_agent::Screen;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

/// The same cases in every run, so that a failure is the change's; `LONGREIN_SEED` gives others, `LONGREIN_CASES` more.
fn config() -> ProptestConfig {
    let number = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    ProptestConfig {
        cases: number("LONGREIN_CASES").and_then(|n| n.try_into().ok()).unwrap_or(400),
        rng_seed: RngSeed::Fixed(number("LONGREIN_SEED").unwrap_or(1)),
        max_shrink_iters: 20_000,
        max_global_rejects: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn check(stream: &Stream, cuts: &[Index]) -> Result<(), TestCaseError> {
    let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    match stream.judge(&cuts) {
        Verdict::Same => Ok(()),
        Verdict::Unjudged => Err(TestCaseError::reject("xterm.js fails")),
        Verdict::Different(text) => {
            let shown: Vec<String> = stream
                .ops
                .iter()
                .map(|op| match op {
                    Op::Write(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
                    other @ Op::Resize(..) => format!("{other:?}"),
                })
                .collect();
            Err(TestCaseError::fail(format!(
                "{:?} cut at {cuts:?}: {}\n{text}",
                stream.size,
                shown.join(" ")
            )))
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_cut_anywhere_shows_the_same(stream in streams(40, false), cuts in proptest::collection::vec(any::<Index>(), 3)) {
        check(&stream, &cuts)?;
    }

    #[test]
    fn a_cut_anywhere_shows_the_same_through_resizes(stream in streams(60, true), cuts in proptest::collection::vec(any::<Index>(), 3)) {
        check(&stream, &cuts)?;
    }

    #[test]
    fn a_snapshot_is_its_own_snapshot(stream in streams(60, true)) {
        let mut screen = Screen::new(stream.size.0, stream.size.1, 50);
        stream.ops.iter().for_each(|op| op.apply(&mut screen));
        let first = screen.snapshot();
        // The one place where a space stands for nothing: see DIFFERENCES.md.
        let text = String::from_utf8_lossy(&first);
        prop_assume!(!text.contains("\x1b[?104") || !text.contains(" \x1b\\"));
        let mut again = Screen::new(screen.cols(), screen.rows(), 50);
        again.feed(&first);
        let second = again.snapshot();
        prop_assert_eq!(String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
    }
}

#[test]
fn repeated_more_often_than_can_be_seen_it_ends_in_the_same_column() {
    let texts = ["x", "é", "日", "e\u{301}", "👩‍👩‍👧", "🇩", "🇩🇪", "❤\u{fe0f}"];
    // As it is, in a region, below one, inserting, on the alternate screen, in another character set.
    let modes = ["", "\x1b[3;6r\x1b[4H", "\x1b[2;5r\x1b[99H", "\x1b[4h", "\x1b[?1049h", "\x1b(0"];
    // Each more than the lines that are kept hold, one of them by far.
    for (size, times, texts) in [((80, 24), 999_999, &texts[..2]), ((7, 8), 4_321, &texts)] {
        for text in texts {
            for mode in modes {
                let written = format!("some\r\n{mode}\x1b[31mab{text}\x1b[0m{text}\x1b[{times}b");
                let stream = Stream { size, ops: vec![Op::Write(written.into()), Op::Write(b"|".to_vec())] };
                let verdict = stream.judge(&[stream.len() - 1]);
                assert_eq!(verdict, Verdict::Same, "{text:?} {mode:?} {size:?}");
            }
        }
    }
}
