//! Waiting until a change has arrived: every stack of a service is at its generation, and
//! nothing of it is under way any more.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use slipway_control::view::{EnvironmentView, ServiceView};
use slipway_domain::status::StackStatus;
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Evidence, Outcome, Phase, ServiceName,
};

use super::progress::{Look, ScopeLook};
use crate::client::{Client, ClientError};
use crate::output::deployments::brief;
use crate::output::time::between;

/// What to do about a failed deployment whose stack is still being removed: the platform
/// advises once that is done.
const AFTER_FAILURE: &str = "Put the cause right, then apply or deploy again.";

/// A change whose arrival is waited for.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) service: ServiceName,
    /// The generation that the change made.
    pub(crate) generation: u64,
    /// The one environment that matters; all, if none.
    pub(crate) environment: Option<EnvironmentName>,
    /// The deployment of it that was started: until it, or one that took its place, has ended,
    /// nothing has arrived. None where there may be none.
    pub(crate) deployment: Option<DeploymentId>,
    /// When the change was made, by the platform's clock.
    pub(crate) began: Timestamp,
}

/// Looks at the services of some changes.
#[derive(Debug)]
pub(crate) struct Settling {
    targets: Vec<Target>,
    /// Deployments that have ended, and so need no second look.
    ended: BTreeMap<DeploymentId, Deployment>,
}

impl Target {
    /// A deployment that was started.
    pub(crate) fn of(deployment: &Deployment) -> Self {
        Self {
            service: deployment.service.clone(),
            generation: deployment.generation,
            environment: Some(deployment.environment.clone()),
            deployment: Some(deployment.id),
            began: deployment.created_at,
        }
    }
}

impl Settling {
    pub(crate) fn new(targets: Vec<Target>) -> Self {
        Self {
            targets,
            ended: BTreeMap::new(),
        }
    }

    /// One look.
    pub(crate) fn look(&mut self, client: &Client) -> Result<Look, ClientError> {
        let mut look = Look::default();
        for target in self.targets.clone() {
            let Some(service) = client.find_service(&target.service)? else {
                look.scopes.insert(
                    target.service.to_string(),
                    lost("The service was deleted meanwhile."),
                );
                continue;
            };
            let mut service = service.value;
            if service.deleting {
                look.scopes.insert(
                    target.service.to_string(),
                    lost("The service is being deleted."),
                );
                continue;
            }
            let known = self.failures();
            let deployments = self.deployments(client, &target, &service)?;
            // Deployments were read after the service: what it says may be older than their end,
            // and lack what a person should do.
            if self.failures() > known
                && let Some(newer) = client.find_service(&target.service)?
            {
                service = newer.value;
            }
            look.scopes.extend(scopes(&target, &service, &deployments));
        }
        look.end = look.scopes.values().all(|scope| scope.settled);
        Ok(look)
    }

    /// The newest deployment that has ended.
    pub(crate) fn last_ended(&self) -> Option<&Deployment> {
        self.ended.last_key_value().map(|(_, ended)| ended)
    }

    /// How many deployments are known to have failed.
    fn failures(&self) -> usize {
        let failed = |it: &&Deployment| matches!(it.outcome, Some(Outcome::Failed { .. }));
        self.ended.values().filter(failed).count()
    }

    fn deployments(
        &mut self,
        client: &Client,
        target: &Target,
        service: &ServiceView,
    ) -> Result<BTreeMap<EnvironmentName, Deployment>, ClientError> {
        let mut found = BTreeMap::new();
        for (name, environment) in concerned(target, service) {
            let Some(id) = environment.deployment else {
                continue;
            };
            let deployment = match self.ended.get(&id) {
                Some(ended) => ended.clone(),
                None => client.deployment(&target.service, name, id)?,
            };
            if deployment.outcome.is_some() {
                self.ended.insert(id, deployment.clone());
            }
            found.insert(name.clone(), deployment);
        }
        Ok(found)
    }
}

fn concerned<'a>(
    target: &'a Target,
    service: &'a ServiceView,
) -> impl Iterator<Item = (&'a EnvironmentName, &'a EnvironmentView)> {
    service
        .environments
        .iter()
        .filter(|(name, _)| target.environment.as_ref().is_none_or(|only| only == *name))
}

/// What a look at a service shows: its own stack, where all of it matters, and environments.
fn scopes(
    target: &Target,
    service: &ServiceView,
    deployments: &BTreeMap<EnvironmentName, Deployment>,
) -> BTreeMap<String, ScopeLook> {
    let mut scopes = BTreeMap::new();
    if target.environment.is_none() {
        scopes.insert(
            service.name.to_string(),
            scope(target, &service.service_stack, None),
        );
    }
    for (name, environment) in concerned(target, service) {
        let deployment = deployments
            .get(name)
            .filter(|it| it.generation >= target.generation);
        let mut look = scope(target, &environment.stack, deployment);
        // An environment on its way out is waited for until it is gone.
        if environment.leaving && look.failure.is_none() {
            look.settled = false;
        }
        scopes.insert(format!("{}/{name}", service.name), look);
    }
    scopes
}

/// What a look at one stack shows, and at the newest deployment of it.
pub(super) fn scope(
    target: &Target,
    stack: &StackStatus,
    deployment: Option<&Deployment>,
) -> ScopeLook {
    let observed = stack.observed_generation >= target.generation;
    let outcome = deployment.and_then(|it| it.outcome.as_ref());
    let ended = target.deployment.is_none() || outcome.is_some();
    let arrived = observed && ended && stack.phase.is_settled();
    let failure = match outcome {
        Some(Outcome::Failed { reason, .. }) => Some(reason.clone()),
        Some(Outcome::Succeeded { .. } | Outcome::Superseded { .. }) | None => {
            (arrived && stack.phase == Phase::Failed).then(|| stack.message.clone())
        }
    };
    // What the stack says is left out where it is about the generation before, or older than
    // the deployment, which was read after it.
    let is_news = observed && (arrived || outcome.is_none());
    ScopeLook {
        phase: if observed {
            stack.phase
        } else {
            Phase::Pending
        },
        message: if is_news {
            stack.message.clone()
        } else {
            String::new()
        },
        steps: steps(target, deployment),
        url: stack
            .url
            .clone()
            .filter(|_| arrived && stack.phase == Phase::Ready),
        settled: arrived || failure.is_some(),
        evidence: deployment
            .filter(|_| failure.is_some())
            .map_or_else(Evidence::default, |it| it.evidence.clone()),
        advice: stack.advice.clone().filter(|_| observed).or_else(|| {
            matches!(outcome, Some(Outcome::Failed { .. })).then(|| AFTER_FAILURE.to_owned())
        }),
        failure,
        age: None,
    }
}

/// The steps of a deployment. One that took the place of the one that was started says so.
fn steps(target: &Target, deployment: Option<&Deployment>) -> Vec<(Duration, String)> {
    let Some(deployment) = deployment else {
        return Vec::new();
    };
    let took_over = target.deployment.is_some_and(|id| id != deployment.id);
    let newer = took_over.then(|| {
        let at = between(target.began, deployment.created_at);
        (at, format!("superseded by {}", brief(deployment)))
    });
    let own = deployment.steps.iter();
    let own = own.map(|step| (between(target.began, step.at), step.name.clone()));
    newer.into_iter().chain(own).collect()
}

pub(super) fn lost(message: &str) -> ScopeLook {
    ScopeLook {
        phase: Phase::Deleting,
        message: message.to_owned(),
        steps: Vec::new(),
        url: None,
        failure: Some(message.to_owned()),
        evidence: Evidence::default(),
        advice: None,
        settled: true,
        age: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn target(generation: u64) -> Target {
        let began = "2026-01-02T03:04:05Z".parse().unwrap();
        Target {
            service: "orders".parse().unwrap(),
            generation,
            environment: None,
            deployment: None,
            began,
        }
    }

    fn stack(phase: &str, observed: u64) -> Value {
        json!({"phase": phase, "message": "M.", "conditions": [], "observed_generation": observed,
            "since": "2026-01-02T03:04:05Z", "url": "https://a.example/orders"})
    }

    fn service(environments: &Value) -> ServiceView {
        serde_json::from_value(json!({
            "name": "orders", "team": "t", "generation": 2, "uid": "01JZZZZZZZZZZZZZZZZZZZZZZZ",
            "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "updated_by": "me",
            "deleting": false, "manifest": {"service": "orders"}, "service_stack": stack("ready", 2),
            "environments": environments,
        }))
        .unwrap()
    }

    fn prod(stack: &Value) -> Value {
        json!({"prod": {"path": "/orders", "stack": stack}})
    }

    fn settled(environments: &Value) -> bool {
        scopes(&target(2), &service(environments), &BTreeMap::new())["orders/prod"].settled
    }

    #[test]
    fn what_was_ready_before_the_change_is_not_what_is_waited_for() {
        assert!(!settled(&prod(&stack("ready", 1))));
        assert!(!settled(&prod(&stack("updating", 2))));
        assert!(settled(&prod(&stack("ready", 2))));
        assert!(settled(&prod(&stack("waiting", 3))));
    }

    #[test]
    fn an_environment_on_its_way_out_is_waited_for_until_it_is_gone() {
        assert!(!settled(
            &json!({"prod": {"leaving": true, "stack": stack("ready", 2)}})
        ));
        assert!(!settled(
            &json!({"prod": {"leaving": true, "stack": stack("deleting", 2)}})
        ));
        assert!(settled(
            &json!({"prod": {"leaving": true, "stack": stack("failed", 2)}})
        ));
    }

    #[test]
    fn a_failed_deployment_ends_the_waiting_with_its_reason() {
        let deployment: Deployment = serde_json::from_value(json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "service": "orders", "environment": "prod", "generation": 2,
            "cause": "api", "actor": "me", "image": "nginx:1", "created_at": "2026-01-02T03:04:05Z",
            "steps": [{"name": "accepted", "at": "2026-01-02T03:04:06.500Z"}],
            "outcome": {"result": "failed", "at": "2026-01-02T03:05:00Z", "reason": "No such image."},
            "evidence": {"tasks": ["CannotPullContainerError"]},
        }))
        .unwrap();
        let deployments = BTreeMap::from([("prod".parse().unwrap(), deployment)]);
        let looks = scopes(
            &target(2),
            &service(&prod(&stack("deleting", 2))),
            &deployments,
        );
        let look = &looks["orders/prod"];
        assert!(look.settled);
        assert_eq!(look.failure.as_deref(), Some("No such image."));
        assert_eq!(look.evidence.tasks, ["CannotPullContainerError"]);
        assert_eq!(look.advice.as_deref(), Some(AFTER_FAILURE));
        assert_eq!(look.steps[0].0, Duration::from_millis(1500));
        // An older generation's deployment says nothing about this one.
        let looks = scopes(
            &target(3),
            &service(&prod(&stack("deleting", 2))),
            &deployments,
        );
        assert!(!looks["orders/prod"].settled);
        assert!(looks["orders/prod"].steps.is_empty());
    }

    #[test]
    fn one_environment_may_be_all_that_matters() {
        let mut target = target(2);
        target.environment = Some("prod".parse().unwrap());
        let environments = json!({
            "prod": {"path": "/orders", "stack": stack("ready", 2)},
            "staging": {"path": "/staging/orders", "stack": stack("creating", 2)},
        });
        let looks = scopes(&target, &service(&environments), &BTreeMap::new());
        assert_eq!(looks.keys().collect::<Vec<_>>(), ["orders/prod"]);
    }

    fn made(id: &str, outcome: &Value) -> Deployment {
        let mut deployment = json!({
            "id": id, "service": "orders", "environment": "prod", "generation": 2, "cause": "redeploy", "actor": "me",
            "image": "nginx:1", "created_at": "2026-01-02T03:04:08Z",
            "steps": [{"name": "accepted", "at": "2026-01-02T03:04:08Z"}],
        });
        if !outcome.is_null() {
            deployment["outcome"] = outcome.clone();
        }
        serde_json::from_value(deployment).unwrap()
    }

    #[test]
    fn a_deployment_has_arrived_when_it_has_ended_and_not_while_the_same_generation_is_ready() {
        let id = "01K00000000000000000000001";
        let ready: StackStatus = serde_json::from_value(stack("ready", 2)).unwrap();
        let open = made(id, &Value::Null);
        let look = scope(&Target::of(&open), &ready, Some(&open));
        assert!(!look.settled && look.url.is_none());
        let done = json!({"result": "succeeded", "at": "2026-01-02T03:05:00Z"});
        let look = scope(&Target::of(&open), &ready, Some(&made(id, &done)));
        assert!(look.settled && look.url.is_some());
    }

    #[test]
    fn a_deployment_that_took_the_place_of_another_says_so_and_is_waited_for() {
        let first = made("01K00000000000000000000001", &Value::Null);
        let mut target = Target::of(&first);
        target.began = "2026-01-02T03:04:05Z".parse().unwrap();
        let updating: StackStatus = serde_json::from_value(stack("updating", 2)).unwrap();
        let newer = made("01K00000000000000000000002", &Value::Null);
        let look = scope(&target, &updating, Some(&newer));
        assert!(!look.settled);
        let steps: Vec<&str> = look.steps.iter().map(|(_, step)| step.as_str()).collect();
        assert_eq!(
            steps,
            [
                "superseded by nginx:1, generation 2; deployment 01K00000000000000000000002",
                "accepted"
            ]
        );
        assert_eq!(look.steps[0].0, Duration::from_secs(3));
    }
}
