//! What a stack's events tell of its last operation.

use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};
use jiff::Timestamp;

use super::timestamp;

/// The last operation of a stack, as far as the events reach.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LastOperation {
    /// When it began; absent where the events do not reach back that far.
    pub(crate) began: Option<Timestamp>,
    /// The token that it was begun with, where it had one.
    pub(crate) token: Option<String>,
    /// Whether the stack's newest event tells that it ended badly.
    pub(crate) ended_badly: bool,
    /// Whether the stack's newest event tells that it goes on.
    pub(crate) at_work: bool,
    /// The resources that failed and why, in the order in which they did.
    pub(crate) failed: Vec<String>,
}

/// Reads the events, which come newest first. A rollback belongs to the operation that it takes
/// back: an operation begins where the stack itself is created, updated or deleted.
pub(crate) fn last_operation(events: &[StackEvent]) -> LastOperation {
    let is_of_stack = |event: &StackEvent| event.physical_resource_id() == event.stack_id();
    let newest = events.iter().find(|event| is_of_stack(event));
    let mut last = LastOperation {
        at_work: newest.is_some_and(|event| is_at_work(event.resource_status())),
        ended_badly: newest.is_none_or(|event| is_bad_end(event.resource_status())),
        ..LastOperation::default()
    };
    for event in events {
        let is_stack = is_of_stack(event);
        let status = event.resource_status();
        // All events of an operation bear its token.
        if let Some(token) = event.client_request_token() {
            last.token = Some(token.to_owned());
        }
        if is_stack && begins(status) {
            last.began = event.timestamp().and_then(timestamp);
            break;
        }
        let reason = event.resource_status_reason().unwrap_or_default();
        // Resources that were cut short say only that another one failed.
        if fails(status) && !is_stack && !reason.contains("cancelled") {
            let id = event.logical_resource_id().unwrap_or_default();
            last.failed.push(format!("{id}: {reason}"));
        }
    }
    last.failed.reverse();
    last
}

fn begins(status: Option<&ResourceStatus>) -> bool {
    matches!(
        status,
        Some(
            ResourceStatus::CreateInProgress
                | ResourceStatus::UpdateInProgress
                | ResourceStatus::DeleteInProgress
        )
    )
}

fn is_at_work(status: Option<&ResourceStatus>) -> bool {
    status.is_some_and(|status| status.as_str().ends_with("_IN_PROGRESS"))
}

/// Of the stack itself: neither at work nor as it was to become.
fn is_bad_end(status: Option<&ResourceStatus>) -> bool {
    let ended = status.filter(|_| !is_at_work(status));
    ended.is_some_and(|status| {
        let went_well = [
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "DELETE_COMPLETE",
            "IMPORT_COMPLETE",
        ];
        !went_well.contains(&status.as_str())
    })
}

fn fails(status: Option<&ResourceStatus>) -> bool {
    matches!(
        status,
        Some(
            ResourceStatus::CreateFailed
                | ResourceStatus::UpdateFailed
                | ResourceStatus::DeleteFailed
        )
    )
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    const STACK: &str = "arn:stack";

    /// An event; of the stack itself where `id` is empty.
    fn event(id: &str, status: ResourceStatus, reason: &str, at: i64) -> StackEvent {
        StackEvent::builder()
            .stack_id(STACK)
            .event_id(format!("{id}{at}"))
            .stack_name("s")
            .logical_resource_id(if id.is_empty() { "s" } else { id })
            .physical_resource_id(if id.is_empty() { STACK } else { id })
            .resource_status(status)
            .resource_status_reason(reason)
            .client_request_token(if at < 4 { "before" } else { "ours" })
            .timestamp(DateTime::from_secs(at))
            .build()
    }

    #[test]
    fn the_last_operations_failures_are_told_in_their_order() {
        let events = [
            event("", ResourceStatus::UpdateRollbackComplete, "", 9),
            event("", ResourceStatus::UpdateRollbackInProgress, "", 8),
            event(
                "Route",
                ResourceStatus::UpdateFailed,
                "Resource update cancelled",
                7,
            ),
            event("Alarm", ResourceStatus::CreateFailed, "second", 6),
            event("Service", ResourceStatus::UpdateFailed, "first", 5),
            event("", ResourceStatus::UpdateInProgress, "User Initiated", 4),
            event("Service", ResourceStatus::UpdateFailed, "long ago", 3),
        ];
        let last = last_operation(&events);
        assert_eq!(last.failed, ["Service: first", "Alarm: second"]);
        assert_eq!(last.began.map(Timestamp::as_second), Some(4));
        assert_eq!(
            (last.token.as_deref(), last.ended_badly),
            (Some("ours"), true)
        );
        let being_taken_back = last_operation(&events[1..]);
        assert!(being_taken_back.at_work && !being_taken_back.ended_badly);
        let went_well = event("", ResourceStatus::UpdateComplete, "", 9);
        assert!(!last_operation(&[went_well]).ended_badly);
    }

    #[test]
    fn an_operation_whose_beginning_is_not_told_has_none() {
        let events = [event("Service", ResourceStatus::DeleteFailed, "kept", 5)];
        let last = last_operation(&events);
        assert_eq!(last.failed, ["Service: kept"]);
        assert_eq!(last.began, None);
    }
}
