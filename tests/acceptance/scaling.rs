//! Scaling, end to end: metrics, alarm, event, decision, count, record; and back.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_domain::ServiceName;
use slipway_local_cloud::{Delivery, Metric};
use slipway_tests::local_platform::{LocalPlatform, SOON};
use slipway_tests::waiting::wait_for;

use crate::asking::{name, patch, prod, register};
use crate::calls::{count, count_since, told, total};

/// Until tasks are taken away again: the policy's cooldown, and a margin for slow machines.
const QUIET: Duration = Duration::from_mins(6);

/// A service that runs, as AWS knows it.
struct Scaled {
    service: ServiceName,
    outputs: BTreeMap<String, String>,
}

impl Scaled {
    fn new(platform: &LocalPlatform, service: &str, scaling: &Value) -> Result<Self> {
        let manifest = json!({"service": service, "image": "nginx:alpine", "scaling": scaling});
        register(&platform.client(), &manifest)?;
        let service = name(service);
        let view = platform.ready(&service)?;
        let outputs = view.environments[&prod()].stack.outputs.clone();
        Ok(Self { service, outputs })
    }

    fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }

    /// What `CloudWatch` says from now on: CPU, and a little of everything else, for an hour.
    fn measure(&self, platform: &LocalPlatform, cpu: &[f64], requests: f64) -> Result<()> {
        let ecs = [
            ("ClusterName", self.output("Cluster")),
            ("ServiceName", self.output("ServiceName")),
        ];
        let balancer = ("LoadBalancer", self.output("LoadBalancerName"));
        let group = ("TargetGroup", self.output("TargetGroupName"));
        let set = |namespace: &str, name: &str, dimensions: &[(&str, &str)], values: &[f64]| {
            let metric = Metric::new(namespace, name, dimensions);
            platform.block_on(platform.cloud().set_metric(&metric, 60, values))
        };
        let running = f64::from(self.tasks(platform)?);
        set(
            "AWS/ApplicationELB",
            "RequestCount",
            &[balancer],
            &[requests; 60],
        )?;
        set(
            "AWS/ApplicationELB",
            "HealthyHostCount",
            &[group, balancer],
            &[running; 60],
        )?;
        set(
            "AWS/ApplicationELB",
            "UnHealthyHostCount",
            &[group, balancer],
            &[0.0; 60],
        )?;
        set("AWS/ECS", "MemoryUtilization", &ecs, &[20.0; 60])?;
        // Last: the alarms of CPU speak when everything else is known.
        set("AWS/ECS", "CPUUtilization", &ecs, cpu)
    }

    /// How many tasks ECS is to run.
    fn tasks(&self, platform: &LocalPlatform) -> Result<u32> {
        let ask =
            json!({"cluster": self.output("Cluster"), "services": [self.output("ServiceName")]});
        let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
        let answer = platform.aws().json("ecs", target, &ask)?;
        let desired = answer["services"][0]["desiredCount"].as_u64();
        Ok(u32::try_from(desired.context("a service")?)?)
    }

    fn pause(&self, platform: &LocalPlatform, out: bool) -> Result<()> {
        let resource = format!(
            "service/{}/{}",
            self.output("Cluster"),
            self.output("ServiceName")
        );
        let ask = json!({
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": resource,
            "SuspendedState": {"DynamicScalingOutSuspended": out},
        });
        let target = "AnyScaleFrontendService.RegisterScalableTarget";
        platform
            .aws()
            .json("application-autoscaling", target, &ask)
            .map(drop)
    }

    /// The decisions that were kept, oldest first.
    fn decisions(&self, platform: &LocalPlatform) -> Result<Vec<Value>> {
        let of = format!("SERVICE#{}", self.service);
        let mut found = Vec::new();
        for ((pk, sk), item) in platform.registry()? {
            if pk == of && sk.starts_with("DECISION#prod#") {
                ensure!(item["expires_at"]["N"].is_string(), "{item}");
                let body = item["body"]["S"].as_str().context("a body")?;
                found.push((sk, serde_json::from_str(body)?));
            }
        }
        found.sort_by(|(one, _): &(String, Value), (other, _)| one.cmp(other));
        Ok(found.into_iter().map(|(_, decision)| decision).collect())
    }

    /// What is remembered, if anything is.
    fn remembered(&self, platform: &LocalPlatform) -> Result<Option<Value>> {
        let of = format!("SERVICE#{}", self.service);
        let items = platform.registry()?;
        let mut mine = items.into_iter();
        let found = mine.find(|((pk, sk), _)| *pk == of && sk.starts_with("SCALER#prod#"));
        Ok(found.map(|(_, item)| item))
    }

    /// Waits until the count is as `right` has it, while the tick comes.
    fn wait(
        &self,
        platform: &LocalPlatform,
        what: &str,
        longest: Duration,
        ticks: bool,
        right: impl Fn(u32) -> bool,
    ) -> Result<u32> {
        wait_for(what, longest, || {
            if ticks {
                tick(platform)?;
            }
            let tasks = self.tasks(platform)?;
            Ok(if right(tasks) {
                Ok(tasks)
            } else {
                Err(tasks.to_string())
            })
        })
    }
}

/// The tick of each minute.
fn tick(platform: &LocalPlatform) -> Result<()> {
    let function = platform.resource("ScalerFunction")?;
    let event = json!({"source": "slipway.tick"});
    platform.aws().invoke(&function, &event).map(drop)
}

/// Changes of the count that the scaler made.
fn told_to_ecs(platform: &LocalPlatform) -> usize {
    let calls = platform.cloud().calls();
    let mine = calls
        .iter()
        .filter(|call| call.caller == "slipway-scaler" && call.operation == "UpdateService");
    mine.count()
}

fn changes(decisions: &[Value]) -> usize {
    let changed = |it: &&Value| it["from"] != it["to"];
    decisions.iter().filter(changed).count()
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_rush_scales_a_service_out_and_the_calm_after_it_in_again() -> Result<()> {
    let platform = LocalPlatform::start("scaling")?;
    // Each event comes twice, the second time a second later.
    platform.cloud().set_delivery(Delivery {
        twice: 1.0,
        ..Delivery::default()
    });
    let busy = Scaled::new(&platform, "busy", &json!({"min": 2, "max": 10}))?;
    assert_eq!(busy.tasks(&platform)?, 2);

    // Nobody but the alarm tells of it.
    busy.measure(&platform, &[40.0, 88.0, 88.0, 88.0], 1000.0)?;
    let peak = busy.wait(&platform, "the rush is answered", SOON, false, |it| it > 2)?;
    assert!((3..=6).contains(&peak), "{peak}");
    let decisions = busy.decisions(&platform)?;
    let out = decisions.last().context("a decision")?;
    assert_eq!(
        (&out["from"], &out["to"]),
        (&json!(2), &json!(peak)),
        "{out:#}"
    );
    assert_eq!(out["verdict"], "out");
    assert!(out["summary"].as_str().is_some_and(|it| !it.is_empty()));
    assert!(out["reasons"][0]["says"].is_string(), "{out:#}");

    // The load is spread now; what was told twice was done once.
    busy.measure(&platform, &[55.0; 60], 1000.0)?;
    tick(&platform)?;
    assert_eq!(busy.tasks(&platform)?, peak);
    assert_eq!(told_to_ecs(&platform), changes(&busy.decisions(&platform)?));

    // Nothing is added while that is paused, and the reason is kept.
    busy.pause(&platform, true)?;
    busy.measure(&platform, &[99.0; 5], 1000.0)?;
    tick(&platform)?;
    assert_eq!(busy.tasks(&platform)?, peak);
    let held = busy.decisions(&platform)?;
    let held = held.last().context("a decision")?;
    assert!(
        held["summary"]
            .as_str()
            .is_some_and(|it| it.contains("paused")),
        "{held:#}"
    );
    busy.pause(&platform, false)?;

    // Calm: the tick takes tasks away until the fewest are left, and then has nothing to do.
    busy.measure(&platform, &[4.0; 60], 20.0)?;
    busy.wait(&platform, "the calm is answered", QUIET, true, |it| it == 2)?;
    wait_for("nothing is left to look at", QUIET, || {
        tick(&platform)?;
        let record = busy.remembered(&platform)?.context("a record")?;
        Ok(if record["attention"].is_null() {
            Ok(())
        } else {
            Err(record.to_string())
        })
    })?;
    assert_eq!(told_to_ecs(&platform), changes(&busy.decisions(&platform)?));
    let calls = count(&platform, "slipway-scaler", || tick(&platform))?;
    assert_eq!(total(&calls), 1, "{}", told("a quiet tick", &calls));

    // What is deleted leaves nothing to scale, and decisions that expire.
    platform.client().delete(&busy.service, "*")?;
    platform.gone(&busy.service)?;
    assert!(busy.remembered(&platform)?.is_none());
    assert!(!busy.decisions(&platform)?.is_empty());
    tick(&platform)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_decision_needs_four_calls_and_two_to_be_carried_out() -> Result<()> {
    let platform = LocalPlatform::start("scaling-calls")?;
    let service = Scaled::new(&platform, "counted", &json!({"min": 2, "max": 10}))?;
    let alike = Scaled::new(&platform, "alike", &json!({"min": 3, "max": 3}))?;
    let before = platform.cloud().calls().len();
    service.measure(&platform, &[40.0, 88.0, 88.0, 88.0], 1000.0)?;
    service.wait(&platform, "the rush is answered", SOON, false, |it| it > 2)?;
    // Several alarms may speak, each of which is a look; what one look asks for is always the same.
    // One may be under way still.
    wait_for("every look has asked all it asks", SOON, || {
        let calls = count_since(&platform, "slipway-scaler", before);
        let one = |operation: &str| calls.get(operation).copied().unwrap_or_default();
        let looks = one("monitoring:GetMetricData");
        let as_often = [
            "ecs:DescribeServices",
            "application-autoscaling:DescribeScalableTargets",
        ];
        let whole = looks > 0 && as_often.into_iter().all(|it| one(it) == looks);
        Ok(whole.then_some(()).ok_or_else(|| told("a rush", &calls)))
    })?;
    let calls = count_since(&platform, "slipway-scaler", before);
    assert_eq!(
        calls.get("ecs:UpdateService"),
        Some(&1),
        "{}",
        told("a rush", &calls)
    );
    assert!(
        !calls
            .keys()
            .any(|it| it.starts_with("elasticloadbalancing")),
        "{}",
        told("a rush", &calls)
    );

    // As few as many: no load changes it, and no tick looks at it.
    alike.measure(&platform, &[99.0; 5], 1000.0)?;
    tick(&platform)?;
    assert_eq!(alike.tasks(&platform)?, 3);

    // AWS's own tracking: hands are kept off.
    let tracking = json!({"scaling": {"by": "target-tracking"}});
    patch(&platform.client(), &service.service, &tracking)?;
    platform.ready(&service.service)?;
    let before = service.tasks(&platform)?;
    service.measure(&platform, &[99.0; 5], 1000.0)?;
    tick(&platform)?;
    tick(&platform)?;
    assert_eq!(service.tasks(&platform)?, before);
    let record = service.remembered(&platform)?.context("a record")?;
    assert!(record["attention"].is_null(), "{record}");
    Ok(())
}
