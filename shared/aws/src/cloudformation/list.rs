//! All stacks of the account and region, and having them checked for drift.

use aws_sdk_cloudformation::types::{StackDriftStatus, StackStatus, StackSummary};
use slipway_control::ports::{ListedStack, Page, PortResult, StackLister};
use slipway_control::reconcile::observed::CloudFormationStatus;

use super::refusal::{is_checked_now, refused};
use super::{CloudFormation, timestamp};
use crate::error::port_error;

impl StackLister for CloudFormation {
    async fn stacks(&self, after: Option<&str>) -> PortResult<Page<ListedStack>> {
        let answer = self
            .client
            .list_stacks()
            .set_stack_status_filter(Some(existing()))
            .set_next_token(after.map(str::to_owned))
            .send()
            .await
            .map_err(|error| port_error("cloudformation:ListStacks", error))?;
        Ok(Page {
            items: answer.stack_summaries().iter().filter_map(listed).collect(),
            next: answer.next_token,
        })
    }

    async fn check_drift(&self, stack_id: &str) -> PortResult<()> {
        match self
            .client
            .detect_stack_drift()
            .stack_name(stack_id)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if is_checked_now(&error) => Ok(()),
            Err(error) => Err(refused("cloudformation:DetectStackDrift", error)),
        }
    }
}

/// The statuses of stacks that are there: without a filter, `ListStacks` names deleted stacks for
/// 90 days too.
pub(crate) fn existing() -> Vec<StackStatus> {
    CloudFormationStatus::ALL
        .iter()
        .filter(|(status, _)| *status != CloudFormationStatus::DeleteComplete)
        .map(|(_, name)| StackStatus::from(*name))
        .collect()
}

/// A stack of the listing. One of a status that is not known is left out: it is not in the
/// filter, and a stack of somebody else's must not hide all others.
fn listed(summary: &StackSummary) -> Option<ListedStack> {
    let drift = summary.drift_information();
    Some(ListedStack {
        id: summary.stack_id()?.to_owned(),
        name: summary.stack_name()?.to_owned(),
        status: summary.stack_status()?.as_str().parse().ok()?,
        checked_at: drift
            .and_then(|drift| drift.last_check_timestamp())
            .and_then(timestamp),
        drifted: drift.and_then(|drift| drift.stack_drift_status())
            == Some(&StackDriftStatus::Drifted),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::StackDriftInformationSummary;
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_listed_stack_tells_when_it_was_checked_and_what_was_found() {
        let summary = |status: &str| {
            StackSummary::builder()
                .stack_id("arn:1")
                .stack_name("p--orders--prod")
                .creation_time(DateTime::from_secs(1))
                .stack_status(status.into())
                .drift_information(
                    StackDriftInformationSummary::builder()
                        .stack_drift_status(StackDriftStatus::Drifted)
                        .last_check_timestamp(DateTime::from_secs(60))
                        .build(),
                )
                .build()
        };
        let stack = listed(&summary("UPDATE_COMPLETE")).expect("listed");
        assert_eq!(stack.name, "p--orders--prod");
        assert_eq!(stack.status, CloudFormationStatus::UpdateComplete);
        assert_eq!(stack.checked_at.map(jiff::Timestamp::as_second), Some(60));
        assert!(stack.drifted);
        assert_eq!(listed(&summary("SOMETHING_NEW")), None);
    }
}
