//! ECS services, and the bounds that Application Auto Scaling holds for them.

use aws_config::SdkConfig;
use aws_sdk_applicationautoscaling::Client as ScalingClient;
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget, ServiceNamespace, SuspendedState,
};
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, DeploymentStrategy, Service};
use aws_sdk_elasticloadbalancingv2::Client as BalancingClient;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{Live, LiveReader, PortResult};
use slipway_control::reconcile::observed::{Rollout, RolloutState};
use slipway_scaling::Paused;

use crate::error::port_error;

/// Reads ECS services.
#[derive(Debug, Clone)]
pub struct Ecs {
    pub(crate) client: Client,
    pub(crate) scaling: ScalingClient,
    pub(crate) balancing: BalancingClient,
}

impl Ecs {
    /// Over ECS, Application Auto Scaling and the load balancers in front of services.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            scaling: ScalingClient::new(config),
            balancing: BalancingClient::new(config),
        }
    }

    async fn service(&self, cluster: &str, service: &str) -> PortResult<Option<Service>> {
        let answer = self
            .client
            .describe_services()
            .cluster(cluster)
            .services(service)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            // With its cluster a service is gone too.
            Err(error) if error.code() == Some("ClusterNotFoundException") => return Ok(None),
            Err(error) => return Err(port_error("ecs:DescribeServices", error)),
        };
        // A service that was deleted is shown as INACTIVE for a while.
        Ok(answer
            .services
            .into_iter()
            .flatten()
            .find(|service| service.status() != Some("INACTIVE")))
    }

    async fn target(&self, cluster: &str, service: &str) -> PortResult<Option<ScalableTarget>> {
        let answer = self
            .scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_ids(resource_id(cluster, service))
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .send()
            .await
            .map_err(|error| {
                port_error("application-autoscaling:DescribeScalableTargets", error)
            })?;
        Ok(answer
            .scalable_targets
            .and_then(|targets| targets.into_iter().next()))
    }

    /// What ECS says of the service's deployments.
    pub(crate) async fn rollout(
        &self,
        cluster: &str,
        service: &str,
    ) -> PortResult<Option<Rollout>> {
        Ok(self
            .service(cluster, service)
            .await?
            .as_ref()
            .and_then(rollout_of))
    }
}

impl LiveReader for Ecs {
    async fn live(&self, cluster: &str, service: &str) -> PortResult<Option<Live>> {
        let (found, target) = tokio::try_join!(
            self.service(cluster, service),
            self.target(cluster, service)
        )?;
        Ok(found.map(|found| Live {
            desired: count(found.desired_count()),
            running: count(found.running_count()),
            pending: count(found.pending_count()),
            bounds: target.as_ref().map(bounds_of),
            paused: target.as_ref().map(paused_of).unwrap_or_default(),
            deploying: is_deploying(&found),
        }))
    }
}

/// The bounds of a scalable target.
fn bounds_of(target: &ScalableTarget) -> (u32, u32) {
    (count(target.min_capacity()), count(target.max_capacity()))
}

/// What of a scalable target is suspended. Suspended scheduled actions are no pause: there are
/// none.
fn paused_of(target: &ScalableTarget) -> Paused {
    let suspended = target.suspended_state();
    let is = |part: Option<bool>| part.unwrap_or_default();
    Paused {
        out: is(suspended.and_then(SuspendedState::dynamic_scaling_out_suspended)),
        inwards: is(suspended.and_then(SuspendedState::dynamic_scaling_in_suspended)),
    }
}

/// Whether a deployment runs. A change of the count alone leaves the rollout COMPLETED.
fn is_deploying(service: &Service) -> bool {
    let in_progress =
        |it: &Deployment| it.rollout_state() == Some(&DeploymentRolloutState::InProgress);
    service.deployments().len() > 1 || service.deployments().iter().any(in_progress)
}

fn rollout_of(service: &Service) -> Option<Rollout> {
    let primary = service
        .deployments()
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"))?;
    Some(Rollout {
        task_definition: primary.task_definition().unwrap_or_default().to_owned(),
        state: state_of(service, primary),
        reason: primary
            .rollout_state_reason()
            .unwrap_or("no reason given")
            .to_owned(),
        tasks: (
            count(primary.running_count()),
            count(primary.desired_count()),
        ),
        failed_tasks: count(primary.failed_tasks()),
    })
}

fn state_of(service: &Service, primary: &Deployment) -> RolloutState {
    let alone = service.deployments().len() == 1;
    match primary.rollout_state() {
        // Where traffic moves, old tasks run on beside the new ones until they have baked.
        Some(DeploymentRolloutState::Completed) if alone || !shifts(service) => {
            RolloutState::Completed
        }
        Some(DeploymentRolloutState::Completed | DeploymentRolloutState::InProgress) => {
            RolloutState::InProgress
        }
        Some(DeploymentRolloutState::Failed) => RolloutState::Failed,
        // Without a rollout state (ECS promises one for rolling deployments only), the counts tell.
        _ if alone && primary.running_count() == primary.desired_count() => RolloutState::Completed,
        _ => RolloutState::InProgress,
    }
}

/// Whether the service's strategy moves traffic between target groups.
fn shifts(service: &Service) -> bool {
    let configuration = service.deployment_configuration();
    let strategy = configuration.and_then(|it| it.strategy());
    strategy.is_some_and(|it| *it != DeploymentStrategy::Rolling)
}

/// The name of a service's scalable target.
pub(crate) fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{}/{service}", name_of(cluster))
}

/// A cluster's name, of its name or ARN.
fn name_of(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::DeploymentConfiguration;

    use super::*;

    fn deployment(status: &str, rollout: Option<DeploymentRolloutState>) -> Deployment {
        Deployment::builder()
            .status(status)
            .task_definition("td:2")
            .set_rollout_state(rollout)
            .desired_count(2)
            .running_count(2)
            .build()
    }

    fn state(strategy: DeploymentStrategy, deployments: Vec<Deployment>) -> RolloutState {
        let configuration = DeploymentConfiguration::builder().strategy(strategy);
        let service = Service::builder()
            .deployment_configuration(configuration.build())
            .set_deployments(Some(deployments))
            .build();
        rollout_of(&service).expect("a primary deployment").state
    }

    #[test]
    fn what_bakes_is_in_progress_until_the_old_tasks_are_gone() {
        let primary = deployment("PRIMARY", Some(DeploymentRolloutState::Completed));
        let both = vec![primary.clone(), deployment("ACTIVE", None)];
        assert_eq!(
            state(DeploymentStrategy::BlueGreen, both.clone()),
            RolloutState::InProgress
        );
        assert_eq!(
            state(DeploymentStrategy::Canary, vec![primary]),
            RolloutState::Completed
        );
        assert_eq!(
            state(DeploymentStrategy::Rolling, both),
            RolloutState::Completed
        );
    }

    #[test]
    fn without_a_rollout_state_the_counts_tell() {
        let primary = deployment("PRIMARY", None);
        assert_eq!(
            state(DeploymentStrategy::Linear, vec![primary.clone()]),
            RolloutState::Completed
        );
        let both = vec![primary, deployment("ACTIVE", None)];
        assert_eq!(
            state(DeploymentStrategy::Linear, both),
            RolloutState::InProgress
        );
    }
}
