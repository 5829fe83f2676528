//! What is to be seen around a failure: failed resources, stopped tasks, unhealthy targets and
//! a failed task's last lines.
//!
//! Evidence helps people and decides nothing. What cannot be had is missing: a resource that is
//! gone, a call that is throttled or refused. So nothing here fails, and nothing takes long.

mod words;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client as StackClient;
use aws_sdk_cloudformation::types::StackResource;
use aws_sdk_cloudwatchlogs::Client as LogClient;
use aws_sdk_ecs::Client as TaskClient;
use aws_sdk_ecs::types::{DesiredStatus, Task};
use aws_sdk_elasticloadbalancingv2::Client as BalancingClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_domain::Evidence;

use self::words::Whose;
use crate::cloudformation::events::{LastOperation, last_operation};
use crate::config::with_less_patience;
use crate::error::port_error;

/// The names in the template of what is asked.
const CLUSTER: &str = "Cluster";
const SERVICE: &str = "Service";
const TASK_DEFINITION: &str = "TaskDefinition";
/// Of two, the one with the new tasks is whichever is without traffic.
const TARGET_GROUPS: [&str; 2] = ["TargetGroup", "AlternateTargetGroup"];
const LOG_GROUP: &str = "LogGroup";

/// Sees what is around a failure.
#[derive(Debug, Clone)]
pub(crate) struct Witness {
    stacks: StackClient,
    tasks: TaskClient,
    balancing: BalancingClient,
    logs: LogClient,
}

impl Witness {
    /// Over the services of one region, with less patience than other calls.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let config = with_less_patience(config);
        Self {
            stacks: StackClient::new(&config),
            tasks: TaskClient::new(&config),
            balancing: BalancingClient::new(&config),
            logs: LogClient::new(&config),
        }
    }

    /// What is to be seen around the failure of a stack.
    pub(crate) async fn evidence(&self, stack: &str) -> Evidence {
        let operation = self.operation(stack).await;
        let resources = self.resources(stack).await;
        let physical = |logical: &str| {
            resources
                .iter()
                .find(|resource| resource.logical_resource_id() == Some(logical))
                .and_then(|resource| resource.physical_resource_id())
        };
        let tasks = match words::whose(
            physical(CLUSTER),
            physical(SERVICE),
            physical(TASK_DEFINITION),
        ) {
            Some(whose) => words::failed(self.stopped(whose).await, operation.began),
            None => Vec::new(),
        };
        let mut targets = Vec::new();
        for group in TARGET_GROUPS.into_iter().filter_map(physical) {
            targets.extend(self.targets(group).await);
        }
        let log = match (physical(LOG_GROUP), words::stream(&tasks)) {
            (Some(group), Some(stream)) => self.last_lines(group, &stream).await,
            _ => Vec::new(),
        };
        Evidence {
            resources: operation.failed,
            tasks: words::of_tasks(&tasks),
            targets,
            log,
        }
        .bounded()
    }

    async fn operation(&self, stack: &str) -> LastOperation {
        let answer = self.stacks.describe_stack_events().stack_name(stack).send();
        seen("cloudformation:DescribeStackEvents", answer.await)
            .map(|answer| last_operation(answer.stack_events()))
            .unwrap_or_default()
    }

    async fn resources(&self, stack: &str) -> Vec<StackResource> {
        let answer = self
            .stacks
            .describe_stack_resources()
            .stack_name(stack)
            .send();
        seen("cloudformation:DescribeStackResources", answer.await)
            .and_then(|answer| answer.stack_resources)
            .unwrap_or_default()
    }

    /// The environment's tasks that stopped within the last hour: ECS forgets older ones. No
    /// service is named, which may be gone before its tasks are forgotten.
    async fn stopped(&self, whose: Whose<'_>) -> Vec<Task> {
        let Whose { cluster, family } = whose;
        let answer = self
            .tasks
            .list_tasks()
            .cluster(cluster)
            .set_family(family.map(ToOwned::to_owned))
            .desired_status(DesiredStatus::Stopped)
            .send();
        let tasks = seen("ecs:ListTasks", answer.await)
            .and_then(|answer| answer.task_arns)
            .unwrap_or_default();
        if tasks.is_empty() {
            return Vec::new();
        }
        // A page of one is what the other takes: 100 tasks.
        let answer = self
            .tasks
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(tasks))
            .send();
        seen("ecs:DescribeTasks", answer.await)
            .and_then(|answer| answer.tasks)
            .unwrap_or_default()
    }

    async fn targets(&self, group: &str) -> Vec<String> {
        let answer = self
            .balancing
            .describe_target_health()
            .target_group_arn(group)
            .send();
        seen("elasticloadbalancing:DescribeTargetHealth", answer.await)
            .map(|answer| words::of_targets(answer.target_health_descriptions()))
            .unwrap_or_default()
    }

    async fn last_lines(&self, group: &str, stream: &str) -> Vec<String> {
        let answer = self
            .logs
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .start_from_head(false)
            .limit(i32::try_from(Evidence::LINES).unwrap_or(i32::MAX))
            .send();
        seen("logs:GetLogEvents", answer.await)
            .map(|answer| words::of_log(answer.events()))
            .unwrap_or_default()
    }
}

/// An answer, or a line in the log that says why there is none.
fn seen<T, E>(operation: &'static str, answer: Result<T, SdkError<E, HttpResponse>>) -> Option<T>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Some(answer),
        // What is gone already is no wonder beside a rollback.
        Err(error) if error.code().is_some_and(|code| code.contains("NotFound")) => {
            tracing::debug!(operation, "no evidence: what was asked is gone");
            None
        }
        Err(error) => {
            let error = port_error(operation, error);
            tracing::warn!(operation, error = error.message, "no evidence");
            None
        }
    }
}
