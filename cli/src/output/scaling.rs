//! The scaling of an environment: where it stands, a picture, what each signal says, what was
//! decided.

use jiff::Timestamp;
use slipway_control::scaling::{DecisionView, ScalingView, VerdictView};

use super::chart::Picture;
use super::sheet::{Sheet, clean};
use super::table::{Cell, breadth, plain, table};
use super::time::moment;
use super::tone::Tone;

/// What is shown of an environment's scaling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// The environment, as `service/environment`.
    pub(crate) scope: &'a str,
    /// Where it stands.
    pub(crate) scaling: &'a ScalingView,
    /// What was decided, newest first; all since `from`, and one before if there is one.
    pub(crate) decisions: &'a [DecisionView],
    /// Where the picture begins.
    pub(crate) from: Timestamp,
    /// Now.
    pub(crate) now: Timestamp,
    /// The most decisions that are listed.
    pub(crate) limit: usize,
}

/// All of it.
pub(crate) fn sheet(shown: Shown<'_>, sheet: Sheet) -> String {
    let scaling = shown.scaling;
    let label = format!("{}:", shown.scope);
    let mut out = sheet.paragraph(0, (Tone::Plain, &label), &scaling.summary);
    if let Some(live) = &scaling.live {
        let steps = steps(shown.decisions, live.desired, shown.now);
        let picture = Picture {
            steps: &steps,
            from: shown.from,
            to: shown.now,
            bounds: live.min.zip(live.max),
        };
        out.push('\n');
        for line in picture.lines(sheet) {
            out.push_str(&line);
            out.push('\n');
        }
    }
    if let Some(last) = &scaling.last {
        out.push_str(&["\nSignals, as of ", &moment(last.at), ":\n"].concat());
        out.push_str(&signals(last, sheet));
    }
    if shown.decisions.is_empty() {
        out.push_str("\nNothing was decided in the last 30 days.\n");
    } else {
        out.push_str("\nDecisions, newest first:\n");
        let newest = &shown.decisions[..shown.decisions.len().min(shown.limit)];
        out.push_str(&decisions(newest, sheet));
    }
    out
}

/// From when there were how many tasks to be.
fn steps(newest_first: &[DecisionView], desired: u32, now: Timestamp) -> Vec<(Timestamp, u32)> {
    let mut steps = Vec::new();
    let mut rest = newest_first.iter().rev().peekable();
    if let Some(oldest) = rest.peek() {
        steps.push((Timestamp::MIN, oldest.from));
    } else {
        steps.push((Timestamp::MIN, desired));
    }
    steps.extend(rest.map(|it| (it.at, it.to)));
    // What is now may be somebody else's doing.
    steps.push((now, desired));
    steps
}

fn signals(last: &DecisionView, sheet: Sheet) -> String {
    const HEADING: [&str; 3] = ["SIGNAL", "TASKS", "SAYS"];
    let rows: Vec<Vec<Cell>> = last
        .reasons
        .iter()
        .map(|it| {
            let wants = it.wants.map_or_else(|| "-".to_owned(), |it| it.to_string());
            vec![
                plain(clean(&it.signal)),
                plain(wants),
                plain(clean(&it.says)),
            ]
        })
        .collect();
    with_sentences(&HEADING, &rows, sheet)
}

fn decisions(newest: &[DecisionView], sheet: Sheet) -> String {
    const HEADING: [&str; 3] = ["WHEN", "TASKS", "WHY"];
    let arrow = if sheet.paint.0 { "→" } else { "->" };
    let rows: Vec<Vec<Cell>> = newest
        .iter()
        .map(|it| {
            let tone = match it.verdict {
                VerdictView::Out => Tone::Busy,
                VerdictView::In | VerdictView::Sleep => Tone::Good,
                VerdictView::Hold => Tone::Plain,
            };
            let tasks = if it.from == it.to {
                it.to.to_string()
            } else {
                format!("{} {arrow} {}", it.from, it.to)
            };
            let why = plain(clean(&it.summary));
            vec![plain(moment(it.at)), (tone, tasks), why]
        })
        .collect();
    with_sentences(&HEADING, &rows, sheet)
}

/// A table whose last column is sentences, broken where a terminal ends.
fn with_sentences(heading: &[&str], rows: &[Vec<Cell>], sheet: Sheet) -> String {
    let others = heading.len() - 1;
    let fronts: Vec<Vec<Cell>> = rows.iter().map(|row| row[..others].to_vec()).collect();
    let used = breadth(&heading[..others], &fronts);
    let mut broken = Vec::new();
    for (front, row) in fronts.into_iter().zip(rows) {
        let (tone, text) = &row[others];
        let mut front = Some(front);
        for line in sheet.lines(text, used) {
            let mut cells = front.take().unwrap_or_else(|| vec![plain(""); others]);
            cells.push((*tone, line));
            broken.push(cells);
        }
    }
    table(heading, &broken, sheet.paint)
}
