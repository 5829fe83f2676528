//! What policies would have done with a trace, as a table.

use slipway_scaling::simulate::{PolicyReport, Report, Setup, Telemetry, Trace};

use super::sheet::Sheet;
use super::table::{Cell, plain, table};
use super::tone::Tone;

const HEADING: [&str; 10] = [
    "POLICY",
    "TARGET",
    "TASK-HOURS",
    "OVER ORACLE",
    "VIOLATED",
    "TOUCHED",
    "REQUESTS OVER",
    "CHANGES",
    "STEP",
    "",
];

/// The circumstances, a row for each policy, and what the columns mean.
pub(crate) fn simulation(trace: &Trace, setup: &Setup, report: &Report, sheet: Sheet) -> String {
    let rows: Vec<Vec<Cell>> = aligned(&report.policies.iter().map(row).collect::<Vec<_>>());
    let legend = format!(
        "OVER ORACLE: task-hours as a multiple of what perfect foresight takes. VIOLATED: minutes \
         above 90 % utilisation; at most {} of {} (0.05 %) keep the bound. TOUCHED: those that were \
         so for a moment at least. REQUESTS OVER: beyond what the tasks could do. STEP: seconds from a step of the load to the call that adds \
         tasks. Others are shown at the cheapest setting that keeps the bound, or at their best.",
        report.minutes * 5 / 10_000,
        report.minutes
    );
    format!(
        "{}{}{}",
        sheet.paragraph(0, (Tone::Plain, ""), &circumstances(trace, setup, report)),
        table(&HEADING, &rows, sheet.paint),
        sheet.paragraph(0, (Tone::Faint, ""), &legend)
    )
}

fn circumstances(trace: &Trace, setup: &Setup, report: &Report) -> String {
    let missing = match trace.missing() {
        0 => String::new(),
        1 => "; 1 row is missing, and the one before it held on".to_owned(),
        missing => format!("; {missing} rows are missing, and the ones before them held on"),
    };
    let own = match setup.telemetry {
        Telemetry::Published => "",
        Telemetry::Own => "; hpa and kpa see their pods at once",
    };
    format!(
        "{}: {} minutes from {}, at most {:.1} requests per second; a task does {:.2} and starts \
         in {} s; {} to {} tasks{missing}{own}",
        report.trace,
        report.minutes,
        trace.start(),
        trace.peak(),
        setup.capacity,
        setup.start_up,
        setup.min,
        setup.max,
    )
}

fn row(policy: &PolicyReport) -> Vec<Cell> {
    let tone = match (policy.name, policy.keeps_bound) {
        ("oracle", _) => Tone::Faint,
        (_, true) => Tone::Good,
        (_, false) => Tone::Bad,
    };
    let percent = |part: f64| format!("{:.1} %", part * 100.0).replace(".0 %", " %");
    vec![
        plain(policy.name),
        plain(policy.setting.map_or_else(String::new, percent)),
        plain(format!("{:.1}", policy.task_hours)),
        plain(format!("{:.3}", policy.over_oracle)),
        (tone, policy.violation_minutes.to_string()),
        plain(policy.touched_minutes.to_string()),
        plain(format!("{:.0}", policy.requests_over_capacity)),
        plain(policy.changes.to_string()),
        plain(
            policy
                .reaction_seconds
                .map_or_else(String::new, |it| format!("{it:.0} s")),
        ),
        (Tone::Faint, policy.variant.to_owned()),
    ]
}

/// The rows with their numbers moved to the right of their columns.
fn aligned(rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].1.chars().count());
        cells.chain([HEADING[column].len()]).max().unwrap_or(0)
    };
    let cell = |(column, (tone, text)): (usize, &Cell)| match column {
        0 | 9 => (*tone, text.clone()),
        _ if text.is_empty() => (*tone, String::new()),
        _ => (*tone, format!("{text:>0$}", width(column))),
    };
    rows.iter()
        .map(|row| row.iter().enumerate().map(cell).collect())
        .collect()
}
