//! What there is to scale, from what the registry knows of it.

use slipway_domain::manifest::Settings;
use slipway_domain::scaling::{Queue, ScaledBy, Scaling};
use slipway_domain::status::StackStatus;
use slipway_domain::{EnvironmentName, Phase, Platform, PlatformName, Scope};
use slipway_scaling::Bounds;

use super::HandsOff;
use crate::record::{ServiceState, StackRecord};

/// An environment that is the scaler's.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Site {
    /// Its cluster's name.
    pub(super) cluster: String,
    /// The name of its ECS service.
    pub(super) service: String,
    /// Its load balancer, if it has one whose name is known.
    pub(super) balancer: Option<Balancer>,
    /// What leads to it, if it has a load balancer.
    pub(super) way: Option<Way>,
    /// The manifest's policy.
    pub(super) policy: Scaling,
    /// The generation that its stack was last brought to.
    pub(super) generation: u64,
    /// Whether its stack is being changed.
    pub(super) changes: bool,
    /// Whether AWS scales it by the newest manifest, and whether that holds by now.
    pub(super) is_tracked: bool,
    pub(super) is_newest: bool,
}

/// A load balancer, as the dimensions of its metrics name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Balancer {
    /// Such as `app/NAME/ID`.
    pub(super) name: String,
    /// The target groups that take turns, such as `targetgroup/NAME/ID`.
    pub(super) groups: Vec<String>,
    /// Whether other services are behind it, too: then only its groups are this one's.
    pub(super) is_shared: bool,
}

/// What leads to a service, by ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// Its listener.
    pub(super) listener: String,
    /// The target groups that its tasks are in.
    pub(super) groups: Vec<String>,
    /// The target group of the waker, if the service may sleep.
    pub(super) waker: Option<String>,
    /// The platform, whose tag the rule bears that leads there.
    pub(super) platform: PlatformName,
}

/// Why there is nothing to scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSite {
    /// It is not the scaler's.
    HandsOff(HandsOff),
    /// It was never ready, and is on its way to be.
    OnItsWay,
}

pub(super) fn site(
    state: &ServiceState,
    environment: &EnvironmentName,
    platform: &Platform,
) -> Result<Site, NoSite> {
    let hands_off = |why| Err(NoSite::HandsOff(why));
    let scope = Scope::Environment(environment.clone());
    let manifest = &state.service.manifest;
    let effective = manifest.effective(environment, &platform.environment);
    let (Some(stack), Some(effective)) = (state.stacks.get(&scope), effective) else {
        return hands_off(HandsOff::Gone);
    };
    if state.service.deleting || stack.status.phase == Phase::Deleting {
        return hands_off(HandsOff::Gone);
    }
    let policy = policy(&effective.settings, &stack.status);
    let Some(settled) = &stack.progress.settled else {
        return Err(never_ready(stack));
    };
    let output = |name: &str| stack.status.outputs.get(name).cloned();
    let (Some(cluster), Some(service)) = (output("Cluster"), output("ServiceName")) else {
        return hands_off(HandsOff::Incomplete);
    };
    Ok(Site {
        cluster,
        service,
        balancer: balancer(&stack.status),
        way: way(&stack.status, platform),
        is_tracked: match policy.by {
            ScaledBy::TargetTracking => true,
            ScaledBy::Alarms => false,
        },
        is_newest: settled.generation == state.service.generation,
        policy,
        generation: settled.generation,
        changes: is_changing(stack.status.phase),
    })
}

/// The manifest's policy; a queue that was made for the service has the name that its stack says.
pub(crate) fn policy(settings: &Settings, status: &StackStatus) -> Scaling {
    let mut policy = settings.scaling.clone();
    if settings.kind.has_own_queue() {
        let name = status.outputs.get(slipway_synth::QUEUE_OUTPUT).cloned();
        let delay = settings.queue.delay;
        policy.queue = name.map(|name| Queue { name, delay });
    }
    policy
}

/// Whether tasks may come and go for other reasons than their number.
fn is_changing(phase: Phase) -> bool {
    match phase {
        Phase::Creating | Phase::Updating | Phase::RollingOut | Phase::Deleting => true,
        Phase::Pending | Phase::Waiting | Phase::Ready | Phase::Failed => false,
    }
}

fn never_ready(stack: &StackRecord) -> NoSite {
    match stack.status.phase {
        Phase::Creating | Phase::Updating | Phase::RollingOut | Phase::Ready => NoSite::OnItsWay,
        Phase::Pending | Phase::Waiting | Phase::Failed | Phase::Deleting => {
            NoSite::HandsOff(HandsOff::NeverReady)
        }
    }
}

fn balancer(status: &StackStatus) -> Option<Balancer> {
    let output = |name: &str| status.outputs.get(name);
    let groups = ["TargetGroup", "AlternateTargetGroup"];
    // Of an ARN such as `arn:aws:elasticloadbalancing:R:A:targetgroup/NAME/ID`.
    let groups = groups.iter().filter_map(|name| output(name));
    let groups = groups.filter_map(|arn| arn.rsplit(':').next());
    let name = output("LoadBalancerName")?.clone();
    // A load balancer of the stack's own has its address among the outputs.
    let is_own = output("LoadBalancer").is_some();
    Some(Balancer {
        is_shared: !is_own,
        name,
        groups: groups.map(str::to_owned).collect(),
    })
}

fn way(status: &StackStatus, platform: &Platform) -> Option<Way> {
    let output = |name: &str| status.outputs.get(name).cloned();
    let groups = ["TargetGroup", "AlternateTargetGroup"];
    Some(Way {
        listener: output("Listener")?,
        groups: groups.iter().filter_map(|name| output(name)).collect(),
        waker: output(slipway_synth::WAKE_TARGET_GROUP),
        platform: platform.name.clone(),
    })
}

impl Site {
    /// The manifest's own bounds.
    pub(super) fn own_bounds(&self) -> Bounds {
        Bounds {
            min: self.policy.min,
            max: self.policy.max,
        }
    }

    /// Whether somebody would wake it: whoever its load balancer calls, or, where it has none, the
    /// look at its queue each minute. None sleeps otherwise.
    pub(super) fn can_be_woken(&self) -> bool {
        match &self.way {
            Some(way) => way.waker.is_some(),
            None => self.policy.queue.is_some(),
        }
    }

    /// Whether an alarm over metrics of these dimensions is about this environment. No alarm at
    /// all needs no proof.
    pub(super) fn is_measured_by(&self, measures: &[Vec<(String, String)>]) -> bool {
        measures.is_empty() || measures.iter().any(|it| self.has(it))
    }

    fn has(&self, dimensions: &[(String, String)]) -> bool {
        let is_mine = |(name, value): &(String, String)| match name.as_str() {
            "ClusterName" => *value == self.cluster,
            "LoadBalancer" => self
                .balancer
                .as_ref()
                .is_some_and(|it| it.name == *value && !it.is_shared),
            "TargetGroup" => self
                .balancer
                .as_ref()
                .is_some_and(|it| it.groups.contains(value)),
            "QueueName" => self
                .policy
                .queue
                .as_ref()
                .is_some_and(|it| it.name == *value),
            _ => false,
        };
        let is_the_policys = || {
            self.policy.metrics.iter().any(|metric| {
                let theirs = dimensions.iter().cloned().collect();
                metric.dimensions == theirs
            })
        };
        dimensions.iter().any(is_mine) || is_the_policys()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_domain::Manifest;

    use super::*;

    #[test]
    fn a_workers_own_queue_has_the_name_that_its_stack_says() {
        let document = json!({"service": "a", "kind": "worker", "queue": {"delay": 30}});
        let settings = Manifest::read(&document).unwrap().settings;
        let mut status = StackStatus::new(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(policy(&settings, &status).queue, None);
        let name = "devops2-g4--a--prod-Queue-X";
        status
            .outputs
            .insert(slipway_synth::QUEUE_OUTPUT.to_owned(), name.to_owned());
        let queue = policy(&settings, &status).queue.unwrap();
        assert_eq!((queue.name.as_str(), queue.delay), (name, 30));
    }
}
