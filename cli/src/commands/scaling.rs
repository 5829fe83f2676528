//! `slipway scaling`: where it stands, with a picture; a pause, bounds for a time, a number by
//! hand.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use slipway_control::scaling::{Bounds, DecisionView, Paused, ScalingView};
use slipway_domain::{EnvironmentName, ServiceName};

use super::environment::environment;
use crate::arguments::{Count, Directions, HoldBounds, Scaling, ScalingAction};
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::connection::connect;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;
use crate::output::scaling::Shown;
use crate::output::sheet::Sheet;
use crate::output::tone::Tone;
use crate::wait::interrupt;

/// How long what is followed stays on the screen.
const EVERY: Duration = Duration::from_secs(5);
/// The most pages of decisions that a picture is drawn from, 100 each.
const PAGES: usize = 5;

pub(super) fn run(options: &Scaling, console: &mut Console) -> Result<(), Failure> {
    match &options.action {
        None => show(options, console),
        Some(ScalingAction::Pause(options)) => steer(options, true, console),
        Some(ScalingAction::Resume(options)) => steer(options, false, console),
        Some(ScalingAction::Bounds(options)) => bounds(options, console),
        Some(ScalingAction::Count(options)) => count(options, console),
    }
}

/// What is looked at, and how.
struct Look<'a> {
    client: &'a Client,
    name: &'a ServiceName,
    environment: EnvironmentName,
    options: &'a Scaling,
}

fn show(options: &Scaling, console: &mut Console) -> Result<(), Failure> {
    let unnamed = || Failure::new(Exit::Usage, "name a service");
    let name = options.name.as_ref().ok_or_else(unnamed)?;
    let connection = connect(&options.platform)?;
    let look = Look {
        environment: environment(&options.environment, name, &connection)?,
        client: &connection.client,
        name,
        options,
    };
    if options.follow {
        return look.follow(console);
    }
    let (scaling, decisions) = look.read(now())?;
    if options.json {
        let mut document = serde_json::to_value(&scaling).unwrap_or_default();
        document["decisions"] = json!(decisions);
        return console.json(&document);
    }
    console.result(&look.text(&scaling, &decisions, now(), console.results_sheet()))
}

impl Look<'_> {
    fn from(&self, now: Timestamp) -> Timestamp {
        now - SignedDuration::from_hours(i64::from(self.options.hours))
    }

    /// Where it stands, and the decisions since the picture begins: one more, which says how many
    /// tasks there were before, and at least so many as are to be listed.
    fn read(&self, now: Timestamp) -> Result<(ScalingView, Vec<DecisionView>), Failure> {
        let scaling = self.client.scaling(self.name, &self.environment)?;
        let mut decisions: Vec<DecisionView> = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES {
            let (name, environment) = (self.name, &self.environment);
            let page = self
                .client
                .decisions(name, environment, cursor.as_deref(), Some(100))?;
            decisions.extend(page.items);
            cursor = page.next;
            let oldest = decisions.last().map(|it| it.at);
            if cursor.is_none() || oldest.is_some_and(|at| at < self.from(now)) {
                break;
            }
        }
        let inside = decisions.iter().take_while(|it| it.at >= self.from(now));
        let needed = (inside.count() + 1).max(self.options.limit.into());
        decisions.truncate(needed);
        Ok((scaling, decisions))
    }

    fn text(
        &self,
        scaling: &ScalingView,
        decisions: &[DecisionView],
        now: Timestamp,
        sheet: Sheet,
    ) -> String {
        let shown = Shown {
            scope: &format!("{}/{}", self.name, self.environment),
            scaling,
            decisions,
            from: self.from(now),
            now,
            limit: self.options.limit.into(),
        };
        output::scaling::sheet(shown, sheet)
    }

    /// The same again and again: where nothing can be redrawn, when something changed.
    fn follow(&self, console: &mut Console) -> Result<(), Failure> {
        interrupt::say("Nobody watches any more; scaling goes on.".to_owned());
        let mut last = None;
        loop {
            let (scaling, decisions) = self.read(now())?;
            let text = self.text(&scaling, &decisions, now(), console.notes_sheet());
            if console.redraws() {
                // A picture that is taller than the screen would not be found again.
                let (rows, _) = crate::environment::size();
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                console.draw(&lines[..lines.len().min(rows.saturating_sub(1))]);
            } else if last.as_ref() != Some(&(scaling.clone(), decisions.clone())) {
                console.result(&text)?;
                last = Some((scaling, decisions));
            }
            SystemClock.pause(EVERY);
        }
    }
}

fn steer(options: &Directions, pause: bool, console: &Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let both = !options.out && !options.inwards;
    let chosen = Paused {
        out: options.out || both,
        inwards: options.inwards || both,
    };
    let client = &connection.client;
    let scaling = if pause {
        client.pause_scaling(name, &environment, chosen)?
    } else {
        client.resume_scaling(name, &environment, chosen)?
    };
    done(name, &environment, &scaling, options.json, console)
}

fn bounds(options: &HoldBounds, console: &Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    let scaling = match (options.min, options.max, options.time) {
        (Some(min), Some(max), Some(minutes)) => {
            client.hold_bounds(name, &environment, Bounds { min, max }, minutes)?
        }
        _ => client.release_bounds(name, &environment)?,
    };
    done(name, &environment, &scaling, options.json, console)
}

fn count(options: &Count, console: &Console) -> Result<(), Failure> {
    let connection = connect(&options.platform)?;
    let name = &options.name;
    let environment = environment(&options.environment, name, &connection)?;
    let client = &connection.client;
    let scaling = client.set_count(name, &environment, options.tasks)?;
    done(name, &environment, &scaling, options.json, console)
}

/// Says where it stands now.
fn done(
    name: &ServiceName,
    environment: &EnvironmentName,
    scaling: &ScalingView,
    json: bool,
    console: &Console,
) -> Result<(), Failure> {
    if json {
        return console.json(scaling);
    }
    let scope = format!("{name}/{environment}:");
    let sheet = console.results_sheet();
    console.result(&sheet.paragraph(0, (Tone::Plain, &scope), &scaling.summary))
}

fn now() -> Timestamp {
    Timestamp::try_from(SystemClock.now()).unwrap_or(Timestamp::UNIX_EPOCH)
}
