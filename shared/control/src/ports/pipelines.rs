//! Starting a service's pipeline.

use std::future::Future;

use slipway_domain::{EnvironmentName, ServiceName, Trigger};

use super::PortResult;

/// Starts pipelines, which build what was pushed and deploy it through the API.
pub trait PipelineStarter: Send + Sync {
    /// Starts the pipeline of an environment at the commit of `trigger`; the run's id, or nothing
    /// where the service has no pipeline. The same delivery starts one run, however often it
    /// comes.
    fn start(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        trigger: &Trigger,
    ) -> impl Future<Output = PortResult<Option<String>>> + Send;
}

/// A platform without pipelines.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPipelines;

impl PipelineStarter for NoPipelines {
    async fn start(
        &self,
        _: &ServiceName,
        _: &EnvironmentName,
        _: &Trigger,
    ) -> PortResult<Option<String>> {
        Ok(None)
    }
}
