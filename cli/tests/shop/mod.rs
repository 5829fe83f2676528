//! A platform with some services of one team, each with an environment `prod`, whose
//! deployments end at the second look at them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::mock::{Asked, Mock, Reply};

/// What a failed deployment says.
pub(crate) const REASON: &str = "ECS gave the new tasks up.";

/// When everything begins.
const BEGAN: &str = "2026-01-02T03:04:05Z";

/// The platform's state.
#[derive(Default)]
struct Shop {
    /// The deployments of each service, newest last.
    deployments: BTreeMap<String, Vec<Value>>,
    /// Services whose new deployments fail.
    failing: Vec<String>,
    /// How often each deployment was looked at.
    looks: BTreeMap<String, u32>,
}

/// A platform where `names` run, and new deployments of `failing` fail.
pub(crate) fn shop(names: &[&str], failing: &[&str]) -> Mock {
    let mut shop = started(names, failing);
    Mock::new(move |asked| shop.answer(asked))
}

/// The same, where somebody pushes to `orders` once it was looked at so often.
pub(crate) fn pushed_to(after: u32) -> Mock {
    let mut shop = started(&["orders"], &[]);
    let mut looks = 0;
    Mock::new(move |asked| {
        if asked.path.ends_with("/services/orders") {
            looks += 1;
        }
        if looks == after {
            looks += 1;
            shop.begin(
                "orders",
                "webhook",
                "nginx:2",
                &json!({"trigger": {
                    "provider": "github", "delivery": "d", "reference": "main",
                    "commit": "1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e1a2b3c4d5e", "title": "Fix the cart",
                }}),
            );
        }
        shop.answer(asked)
    })
}

fn started(names: &[&str], failing: &[&str]) -> Shop {
    let mut shop = Shop::default();
    for name in names {
        shop.deployments.insert((*name).to_owned(), Vec::new());
        let id = shop.begin(name, "api", "nginx:1", &json!({}));
        shop.end(name, &id);
    }
    shop.failing = failing.iter().map(|name| (*name).to_owned()).collect();
    shop
}

impl Shop {
    fn begin(&mut self, name: &str, cause: &str, image: &str, rest: &Value) -> String {
        let number = self.deployments.values().map(Vec::len).sum::<usize>() + 1;
        let id = format!("01K{number:023}");
        let all = self.deployments.get_mut(name).unwrap();
        if let Some(last) = all.last_mut().filter(|last| last["outcome"].is_null()) {
            last["outcome"] = json!({"result": "superseded", "at": BEGAN});
        }
        let mut deployment = json!({
            "id": id, "service": name, "environment": "prod", "generation": all.len() + 1, "cause": cause,
            "actor": "me", "image": image, "created_at": BEGAN, "steps": [{"name": "accepted", "at": BEGAN}],
        });
        deployment
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        all.push(deployment);
        id
    }

    fn end(&mut self, name: &str, id: &str) {
        let at = "2026-01-02T03:04:09Z";
        let fails = self.failing.iter().any(|failing| failing == name);
        let all = self.deployments.get_mut(name).unwrap();
        let deployment = all.iter_mut().find(|it| it["id"] == id).unwrap();
        if !deployment["outcome"].is_null() {
            return;
        }
        if fails {
            deployment["outcome"] = json!({"result": "failed", "at": at, "reason": REASON});
            deployment["evidence"] = json!({"log": ["connection refused"]});
            return;
        }
        deployment["outcome"] = json!({"result": "succeeded", "at": at});
        let steps = deployment["steps"].as_array_mut().unwrap();
        steps.push(json!({"name": "ready", "at": at}));
    }

    fn service(&self, name: &str) -> Value {
        let all = &self.deployments[name];
        let stack = |phase: &str, message: &str| {
            json!({"phase": phase, "message": message, "conditions": [], "observed_generation": all.len(),
                "since": BEGAN, "url": format!("https://a.example/{name}")})
        };
        let newest = all.last().unwrap();
        let prod = match newest["outcome"]["result"].as_str() {
            None => stack("rolling-out", "ECS replaces tasks."),
            Some("failed") => stack("failed", REASON),
            Some(_) => stack("ready", "Runs with 2 of 2 tasks."),
        };
        json!({
            "name": name, "team": "shop", "generation": all.len(), "uid": super::UID, "created_at": BEGAN,
            "updated_at": BEGAN, "updated_by": "me", "deleting": false, "manifest": {"service": name},
            "service_stack": stack("ready", "M."),
            "environments": {"prod": {"path": format!("/{name}"), "image": newest["image"], "deployment": newest["id"], "stack": prod}},
        })
    }

    fn summaries(&self) -> Value {
        let running = self.deployments.keys().map(|name| {
            let stack = &self.service(name)["environments"]["prod"]["stack"];
            (name.as_str(), stack["phase"].clone())
        });
        let waiting = [("waits-yet", json!("waiting"))];
        let items: Vec<Value> = running
            .chain(waiting)
            .map(|(name, phase)| {
                json!({"name": name, "team": "shop", "generation": 1, "deleting": false,
                    "environments": {"prod": {"phase": phase, "message": "M."}}})
            })
            .collect();
        json!({ "items": items })
    }

    fn answer(&mut self, asked: &Asked) -> Reply {
        let path = asked.path.strip_prefix("/platform/v1/services").unwrap();
        let path = path.split('?').next().unwrap();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let name = parts.first().copied().unwrap_or_default().to_owned();
        if !name.is_empty() && !self.deployments.contains_key(&name) {
            let detail = format!("there is no service `{name}`");
            return Reply::problem(404, &json!({"title": "T", "status": 404, "detail": detail}));
        }
        match (asked.method.as_str(), parts.get(3..).unwrap_or_default()) {
            ("GET", []) if name.is_empty() => Reply::json(200, &self.summaries()),
            ("GET", []) if parts.len() == 1 => {
                Reply::json(200, &self.service(&name)).with("etag", "\"1-x\"")
            }
            ("GET", []) => Reply::json(200, &self.service(&name)["environments"]["prod"]),
            ("GET", ["deployments", id]) => {
                let looks = self.looks.entry((*id).to_owned()).or_default();
                *looks += 1;
                if *looks == 2 {
                    self.end(&name, id);
                }
                Reply::json(200, &self.deployment(&name, id))
            }
            ("POST", ["deployments"]) => {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let cause = if body["redeploy"] == true {
                    "redeploy"
                } else {
                    "deploy"
                };
                let image = body["image"].as_str().unwrap_or("nginx:1").to_owned();
                self.start(&name, cause, &image)
            }
            ("POST", ["rollback"] | ["deployments", _, "cancel"]) => {
                self.start(&name, "rollback", "nginx:1")
            }
            ("POST", ["deployments", id, "promote"]) => {
                Reply::json(202, &self.deployment(&name, id))
            }
            ("POST", ["rollback", "plan"]) => Reply::json(200, &plan("passed")),
            other => panic!("{other:?}"),
        }
    }

    fn start(&mut self, name: &str, cause: &str, image: &str) -> Reply {
        let id = self.begin(name, cause, image, &json!({}));
        let generation = self.deployments[name].len();
        let deployment = self.deployment(name, &id);
        Reply::json(
            202,
            &json!({"generation": generation, "deployment": deployment}),
        )
    }

    fn deployment(&self, name: &str, id: &str) -> Value {
        let found = self.deployments[name].iter().find(|it| it["id"] == id);
        found.unwrap().clone()
    }
}

/// A plan with one check that came to `verdict`, and an estimate.
pub(crate) fn plan(verdict: &str) -> Value {
    json!({
        "service": "orders", "action": "update", "obstacles": [],
        "stacks": {"p--orders--prod": {"summary": "is updated", "changes": [
            {"logical_id": "Task", "resource_type": "AWS::ECS::TaskDefinition", "action": "change"},
        ]}},
        "checks": [{"check": "image", "environment": "prod", "verdict": verdict, "message": "About `nginx:1`.", "pointer": "/image"}],
        "cost": {
            "monthly_usd": "36.04", "at_most_usd": "36.04", "difference_usd": "-1.50",
            "lines": [{"component": "Fargate vCPU", "stack": "p--orders--prod", "quantity": "730", "unit": "vCPU-hours",
                "monthly_usd": "36.04", "varies_with": "tasks", "assumption": "2 tasks at all hours"}],
            "prices_of": "us-east-1, 2026-11-01",
            "assumed": {"requests": 1_000_000, "log_mb": 500, "image_mb": 2000, "capacity_units": 1, "nat_gb": 0},
        },
    })
}
