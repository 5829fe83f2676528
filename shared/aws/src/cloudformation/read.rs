//! Looking at stacks and their change sets.

use aws_sdk_cloudformation::types::{
    ChangeSetStatus, ExecutionStatus, Stack, StackDriftInformation, StackDriftStatus,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{PortResult, StackReader};
use slipway_control::reconcile::observed::{ChangeSet, ObservedStack, Rollout};

use super::refusal::{is_no_change_set, is_no_stack};
use super::{CloudFormation, timestamp};
use crate::error::{port_error, unreadable};

impl StackReader for CloudFormation {
    async fn stack(&self, id_or_name: &str) -> PortResult<Option<ObservedStack>> {
        const CALL: &str = "cloudformation:DescribeStacks";
        match self
            .client
            .describe_stacks()
            .stack_name(id_or_name)
            .send()
            .await
        {
            Ok(answer) => answer.stacks().first().map(observed).transpose(),
            Err(error) if error.message().is_some_and(is_no_stack) => Ok(None),
            Err(error) => Err(port_error(CALL, error)),
        }
    }

    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>> {
        let call = self
            .client
            .describe_change_set()
            .stack_name(stack)
            .change_set_name(name)
            .send();
        match call.await {
            Ok(answer) => Ok(change_set(
                answer.status(),
                answer.execution_status(),
                answer.status_reason(),
            )),
            Err(error) if is_no_change_set(&error) => Ok(None),
            Err(error) => Err(port_error("cloudformation:DescribeChangeSet", error)),
        }
    }

    async fn rollout(&self, cluster: &str, service: &str) -> PortResult<Option<Rollout>> {
        self.ecs.rollout(cluster, service).await
    }
}

fn observed(stack: &Stack) -> PortResult<ObservedStack> {
    const CALL: &str = "cloudformation:DescribeStacks";
    let status = stack
        .stack_status()
        .ok_or_else(|| unreadable(CALL, "a stack without a status"))?;
    Ok(ObservedStack {
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: status
            .as_str()
            .parse()
            .map_err(|error| unreadable(CALL, format!("{error}")))?,
        outputs: stack
            .outputs()
            .iter()
            .filter_map(|output| {
                Some((
                    output.output_key()?.to_owned(),
                    output.output_value()?.to_owned(),
                ))
            })
            .collect(),
        drifted_at: stack.drift_information().and_then(drifted_at),
    })
}

/// When drift was found. CloudFormation tells the last check's time, and drift is known from
/// the last check only.
fn drifted_at(drift: &StackDriftInformation) -> Option<jiff::Timestamp> {
    match drift.stack_drift_status() {
        Some(StackDriftStatus::Drifted) => drift.last_check_timestamp().and_then(timestamp),
        _ => None,
    }
}

/// A change set has two statuses: how its making goes, and whether it can be executed.
fn change_set(
    status: Option<&ChangeSetStatus>,
    execution: Option<&ExecutionStatus>,
    reason: Option<&str>,
) -> Option<ChangeSet> {
    let because = |what: &str| {
        let reason = reason.unwrap_or("CloudFormation gives no reason");
        ChangeSet::Failed(format!("its change set {what}: {reason}"))
    };
    Some(match (status, execution) {
        (
            _,
            Some(
                ExecutionStatus::ExecuteInProgress
                | ExecutionStatus::ExecuteComplete
                | ExecutionStatus::ExecuteFailed,
            ),
        ) => ChangeSet::Executed,
        (Some(ChangeSetStatus::DeleteComplete), _) => return None,
        (Some(ChangeSetStatus::Failed), _) => ChangeSet::Failed(
            reason
                .unwrap_or("CloudFormation gives no reason")
                .to_owned(),
        ),
        (_, Some(ExecutionStatus::Obsolete)) => {
            because("was made for the stack as it was before another change")
        }
        (Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress), _) => {
            ChangeSet::Preparing
        }
        (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Available)) => {
            ChangeSet::Ready
        }
        (Some(ChangeSetStatus::CreateComplete), Some(ExecutionStatus::Unavailable)) => {
            because("is complete and cannot be executed")
        }
        (status, execution) => {
            let status = status.map_or("without a status", ChangeSetStatus::as_str);
            let execution = execution.map_or("unknown", ExecutionStatus::as_str);
            because(&format!("is {status}, its execution {execution}"))
        }
    })
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    fn seen(status: &str, execution: &str) -> Option<ChangeSet> {
        change_set(
            Some(&status.into()),
            Some(&execution.into()),
            Some("because"),
        )
    }

    #[test]
    fn a_change_set_is_ready_when_it_is_complete_and_available() {
        assert_eq!(seen("CREATE_COMPLETE", "AVAILABLE"), Some(ChangeSet::Ready));
        assert_eq!(
            seen("CREATE_IN_PROGRESS", "UNAVAILABLE"),
            Some(ChangeSet::Preparing)
        );
    }

    #[test]
    fn a_change_set_that_was_executed_says_so_however_that_went() {
        for execution in ["EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE", "EXECUTE_FAILED"] {
            assert_eq!(
                seen("CREATE_COMPLETE", execution),
                Some(ChangeSet::Executed)
            );
        }
    }

    #[test]
    fn a_change_set_that_cannot_be_executed_says_why() {
        assert_eq!(
            seen("FAILED", "UNAVAILABLE"),
            Some(ChangeSet::Failed("because".to_owned()))
        );
        for (status, execution, words) in [
            ("CREATE_COMPLETE", "OBSOLETE", "as it was before"),
            ("CREATE_COMPLETE", "UNAVAILABLE", "cannot be executed"),
            ("DELETE_FAILED", "AVAILABLE", "DELETE_FAILED"),
        ] {
            match seen(status, execution) {
                Some(ChangeSet::Failed(reason)) => {
                    assert!(reason.contains(words), "{reason}");
                    assert!(reason.ends_with(": because"), "{reason}");
                }
                other => panic!("{words}: {other:?}"),
            }
        }
        assert_eq!(seen("DELETE_COMPLETE", "AVAILABLE"), None);
    }

    #[test]
    fn drift_counts_only_where_the_last_check_found_it() {
        let checked = |status| {
            StackDriftInformation::builder()
                .stack_drift_status(status)
                .last_check_timestamp(DateTime::from_secs(1_700_000_000))
                .build()
        };
        let at = drifted_at(&checked(StackDriftStatus::Drifted)).expect("a time");
        assert_eq!(at.as_second(), 1_700_000_000);
        assert_eq!(drifted_at(&checked(StackDriftStatus::InSync)), None);
        assert_eq!(drifted_at(&checked(StackDriftStatus::NotChecked)), None);
    }
}
