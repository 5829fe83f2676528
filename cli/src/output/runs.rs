//! Runs of jobs as a table.

use slipway_control::runs::{RunStatus, RunView};

use super::sheet::{Sheet, clean};
use super::table::{Cell, breadth, plain, table};
use super::time::{between, moment, short};
use super::tone::Tone;

const HEADING: [&str; 7] = ["ID", "BEGAN", "TOOK", "RESULT", "ATTEMPTS", "BY", "REASON"];

/// A row for each run.
pub(crate) fn listing(runs: &[RunView], sheet: Sheet) -> String {
    let mut rows: Vec<Vec<Cell>> = runs.iter().map(row).collect();
    // Reasons are the last column, and cut where a terminal ends.
    let last = HEADING.len() - 1;
    let others: Vec<Vec<Cell>> = rows.iter().map(|row| row[..last].to_vec()).collect();
    let used = breadth(&HEADING[..last], &others);
    for (_, reason) in rows.iter_mut().filter_map(|row| row.last_mut()) {
        *reason = sheet.cut(reason, used);
    }
    table(&HEADING, &rows, sheet.paint)
}

fn row(run: &RunView) -> Vec<Cell> {
    let tone = match run.status {
        RunStatus::Running => Tone::Busy,
        RunStatus::Succeeded => Tone::Good,
        RunStatus::Failed => Tone::Bad,
        RunStatus::Aborted => Tone::Plain,
    };
    let took = run.ended_at.map(|end| short(between(run.started_at, end)));
    vec![
        plain(clean(&run.id)),
        plain(moment(run.started_at)),
        plain(took.unwrap_or_default()),
        (tone, run.status.name().to_owned()),
        plain(run.attempts.to_string()),
        plain(clean(run.by.as_deref().map_or("", last_of))),
        plain(clean(run.reason.as_deref().unwrap_or_default())),
    ]
}

/// Of an ARN who it is: what stands behind its last colon.
fn last_of(by: &str) -> &str {
    by.rsplit_once(':').map_or(by, |(_, who)| who)
}
