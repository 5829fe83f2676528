//! Deployments that move traffic: where it is, and letting one go on.

use std::future::Future;

use slipway_synth::Weights;

use super::PortResult;

/// A rule over two target groups, by their ARNs: the outputs `ListenerRule`, `TargetGroup` and
/// `AlternateTargetGroup` of an environment's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficRule<'a> {
    /// The listener rule.
    pub rule: &'a str,
    /// The first target group.
    pub first: &'a str,
    /// The group that takes turns with it.
    pub second: &'a str,
}

/// Looks where traffic goes, and whether it waits to go there.
pub trait TrafficReader: Send + Sync {
    /// The live weights of the rule; nothing when it is not there, or sends traffic elsewhere
    /// than to these two groups.
    fn weights(
        &self,
        rule: TrafficRule<'_>,
    ) -> impl Future<Output = PortResult<Option<Weights>>> + Send;

    /// Whether a deployment of the service waits to be promoted before it gets traffic.
    fn awaits_promotion(
        &self,
        cluster: &str,
        service: &str,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Steers deployments of ECS services.
pub trait DeploymentSteerer: Send + Sync {
    /// Lets the deployment that waits for it go on. False, and nothing done, when none waits.
    fn promote(
        &self,
        cluster: &str,
        service: &str,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}
