//! Streams made up of everything a program may send.

use crate::stream::{Op, Stream};
use proptest::prelude::*;
use proptest::sample::select;

/// Text of every kind of width and joining.
const TEXTS: &[&str] = &[
    "a",
    "b",
    " ",
    "hello",
    "word wrap ",
    "0123456789",
    "─│┌",
    "é",
    "日",
    "本語",
    "한글",
    "e\u{301}",
    "\u{301}",
    "\u{200d}",
    "👩‍👩‍👧",
    "👍🏽",
    "🇩🇪",
    "🇩",
    "❤\u{fe0f}",
    "❤",
    "\u{fe0f}",
    "1\u{fe0f}\u{20e3}",
    "क्षि",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "\u{600}",
    "ﷺ",
    "☺",
    "⚡",
    "½",
    "\u{ad}",
    "\u{200b}",
    "q",
    "x",
    "#",
    "~",
];

/// Text of one column a character that never joins, for terminals that do not wrap: there xterm.js leaves wide
/// characters in a state that no sequence leads to.
const NARROW: &[&str] =
    &["a", "b", " ", "hello", "word wrap ", "0123456789", "─│┌", "é", "q", "x", "#", "~", "½"];

/// Text for terminals that change their size: when it rewraps, xterm.js may give a cell the cluster that once stood
/// where another one stands, so there is only one cluster here.
const REWRAPPED: &[&str] = &[
    "a",
    "b",
    " ",
    "hello",
    "word wrap ",
    "0123456789",
    "─│┌",
    "é",
    "日",
    "本語",
    "한글",
    "e\u{301}",
    "⚡",
    "x",
    "👍",
];

/// Sequences without a parameter, or with those that matter.
const FIXED: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\x08",
    "\t",
    "\x0b",
    "\x0c",
    "\x0e",
    "\x0f",
    "\x07",
    "\x00",
    "\x7f",
    "\x1b7",
    "\x1b8",
    "\x1bD",
    "\x1bE",
    "\x1bH",
    "\x1bM",
    "\x1b=",
    "\x1b>",
    "\x1bn",
    "\x1bo",
    "\x1b~",
    "\x1b%G",
    "\x1b(0",
    "\x1b(B",
    "\x1b)0",
    "\x1b*A",
    "\x1b+K",
    "\x1b-0",
    "\x1b#8",
    "\x1b\\",
    "\u{84}",
    "\u{85}",
    "\u{88}",
    "\u{9b}3C",
    "\x1b[!p",
    "\x1b[s",
    "\x1b[u",
    "\x1b[3g",
    "\x1b[g",
    "\x1b[2J",
    "\x1b[J",
    "\x1b[1J",
    "\x1b[3J",
    "\x1b[K",
    "\x1b[1K",
    "\x1b[2K",
    "\x1b[?J",
    "\x1b[?1K",
    "\x1b[?2J",
    "\x1b[H",
    "\x1b[1\"q",
    "\x1b[0\"q",
    "\x1b[4h",
    "\x1b[4l",
    "\x1b[20h",
    "\x1b[20l",
    "\x1b[?6h",
    "\x1b[?6l",
    "\x1b[?45h",
    "\x1b[?45l",
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[?1047h",
    "\x1b[?1047l",
    "\x1b[?47h",
    "\x1b[?47l",
    "\x1b[?1048h",
    "\x1b[?1048l",
    "\x1b[?1h",
    "\x1b[?25l",
    "\x1b[?25h",
    "\x1b[?12h",
    "\x1b[?12l",
    "\x1b[?1000h",
    "\x1b[?1003h",
    "\x1b[?1002l",
    "\x1b[?1006h",
    "\x1b[?1016h",
    "\x1b[?1006l",
    "\x1b[?9h",
    "\x1b[?1004h",
    "\x1b[?2004h",
    "\x1b[?2004l",
    "\x1b[?2026h",
    "\x1b[?2026l",
    "\x1b[?66h",
    "\x1b[ q",
    "\x1b[3 q",
    "\x1b[6 q",
    "\x1b[9 q",
    "\x1b]0;title\x07",
    "\x1b]2;zwei ü\x1b\\",
    "\x1b]1;icon\x07",
    "\x1b[22;0t",
    "\x1b[23;0t",
    "\x1b]4;1;#ff0000;17;rgb:0/8/f\x07",
    "\x1b]10;#123456\x07",
    "\x1b]11;rgb:1/2/3;#fff\x07",
    "\x1b]104;1\x07",
    "\x1b]104\x07",
    "\x1b]110\x07",
    "\x1b]112\x07",
    "\x1b]8;;http://a/\x07",
    "\x1b]8;id=x;http://b/\x07",
    "\x1b]8;;\x07",
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1bP$qm\x1b\\",
    "\x1bPq#1~\x1b\\",
    "\x1b_apc\x1b\\",
    "\x1b[>1u",
    "\x1b[<u",
    "\x1b[=5;1u",
    "\x1b[?u",
    "\x1b[c",
    "\x1b[6n",
    "\x1b[?2026$p",
    "\x1b[5;;7$x",
    "\x1bZ",
    "\x1b]133;A\x07",
    "\x1b[2;3\n;4H",
];

/// One look.
const LOOKS: &[&str] = &[
    "0",
    "",
    "1",
    "2",
    "3",
    "4",
    "4:0",
    "4:2",
    "4:3",
    "4:4",
    "4:5",
    "4:9",
    "5",
    "7",
    "8",
    "9",
    "21",
    "22",
    "23",
    "24",
    "25",
    "27",
    "28",
    "29",
    "31",
    "37",
    "39",
    "41",
    "44",
    "49",
    "53",
    "55",
    "92",
    "104",
    "38;5;200",
    "48;5;20",
    "38;2;1;2;3",
    "48;2;200;100;0",
    "38:2::9:8:7",
    "48:5:99",
    "58;5;3",
    "58:2::1:2:3",
    "58;2;4;5;6",
    "59",
    "1;3;4:3;31",
    "0;7",
    "38;5",
    "48",
    "38;2;1",
];

/// Tab stops right of the edge come back when a terminal grows again, and no sequence sets them there.
const TABS: &[&str] = &["\x1bH", "\u{88}", "\x1b[g", "\x1b[3g"];

fn token(
    texts: &'static [&'static str],
    others: &'static [&'static str],
    resizes: bool,
) -> impl Strategy<Value = Vec<u8>> {
    let fixed: Vec<&'static str> = FIXED.iter().copied().filter(|f| !resizes || !TABS.contains(f)).collect();
    let text = |text: String| text.into_bytes();
    // A parameter that is mostly small, now and then zero, missing or huge.
    let number = || prop_oneof![6 => (0u32..12).prop_map(|n| n.to_string()), 1 => Just(String::new()), 1 => Just("40".to_owned())];
    let finals: Vec<&'static str> = [
        "@", "A", "B", "C", "D", "E", "F", "G", "I", "L", "M", "P", "S", "T", "X", "Z", "`", "a", "b", "d",
        "e", " @", " A", "'}", "'~",
    ]
    .to_vec();
    prop_oneof![
        30 => select(texts).prop_map(|t| t.as_bytes().to_vec()),
        2 => select(others).prop_map(|t| t.as_bytes().to_vec()),
        22 => select(fixed).prop_map(|t| t.as_bytes().to_vec()),
        12 => select(LOOKS).prop_map(move |look| text(format!("\x1b[{look}m"))),
        14 => (number(), select(finals)).prop_map(move |(n, end)| text(format!("\x1b[{n}{end}"))),
        8 => (number(), number()).prop_map(move |(y, x)| text(format!("\x1b[{y};{x}H"))),
        3 => (number(), number()).prop_map(move |(top, bottom)| text(format!("\x1b[{top};{bottom}r"))),
        2 => (1usize..30, select(texts)).prop_map(|(n, t)| t.repeat(n).into_bytes()),
        1 => proptest::collection::vec(0u8..0x80, 1..6),
    ]
}

/// Streams of up to `tokens` sequences, on small screens, where edges are near.
pub fn streams(tokens: usize, resizes: bool) -> impl Strategy<Value = Stream> {
    let all = streams_of(tokens, resizes, if resizes { REWRAPPED } else { TEXTS }, &["\x1b[?7h"]);
    let unwrapped = streams_of(tokens, resizes, NARROW, &["\x1b[?7l", "\x1b[?7h"]);
    prop_oneof![4 => all, 1 => unwrapped]
}

fn streams_of(
    tokens: usize,
    resizes: bool,
    texts: &'static [&'static str],
    others: &'static [&'static str],
) -> impl Strategy<Value = Stream> {
    // One row has no second one to wrap to; what is peculiar then is judged only for plain text of one size.
    let rows = if resizes || texts.len() > NARROW.len() { 2u16..8 } else { 1..8 };
    let size = move || (2u16..14, rows.clone());
    let write = token(texts, others, resizes).prop_map(Op::Write).boxed();
    let op = if resizes {
        prop_oneof![
            30 => write,
            1 => size().prop_map(|(cols, rows)| Op::Resize(cols, rows)),
        ]
        .boxed()
    } else {
        write
    };
    (size(), proptest::collection::vec(op, 1..tokens)).prop_map(|(size, ops)| Stream { size, ops })
}
