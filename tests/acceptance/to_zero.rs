//! To no task and back: a quiet service sleeps behind the waker, and its first caller wakes it.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_local_cloud::Metric;
use slipway_tests::aws::texts;
use slipway_tests::local_platform::{LocalPlatform, SOON, root};
use slipway_tests::waiting::wait_for;

use crate::asking::{name, prod, register};

/// A service that may sleep, as AWS knows it.
struct Drowsy {
    outputs: BTreeMap<String, String>,
}

impl Drowsy {
    fn new(platform: &LocalPlatform) -> Result<Self> {
        let scaling = json!({"min": 0, "max": 3, "to_zero": {"after": 5}});
        let manifest = json!({"service": "drowsy", "image": "nginx:alpine", "scaling": scaling});
        register(&platform.client(), &manifest)?;
        let view = platform.ready(&name("drowsy"))?;
        let outputs = view.environments[&prod()].stack.outputs.clone();
        Ok(Self { outputs })
    }

    fn output(&self, name: &str) -> &str {
        &self.outputs[name]
    }

    /// For an hour one task had next to nothing to do, and nobody called.
    fn is_quiet(&self, platform: &LocalPlatform) -> Result<()> {
        let ecs = [
            ("ClusterName", self.output("Cluster")),
            ("ServiceName", self.output("ServiceName")),
        ];
        let balancer = ("LoadBalancer", self.output("LoadBalancerName"));
        let group = ("TargetGroup", self.output("TargetGroupName"));
        let alb = "AWS/ApplicationELB";
        for (namespace, name, dimensions, value) in [
            (alb, "RequestCount", &[balancer][..], 0.0),
            (alb, "HealthyHostCount", &[group, balancer], 1.0),
            (alb, "UnHealthyHostCount", &[group, balancer], 0.0),
            ("AWS/ECS", "MemoryUtilization", &ecs, 10.0),
            ("AWS/ECS", "CPUUtilization", &ecs, 1.0),
        ] {
            let metric = Metric::new(namespace, name, dimensions);
            let cloud = platform.cloud();
            platform.block_on(cloud.set_metric(&metric, 60, &[value; 60]))?;
        }
        Ok(())
    }

    /// How many tasks ECS is to run.
    fn tasks(&self, platform: &LocalPlatform) -> Result<u64> {
        let ask =
            json!({"cluster": self.output("Cluster"), "services": [self.output("ServiceName")]});
        let target = "AmazonEC2ContainerServiceV20141113.DescribeServices";
        let answer = platform.aws().json("ecs", target, &ask)?;
        let desired = answer["services"][0]["desiredCount"].as_u64();
        desired.context("a service")
    }

    /// The target groups that the listener's rules lead to.
    fn leads_to(&self, platform: &LocalPlatform) -> Result<Vec<String>> {
        let listener = [("ListenerArn", self.output("Listener"))];
        let rules = platform
            .aws()
            .query("elasticloadbalancing", "DescribeRules", &listener)?;
        texts(&rules, "TargetGroupArn")
    }

    /// What is remembered of its scaling: its key, and the item.
    fn remembered(platform: &LocalPlatform) -> Result<Option<(String, Value)>> {
        let mut items = platform.registry()?.into_iter();
        let is_it =
            |key: &(String, String)| key.0 == "SERVICE#drowsy" && key.1.starts_with("SCALER#prod#");
        let found = items.find(|(key, _)| is_it(key));
        Ok(found.map(|((_, sk), item)| (sk, item)))
    }

    /// Lets the quiet time have begun ten minutes ago: nobody waits for it here. Fails where the
    /// scaler has written in between.
    fn has_been_quiet(platform: &LocalPlatform) -> Result<()> {
        let (sk, item) = Self::remembered(platform)?.context("it was looked at")?;
        let body = item["body"]["S"].as_str().context("a body")?;
        let mut body: Value = serde_json::from_str(body)?;
        let since = body["state"]["busy_at"].as_str().context("a moment")?;
        let since: jiff::Timestamp = since.parse()?;
        let earlier = since - jiff::SignedDuration::from_mins(10);
        body["state"]["busy_at"] = json!(earlier.to_string());
        let ask = json!({
            "TableName": platform.resource("RegistryTable")?,
            "Key": {"PK": {"S": "SERVICE#drowsy"}, "SK": {"S": sk}},
            "UpdateExpression": "SET body = :body",
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":body": {"S": body.to_string()}, ":read": item["version"]},
        });
        let target = "DynamoDB_20120810.UpdateItem";
        platform.aws().json("dynamodb", target, &ask).map(drop)
    }

    /// Somebody calls, and the load balancer hands it to the waker.
    fn call(&self, platform: &LocalPlatform) -> Result<Value> {
        let event = std::fs::read_to_string(root().join("events/waker/get.json"))?;
        let mut event: Value = serde_json::from_str(&event)?;
        let group = self.output("WakeTargetGroup");
        event["requestContext"]["elb"]["targetGroupArn"] = json!(group);
        let function = platform.resource("WakerFunction")?;
        platform.aws().invoke(&function, &event)
    }
}

fn tick(platform: &LocalPlatform) -> Result<()> {
    let function = platform.resource("ScalerFunction")?;
    let event = json!({"source": "slipway.tick"});
    platform.aws().invoke(&function, &event).map(drop)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_service_that_nobody_calls_sleeps_and_its_first_caller_wakes_it() -> Result<()> {
    let platform = LocalPlatform::start("to-zero")?;
    let drowsy = Drowsy::new(&platform)?;
    // The first version is seen to run, although there may be no task.
    assert_eq!(drowsy.tasks(&platform)?, 1);
    let own = [drowsy.output("TargetGroup").to_owned()];
    assert!(
        drowsy.outputs.contains_key("WakeTargetGroup"),
        "{:?}",
        drowsy.outputs
    );
    assert_eq!(drowsy.leads_to(&platform)?, own);

    drowsy.is_quiet(&platform)?;
    wait_for("the scaler has looked", SOON, || {
        let found = Drowsy::remembered(&platform)?;
        let looked = found.map(drop);
        Ok(looked.ok_or_else(|| "nothing is remembered".to_owned()))
    })?;
    wait_for("the last task goes", SOON, || {
        // Metrics grow old where a look takes its time.
        drowsy.is_quiet(&platform)?;
        if let Err(error) = Drowsy::has_been_quiet(&platform) {
            return Ok(Err(format!("{error:#}")));
        }
        tick(&platform)?;
        let tasks = drowsy.tasks(&platform)?;
        Ok(if tasks == 0 {
            Ok(())
        } else {
            Err(format!("{tasks}: {:?}", Drowsy::remembered(&platform)?))
        })
    })?;
    let waker = drowsy.output("WakeTargetGroup").to_owned();
    assert!(drowsy.leads_to(&platform)?.contains(&waker));
    // Nobody repairs what is not in the template.
    platform.ready(&name("drowsy"))?;
    assert!(drowsy.leads_to(&platform)?.contains(&waker));

    let first = drowsy.call(&platform)?;
    assert_eq!(first["statusCode"], 503, "{first:#}");
    assert!(first["multiValueHeaders"]["retry-after"].is_array());
    assert_eq!(drowsy.tasks(&platform)?, 1);
    // A task is healthy at once here: who comes again finds the way free.
    let second = drowsy.call(&platform)?;
    assert_eq!(second["multiValueHeaders"]["retry-after"], json!(["1"]));
    assert_eq!(drowsy.leads_to(&platform)?, own);
    let told = platform.cloud().calls();
    let told = told
        .iter()
        .filter(|call| call.caller == "slipway-waker" && call.operation == "UpdateService");
    assert_eq!(told.count(), 1);

    wait_for("it is forgotten that it slept", SOON, || {
        tick(&platform)?;
        let (_, item) = Drowsy::remembered(&platform)?.context("a record")?;
        let body = item["body"]["S"].as_str().context("a body")?;
        let body: Value = serde_json::from_str(body)?;
        Ok(if body["asleep_since"].is_null() {
            Ok(())
        } else {
            Err(body.to_string())
        })
    })?;
    ensure!(drowsy.tasks(&platform)? == 1, "it sleeps again");
    platform.client().delete(&name("drowsy"), "*")?;
    platform.gone(&name("drowsy"))
}
