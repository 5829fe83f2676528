//! Finding out what is wrong with a stack.

use aws_sdk_cloudformation::types::{
    ResourceStatus, StackResource, StackResourceDrift, StackResourceDriftStatus,
};
use slipway_control::ports::{PortResult, StackDoctor};
use slipway_control::reconcile::observed::{
    OperationFailure, PropertyDrift, ResourceDrift, StuckResource,
};
use slipway_domain::Evidence;

use super::CloudFormation;
use super::events::{LastOperation, last_operation};
use crate::error::port_error;

/// The most failed resources that a reason names.
const MAX_REASONS: usize = 3;

impl CloudFormation {
    async fn last_operation(&self, stack: &str) -> PortResult<LastOperation> {
        // The first page holds the newest 100 events or more, and so the end of an operation.
        let answer = self
            .client
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await
            .map_err(|error| port_error("cloudformation:DescribeStackEvents", error))?;
        Ok(last_operation(answer.stack_events()))
    }
}

impl StackDoctor for CloudFormation {
    async fn failure(&self, stack: &str) -> PortResult<Option<OperationFailure>> {
        let mut last = self.last_operation(stack).await?;
        last.failed.truncate(MAX_REASONS);
        let reason = (!last.failed.is_empty()).then(|| last.failed.join(" · "));
        let token = last.token;
        Ok(last
            .ended_badly
            .then_some(OperationFailure { token, reason }))
    }

    async fn at_work(&self, stack: &str) -> PortResult<Option<String>> {
        let last = self.last_operation(stack).await?;
        Ok(last.token.filter(|_| last.at_work))
    }

    async fn stuck(&self, stack: &str) -> PortResult<Vec<StuckResource>> {
        let answer = self
            .client
            .describe_stack_resources()
            .stack_name(stack)
            .send()
            .await
            .map_err(|error| port_error("cloudformation:DescribeStackResources", error))?;
        Ok(answer
            .stack_resources()
            .iter()
            .filter(|resource| resource.resource_status() == Some(&ResourceStatus::DeleteFailed))
            .map(stuck)
            .collect())
    }

    async fn drift(&self, stack: &str) -> PortResult<Vec<ResourceDrift>> {
        let mut pages = self
            .client
            .describe_stack_resource_drifts()
            .stack_name(stack)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Modified)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Deleted)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| port_error("cloudformation:DescribeStackResourceDrifts", error))?;
            found.extend(page.stack_resource_drifts().iter().map(drift));
        }
        Ok(found)
    }

    async fn evidence(&self, stack: &str) -> PortResult<Evidence> {
        Ok(self.witness.evidence(stack).await)
    }
}

fn stuck(resource: &StackResource) -> StuckResource {
    StuckResource {
        logical_id: owned(resource.logical_resource_id()),
        resource_type: owned(resource.resource_type()),
        physical_id: owned(resource.physical_resource_id()),
        reason: resource
            .resource_status_reason()
            .unwrap_or("CloudFormation gives no reason")
            .to_owned(),
    }
}

fn drift(resource: &StackResourceDrift) -> ResourceDrift {
    let differences = resource.property_differences().iter();
    ResourceDrift {
        logical_id: owned(resource.logical_resource_id()),
        resource_type: owned(resource.resource_type()),
        deleted: resource.stack_resource_drift_status() == Some(&StackResourceDriftStatus::Deleted),
        properties: differences
            .map(|difference| PropertyDrift {
                path: owned(difference.property_path()),
                expected: owned(difference.expected_value()),
                actual: owned(difference.actual_value()),
            })
            .collect(),
    }
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::PropertyDifference;
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_changed_resource_names_its_properties_and_a_deleted_one_only_itself() {
        let drifted = |status| {
            StackResourceDrift::builder()
                .stack_id("arn")
                .logical_resource_id("Service")
                .resource_type("AWS::ECS::Service")
                .stack_resource_drift_status(status)
                .timestamp(DateTime::from_secs(1))
        };
        let changed = drifted(StackResourceDriftStatus::Modified)
            .property_differences(
                PropertyDifference::builder()
                    .property_path("/HealthCheckGracePeriodSeconds")
                    .expected_value("120")
                    .actual_value("0")
                    .difference_type("NOT_EQUAL".into())
                    .build(),
            )
            .build();
        let changed = drift(&changed);
        assert!(!changed.deleted);
        assert_eq!(
            changed.properties,
            [PropertyDrift {
                path: "/HealthCheckGracePeriodSeconds".to_owned(),
                expected: "120".to_owned(),
                actual: "0".to_owned(),
            }]
        );
        let deleted = drift(&drifted(StackResourceDriftStatus::Deleted).build());
        assert!(deleted.deleted);
        assert_eq!(deleted.properties, []);
    }
}
