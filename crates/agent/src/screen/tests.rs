//! What needs no other terminal to be judged.

use super::Screen;
use proptest::prelude::*;

fn shown(cols: u16, rows: u16, bytes: &str) -> Screen {
    let mut screen = Screen::new(cols, rows, 100);
    screen.feed(bytes.as_bytes());
    screen
}

fn snapshot(screen: &Screen) -> String {
    String::from_utf8(screen.snapshot()).expect("whole characters were fed")
}

fn replies(bytes: &str) -> String {
    String::from_utf8(shown(80, 24, bytes).replies()).expect("text")
}

#[test]
fn a_plain_line_ends_with_the_character_that_was_printed_last() {
    assert_eq!(snapshot(&shown(20, 3, "hello")), "hello\r\n\r\n\x1b[1;5Ho");
}

#[test]
fn an_unfinished_sequence_or_character_is_handed_on() {
    for rest in [
        "\x1b",
        "\x1b[",
        "\x1b[3",
        "\x1b[?10",
        "\x1b]0;tit",
        "\x1b]8;;http://x",
        "\x1bP$q",
        "\x1b(",
        "\x1b_a",
    ] {
        assert!(snapshot(&shown(20, 3, &format!("hi{rest}"))).ends_with(rest), "{rest:?}");
    }
    let mut screen = shown(20, 3, "hi");
    screen.feed(&"👍".as_bytes()[..3]);
    assert!(screen.snapshot().ends_with(&"👍".as_bytes()[..3]));
    screen.feed(&"👍".as_bytes()[3..]);
    assert_eq!(screen.preview(1, 10), ["hi👍"]);
}

#[test]
fn emoji_are_two_columns_wide_and_families_are_one_cluster() {
    for emoji in ["🦄", "👍🏽", "👨\u{200d}👩\u{200d}👧", "🇩🇪", "✅", "❤\u{fe0f}", "𠀀"]
    {
        let screen = shown(20, 1, &format!("{emoji}x"));
        assert_eq!(screen.model.main.x, 3, "{emoji}");
        assert_eq!(screen.preview(1, 20), [format!("{emoji}x")]);
    }
}

#[test]
fn a_control_inside_a_sequence_is_not_done_again() {
    let screen = shown(20, 3, "a\x1b[3\n1");
    assert!(snapshot(&screen).ends_with("\x1b[31"));
    assert_eq!(screen.model.main.y, 1);
}

#[test]
fn what_xterm_js_ignores_is_handed_on_to_other_terminals() {
    let screen =
        shown(20, 3, "\x1b[=1;1u\x1b[>5u\x1b[?1049h\x1b[>7u\x1b[?5h\x1b[?1007h\x1b[22;0t\x1b]2;new\x07");
    let text = snapshot(&screen);
    for wanted in
        ["\x1b[=1;1u", "\x1b[>5u", "\x1b[>7u", "\x1b[?5h", "\x1b[?1007h", "\x1b[22;2t", "\x1b]2;new\x1b\\"]
    {
        assert!(text.contains(wanted), "{wanted:?} in {text:?}");
    }
    let mut again = Screen::new(20, 3, 100);
    again.feed(text.as_bytes());
    assert_eq!(again.model.keyboard, screen.model.keyboard);
    assert_eq!(again.model.modes, screen.model.modes);
    assert_eq!(again.model.titles, screen.model.titles);
}

#[test]
fn a_program_is_answered_once() {
    assert_eq!(replies("\x1b[c"), "\x1b[?1;2c");
    assert_eq!(replies("\x1b[>c"), "\x1b[>0;276;0c");
    assert_eq!(replies("\x1b[5n\x1b[3;4H\x1b[6n"), "\x1b[0n\x1b[3;4R");
    assert_eq!(
        replies("\x1b[?2026$p\x1b[?2004h\x1b[?2004$p\x1b[?9999$p"),
        "\x1b[?2026;2$y\x1b[?2004;1$y\x1b[?9999;0$y"
    );
    assert_eq!(replies("\x1b[>3u\x1b[?u"), "\x1b[?3u");
    assert!(replies("\x1b[>q").starts_with("\x1bP>|longrein "));
    assert_eq!(replies("\x1b]7501;?\x07"), "\x1b]7501;?\x1b\\");
    assert_eq!(replies("\x1b]11;?\x07"), "\x1b]11;rgb:1010/1212/1616\x1b\\");
    assert_eq!(replies("\x1b]10;#ff8000\x07\x1b]10;?\x07"), "\x1b]10;rgb:ffff/8080/0000\x1b\\");
    assert_eq!(replies("\x1b]4;1;?\x07"), "\x1b]4;1;rgb:cccc/0000/0000\x1b\\");
    assert_eq!(replies("\x1bP$qr\x1b\\"), "\x1bP1$r1;24r\x1b\\");
    let mut screen = shown(80, 24, "\x1b[5n");
    assert!(!screen.replies().is_empty());
    assert!(screen.replies().is_empty());
}

#[test]
fn a_program_that_does_not_read_its_answers_does_not_fill_memory() {
    let mut screen = shown(80, 24, &"\x1b[c".repeat(100_000));
    assert!(screen.replies().len() <= 64 * 1024);
}

#[test]
fn a_snapshot_asks_for_nothing() {
    let mut screen = shown(20, 3, "\x1b[c\x1b[6n\x1b]11;?\x07hello\x1b[?u");
    screen.replies();
    let mut again = Screen::new(20, 3, 100);
    again.feed(&screen.snapshot());
    assert!(again.replies().is_empty());
}

#[test]
fn title_and_preview() {
    let screen = shown(20, 4, "\x1b]0;a title\x07one\r\n\r\n\x1b[31mtwo 日本\x1b[m  \r\n");
    assert_eq!(screen.title(), Some("a title"));
    assert_eq!(screen.preview(6, 120), ["one", "two 日本"]);
    assert_eq!(screen.preview(1, 5), ["two 日"]);
    assert_eq!(shown(5, 2, "").preview(6, 120), Vec::<String>::new());
    assert_eq!(shown(5, 2, "").title(), None);
    assert_eq!(shown(20, 2, "gone\x1b[?1049h\x1b[Hhere").preview(6, 120), ["here"]);
}

#[test]
fn the_smallest_and_the_largest_terminal() {
    for (cols, rows) in [(1, 1), (0, 0), (2, 1), (1, 500), (1000, 1), (1000, 500)] {
        let mut screen = Screen::new(cols, rows, 50);
        for text in [
            "hello 日本 👍🏽",
            "\x1b[999;999Hx",
            "\x1b[2J",
            "\x1b[?1049hy",
            "\x1b[5L\x1b[5M\x1b[5@\x1b[5P\x1b[5X",
            "\x1b[?1049l",
        ] {
            screen.feed(text.as_bytes());
            let mut again = Screen::new(screen.cols(), screen.rows(), 50);
            again.feed(&screen.snapshot());
            assert_eq!(again.preview(500, 1000), screen.preview(500, 1000));
        }
        screen.resize(80, 24);
        screen.resize(1, 1);
        screen.feed(b"still here");
    }
}

#[test]
fn numbers_without_measure_do_no_harm() {
    let mut screen = Screen::new(80, 24, 50);
    for end in "@ABCDEFGHIJKLMPSTXZ`abdefghlmnprstu".chars() {
        screen.feed(
            format!("x\x1b[4294967295{end}\x1b[2147483647;2147483647{end}\x1b[?99999999999{end}").as_bytes(),
        );
    }
    screen.feed(b"\x1b[4294967295 @\x1b[4294967295 A\x1b[4294967295'}\x1b[4294967295'~");
    screen.feed("\x1b[1;".repeat(100_000).as_bytes());
    screen.feed(b"\x1b[m\x1b[2J\x1b[Hfine");
    assert!(screen.preview(1, 10)[0].ends_with("fine"));
}

#[test]
fn a_few_bytes_that_repeat_a_cluster_for_ever_are_done_with_soon() {
    let long = format!("a{}", "\u{301}".repeat(520));
    let began = std::time::Instant::now();
    for text in [long.as_str(), "❤\u{fe0f}\u{301}", "\u{301}", "ᄀ", "\u{600}", "x\u{200d}"] {
        for mode in ["", "\x1b[4h", "\x1b[?7l", "\x1b[?1049h"] {
            let mut screen = Screen::new(80, 24, 2_000);
            screen.feed(format!("{mode}{text}\x1b[2147483647b\x1b[4l\r\nfine").as_bytes());
            assert_eq!(screen.preview(1, 100), ["fine"]);
        }
    }
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
#[cfg(target_os = "linux")]
fn a_flood_of_anything_stays_within_bounds() {
    let mut screen = Screen::new(200, 50, 2000);
    let marks = format!("a{}", "\u{301}".repeat(2000));
    let kinds: [&dyn Fn(usize) -> String; 6] = [
        &|n| format!("{n}: a plain line of some length that scrolls away like all the others\r\n").repeat(60),
        &|n| {
            format!(
                "\x1b]8;;http://example.org/{n}\x07link\x1b]8;;\x07e\u{301}{}\u{302} ",
                b"abcdefgh"[n % 8] as char
            )
        },
        &|n| format!("\x1b[4:3;58:2::{}:{}:{}mx", n % 256, n / 256 % 256, n / 65536 % 256),
        &|n| format!("\x1b]0;title {n}\x07\x1b]4;{};#{:06x}\x07", n % 256, n % 0xff_ffff),
        &|_| marks.clone(),
        &|_| format!("\x1b]52;c;{}", "A".repeat(5000)),
    ];
    for kind in kinds {
        let mut fed = 0;
        for n in 0.. {
            let text = kind(n);
            screen.feed(text.as_bytes());
            fed += text.len();
            if fed > 17 << 20 {
                break;
            }
        }
        screen.feed(b"\x1b\\");
    }
    let used = resident();
    assert!(used < 120 * 1024, "{used} KiB for 100 MB of output");
}

#[test]
#[cfg(target_os = "linux")]
fn links_and_clusters_of_any_size_stay_within_bounds() {
    let mut screen = Screen::new(200, 50, 2000);
    let before = resident();
    for n in 0..60 {
        screen.feed(format!("\x1b]8;id={n};http://{n}/{}\x07x", "a".repeat(1_000_000)).as_bytes());
    }
    for n in 0..20_000 {
        screen.feed(format!("\x1b]8;;http://{n}/{}\x07x", "a".repeat(4000)).as_bytes());
    }
    for n in 0..60_000 {
        screen.feed(format!("\x1b[4:3;58:2::{}:{}:0mx", n / 256, n % 256).as_bytes());
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for 60 links of a megabyte and 20,000 of 4 KiB");
    // Once they are gone, there is room again.
    screen.feed(b"\x1b[m\x1b]8;;\x07\x1bc");
    for _ in 0..2000 {
        screen.feed(format!("\x1b]8;;http://{}\x07\x1b]8;;\x07", "a".repeat(4000)).as_bytes());
    }
    screen.feed("\x1b]8;;http://example.org/\x07link\x1b]8;;\x07 e\u{301}".as_bytes());
    let text = snapshot(&screen);
    assert!(text.contains("8;;http://example.org/") && text.contains("e\u{301}"), "{text:?}");
}

/// What a program may fill the cells of a screen with that costs most.
fn costly(n: usize) -> String {
    let first = char::from_u32(0x300 + u32::try_from(n % 64).expect("small")).expect("a combining mark");
    let uri = "a".repeat(4000);
    format!("\x1b]8;;http://{}/{uri}\x07a{first}{}", n % 2, "\u{301}".repeat(100))
}

#[test]
fn a_screen_that_is_full_of_long_links_and_clusters_is_shown_without_some_of_them() {
    let mut screen = Screen::new(100, 50, 100);
    for n in 0..100 * 51 {
        screen.feed(costly(n).as_bytes());
    }
    let bytes = screen.snapshot();
    assert!(bytes.len() < 6 << 20, "{} bytes", bytes.len());
    let mut again = Screen::new(100, 50, 100);
    again.feed(&bytes);
    for y in 0..50 {
        assert_eq!(again.model.main.row(y).trimmed(), 100, "line {y}");
    }
    assert_eq!(again.model.main.x, screen.model.main.x);
    assert_eq!(again.model.main.row(0).width(0), 1);
}

#[test]
fn a_long_history_in_all_colours_attaches_with_its_newest_lines() {
    let mut screen = Screen::new(200, 50, 10_000);
    for n in 0..10_050u32 {
        let cell = |x: u32| {
            let (r, g, b) = (100 + (n + x) % 150, 100 + n % 150, 100 + x % 150);
            format!("\x1b[38;2;{r};{g};{b};48;2;{b};{r};{g}m▀")
        };
        screen.feed(format!("{}\x1b[m{n}\r\n", (0..190).map(cell).collect::<String>()).as_bytes());
    }
    let bytes = screen.snapshot();
    assert!((15 << 20..17 << 20).contains(&bytes.len()), "{} bytes", bytes.len());
    let mut again = Screen::new(200, 50, 10_000);
    again.feed(&bytes);
    assert!(again.model.main.base() > 1500, "{} lines", again.model.main.base());
    for back in 0..50 + again.model.main.base() {
        let line = |screen: &Screen| {
            let buffer = &screen.model.main;
            buffer.line(buffer.base() + 49 - back).into_owned().cells().to_vec()
        };
        assert_eq!(line(&screen), line(&again), "{back} lines from the end");
    }
    // What is small enough comes as it was asked for.
    let mut part = Screen::new(200, 50, 10_000);
    part.feed(&screen.snapshot_with(200));
    assert_eq!(part.model.main.base(), 200);
}

proptest! {
    #[test]
    fn garbage_does_no_harm(pieces in prop::collection::vec(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(prop::sample::select(b"\x1b[]P?>;:0123456789hlmHJK\x07\\\x9b\xc2\xe2\x80".to_vec()), 0..60),
    ], 0..20), cols in 0u16..30, rows in 0u16..10) {
        let mut screen = Screen::new(cols, rows, 5);
        for (i, piece) in pieces.iter().enumerate() {
            screen.feed(piece);
            if i % 3 == 2 {
                screen.resize(u16::from(*piece.first().unwrap_or(&9)) % 40, rows);
            }
            screen.snapshot();
        }
    }

    #[test]
    fn how_the_bytes_are_cut_makes_no_difference(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,40}", at in 0usize..240) {
        let all = [&bytes[..], text.as_bytes()].concat();
        let (a, b) = all.split_at(at.min(all.len()));
        let mut whole = Screen::new(20, 5, 5);
        whole.feed(&all);
        let mut cut = Screen::new(20, 5, 5);
        cut.feed(a);
        cut.feed(b);
        prop_assert_eq!(whole.snapshot(), cut.snapshot());
    }
}
