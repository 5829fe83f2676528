//! Writing: results to standard output, everything else to standard error.

use std::io::{self, BufRead, IsTerminal, Stderr, Stdout, Write};

use serde::Serialize;

use super::sheet::Sheet;
use super::tone::{Paint, Tone};
use crate::environment;
use crate::exit::Failure;

/// The two streams, and how each is written to.
#[derive(Debug)]
pub(crate) struct Console {
    out: Stdout,
    err: Stderr,
    /// Colours of results.
    pub(crate) results: Paint,
    /// Colours of everything else.
    pub(crate) notes: Paint,
    redraws: bool,
    /// Lines of the picture that is on the screen.
    drawn: usize,
}

impl Console {
    pub(crate) fn new() -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let terminal = environment::terminal(&err);
        Self {
            results: Paint(environment::terminal(&out).color),
            notes: Paint(terminal.color),
            redraws: terminal.redraws,
            drawn: 0,
            out,
            err,
        }
    }

    /// What results are written on.
    pub(crate) fn results_sheet(&self) -> Sheet {
        Sheet {
            paint: self.results,
            width: environment::width(&self.out),
        }
    }

    /// What everything else is written on.
    pub(crate) fn notes_sheet(&self) -> Sheet {
        Sheet {
            paint: self.notes,
            width: environment::width(&self.err),
        }
    }

    /// Writes results, as they are.
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.out.lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    /// Writes a document as JSON that people can read, too.
    pub(crate) fn json(&self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| Failure::refused(error.to_string()))?;
        self.result(&format!("{text}\n"))
    }

    /// Says something beside the results. Nobody listening is no failure.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(&self.err, "{text}");
    }

    /// Says what went wrong.
    pub(crate) fn error(&self, text: &str) {
        self.note(&format!("{} {text}", self.notes.on(Tone::Bad, "error:")));
    }

    /// Whether [`Self::draw`] can be used.
    pub(crate) fn redraws(&self) -> bool {
        self.redraws
    }

    /// The next picture comes below whatever is on the screen.
    pub(crate) fn start_drawing(&mut self) {
        self.drawn = 0;
    }

    /// Whether somebody can be asked.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// Puts a picture where the last one was. Its lines must fit the terminal's width.
    pub(crate) fn draw(&mut self, lines: &[String]) {
        // Up to the first line of the last picture, and everything below it away.
        let mut text = match self.drawn {
            0 => String::new(),
            drawn => format!("\x1b[{drawn}A\x1b[J"),
        };
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        let _ = (&self.err).write_all(text.as_bytes());
        self.drawn = lines.len();
    }

    /// Asks for a yes; `None` where nobody can be asked.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        if !Self::can_ask() {
            return None;
        }
        let _ = write!(&self.err, "{question} [y/N] ");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
