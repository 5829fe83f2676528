//! What a stack's events tell of its last operation.

use aws_sdk_cloudformation::types::{ResourceStatus, StackEvent};
use jiff::Timestamp;

use super::timestamp;

/// The last operation of a stack, as far as the events reach.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LastOperation {
    /// When it began; absent where the events do not reach back that far.
    pub(crate) began: Option<Timestamp>,
    /// The resources that failed and why, in the order in which they did.
    pub(crate) failed: Vec<String>,
}

/// Reads the events, which come newest first. A rollback belongs to the operation that it takes
/// back: an operation begins where the stack itself is created, updated or deleted.
pub(crate) fn last_operation(events: &[StackEvent]) -> LastOperation {
    let mut last = LastOperation::default();
    for event in events {
        let is_stack = event.physical_resource_id() == event.stack_id();
        let status = event.resource_status();
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
    }

    #[test]
    fn an_operation_whose_beginning_is_not_told_has_none() {
        let events = [event("Service", ResourceStatus::DeleteFailed, "kept", 5)];
        let last = last_operation(&events);
        assert_eq!(last.failed, ["Service: kept"]);
        assert_eq!(last.began, None);
    }
}
