//! ECS services, and the bounds that Application Auto Scaling holds for them.

use aws_config::SdkConfig;
use aws_sdk_applicationautoscaling::Client as ScalingClient;
use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{Live, LiveReader, PortResult};
use slipway_control::reconcile::observed::{Rollout, RolloutState};

use crate::error::port_error;

/// Reads ECS services.
#[derive(Debug, Clone)]
pub struct Ecs {
    client: Client,
    scaling: ScalingClient,
}

impl Ecs {
    /// Over ECS and Application Auto Scaling.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            scaling: ScalingClient::new(config),
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

    async fn bounds(&self, cluster: &str, service: &str) -> PortResult<Option<(u32, u32)>> {
        let answer = self
            .scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .resource_ids(format!("service/{}/{service}", name_of(cluster)))
            .send()
            .await
            .map_err(|error| {
                port_error("application-autoscaling:DescribeScalableTargets", error)
            })?;
        Ok(answer
            .scalable_targets()
            .first()
            .map(|target| (count(target.min_capacity()), count(target.max_capacity()))))
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
        let Some(found) = self.service(cluster, service).await? else {
            return Ok(None);
        };
        Ok(Some(Live {
            desired: count(found.desired_count()),
            running: count(found.running_count()),
            pending: count(found.pending_count()),
            bounds: self.bounds(cluster, service).await?,
        }))
    }
}

fn rollout_of(service: &Service) -> Option<Rollout> {
    let primary = service
        .deployments()
        .iter()
        .find(|deployment| deployment.status() == Some("PRIMARY"))?;
    Some(Rollout {
        task_definition: primary.task_definition().unwrap_or_default().to_owned(),
        state: state_of(primary, service.deployments().len()),
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

fn state_of(primary: &Deployment, deployments: usize) -> RolloutState {
    match primary.rollout_state() {
        Some(DeploymentRolloutState::Completed) => RolloutState::Completed,
        Some(DeploymentRolloutState::Failed) => RolloutState::Failed,
        Some(DeploymentRolloutState::InProgress) => RolloutState::InProgress,
        // Without a rollout state (a deployment controller that has none), the counts tell.
        _ if deployments == 1 && primary.running_count() == primary.desired_count() => {
            RolloutState::Completed
        }
        _ => RolloutState::InProgress,
    }
}

/// A cluster's name, of its name or ARN.
fn name_of(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
