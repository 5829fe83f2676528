//! What was checked before a deployment, a line each.

use slipway_control::preflight::{Check, Outcome, Subject};

use super::sheet::Sheet;
use super::tone::Tone;

/// What was checked: a mark, what it is about, and what it came to.
pub(crate) fn checks(checks: &[Check], sheet: Sheet) -> String {
    checks.iter().map(|it| line(it, sheet)).collect()
}

fn line(check: &Check, sheet: Sheet) -> String {
    let (mark, tone) = match check.verdict {
        Outcome::Passed => ("✓", Tone::Good),
        Outcome::Failed => ("✗", Tone::Bad),
        Outcome::Unknown => ("?", Tone::Busy),
    };
    let subject = match check.check {
        Subject::Image => "image",
        Subject::Code => "code",
        Subject::Architecture => "architecture",
        Subject::Secrets => "secrets",
        Subject::Databases => "databases",
        Subject::Path => "path",
        Subject::Quota => "quota",
    };
    let about = match &check.environment {
        Some(environment) => format!("{mark} {environment} {subject}:"),
        None => format!("{mark} {subject}:"),
    };
    let text = match &check.pointer {
        Some(pointer) if check.verdict != Outcome::Passed => {
            format!("{} ({pointer})", check.message)
        }
        Some(_) | None => check.message.clone(),
    };
    sheet.paragraph(2, (tone, &about), &text)
}
