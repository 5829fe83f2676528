//! What the demonstration prints: headings with the time that has passed, and lines.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;

/// Where the demonstration is shown. Clones show on the same screen.
#[derive(Clone)]
pub(crate) struct Screen {
    began: Arc<Instant>,
    bold: bool,
}

impl Screen {
    #[expect(
        clippy::disallowed_methods,
        reason = "NO_COLOR is the terminal's setting"
    )]
    pub(crate) fn new() -> Self {
        let bold = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            began: Arc::new(Instant::now()),
            bold,
        }
    }

    pub(crate) fn heading(&self, text: &str) {
        let time = self.time();
        if self.bold {
            self.line(&format!("\n\x1b[1m{time}  {text}\x1b[0m"));
        } else {
            self.line(&format!("\n{time}  {text}"));
        }
    }

    /// A line with the time that has passed.
    pub(crate) fn event(&self, text: &str) {
        self.line(&format!("{}  {text}", self.time()));
    }

    #[expect(
        clippy::unused_self,
        reason = "what is shown goes through the screen that shows it"
    )]
    pub(crate) fn line(&self, text: &str) {
        // Who closes the pipe has seen enough; the rest is still cleaned up.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    fn time(&self) -> String {
        format!("{:6.1} s", self.began.elapsed().as_secs_f64())
    }
}
