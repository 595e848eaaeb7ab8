//! What is typed, or written by a script, line by line.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader, Split, Stdin, stdin};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A text, without blanks around it.
    Line(String),
    /// It is not UTF-8.
    NoText,
    /// Nothing follows.
    End,
}

/// Where they come from.
pub struct Input<R = BufReader<Stdin>>(Split<R>);

impl Input {
    /// From standard input.
    pub fn standard() -> Self {
        Self::new(BufReader::new(stdin()))
    }
}

impl<R: AsyncBufRead + Unpin> Input<R> {
    pub fn new(from: R) -> Self {
        Self(from.split(b'\n'))
    }

    /// The next one. Nothing is lost where this is dropped before it comes.
    pub async fn next(&mut self) -> Typed {
        match self.0.next_segment().await {
            Ok(Some(bytes)) => match String::from_utf8(bytes) {
                Ok(line) => Typed::Line(line.trim().to_owned()),
                Err(_) => Typed::NoText,
            },
            // A terminal that is gone cannot be read.
            Ok(None) | Err(_) => Typed::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_no_text_is_one_line_and_what_follows_comes() {
        let mut input = Input::new(&b"bad \xff\nhi\r\n\nlast"[..]);
        let mut all = Vec::new();
        while let Some(typed) = Some(input.next().await).filter(|typed| *typed != Typed::End) {
            all.push(typed);
        }
        let line = |text: &str| Typed::Line(text.to_owned());
        assert_eq!(all, [Typed::NoText, line("hi"), line(""), line("last")]);
    }
}
