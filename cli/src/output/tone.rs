//! Colours, by what they mean.

use slipway_domain::Phase;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Busy,
    Faint,
    Plain,
}

impl Tone {
    /// What a phase means.
    pub(crate) fn of(phase: Phase) -> Self {
        match phase {
            Phase::Ready => Self::Good,
            Phase::Failed => Self::Bad,
            Phase::Waiting => Self::Plain,
            Phase::Pending
            | Phase::Creating
            | Phase::Updating
            | Phase::RollingOut
            | Phase::Deleting => Self::Busy,
        }
    }
}

/// Puts colours on text, or leaves it alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub(crate) bool);

impl Paint {
    /// `text` in the colour of `tone`.
    pub(crate) fn on(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Busy => "33",
            Tone::Faint => "2",
            Tone::Plain => return text.to_owned(),
        };
        if self.0 && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
