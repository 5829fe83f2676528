//! Calls about scaling: what is, what was decided, and steering it.
//!
//! Each of these changes may be sent twice: done again it is as it was.

use http::Method;
use serde_json::{Value, json};
use slipway_control::scaling::{Bounds, DecisionView, Paused, ScalingView};
use slipway_control::view::PageView;
use slipway_domain::{EnvironmentName, ServiceName};

use super::{Call, Client, Result, new_key, paged};

impl Client {
    /// How an environment is scaled, and where that stands.
    pub fn scaling(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<ScalingView> {
        self.get(&of(name, environment))
    }

    /// A page of the decisions of the last 30 days, newest first.
    pub fn decisions(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<PageView<DecisionView>> {
        let call = Call::get(format!("{}/decisions", of(name, environment)));
        self.send(&paged(call, cursor, limit))?.read()
    }

    /// Pauses the directions that are chosen.
    pub fn pause_scaling(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        chosen: Paused,
    ) -> Result<ScalingView> {
        let path = format!("{}/pause", of(name, environment));
        self.change(Method::POST, path, Some(&directions(chosen)))
    }

    /// Resumes the directions that are chosen.
    pub fn resume_scaling(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        chosen: Paused,
    ) -> Result<ScalingView> {
        let path = format!("{}/resume", of(name, environment));
        self.change(Method::POST, path, Some(&directions(chosen)))
    }

    /// Has other bounds than the manifest's hold for some minutes.
    pub fn hold_bounds(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        bounds: Bounds,
        minutes: u32,
    ) -> Result<ScalingView> {
        let path = format!("{}/bounds", of(name, environment));
        let body = json!({"min": bounds.min, "max": bounds.max, "minutes": minutes});
        self.change(Method::PUT, path, Some(&body))
    }

    /// Has the manifest's bounds come back now.
    pub fn release_bounds(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
    ) -> Result<ScalingView> {
        let path = format!("{}/bounds", of(name, environment));
        self.change(Method::DELETE, path, None)
    }

    /// Has so many tasks run from now on.
    pub fn set_count(
        &self,
        name: &ServiceName,
        environment: &EnvironmentName,
        count: u32,
    ) -> Result<ScalingView> {
        let path = format!("{}/count", of(name, environment));
        self.change(Method::POST, path, Some(&json!({ "count": count })))
    }

    fn change(&self, method: Method, path: String, body: Option<&Value>) -> Result<ScalingView> {
        let mut call = Call::new(method, path);
        if let Some(body) = body {
            call = call.json(body)?;
        }
        self.send(&call.text_header("idempotency-key", &new_key())?)?
            .read()
    }
}

fn of(name: &ServiceName, environment: &EnvironmentName) -> String {
    format!("/services/{name}/environments/{environment}/scaling")
}

fn directions(chosen: Paused) -> Value {
    json!({"out": chosen.out, "in": chosen.inwards})
}
