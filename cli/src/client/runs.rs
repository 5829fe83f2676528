//! Calls about runs of jobs.

use http::Method;
use slipway_control::runs::RunView;
use slipway_control::view::PageView;
use slipway_domain::{EnvironmentName, ServiceName};

use super::{Call, Client, Result, paged};

impl Client {
    /// A page of a job's runs, newest first.
    pub fn runs(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<PageView<RunView>> {
        let call = Call::get(of(name, environment));
        self.send(&paged(call, cursor, limit))?.read()
    }

    /// One run of a job.
    pub fn run(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: &str,
    ) -> Result<RunView> {
        self.get(&format!("{}/{id}", of(name, environment)))
    }

    /// Ends a run of a job that is under way.
    pub fn cancel_run(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: &str,
    ) -> Result<RunView> {
        let call = Call::new(
            Method::POST,
            format!("{}/{id}/cancel", of(name, environment)),
        );
        self.send(&call)?.read()
    }

    /// Starts a run of a job.
    pub fn start_run(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        key: &str,
    ) -> Result<RunView> {
        let call = Call::new(Method::POST, of(name, environment));
        self.send(&call.text_header("idempotency-key", key)?)?
            .read()
    }
}

fn of(name: &ServiceName, environment: &EnvironmentName) -> String {
    format!("/services/{name}/environments/{environment}/runs")
}
