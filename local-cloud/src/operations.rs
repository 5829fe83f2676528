//! The stack operations in flight: what of each is visible already.
//!
//! Holds no clock of its own and calls nobody: the companion advances an operation step by
//! step, and every Describe call is answered from what has been advanced so far.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;

use crate::timeline::Step;

/// Which call started an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Update,
    Delete,
}

/// What callers may see of a stack whose operation is in flight.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) kind: Kind,
    pub(crate) status: String,
    pub(crate) reason: String,
    /// The `Outputs` element that the stack had before.
    pub(crate) outputs: String,
    /// Statuses and reasons of the resources whose turn has come, by their logical ids.
    pub(crate) resources: HashMap<String, (String, String)>,
    /// Whether it brings back what others changed.
    pub(crate) reverts: bool,
    hidden: HashSet<String>,
    number: usize,
}

impl Visible {
    /// An operation of which nothing is visible yet but that it runs.
    pub(crate) fn new(id: &str, name: &str, region: &str, kind: Kind, outputs: String) -> Self {
        let status = match kind {
            Kind::Create => "CREATE_IN_PROGRESS",
            Kind::Update => "UPDATE_IN_PROGRESS",
            Kind::Delete => "DELETE_IN_PROGRESS",
        };
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            region: region.to_owned(),
            kind,
            status: status.to_owned(),
            reason: String::new(),
            outputs,
            resources: HashMap::new(),
            reverts: false,
            hidden: HashSet::new(),
            number: 0,
        }
    }

    /// Hides events that this operation will not show.
    pub(crate) fn hide(&mut self, events: impl IntoIterator<Item = String>) {
        self.hidden.extend(events);
    }
}

/// Every operation, and when the events of the past ones were shown.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: HashMap<String, Visible>,
    shown: HashMap<String, Timestamp>,
    /// Events of superseded operations: on AWS they never came about.
    suppressed: HashSet<String>,
    spans: Vec<(Instant, Option<Instant>)>,
}

impl Operations {
    /// Takes an operation up; its number has to be given to advance it.
    pub(crate) fn begin(&self, mut visible: Visible, steps: &[Step], since: Instant) -> usize {
        let mut state = self.state();
        visible.number = state.spans.len();
        let to_come = steps.iter().filter_map(|step| step.event.clone());
        visible.hidden.extend(to_come);
        state.spans.push((since, None));
        let number = visible.number;
        state.in_flight.insert(visible.id.clone(), visible);
        number
    }

    /// Another operation takes the place of the one in flight: what was to come of it is never
    /// shown.
    pub(crate) fn supersede(&self, id: &str) {
        let mut state = self.state();
        if let Some(superseded) = state.in_flight.remove(id) {
            state.suppressed.extend(superseded.hidden);
            state.end(superseded.number);
        }
    }

    /// Whether an operation is in flight still.
    pub(crate) fn is_current(&self, id: &str, number: usize) -> bool {
        let state = self.state();
        state
            .in_flight
            .get(id)
            .is_some_and(|it| it.number == number)
    }

    /// Shows a step. The last one ends the operation. False when another one superseded it.
    pub(crate) fn advance(&self, id: &str, number: usize, step: &Step, last: bool) -> bool {
        let mut state = self.state();
        let Some(visible) = state.in_flight.get_mut(id).filter(|it| it.number == number) else {
            return false;
        };
        if let Some((status, reason)) = &step.status {
            visible.status.clone_from(status);
            visible.reason.clone_from(reason);
        }
        if let Some((logical_id, status, reason)) = &step.resource {
            let now = (status.clone(), reason.clone());
            visible.resources.insert(logical_id.clone(), now);
        }
        if let Some(event) = &step.event {
            visible.hidden.remove(event);
            state.shown.insert(event.clone(), crate::clock::now());
        }
        if last {
            state.in_flight.remove(id);
            state.end(number);
        }
        true
    }

    /// The operation in flight of the stack with this name or id.
    pub(crate) fn of(&self, stack: &str, region: &str) -> Option<Visible> {
        let state = self.state();
        let by_name = || {
            state
                .in_flight
                .values()
                .find(|it| it.name == stack && it.region == region)
        };
        state.in_flight.get(stack).or_else(by_name).cloned()
    }

    /// Every operation in flight in a region.
    pub(crate) fn in_region(&self, region: &str) -> Vec<Visible> {
        self.state()
            .in_flight
            .values()
            .filter(|it| it.region == region)
            .cloned()
            .collect()
    }

    /// Takes an event for shown that no operation has to show.
    pub(crate) fn note(&self, event: &str) {
        self.state()
            .shown
            .insert(event.to_owned(), crate::clock::now());
    }

    /// Whether an event is never to be shown.
    pub(crate) fn suppressed(&self, event: &str) -> bool {
        self.state().suppressed.contains(event)
    }

    /// When an event was shown; nothing for one that belongs to no operation seen here.
    pub(crate) fn shown(&self, event: &str) -> Option<Timestamp> {
        self.state().shown.get(event).copied()
    }

    /// The most operations that were in flight at one moment.
    pub(crate) fn most(&self) -> usize {
        let state = self.state();
        let in_flight_at = |moment: Instant| {
            state
                .spans
                .iter()
                .filter(|(start, end)| *start <= moment && end.is_none_or(|end| end > moment))
                .count()
        };
        state
            .spans
            .iter()
            .map(|(start, _)| in_flight_at(*start))
            .max()
            .unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end(&mut self, number: usize) {
        if let Some((_, end)) = self.spans.get_mut(number) {
            *end = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn step(event: &str, status: Option<&str>) -> Step {
        Step {
            after: Duration::ZERO,
            event: Some(event.to_owned()),
            status: status.map(|status| (status.to_owned(), String::new())),
            resource: None,
        }
    }

    fn begin(operations: &Operations, id: &str, steps: &[Step]) -> usize {
        let visible = Visible::new(id, "name", "us-east-1", Kind::Create, String::new());
        operations.begin(visible, steps, Instant::now())
    }

    #[test]
    fn an_operation_shows_its_events_one_by_one_and_ends_with_the_last() {
        let operations = Operations::default();
        let steps = [
            step("1", Some("CREATE_IN_PROGRESS")),
            step("2", Some("CREATE_COMPLETE")),
        ];
        let number = begin(&operations, "id", &steps);
        assert!(operations.advance("id", number, &steps[0], false));
        let visible = operations.of("name", "us-east-1").expect("in flight");
        assert!(operations.shown("1").is_some() && operations.shown("2").is_none());
        assert_eq!(visible.status, "CREATE_IN_PROGRESS");
        assert!(operations.of("name", "eu-west-1").is_none());
        assert!(operations.advance("id", number, &steps[1], true));
        assert!(operations.of("id", "us-east-1").is_none());
        assert!(operations.shown("2").is_some());
    }

    #[test]
    fn a_superseded_operation_advances_no_more() {
        let operations = Operations::default();
        let steps = [step("1", None)];
        let first = begin(&operations, "id", &steps);
        assert!(operations.is_current("id", first));
        operations.supersede("id");
        assert!(operations.suppressed("1") && !operations.is_current("id", first));
        let second = begin(&operations, "id", &steps);
        assert!(!operations.advance("id", first, &steps[0], true));
        assert!(operations.advance("id", second, &steps[0], true));
    }

    #[test]
    fn the_most_operations_at_once_are_remembered() {
        let operations = Operations::default();
        let steps = [step("1", None)];
        let one = begin(&operations, "one", &steps);
        let two = begin(&operations, "two", &steps);
        operations.advance("one", one, &steps[0], true);
        operations.advance("two", two, &steps[0], true);
        begin(&operations, "three", &steps);
        assert_eq!(operations.most(), 2);
    }
}
