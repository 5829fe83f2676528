//! Databases as tables.

use std::collections::BTreeSet;

use slipway_control::databases::view::{DatabaseEnvironmentView, DatabaseShape, DatabaseView};

use super::services::phase;
use super::sheet::Sheet;
use super::table::{Cell, plain, table};
use super::time::moment;
use super::tone::Tone;
use super::trouble;

const LISTED: [&str; 8] = [
    "DATABASE",
    "TEAM",
    "ENVIRONMENT",
    "PHASE",
    "ENGINE",
    "ACU",
    "READERS",
    "USED BY",
];
const SHOWN: [&str; 6] = [
    "ENVIRONMENT",
    "PHASE",
    "ENGINE",
    "VERSION",
    "ACU",
    "READERS",
];

/// A row for each environment of each database.
pub(crate) fn listing(databases: &[DatabaseView], sheet: Sheet) -> String {
    let mut rows = Vec::new();
    for database in databases {
        for (name, environment) in &database.environments {
            let [engine, _, acu, readers] = shape(environment.wanted.as_ref());
            rows.push(vec![
                plain(database.name.as_str()),
                plain(database.team.as_str()),
                plain(name.as_str()),
                phase(environment.phase, environment.advice.is_some()),
                engine,
                acu,
                readers,
                plain(listed(&environment.users)),
            ]);
        }
    }
    table(&LISTED, &rows, sheet.paint)
}

/// One database: who and when, then a row for each environment, then where each is and whose.
pub(crate) fn database(database: &DatabaseView, sheet: Sheet) -> String {
    let going = if database.deleting {
        " (being deleted)"
    } else {
        ""
    };
    let mut out = vec![format!(
        "{}{going}\nteam        {}\ngeneration  {}, {} by {}\nregistered  {}\n\n",
        database.name,
        database.team,
        database.generation,
        moment(database.updated_at),
        database.updated_by,
        moment(database.created_at),
    )];
    let rows: Vec<Vec<Cell>> = database
        .environments
        .iter()
        .map(|(name, environment)| {
            let phase = phase(environment.phase, environment.advice.is_some());
            let shape = shape(environment.wanted.as_ref());
            [plain(name.as_str()), phase]
                .into_iter()
                .chain(shape)
                .collect()
        })
        .collect();
    out.push(table(&SHOWN, &rows, sheet.paint));
    for (name, environment) in &database.environments {
        out.push("\n".to_owned());
        out.push(told(name.as_str(), environment, sheet));
    }
    out.concat()
}

/// What an environment says, where it is reached, who may use it and who does.
fn told(name: &str, environment: &DatabaseEnvironmentView, sheet: Sheet) -> String {
    let heading = format!("{name}:");
    let mut out = sheet.paragraph(0, (Tone::Plain, &heading), &environment.message);
    if let Some(advice) = &environment.advice {
        out.push_str(&trouble::advice(advice, sheet));
    }
    let mut rows = Vec::new();
    let mut row = |what: &str, text: &str| rows.push(vec![plain(format!("  {what}")), plain(text)]);
    if let Some(endpoint) = &environment.endpoint {
        row("writer", &format!("{}:{}", endpoint.host, endpoint.port));
        row(
            "readers",
            &format!("{}:{}", endpoint.reader_host, endpoint.port),
        );
        row("database", &endpoint.name);
        row("secret", &endpoint.secret);
    }
    row("may use it", &listed(&environment.access));
    row("uses it", &listed(&environment.users));
    // The first line is the heading, which says nothing here.
    let lines = table(&["", ""], &rows, sheet.paint);
    out.push_str(lines.trim_start_matches('\n'));
    out
}

fn shape(wanted: Option<&DatabaseShape>) -> [Cell; 4] {
    match wanted {
        Some(it) => [
            plain(it.engine.name()),
            plain(it.version.as_str()),
            plain(format!("{}-{}", it.min, it.max)),
            plain(it.readers.to_string()),
        ],
        None => ["-", "-", "-", "-"].map(plain),
    }
}

fn listed(names: &BTreeSet<impl ToString>) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}
