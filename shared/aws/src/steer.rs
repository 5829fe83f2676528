//! ECS's service deployments: letting one go on that waits.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookAction, DeploymentLifecycleHookDetail, DeploymentLifecycleHookStatus,
    DeploymentLifecycleHookTargetType, ServiceDeployment, ServiceDeploymentStatus,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{DeploymentSteerer, PortResult};

use crate::ecs::Ecs;
use crate::error::port_error;

/// Errors that say that there is no such service any more, or no such deployment.
const GONE: [&str; 4] = [
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "ServiceDeploymentNotFoundException",
];

impl DeploymentSteerer for Ecs {
    async fn promote(&self, cluster: &str, service: &str) -> PortResult<bool> {
        let Some((arn, hook)) = self.pause(cluster, service).await? else {
            return Ok(false);
        };
        let call = self
            .client
            .continue_service_deployment()
            .service_deployment_arn(&arn)
            .hook_id(hook)
            .action(DeploymentLifecycleHookAction::Continue)
            .send();
        match call.await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(error.code()) => Ok(false),
            Err(error) => Err(port_error("ecs:ContinueServiceDeployment", error)),
        }
    }
}

impl Ecs {
    /// The service's deployment that waits for somebody, with the id of the hook at which it does.
    pub(crate) async fn pause(
        &self,
        cluster: &str,
        service: &str,
    ) -> PortResult<Option<(String, String)>> {
        let Some(arn) = self.under_way(cluster, service).await? else {
            return Ok(None);
        };
        let call = self
            .client
            .describe_service_deployments()
            .service_deployment_arns(&arn)
            .send();
        let answer = match call.await {
            Ok(answer) => answer,
            Err(error) if is_gone(error.code()) => return Ok(None),
            Err(error) => return Err(port_error("ecs:DescribeServiceDeployments", error)),
        };
        let hook = answer.service_deployments().iter().find_map(awaited);
        Ok(hook.map(|hook| (arn, hook)))
    }

    /// The service's deployment that is under way: a service has one at a time.
    async fn under_way(&self, cluster: &str, service: &str) -> PortResult<Option<String>> {
        let call = self
            .client
            .list_service_deployments()
            .cluster(cluster)
            .service(service)
            .status(ServiceDeploymentStatus::Pending)
            .status(ServiceDeploymentStatus::InProgress)
            .send();
        match call.await {
            Ok(answer) => Ok(answer
                .service_deployments()
                .first()
                .and_then(|it| it.service_deployment_arn().map(str::to_owned))),
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(port_error("ecs:ListServiceDeployments", error)),
        }
    }
}

fn is_gone(code: Option<&str>) -> bool {
    code.is_some_and(|code| GONE.contains(&code))
}

/// The id of the hook at which the deployment waits for somebody.
fn awaited(deployment: &ServiceDeployment) -> Option<String> {
    let waits = |hook: &&DeploymentLifecycleHookDetail| {
        hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
    };
    let mut hooks = deployment.lifecycle_hook_details().iter();
    let hook = hooks.find(waits)?;
    hook.hook_id().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(
        id: &str,
        kind: DeploymentLifecycleHookTargetType,
        status: DeploymentLifecycleHookStatus,
    ) -> DeploymentLifecycleHookDetail {
        DeploymentLifecycleHookDetail::builder()
            .hook_id(id)
            .target_type(kind)
            .status(status)
            .build()
    }

    #[test]
    fn only_a_pause_that_waits_is_promoted() {
        use DeploymentLifecycleHookStatus::{AwaitingAction, Succeeded};
        use DeploymentLifecycleHookTargetType::{AwsLambda, Pause};
        let of = |hooks: Vec<DeploymentLifecycleHookDetail>| {
            let deployment = ServiceDeployment::builder().set_lifecycle_hook_details(Some(hooks));
            awaited(&deployment.build())
        };
        assert_eq!(of(Vec::new()), None);
        assert_eq!(
            of(vec![
                hook("over", Pause, Succeeded),
                hook("theirs", AwsLambda, AwaitingAction),
            ]),
            None
        );
        assert_eq!(
            of(vec![
                hook("over", Pause, Succeeded),
                hook("now", Pause, AwaitingAction),
            ]),
            Some("now".to_owned())
        );
    }
}
