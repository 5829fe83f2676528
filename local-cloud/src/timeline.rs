//! When a stack operation's events become visible. Pure.
//!
//! The emulator runs a whole stack operation inside the call that starts it. What it did is
//! then shown piece by piece: its events are spread evenly over the configured delay, and the
//! status of the stack is, at every moment, the one of the last stack event that is visible.
//! So a rollback passes through every status that it has on AWS.

use std::time::Duration;

/// An event of a stack as the emulator recorded it, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorded {
    pub(crate) id: String,
    /// Whether it is about the stack itself.
    pub(crate) stack: bool,
    /// The type of the resource that it is about.
    pub(crate) kind: String,
    /// The resource's name in the template.
    pub(crate) logical_id: String,
    pub(crate) status: String,
    pub(crate) reason: String,
}

/// One moment of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// How long after the start.
    pub(crate) after: Duration,
    /// The event that becomes visible; none for a status that the emulator does not record.
    pub(crate) event: Option<String>,
    /// What the stack's status and its reason are from then on, if they change.
    pub(crate) status: Option<(String, String)>,
    /// The resource that it is about, and its status and reason from then on.
    pub(crate) resource: Option<(String, String, String)>,
}

/// Leaves a resource of a type in progress: takes away its completion and all that follows.
/// Nothing when nothing of that type was completed.
pub(crate) fn hang_on(events: &mut Vec<Recorded>, kind: &str) -> Vec<Recorded> {
    let completed = |event: &Recorded| {
        !event.stack && event.kind == kind && event.status.ends_with("_COMPLETE")
    };
    let at = events.iter().position(completed);
    events.split_off(at.unwrap_or(events.len()))
}

/// Spreads events over the time from `start` to `delay`; a single one is seen at its end.
pub(crate) fn spread(events: &[Recorded], start: Duration, delay: Duration) -> Vec<Step> {
    let last = u32::try_from(events.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let mut steps = Vec::with_capacity(events.len() + 1);
    for (index, event) in (0_u32..).zip(events) {
        let after = if index == last {
            delay
        } else {
            start + delay.saturating_sub(start) * index / last
        };
        // The emulator goes straight to UPDATE_COMPLETE; AWS removes what was replaced first.
        if event.stack && event.status == "UPDATE_COMPLETE" {
            steps.push(Step {
                after: delay.saturating_sub(delay / 10).max(start).min(after),
                event: None,
                resource: None,
                status: Some((
                    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS".to_owned(),
                    String::new(),
                )),
            });
        }
        steps.push(Step {
            after,
            event: Some(event.id.clone()),
            status: event
                .stack
                .then(|| (event.status.clone(), event.reason.clone())),
            resource: (!event.stack).then(|| {
                let Recorded {
                    logical_id,
                    status,
                    reason,
                    ..
                } = event;
                (logical_id.clone(), status.clone(), reason.clone())
            }),
        });
    }
    steps.sort_by_key(|step| step.after);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(entries: &[(bool, &str)]) -> Vec<Recorded> {
        entries
            .iter()
            .enumerate()
            .map(|(index, (stack, status))| Recorded {
                id: index.to_string(),
                stack: *stack,
                kind: "AWS::ECS::Service".to_owned(),
                logical_id: "Service".to_owned(),
                status: (*status).to_owned(),
                reason: String::new(),
            })
            .collect()
    }

    fn statuses(steps: &[Step]) -> Vec<&str> {
        steps
            .iter()
            .filter_map(|step| Some(step.status.as_ref()?.0.as_str()))
            .collect()
    }

    #[test]
    fn the_first_event_is_seen_at_once_and_the_last_after_the_delay() {
        let events = recorded(&[
            (true, "CREATE_IN_PROGRESS"),
            (false, "CREATE_COMPLETE"),
            (true, "CREATE_COMPLETE"),
        ]);
        let steps = spread(&events, Duration::ZERO, Duration::from_secs(2));
        let times: Vec<u64> = steps.iter().map(|step| step.after.as_secs()).collect();
        assert_eq!(times, [0, 1, 2]);
    }

    #[test]
    fn a_rollback_passes_through_its_statuses() {
        let events = recorded(&[
            (true, "CREATE_IN_PROGRESS"),
            (false, "CREATE_FAILED"),
            (true, "ROLLBACK_IN_PROGRESS"),
            (true, "ROLLBACK_COMPLETE"),
        ]);
        let steps = spread(&events, Duration::ZERO, Duration::from_secs(1));
        assert_eq!(
            statuses(&steps),
            [
                "CREATE_IN_PROGRESS",
                "ROLLBACK_IN_PROGRESS",
                "ROLLBACK_COMPLETE"
            ]
        );
    }

    #[test]
    fn an_update_cleans_up_before_it_is_complete() {
        let events = recorded(&[(true, "UPDATE_IN_PROGRESS"), (true, "UPDATE_COMPLETE")]);
        let steps = spread(&events, Duration::ZERO, Duration::from_secs(1));
        assert_eq!(
            statuses(&steps),
            [
                "UPDATE_IN_PROGRESS",
                "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
                "UPDATE_COMPLETE"
            ]
        );
    }

    #[test]
    fn a_single_event_is_seen_and_no_event_is_no_step() {
        assert_eq!(
            spread(
                &recorded(&[(true, "DELETE_COMPLETE")]),
                Duration::ZERO,
                Duration::ZERO
            )
            .len(),
            1
        );
        assert!(spread(&[], Duration::ZERO, Duration::from_secs(1)).is_empty());
    }

    #[test]
    fn what_is_released_late_is_spread_over_the_rest() {
        let events = recorded(&[(true, "UPDATE_COMPLETE")]);
        let (start, end) = (Duration::from_millis(900), Duration::from_secs(1));
        let steps = spread(&events, start, end);
        let times: Vec<Duration> = steps.iter().map(|step| step.after).collect();
        assert_eq!(times, [start, end]);
    }

    #[test]
    fn what_hangs_stays_in_progress() {
        let mut events = recorded(&[
            (true, "CREATE_IN_PROGRESS"),
            (false, "CREATE_IN_PROGRESS"),
            (false, "CREATE_COMPLETE"),
            (true, "CREATE_COMPLETE"),
        ]);
        assert!(hang_on(&mut events, "AWS::ECS::Cluster").is_empty());
        assert_eq!(hang_on(&mut events, "AWS::ECS::Service").len(), 2);
        assert_eq!(events.len(), 2);
    }
}
