//! `slipway decide`: what the scaler would do, line by line, offline.
//!
//! The very function that the Lambda calls. Each decision's state is the next line's, so that a
//! night that was recorded can be replayed, with another policy too.

use std::io::BufRead;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use slipway_domain::Scaling;
use slipway_scaling::{Observation, Point, State, decide};

use super::simulate::{policy, policy_of};
use crate::arguments::Decide;
use crate::exit::Failure;
use crate::manifest_file::{Document, Finding, Place};
use crate::output::console::Console;

/// Fields of an observation that are lists of points.
const LOADS: [&str; 6] = [
    "cpu",
    "memory",
    "requests",
    "waiting",
    "worked_off",
    "oldest",
];

pub(super) fn run(options: &Decide, console: &Console) -> Result<(), Failure> {
    let mut night = Night {
        policy: options
            .policy
            .as_deref()
            .map(policy)
            .transpose()?
            .unwrap_or_default(),
        state: State::default(),
    };
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let at = |wrong: Wrong| {
            Failure::refused(format!(
                "line {}: {}: {}",
                number + 1,
                wrong.field,
                wrong.detail
            ))
        };
        let line = line.map_err(|error| at(Wrong::new("", error)))?;
        if line.trim().is_empty() {
            continue;
        }
        let decision = night.decision(&line).map_err(at)?;
        console.result(&format!("{decision}\n"))?;
    }
    Ok(())
}

/// What is wrong with a line, and where in it: a JSON pointer.
struct Wrong {
    field: String,
    detail: String,
}

impl Wrong {
    fn new(field: &str, detail: impl std::fmt::Display) -> Self {
        Self {
            field: (if field.is_empty() { "/" } else { field }).to_owned(),
            detail: detail.to_string(),
        }
    }
}

/// What goes from line to line.
struct Night {
    policy: Scaling,
    state: State,
}

impl Night {
    fn decision(&mut self, line: &str) -> Result<Value, Wrong> {
        let mut line: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| Wrong::new("", error))?;
        let now = line
            .remove("now")
            .ok_or_else(|| Wrong::new("/now", "is missing: the time of the decision"))?;
        let now: Timestamp = read("/now", now)?;
        if let Some(written) = line.remove("policy") {
            self.policy = written_policy(written)?;
        }
        if let Some(state) = line.remove("state") {
            self.state = read("/state", state)?;
        }
        let seen = observation(line)?;
        let decision = decide(&self.policy, &seen, &self.state, now);
        self.state = decision.state.clone();
        serde_json::to_value(&decision).map_err(|error| Wrong::new("", error))
    }
}

/// A policy that stands in a line, held to the same rules as one in a file.
fn written_policy(value: Value) -> Result<Scaling, Wrong> {
    let file = "policy".to_owned();
    policy_of(Document { file, value }).map_err(|findings| match findings.first() {
        Some(Finding {
            place: Place::Pointer { pointer },
            detail,
            ..
        }) => Wrong::new(&format!("/policy{pointer}"), detail),
        Some(finding) => Wrong::new("/policy", &finding.detail),
        None => Wrong::new("/policy", "is not valid"),
    })
}

/// The observation, each of its fields on its own, so that what is wrong has a name.
fn observation(line: Map<String, Value>) -> Result<Observation, Wrong> {
    for (field, value) in &line {
        if LOADS.contains(&field.as_str()) {
            points(&format!("/{field}"), value)?;
        }
        if field == "metrics" {
            for (index, load) in value.as_array().into_iter().flatten().enumerate() {
                points(&format!("/metrics/{index}"), load)?;
            }
        }
        let alone = Value::Object(Map::from_iter([(field.clone(), value.clone())]));
        read::<Observation>(&format!("/{field}"), alone)?;
    }
    read("", Value::Object(line))
}

fn points(field: &str, load: &Value) -> Result<(), Wrong> {
    for (index, point) in load.as_array().into_iter().flatten().enumerate() {
        read::<Point>(&format!("{field}/{index}"), point.clone())?;
    }
    Ok(())
}

fn read<T: DeserializeOwned>(field: &str, value: Value) -> Result<T, Wrong> {
    serde_json::from_value(value).map_err(|error| Wrong::new(field, error))
}
