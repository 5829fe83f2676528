//! What lets a service sleep and wakes it.

use std::future::Future;

use slipway_domain::{EnvironmentName, PlatformName, ServiceName};

use super::PortResult;

/// Whose target group it is, by its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The platform.
    pub platform: PlatformName,
    /// The service.
    pub service: ServiceName,
    /// Its environment.
    pub environment: EnvironmentName,
}

/// The way that leads to the waker instead of a service: a rule of the service's own listener,
/// outside its stack. Each is harmless when repeated.
pub trait WakeRules: Send + Sync {
    /// Sends everything that a listener hears to a target group, the waker's. The rule bears the
    /// tag of its platform. False when one of them is not there.
    fn put_wake_rule(
        &self,
        listener: &str,
        group: &str,
        platform: &PlatformName,
    ) -> impl Future<Output = PortResult<bool>> + Send;

    /// Takes that rule away, if it is there.
    fn remove_wake_rule(&self, listener: &str) -> impl Future<Output = PortResult<()>> + Send;

    /// Whether a target of these groups is healthy.
    fn is_answered(&self, groups: &[String]) -> impl Future<Output = PortResult<bool>> + Send;

    /// Whose target group this is; nothing for one that is nobody's.
    fn owner(&self, group: &str) -> impl Future<Output = PortResult<Option<Owner>>> + Send;
}

/// Asks a queue itself: its metrics are silent for a queue that was idle for hours, and some
/// minutes late after that.
pub trait QueueReader: Send + Sync {
    /// How many messages wait in the queue of this name; nothing when it is not there.
    fn waiting(&self, queue: &str) -> impl Future<Output = PortResult<Option<u64>>> + Send;
}
