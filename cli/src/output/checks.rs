//! What was checked before a deployment, a line each.

use super::sheet::Sheet;
use super::tone::Tone;
use crate::client::{Check, Verdict};

/// What was checked: a mark, what it is about, and what it came to.
pub(crate) fn checks(checks: &[Check], sheet: Sheet) -> String {
    checks.iter().map(|it| line(it, sheet)).collect()
}

fn line(check: &Check, sheet: Sheet) -> String {
    let (mark, tone) = match check.verdict {
        Verdict::Passed => ("✓", Tone::Good),
        Verdict::Failed => ("✗", Tone::Bad),
        Verdict::Unknown => ("?", Tone::Busy),
    };
    let about = match &check.environment {
        Some(environment) => format!("{mark} {environment} {}:", check.check),
        None => format!("{mark} {}:", check.check),
    };
    let text = match &check.pointer {
        Some(pointer) if check.verdict != Verdict::Passed => {
            format!("{} ({pointer})", check.message)
        }
        Some(_) | None => check.message.clone(),
    };
    sheet.paragraph(2, (tone, &about), &text)
}
