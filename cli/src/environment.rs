//! What the surroundings say about how to write: colours, and whether lines can be redrawn.
//!
//! Options and addresses that come from variables are clap's affair (`arguments.rs`), and
//! credentials the AWS SDK's; nothing else is read from the environment.

use std::io::IsTerminal;

/// How to write to one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Whether colours are wanted.
    pub(crate) color: bool,
    /// Whether lines can be drawn again.
    pub(crate) redraws: bool,
}

/// How to write to `stream`. A variable `NO_COLOR` that is not empty takes colours away
/// (no-color.org), and `TERM=dumb` redrawing, too.
pub(crate) fn terminal(stream: &impl IsTerminal) -> Terminal {
    let is_terminal = stream.is_terminal();
    let dumb = variable("TERM").as_deref() == Some("dumb");
    Terminal {
        color: is_terminal && !dumb && variable("NO_COLOR").is_none(),
        redraws: is_terminal && !dumb,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the command line reads its environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// The columns of the terminal that `stream` is; none where it is none.
#[cfg(unix)]
pub(crate) fn width(stream: &(impl IsTerminal + std::os::fd::AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.into())
}

/// The columns that every terminal has; none where `stream` is no terminal.
#[cfg(not(unix))]
pub(crate) fn width(stream: &impl IsTerminal) -> Option<usize> {
    stream.is_terminal().then_some(80)
}

/// Rows and columns of the terminal on standard error.
#[cfg(unix)]
pub(crate) fn size() -> (usize, usize) {
    rustix::termios::tcgetwinsize(std::io::stderr())
        .ok()
        .filter(|size| size.ws_row > 0 && size.ws_col > 0)
        .map_or((24, 80), |size| (size.ws_row.into(), size.ws_col.into()))
}

/// Rows and columns that every terminal has.
#[cfg(not(unix))]
pub(crate) fn size() -> (usize, usize) {
    (24, 80)
}
