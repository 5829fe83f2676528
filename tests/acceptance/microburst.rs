//! Whole lives of services while calls to AWS are disturbed by chance, in AWS's own wire format:
//! in the end everything is as in a life without it.
//!
//! One test is one kind of disturbance. Several services live at once; each is registered, gets
//! its first image, is updated, has an update that fails, is deleted, and comes back under its
//! name. What is compared is what AWS did (the operations of each stack, by its events), what
//! deployments came to, and what is left; not how often the functions asked.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use roxmltree::{Document, Node};
use serde_json::{Value, json};
use slipway_cli::client::{Client, ClientError, new_key};
use slipway_control::view::ServiceView;
use slipway_domain::{Outcome, Phase, ServiceName};
use slipway_local_cloud::{Chance, Disturbance, Fault, Options, Rule};
use slipway_tests::aws::Aws;
use slipway_tests::local_platform::{LocalPlatform, describe, is_settled};
use slipway_tests::registry;
use slipway_tests::waiting::wait_for;

use crate::asking::{manifest, name, prod};

/// How many services live at once.
const SERVICES: usize = 3;

/// How many of the reconciler's calls are disturbed. The SDK asks three times, so that about one
/// call in a hundred fails for good, and with it a look.
const PROBABILITY: f64 = 0.2;

/// Any number: another one disturbs other calls.
const SEED: u64 = 20_260_101;

/// How long one step of a life may take. A look that fails is made again by the schedule of
/// each minute at the latest, and that look may fail as well.
const LONGEST: Duration = Duration::from_mins(4);

/// Why the update fails that is to fail; no reason that passes by itself.
const REASON: &str = "Resource handler returned message: \"The image cannot be pulled\"";

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn lives_go_as_ever_while_calls_are_throttled() -> Result<()> {
    lives_go_as_ever(Disturbance::Throttled)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn lives_go_as_ever_while_calls_are_delayed() -> Result<()> {
    lives_go_as_ever(Disturbance::Delayed)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn lives_go_as_ever_while_connections_are_reset() -> Result<()> {
    lives_go_as_ever(Disturbance::Reset)
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn lives_go_as_ever_while_answers_are_lost_behind_their_effect() -> Result<()> {
    lives_go_as_ever(Disturbance::Unanswered)
}

fn lives_go_as_ever(disturbance: Disturbance) -> Result<()> {
    let platform =
        LocalPlatform::start_with(&format!("microburst-{disturbance}"), |options| Options {
            microburst: true,
            ..options
        })?;
    let microburst = platform.cloud().microburst().context("it was asked for")?;
    let began = Instant::now();
    platform.block_on(microburst.disturb(SEED, &chances(disturbance)))?;
    let names: Vec<ServiceName> = (0..SERVICES)
        .map(|n| name(&format!("{disturbance}-{n}")))
        .collect();
    let mut violations = thread::scope(|scope| {
        let lives: Vec<_> = names
            .iter()
            .map(|name| scope.spawn(|| Life::new(&platform, name).live()))
            .collect();
        lives
            .into_iter()
            .map(|life| life.join().ok().context("a life panicked")?)
            .collect::<Result<Vec<_>>>()
    })?
    .concat();
    platform.block_on(microburst.calm())?;
    violations.extend(left_behind(&platform, &names)?);

    let disturbed = platform.block_on(microburst.disturbed())?;
    let mut by_service: BTreeMap<&str, usize> = BTreeMap::new();
    for call in &disturbed {
        assert_eq!(call.disturbance, disturbance);
        *by_service.entry(&call.service).or_default() += 1;
    }
    println!(
        "{} calls {disturbance} {by_service:?} in {:.0} s; {} violations",
        disturbed.len(),
        began.elapsed().as_secs_f64(),
        violations.len()
    );
    assert!(disturbed.len() >= 20, "too few to say anything");
    assert!(violations.is_empty(), "{violations:#?}");
    Ok(())
}

/// The reconciler's calls of what it decides on and acts upon, and the API's of its registry,
/// less likely: its callers come again.
fn chances(disturbance: Disturbance) -> Vec<Chance> {
    [
        ("slipway-reconciler", "cloudformation", PROBABILITY),
        ("slipway-reconciler", "dynamodb", PROBABILITY),
        ("slipway-reconciler", "ecs", PROBABILITY),
        ("slipway-api", "dynamodb", PROBABILITY / 2.0),
    ]
    .into_iter()
    .map(|(caller, service, probability)| Chance {
        caller: caller.to_owned(),
        service: service.to_owned(),
        disturbance,
        probability,
    })
    .collect()
}

/// What is there at the end that should not be, or the other way round.
fn left_behind(platform: &LocalPlatform, names: &[ServiceName]) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    platform.slots_given_back("")?;
    let paths = registry::paths(&platform.registry()?);
    let expected: BTreeMap<String, String> = names
        .iter()
        .map(|name| (format!("/{name}"), format!("{name}/prod")))
        .collect();
    if paths != expected {
        violations.push(format!("claims: {paths:?}"));
    }
    let left = platform.resources()?;
    let mut stacks = left.names("stack");
    stacks.retain(|stack| stack.contains("--"));
    stacks.sort_unstable();
    let mut expected: Vec<String> = names
        .iter()
        .flat_map(|name| [service_stack(name), environment_stack(name)])
        .collect();
    expected.sort_unstable();
    if stacks != expected {
        violations.push(format!("stacks: {stacks:?}"));
    }
    let most = platform.cloud().max_operations();
    if most > 5 {
        violations.push(format!("{most} stack operations at once"));
    }
    Ok(violations)
}

fn service_stack(name: &ServiceName) -> String {
    format!("devops2-g4--{name}")
}

fn environment_stack(name: &ServiceName) -> String {
    format!("devops2-g4--{name}--prod")
}

/// One service from its registration to its second incarnation.
struct Life<'a> {
    platform: &'a LocalPlatform,
    client: Client,
    name: &'a ServiceName,
    violations: Vec<String>,
}

impl<'a> Life<'a> {
    fn new(platform: &'a LocalPlatform, name: &'a ServiceName) -> Self {
        Self {
            platform,
            client: platform.client(),
            name,
            violations: Vec::new(),
        }
    }

    /// Lives it; tells what was not as it should be.
    fn live(mut self) -> Result<Vec<String>> {
        self.register(&json!({"service": self.name}))?;
        self.settles_as("registered", Phase::Waiting)?;

        let key = new_key();
        let image = "nginx:1.27".parse()?;
        insist("the first image", || {
            self.client.deploy(self.name, &prod(), &image, &key)
        })?;
        let first = self.settles_as("the first image", Phase::Ready)?;

        self.patch(3, &json!({"memory": 1024}))?;
        self.settles_as("an update", Phase::Ready)?;

        self.platform.faults().add(self.failing_update());
        self.patch(4, &json!({"memory": 2048}))?;
        let failed = self.settles_as("a failing update", Phase::Failed)?;
        self.holds(
            "the stack is the first one",
            stack_id(&failed)? == stack_id(&first)?,
        );
        let stacks = [
            failed.service_stack.stack_id.clone().context("its id")?,
            stack_id(&failed)?,
        ];
        self.went_through("before its deletion", &stacks[0], &["CREATE"]);
        self.went_through(
            "before its deletion",
            &stacks[1],
            &["CREATE", "UPDATE", "UPDATE"],
        );

        self.delete()?;
        self.went_through("after its deletion", &stacks[0], &["CREATE", "DELETE"]);
        let all = ["CREATE", "UPDATE", "UPDATE", "DELETE"];
        self.went_through("after its deletion", &stacks[1], &all);

        self.register(&manifest(self.name.as_str()))?;
        let second = self.settles_as("registered again", Phase::Ready)?;
        self.holds(
            "the stack is another one",
            stack_id(&second)? != stack_id(&first)?,
        );
        let stacks = [
            second.service_stack.stack_id.clone().context("its id")?,
            stack_id(&second)?,
        ];
        for stack in &stacks {
            self.went_through("at the end", stack, &["CREATE"]);
        }
        self.outcomes()?;
        Ok(self.violations)
    }

    fn register(&self, manifest: &Value) -> Result<()> {
        let key = new_key();
        insist("a registration", || self.client.register(manifest, &key))?;
        Ok(())
    }

    /// Changes the service, so that its generation is `to`. A change whose answer was lost is
    /// there already when it is asked for again.
    fn patch(&self, to: u64, change: &Value) -> Result<()> {
        insist("a change", || {
            let service = self.client.service(self.name)?;
            if service.value.generation < to {
                self.client.patch(self.name, change, &service.etag)?;
            }
            Ok(())
        })
    }

    fn delete(&self) -> Result<()> {
        insist("a deletion", || match self.client.delete(self.name, "*") {
            Err(error) if error.status() == Some(404) => Ok(()),
            answer => answer.map(|_| ()),
        })?;
        wait_for(&format!("{} goes", self.name), LONGEST, || {
            Ok(match self.client.find_service(self.name)? {
                None => Ok(()),
                Some(service) => Err(describe(&service.value)),
            })
        })
    }

    /// The next update of the environment's stack rolls back.
    fn failing_update(&self) -> Rule {
        let fault = Fault::FailResource {
            kind: "AWS::ECS::Service".to_owned(),
            message: REASON.to_owned(),
        };
        let stack = environment_stack(self.name);
        Rule::new("cloudformation", "UpdateStack", fault, 1).only(move |call| {
            let called = call.stack.as_deref().unwrap_or_default();
            called == stack || called.split('/').nth(1) == Some(&stack)
        })
    }

    fn settles_as(&mut self, step: &str, phase: Phase) -> Result<ServiceView> {
        let what = format!("{} settles, {step}", self.name);
        let service = wait_for(&what, LONGEST, || {
            let service = self.client.service(self.name)?.value;
            Ok(if is_settled(&service) {
                Ok(service)
            } else {
                Err(describe(&service))
            })
        })?;
        let fits = service.service_stack.phase == Phase::Ready
            && service.environments.len() == 1
            && service.environments[&prod()].stack.phase == phase;
        self.holds(&format!("{step}: {}", describe(&service)), fits);
        Ok(service)
    }

    /// Compares what CloudFormation did with a stack.
    fn went_through(&mut self, when: &str, stack: &str, expected: &[&str]) {
        match operations(&self.platform.aws(), stack) {
            Ok(operations) => {
                let seen = format!("{when}, {stack} went through {operations:?}");
                self.holds(&seen, operations == expected);
            }
            // A stack of this name came after it.
            Err(error) => self.holds(&format!("{when}: {error:#}"), false),
        }
    }

    /// Every deployment of both incarnations has come to its end.
    fn outcomes(&mut self) -> Result<()> {
        let deployments = self.client.deployments(self.name, &prod(), None, None)?;
        let outcomes: Vec<&str> = deployments
            .items
            .iter()
            .rev()
            .map(|deployment| match &deployment.outcome {
                Some(Outcome::Succeeded { .. }) => "succeeded",
                Some(Outcome::Failed { reason, .. }) if reason.contains("cannot be pulled") => {
                    "failed"
                }
                Some(Outcome::Failed { reason, .. }) => reason,
                Some(Outcome::Superseded { .. }) => "superseded",
                None => "open",
            })
            .collect();
        let expected = ["succeeded", "succeeded", "failed", "succeeded"];
        self.holds(&format!("deployments {outcomes:?}"), outcomes == expected);
        Ok(())
    }

    fn holds(&mut self, what: &str, it_does: bool) {
        if !it_does {
            self.violations.push(format!("{}: {what}", self.name));
        }
    }
}

/// What a stack went through, oldest first: by the events that are about the stack itself.
fn operations(aws: &Aws, stack: &str) -> Result<Vec<String>> {
    let mut operations = Vec::new();
    let mut token = None;
    loop {
        let mut ask = vec![("StackName", stack)];
        ask.extend(token.as_deref().map(|token| ("NextToken", token)));
        let answer = aws.query("cloudformation", "DescribeStackEvents", &ask)?;
        let document = Document::parse(&answer)?;
        let events = document.descendants().filter(|it| is(*it, "member"));
        let own = events.filter(|event| child(*event, "PhysicalResourceId") == stack);
        operations.extend(own.filter_map(|event| {
            let operation = child(event, "ResourceStatus").strip_suffix("_IN_PROGRESS")?;
            let begins = ["CREATE", "UPDATE", "DELETE"].contains(&operation);
            begins.then(|| operation.to_owned())
        }));
        let next = document.descendants().find(|it| is(*it, "NextToken"));
        token = next.and_then(|it| it.text().map(str::to_owned));
        if token.is_none() {
            operations.reverse();
            return Ok(operations);
        }
    }
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name() == name
}

fn child<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    let found = node.children().find(|it| is(*it, name));
    found.and_then(|it| it.text()).unwrap_or_default()
}

fn stack_id(service: &ServiceView) -> Result<String> {
    let stack = &service.environments[&prod()].stack;
    stack
        .stack_id
        .clone()
        .context("the environment has a stack")
}

/// Asks until there is an answer that says yes or no, as a caller of the API does.
fn insist<T>(what: &str, mut ask: impl FnMut() -> Result<T, ClientError>) -> Result<T> {
    wait_for(what, LONGEST, || match ask() {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => {
            // 412: a change of ours came through behind the answer that it did not.
            let passing = error
                .status()
                .is_none_or(|status| status == 412 || status >= 500);
            ensure!(passing, error);
            Ok(Err(error.to_string()))
        }
    })
}
