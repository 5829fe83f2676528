//! How redeployments ended, as a table.

use slipway_domain::EnvironmentName;

use super::sheet::{Sheet, clean};
use super::table::{Cell, breadth, plain, table};
use super::time::short;
use super::tone::Tone;
use crate::wait::several::{Job, Standing};

const HEADING: [&str; 4] = ["SERVICE", "ENVIRONMENT", "RESULT", "TOOK"];

/// An environment that was left out, and why.
pub(crate) type LeftOut = (String, Option<EnvironmentName>, String);

/// A row for each environment, those that were left out at the end.
pub(crate) fn summary(jobs: &[Job], left_out: &[LeftOut], sheet: Sheet) -> String {
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut notes = Vec::new();
    for job in jobs {
        let (result, took, note) = stands(&job.standing());
        rows.push(vec![
            plain(job.service.as_str()),
            plain(job.environment.as_str()),
            result,
            plain(took),
        ]);
        notes.push(note);
    }
    for (service, environment, reason) in left_out {
        rows.push(vec![
            plain(service),
            plain(environment.as_ref().map_or("-", |it| it.as_str())),
            plain("left out"),
            plain(""),
        ]);
        notes.push(reason.clone());
    }
    let used = breadth(&HEADING, &rows);
    for (row, note) in rows.iter_mut().zip(notes) {
        // An address is never cut: it is there to be copied.
        row.push(plain(if note.starts_with("http") {
            note
        } else {
            sheet.cut(&clean(&note), used)
        }));
    }
    let mut heading = HEADING.to_vec();
    heading.push("NOTE");
    table(&heading, &rows, sheet.paint)
}

fn stands(standing: &Standing) -> (Cell, String, String) {
    let (tone, result, took, note) = match standing {
        Standing::Queued => (Tone::Plain, "not begun", String::new(), String::new()),
        Standing::UnderWay(id, generation) => (
            Tone::Busy,
            "under way",
            String::new(),
            format!("deployment {id}, generation {generation}"),
        ),
        Standing::Succeeded(took, url) => (
            Tone::Good,
            "succeeded",
            short(*took),
            url.clone().unwrap_or_default(),
        ),
        Standing::Failed(reason) => (Tone::Bad, "failed", String::new(), reason.clone()),
    };
    ((tone, result.to_owned()), took, note)
}
