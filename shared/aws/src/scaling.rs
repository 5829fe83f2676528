//! What scaling writes: the number of tasks, and the bounds of that number.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace, SuspendedState};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{BoundsWriter, PortResult, TaskWriter};
use slipway_scaling::{Bounds, Paused};

use crate::ecs::{Ecs, resource_id};
use crate::error::port_error;

/// What ECS says of a service that is gone, or about to be.
const GONE: [&str; 3] = [
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
];

impl TaskWriter for Ecs {
    async fn set_count(&self, cluster: &str, service: &str, desired: u32) -> PortResult<bool> {
        // A count and nothing else: any other property would begin a deployment.
        let answer = self
            .client
            .update_service()
            .cluster(cluster)
            .service(service)
            .desired_count(whole(desired))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => Ok(false),
            Err(error) => Err(port_error("ecs:UpdateService", error)),
        }
    }
}

impl BoundsWriter for Ecs {
    async fn set_bounds(
        &self,
        cluster: &str,
        service: &str,
        bounds: Option<Bounds>,
        paused: Option<Paused>,
    ) -> PortResult<()> {
        // What is not named stays as it is (API reference, RegisterScalableTarget).
        let suspended = paused.map(|paused| {
            SuspendedState::builder()
                .dynamic_scaling_out_suspended(paused.out)
                .dynamic_scaling_in_suspended(paused.inwards)
                .build()
        });
        self.scaling
            .register_scalable_target()
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(resource_id(cluster, service))
            .set_min_capacity(bounds.map(|bounds| whole(bounds.min)))
            .set_max_capacity(bounds.map(|bounds| whole(bounds.max)))
            .set_suspended_state(suspended)
            .send()
            .await
            .map_err(|error| port_error("application-autoscaling:RegisterScalableTarget", error))?;
        Ok(())
    }
}

fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_control::ports::LiveReader;

    use super::*;
    use crate::replay::{Asked, Replay, Reply};

    fn aws(asked: &Asked) -> Reply {
        match asked.operation.as_str() {
            "DescribeServices" => Reply::json(&json!({"services": [{
                "status": "ACTIVE",
                "desiredCount": 4,
                "runningCount": 3,
                "pendingCount": 1,
                "deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}],
            }]})),
            "DescribeScalableTargets" => Reply::json(&json!({"ScalableTargets": [{
                "ServiceNamespace": "ecs",
                "ResourceId": "service/c/s",
                "ScalableDimension": "ecs:service:DesiredCount",
                "MinCapacity": 2,
                "MaxCapacity": 9,
                "RoleARN": "arn:aws:iam::111122223333:role/aws-service-role/x",
                "CreationTime": 1_795_000_000,
                "SuspendedState": {
                    "DynamicScalingInSuspended": true,
                    "DynamicScalingOutSuspended": false,
                    "ScheduledScalingSuspended": false,
                },
            }]})),
            "UpdateService" if asked.body.contains("gone") => {
                Reply::refused("ServiceNotActiveException", "Service was not ACTIVE.")
            }
            "UpdateService" | "RegisterScalableTarget" => Reply::json(&json!({})),
            other => Reply::refused("UnknownOperation", other),
        }
    }

    #[tokio::test]
    async fn what_runs_is_two_calls_and_says_what_is_paused() {
        let replay = Replay::new(aws);
        let live = Ecs::new(&replay.config()).live("c", "s").await;
        let live = live.unwrap().unwrap();
        assert_eq!((live.desired, live.running, live.pending), (4, 3, 1));
        assert_eq!(live.bounds, Some((2, 9)));
        assert!(live.paused.inwards && !live.paused.out && !live.deploying);
        assert_eq!(replay.operations().len(), 2);
    }

    #[tokio::test]
    async fn the_count_is_all_that_is_set_and_a_service_that_is_gone_is_no_error() {
        let replay = Replay::new(aws);
        let ecs = Ecs::new(&replay.config());
        assert!(ecs.set_count("c", "s", 7).await.unwrap());
        assert_eq!(
            replay.asked()[0].json(),
            json!({"cluster": "c", "service": "s", "desiredCount": 7})
        );
        assert!(!ecs.set_count("c", "gone", 7).await.unwrap());
    }

    #[tokio::test]
    async fn bounds_and_pause_are_set_apart() {
        let replay = Replay::new(aws);
        let ecs = Ecs::new(&replay.config());
        let bounds = Some(Bounds { min: 3, max: 5 });
        ecs.set_bounds("arn:aws:ecs:r:1:cluster/c", "s", bounds, None)
            .await
            .unwrap();
        let paused = Some(Paused {
            out: false,
            inwards: true,
        });
        ecs.set_bounds("c", "s", None, paused).await.unwrap();
        let target = json!({
            "ServiceNamespace": "ecs",
            "ResourceId": "service/c/s",
            "ScalableDimension": "ecs:service:DesiredCount",
        });
        let with = |more: serde_json::Value| {
            let mut all = target.clone();
            let more = more.as_object().unwrap().clone();
            all.as_object_mut().unwrap().extend(more);
            all
        };
        let asked = replay.asked();
        assert_eq!(
            asked[0].json(),
            with(json!({"MinCapacity": 3, "MaxCapacity": 5}))
        );
        assert_eq!(
            asked[1].json(),
            with(json!({"SuspendedState": {
                "DynamicScalingInSuspended": true,
                "DynamicScalingOutSuspended": false,
            }}))
        );
    }
}
