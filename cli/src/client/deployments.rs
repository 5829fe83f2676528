//! Calls about deployments: starting them in each way, steering them, reading them.

use http::Method;
use serde_json::{Value, json};
use slipway_control::view::{DeploymentStarted, PageView, PlanView};
use slipway_domain::{Artifact, Deployment, DeploymentId, EnvironmentName, ServiceName};

use super::{Call, Client, Result, new_key, paged};

impl Client {
    /// A page of an environment's deployments, newest first.
    pub fn deployments(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<PageView<Deployment>> {
        let call = Call::get(format!("{}/deployments", of(name, environment)));
        self.send(&paged(call, cursor, limit))?.read()
    }

    /// One deployment.
    pub fn deployment(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> Result<Deployment> {
        self.get(&format!("{}/deployments/{id}", of(name, environment)))
    }

    /// Starts a deployment of an image, or of an archive.
    pub fn deploy(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        artifact: &Artifact,
        key: &str,
    ) -> Result<DeploymentStarted> {
        let path = format!("{}/deployments", of(name, environment));
        self.start(path, &json!(artifact), key)
    }

    /// Starts a deployment of the same once more, with new tasks.
    pub fn redeploy(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        key: &str,
    ) -> Result<DeploymentStarted> {
        let path = format!("{}/deployments", of(name, environment));
        self.start(path, &json!({ "redeploy": true }), key)
    }

    /// Starts a deployment of an older generation, the last good one unless it is named.
    pub fn rollback(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        generation: Option<u64>,
        key: &str,
    ) -> Result<DeploymentStarted> {
        let path = format!("{}/rollback", of(name, environment));
        self.start(path, &back_to(generation), key)
    }

    /// What [`Self::rollback`] would change. Nothing is written.
    pub fn plan_rollback(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        generation: Option<u64>,
    ) -> Result<PlanView> {
        let path = format!("{}/rollback/plan", of(name, environment));
        self.start(path, &back_to(generation), &new_key())
    }

    /// Ends a deployment that is under way: gives the one that brings back what ran before.
    pub fn cancel(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
        key: &str,
    ) -> Result<DeploymentStarted> {
        self.steer(name, environment, (id, "cancel"), key)
    }

    /// Lets a deployment go on that waits for somebody to say so.
    pub fn promote(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
        key: &str,
    ) -> Result<Deployment> {
        self.steer(name, environment, (id, "promote"), key)
    }

    fn start<T: serde::de::DeserializeOwned>(
        &self,
        path: String,
        body: &Value,
        key: &str,
    ) -> Result<T> {
        let call = Call::new(Method::POST, path)
            .json(body)?
            .text_header("idempotency-key", key)?;
        self.send(&call)?.read()
    }

    fn steer<T: serde::de::DeserializeOwned>(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        (id, verb): (DeploymentId, &str),
        key: &str,
    ) -> Result<T> {
        let path = format!("{}/deployments/{id}/{verb}", of(name, environment));
        let call = Call::new(Method::POST, path).text_header("idempotency-key", key)?;
        self.send(&call)?.read()
    }
}

fn of(name: &ServiceName, environment: &EnvironmentName) -> String {
    format!("/services/{name}/environments/{environment}")
}

fn back_to(generation: Option<u64>) -> Value {
    generation.map_or_else(
        || json!({}),
        |generation| json!({ "generation": generation }),
    )
}
