//! What services cost: exact sums, and nothing that is free by oversight.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;

use std::collections::BTreeMap;

use cases::cases;
use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};
use slipway_synth::cost::{CostView, NOT_ESTIMATED, Usd, estimate};
use slipway_synth::{RunState, Template, environment_stack, service_stack};

const REPOSITORY: &str = "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders-prod";

fn stacks(document: &Value) -> BTreeMap<String, Template> {
    let platform = Platform::sample();
    let manifest = Manifest::read(document).unwrap();
    let default = &platform.environment;
    let mut stacks = BTreeMap::new();
    if manifest.settings.kind.has_repository() {
        stacks.insert("orders".to_owned(), service_stack(&manifest, &platform));
    }
    for name in manifest.environments(default) {
        let effective = manifest.effective(&name, default).unwrap();
        if let Some(stack) = environment_stack(&effective, &platform, &RunState::default()) {
            stacks.insert(format!("orders--{name}"), stack);
        }
    }
    stacks
}

fn cost(document: &Value) -> CostView {
    estimate(&stacks(document), "us-east-1")
}

/// The lines as `stack: component, quantity unit = amount (at most)`.
fn written(view: &CostView) -> Vec<String> {
    view.lines
        .iter()
        .map(|line| {
            let most = line.at_most_usd.map(|usd| format!(" ({usd})"));
            format!(
                "{}: {}, {} {} = {}{}",
                line.stack,
                line.component,
                line.quantity,
                line.unit,
                line.monthly_usd,
                most.unwrap_or_default()
            )
        })
        .collect()
}

fn fargate(view: &CostView) -> u64 {
    view.lines
        .iter()
        .filter(|line| line.component.starts_with("Fargate"))
        .map(|line| line.monthly_usd.cents())
        .sum()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// Two tasks, at most ten, of 0.25 vCPU and 0.5 GB, in a month of 730 hours:
///
/// | | quantity | price | exact | at most |
/// |---|---|---|---|---|
/// | vCPU | 2 × 0.25 × 730 = 365 | 0.04048 | 14.7752 | × 5 = 73.876 |
/// | memory | 2 × 0.5 × 730 = 730 | 0.004445 | 3.24485 | × 5 = 16.22425 |
/// | load balancer | 730 | 0.0225 | 16.425 | |
/// | its traffic | 730 | 0.008 | 5.84 | |
/// | HTTP API | 1 | 1.00 | 1.00 | |
/// | alarms | 4 | 0.10 | 0.40 | |
/// | Container Insights | 13 + 15 + 10 = 38 | 0.30 | 11.40 | |
/// | logs, written | 2 × 0.6 = 1.2 | 0.50 | 0.60 | × 5 = 3.00 |
/// | logs, kept 30 days | 1.2 | 0.03 | 0.036 | × 5 = 0.18 |
/// | images, none of the repository | 0 | 0.10 | 0 | |
///
/// Rounded: 14.78 + 3.24 + 16.43 + 5.84 + 1.00 + 0.40 + 11.40 + 0.60 + 0.04 = 53.73, and at
/// most 73.88 + 16.22 + 16.43 + 5.84 + 1.00 + 0.40 + 11.40 + 3.00 + 0.18 = 128.35.
#[test]
fn the_smallest_service_costs_what_a_person_reckons() {
    let view = cost(&json!({"service": "orders", "image": "nginx"}));
    assert_eq!(
        written(&view),
        [
            "orders: images, 0 GB-months = 0.00",
            "orders--prod: Fargate vCPU, x86_64, 365 vCPU-hours = 14.78 (73.88)",
            "orders--prod: Fargate memory, x86_64, 730 GB-hours = 3.24 (16.22)",
            "orders--prod: load balancer, 730 hours = 16.43",
            "orders--prod: load balancer, traffic, 730 LCU-hours = 5.84",
            "orders--prod: HTTP API, 1 million requests = 1.00",
            "orders--prod: alarms, 4 alarm metrics = 0.40",
            "orders--prod: Container Insights, 38 metrics = 11.40",
            "orders--prod: logs, written, 1.2 GB = 0.60 (3.00)",
            "orders--prod: logs, kept, 1.2 GB-months = 0.04 (0.18)",
        ]
    );
    assert_eq!(view.monthly_usd, usd("53.73"));
    assert_eq!(view.at_most_usd, usd("128.35"));
    assert_eq!(view.difference_usd, None);
    let sum: Usd = view.lines.iter().map(|line| line.monthly_usd).sum();
    assert_eq!(view.monthly_usd, sum);
}

#[test]
fn assumptions_are_said_on_their_lines() {
    let view = cost(&json!({"service": "orders", "image": "nginx"}));
    let said = |component: &str| {
        let line = view.lines.iter().find(|line| line.component == component);
        line.unwrap().assumption.clone()
    };
    assert_eq!(
        said("Fargate vCPU, x86_64").as_deref(),
        Some("2 tasks at all hours, at most 10")
    );
    assert_eq!(said("alarms"), None);
    assert_eq!(
        said("images").as_deref(),
        Some("empty, because nothing runs from it")
    );
    let one = json!({"service": "orders", "image": "nginx", "scaling": {"min": 1, "max": 1}});
    let one = cost(&one);
    assert_eq!(
        one.lines[1].assumption.as_deref(),
        Some("1 task at all hours")
    );
    assert_eq!(one.monthly_usd, one.at_most_usd);
}

#[test]
fn arm64_is_cheaper_than_x86() {
    let x86 = cost(&json!({"service": "orders", "image": "nginx"}));
    let arm64 = cost(&json!({"service": "orders", "image": "nginx", "architecture": "arm64"}));
    // 365 × 0.03238 = 11.8187 and 730 × 0.00356 = 2.5988.
    assert_eq!(fargate(&arm64), 1182 + 260);
    assert_eq!(fargate(&x86), 1478 + 324);
    let change = arm64.against(Some(&x86)).difference_usd.unwrap();
    assert_eq!(change.to_string(), "-3.60");
}

#[test]
fn twice_the_tasks_are_twice_the_fargate_and_nothing_else_but_logs() {
    let service = |min: u32| {
        json!({"service": "orders", "image": "nginx", "cpu": 512, "memory": 1024,
               "scaling": {"min": min, "max": 10}})
    };
    let (two, four) = (cost(&service(2)), cost(&service(4)));
    // 2 × 0.5 × 730 × 0.04048 = 29.5504 and 2 × 1 × 730 × 0.004445 = 6.4897.
    assert_eq!(fargate(&two), 2955 + 649);
    assert_eq!(fargate(&four), 5910 + 1298);
    let rest = |view: &CostView| {
        view.lines
            .iter()
            .filter(|line| {
                !line.component.starts_with("Fargate") && !line.component.starts_with("logs")
            })
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(rest(&two), rest(&four));
    assert_eq!(two.at_most_usd, four.at_most_usd);
}

#[test]
fn a_difference_has_its_sign_and_there_is_none_without_a_former() {
    let small = cost(&json!({"service": "orders", "image": "nginx"}));
    let large = cost(&json!({"service": "orders", "image": "nginx", "cpu": 512, "memory": 1024}));
    let change = |now: &CostView, former: &CostView| {
        let view = now.clone().against(Some(former));
        view.difference_usd.unwrap().to_string()
    };
    // 29.55 + 6.49 and 14.78 + 3.24.
    assert_eq!(change(&large, &small), "+18.02");
    assert_eq!(change(&small, &large), "-18.02");
    assert_eq!(change(&small, &small), "0.00");
    assert_eq!(small.against(None).difference_usd, None);
}

#[test]
fn a_service_that_waits_for_its_image_costs_nothing() {
    let view = cost(&json!({"service": "orders"}));
    assert_eq!(written(&view), ["orders: images, 0 GB-months = 0.00"]);
    assert_eq!(view.monthly_usd, usd("0.00"));
    assert_eq!(view.at_most_usd, usd("0.00"));
    let none = estimate(&BTreeMap::new(), "us-east-1");
    assert_eq!((none.lines.len(), none.monthly_usd), (0, usd("0.00")));
}

#[test]
fn images_cost_where_something_runs_from_the_repository() {
    for (image, line) in [
        (
            format!("{REPOSITORY}:v1"),
            "orders: images, 2 GB-months = 0.20",
        ),
        (
            format!("{REPOSITORY}@sha256:{}", "0".repeat(64)),
            "orders: images, 2 GB-months = 0.20",
        ),
        (
            format!("{REPOSITORY}-too:v1"),
            "orders: images, 0 GB-months = 0.00",
        ),
    ] {
        let view = cost(&json!({"service": "orders", "image": image}));
        assert_eq!(written(&view)[0], line, "{image}");
    }
}

#[test]
fn each_environment_costs_by_its_own_settings() {
    let view = cost(&json!({"service": "orders", "image": "nginx",
        "environments": {"staging": {"scaling": {"min": 1, "max": 1}, "logs": {"retention": 7}}}}));
    let staging: Vec<String> = written(&view)
        .into_iter()
        .filter(|line| line.starts_with("orders--staging"))
        .collect();
    assert_eq!(staging.len(), 9);
    assert_eq!(
        staging[0],
        "orders--staging: Fargate vCPU, x86_64, 182.5 vCPU-hours = 7.39"
    );
    assert_eq!(
        staging[7..],
        [
            "orders--staging: logs, written, 0.6 GB = 0.30",
            // 0.6 GB × 7 of 30 days.
            "orders--staging: logs, kept, 0.14 GB-months = 0.00",
        ]
    );
}

#[test]
fn every_golden_stack_is_estimated_in_full() {
    for case in cases() {
        let stacks: BTreeMap<String, Template> = case.stacks().into_iter().collect();
        let view = estimate(&stacks, &case.platform.region);
        let unknown: Vec<_> = view
            .lines
            .iter()
            .filter(|line| line.component == NOT_ESTIMATED)
            .collect();
        assert!(
            unknown.is_empty(),
            "{}: give it a price, or a reason why it is free: {unknown:#?}",
            case.folder.display()
        );
    }
}

#[test]
fn an_estimate_goes_through_json_and_says_whose_prices_it_used() {
    let document = json!({"service": "orders", "image": "nginx"});
    let view = estimate(&stacks(&document), "eu-central-1").against(Some(&cost(&document)));
    assert!(view.prices_of.starts_with("us-east-1, list prices"));
    assert!(view.prices_of.ends_with("; those of eu-central-1 differ"));
    let value = serde_json::to_value(&view).unwrap();
    assert_eq!(value["monthly_usd"], "53.73");
    assert_eq!(value["difference_usd"], "0.00");
    assert_eq!(value["lines"][5]["component"], "HTTP API");
    assert_eq!(value["lines"][6].get("assumption"), None);
    assert_eq!(serde_json::from_value::<CostView>(value).unwrap(), view);
}

#[test]
fn what_is_asked_for_beside_cpu_and_memory_costs_what_the_documentation_says() {
    let plain = cost(&json!({"service": "orders", "image": "nginx"}));
    let more = |fields: Value| {
        let mut manifest = json!({"service": "orders", "image": "nginx"});
        for (field, value) in fields.as_object().unwrap() {
            manifest[field] = value.clone();
        }
        let change = cost(&manifest).against(Some(&plain)).difference_usd;
        change.unwrap().to_string()
    };
    let scaling = |scaling: Value| more(json!({"scaling": scaling}));
    assert_eq!(scaling(json!({"requests": 600})), "+0.20");
    assert_eq!(scaling(json!({"queue": {"name": "orders"}})), "+0.20");
    let sessions =
        json!({"namespace": "Shop", "name": "Sessions", "low": 1, "high": 2, "total": true});
    assert_eq!(scaling(json!({"metrics": [sessions]})), "+0.40");
    // Two metrics at 0.30, and two alarms at 0.30 instead of 0.10.
    assert_eq!(scaling(json!({"resolution": 20})), "+1.00");
    assert_eq!(scaling(json!({"by": "target-tracking"})), "0.00");
    let tracked = json!({"by": "target-tracking", "resolution": 20});
    assert_eq!(scaling(tracked), "+1.40");
    let all = json!(["cpu", "memory", "errors", "response_time", "unhealthy"]);
    assert_eq!(more(json!({"alarms": {"on": all}})), "+0.60");
}

#[test]
fn a_service_that_sleeps_costs_its_load_balancer_and_no_task() {
    let view = cost(&json!({"service": "orders", "image": "nginx", "scaling": {"min": 0}}));
    assert_eq!(fargate(&view), 0);
    let balancer = |line: &&slipway_synth::cost::CostLine| line.component == "load balancer";
    let line = view.lines.iter().find(balancer).unwrap();
    assert_eq!(line.monthly_usd, usd("16.43"));
    let tasks = view.lines.iter().find(|line| line.unit == "vCPU-hours");
    assert_eq!(
        tasks.unwrap().assumption.as_deref(),
        Some("0 tasks at all hours, at most 10")
    );
}

/// Two instances of half a capacity unit, at most two of each: 730 hours at 0.12 dollars are 87.60
/// dollars for one of each, at most four times that.
#[test]
fn a_database_costs_its_capacity_and_what_it_stores() {
    let database = json!({"min": 0.5, "max": 2});
    let view = cost(&json!({"service": "orders", "kind": "database", "database": database}));
    assert_eq!(
        written(&view),
        [
            "orders--prod: database capacity, 730 ACU-hours = 87.60 (350.40)",
            "orders--prod: database storage, 10 GB-months = 1.00",
            "orders--prod: database, reads and writes, 1 million requests = 0.20",
            "orders--prod: logs, written, 0.5 GB = 0.25",
            "orders--prod: logs, kept, 0.5 GB-months = 0.02",
        ]
    );
    let paused = json!({"min": 0, "readers": 0});
    let view = cost(&json!({"service": "orders", "kind": "database", "database": paused}));
    assert_eq!(view.lines[0].monthly_usd, usd("0.00"));
    assert_eq!(
        view.lines[0].assumption.as_deref(),
        Some("paused at all hours")
    );
}
