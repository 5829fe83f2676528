//! What text is written on: whether colours show, and how wide it is.
//!
//! Sentences are broken where a terminal ends, so that they stay indented; what goes into a
//! file or a pipe keeps its lines.

use super::tone::{Paint, Tone};

/// The narrowest room that sentences are broken for.
const NARROWEST: usize = 20;
/// The fewest columns that a text is cut to; with fewer, the terminal may break it.
const SHORTEST: usize = 8;

/// What text is written on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    /// Its colours.
    pub(crate) paint: Paint,
    /// Its columns; none where lines may be of any length.
    pub(crate) width: Option<usize>,
}

impl Sheet {
    /// A paragraph: `label` in its tone, then `text`, the lines behind the first one indented
    /// below it, and the first one by two columns less.
    pub(crate) fn paragraph(
        self,
        indent: usize,
        (tone, label): (Tone, &str),
        text: &str,
    ) -> String {
        let mut out = format!("{}{}", " ".repeat(indent), self.paint.on(tone, label));
        let mut column = indent + label.chars().count();
        let room = self.width.filter(|width| *width >= indent + NARROWEST);
        for (number, word) in clean(text).split_whitespace().enumerate() {
            let length = word.chars().count();
            let is_first = number == 0 && label.is_empty();
            if room.is_some_and(|room| column + 1 + length > room) && !is_first {
                out.push('\n');
                out.push_str(&" ".repeat(indent + 2));
                column = indent + 2;
            } else if !is_first {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += length;
        }
        out.push('\n');
        out
    }

    /// A line as it came, indented. It is not broken: it may be code, or be looked for.
    pub(crate) fn verbatim(self, indent: usize, text: &str) -> String {
        let text = self.paint.on(Tone::Faint, clean(text).trim_end());
        format!("{}{text}\n", " ".repeat(indent))
    }

    /// The lines of `text` in the columns that are left behind `used` others; one where there is
    /// no room to speak of.
    pub(crate) fn lines(self, text: &str, used: usize) -> Vec<String> {
        let room = self.width.map(|width| width.saturating_sub(used));
        let Some(room) = room.filter(|room| *room >= NARROWEST) else {
            return vec![text.to_owned()];
        };
        let mut lines = vec![String::new()];
        for word in text.split_whitespace() {
            let last = lines.last().map_or(0, |line| line.chars().count());
            match lines.last_mut() {
                Some(line) if last == 0 || last + 1 + word.chars().count() <= room => {
                    if last > 0 {
                        line.push(' ');
                    }
                    line.push_str(word);
                }
                Some(_) | None => lines.push(word.to_owned()),
            }
        }
        lines
    }

    /// `text` in the columns that are left behind `used` others.
    pub(crate) fn cut(self, text: &str, used: usize) -> String {
        let room = self.width.map(|width| width.saturating_sub(used));
        match room.filter(|room| *room >= SHORTEST) {
            Some(room) if text.chars().count() > room => {
                text.chars().take(room - 1).chain(['…']).collect()
            }
            Some(_) | None => text.to_owned(),
        }
    }
}

/// The text without what would steer a terminal: it comes from logs, which anybody may have
/// written. Colours go, other control characters become spaces.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\x1b' && rest.next_if_eq(&'[').is_some() {
            // A control sequence ends with its first letter or sign (ECMA-48, 5.4).
            while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
        } else if c.is_control() {
            out.push(' ');
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;

    fn sheet(width: Option<usize>) -> Sheet {
        Sheet {
            paint: Paint(false),
            width,
        }
    }

    #[test]
    fn a_paragraph_is_broken_where_the_terminal_ends_and_nowhere_else() {
        let text = "It did not become healthy within a quarter of an hour.";
        expect![[r#"
            why: It did not become
              healthy within a quarter
              of an hour.
        "#]]
        .assert_eq(&sheet(Some(26)).paragraph(0, (Tone::Plain, "why:"), text));
        assert_eq!(
            sheet(None).paragraph(2, (Tone::Plain, "why:"), text),
            format!("  why: {text}\n")
        );
        expect![[r#"
            It did not become
              healthy within a
              quarter of an hour.
        "#]]
        .assert_eq(&sheet(Some(22)).paragraph(0, (Tone::Plain, ""), text));
    }

    #[test]
    fn a_word_that_is_too_long_has_its_line() {
        let text = "See https://a.example/a/rather/long/address now.";
        assert_eq!(
            sheet(Some(22)).paragraph(0, (Tone::Plain, ""), text),
            "See\n  https://a.example/a/rather/long/address\n  now.\n"
        );
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(sheet(Some(30)).cut(&"x".repeat(40), 10).chars().count(), 20);
        assert_eq!(sheet(Some(30)).cut("short", 10), "short");
        assert_eq!(sheet(None).cut(&"x".repeat(40), 10).len(), 40);
    }

    #[test]
    fn text_from_elsewhere_does_not_steer_the_terminal() {
        assert_eq!(
            clean("\x1b[31merror\x1b[0m\tbad\x07\x1b]0;title\r"),
            "error bad  ]0;title "
        );
    }
}
