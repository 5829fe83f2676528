//! The cost table of seed E, "Multi-Service API Gateway Architecture", line by line: what its
//! author wrote down, what this estimator says, and why they differ. `docs/COST.md` tells it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use slipway_domain::{Billed, Manifest, Platform};
use slipway_synth::cost::{Assumptions, CostLine, CostView, Usd, estimate_with, platform};
use slipway_synth::{RunState, Template, environment_stack, service_stack};

/// Five images of 400 MB in each repository, and logs of the amount that the seed pays for:
/// its ten dollars are some 19 GB, 4.8 from each of four tasks.
const ASSUMED: Assumptions = Assumptions {
    requests: 1_000_000,
    tasks: None,
    log_mb: 4800,
    image_mb: 2000,
    capacity_units: 1,
    nat_gb: 0,
};

fn service(name: &str, port: u16) -> CostView {
    let document = json!({
        "service": name,
        "image": format!("111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-{name}-prod:v1"),
        "port": port,
        "listener_port": port,
        "path": format!("/api/{name}"),
        "scaling": {"min": 2, "max": 4},
        "logs": {"retention": 7},
        "images": {"keep": 5},
    });
    estimate_with(&stacks(&document), "us-east-1", &ASSUMED)
}

fn stacks(document: &Value) -> BTreeMap<String, Template> {
    let platform = Platform::sample();
    let manifest = Manifest::read(document).unwrap();
    let default = &platform.environment;
    let effective = manifest.effective(default, default).unwrap();
    let stack = environment_stack(&effective, &platform, &RunState::default()).unwrap();
    BTreeMap::from([
        ("a".to_owned(), service_stack(&manifest, &platform)),
        ("b".to_owned(), stack),
    ])
}

/// One NAT gateway, and nothing else that the seed has not.
fn network() -> CostView {
    let mut values = Platform::sample();
    values.billed = Billed {
        nat_gateways: 1,
        ..Billed::default()
    };
    platform(&values, &ASSUMED)
}

/// What the lines cost whose component begins so.
fn sum(views: &[&CostView], components: &[&str]) -> Usd {
    let of = |line: &&CostLine| components.iter().any(|it| line.component.starts_with(it));
    let lines = views.iter().flat_map(|view| &view.lines).filter(of);
    lines.map(|line| line.monthly_usd).sum()
}

/// | component | the seed | here | why |
/// |---|---|---|---|
/// | NAT gateway | ~32 | 36.50 | 32.85 for the hours, and 3.65 for its address, which cost nothing before 2024 |
/// | API gateway | ~3.50 | 2.00 | 3.50 a million is the price of REST APIs; an HTTP API's is 1.00, and here each service gets a million |
/// | VPC link | ~22 | 0.00 | an HTTP API's link is free; the seed's number is a load balancer's |
/// | Fargate, each | ~30 | 18.02 | 2 × (0.25 × 0.04048 + 0.5 × 0.004445) × 730; the seed's is what 2 × 0.5 vCPU would be |
/// | ALB, each | ~20 | 22.27 | 16.43 for the hours and 5.84 for one capacity unit; the seed counts about 0.6 of one |
/// | ECR | ~2 | 0.40 | 2 × 5 images of 400 MB; the seed's is 20 GB |
/// | logs | ~10 | 9.94 | 19.6 GB at 0.50, and 0.14 for keeping 7 days of them |
#[test]
fn the_seeds_table_is_reckoned_line_by_line() {
    let (fastapi, mcp, network) = (service("fastapi", 8000), service("mcp", 3000), network());
    let services = [&fastapi, &mcp];
    let line = |views: &[&CostView], components: &[&str], seed: &str, here: &str| {
        assert_eq!(
            sum(views, components),
            here.parse().unwrap(),
            "{components:?}"
        );
        seed.parse::<Usd>().unwrap()
    };
    let nat = ["NAT gateways"];
    let seed = [
        line(&[&network], &nat, "32.00", "36.50"),
        line(&services, &["HTTP API"], "3.50", "2.00"),
        line(&[&network], &["VPC link"], "22.00", "0.00"),
        line(&[&fastapi], &["Fargate"], "30.00", "18.02"),
        line(&[&mcp], &["Fargate"], "30.00", "18.02"),
        line(&[&fastapi], &["load balancer"], "20.00", "22.27"),
        line(&[&mcp], &["load balancer"], "20.00", "22.27"),
        line(&services, &["images"], "2.00", "0.40"),
        line(&services, &["logs"], "10.00", "9.94"),
    ];
    // The seed's lines add up to what it says, its data transfer being "variable".
    assert_eq!(seed.into_iter().sum::<Usd>().to_string(), "169.50");
    let here = [
        "NAT gateways",
        "VPC link",
        "HTTP API",
        "Fargate",
        "load balancer",
        "images",
        "logs",
    ];
    let all = sum(&[&fastapi, &mcp, &network], &here);
    assert_eq!(all.to_string(), "129.42");
}

#[test]
fn what_the_seed_draws_and_does_not_reckon_is_on_lines_of_its_own() {
    let view = service("fastapi", 8000);
    // The drawing has CloudWatch's metrics and alarms; the table does not.
    assert_eq!(sum(&[&view], &["alarms"]).to_string(), "0.40");
    assert_eq!(sum(&[&view], &["Container Insights"]).to_string(), "11.40");
    let all: Usd = view.lines.iter().map(|line| line.monthly_usd).sum();
    assert_eq!(view.monthly_usd, all);
}

/// A load balancer that 50 services share costs each a fiftieth of its own.
#[test]
fn what_is_paid_for_being_there_can_be_compared_between_ways_to_reach_a_service() {
    let view = service("fastapi", 8000);
    let balancer: CostView = {
        let mut only = view.clone();
        only.lines
            .retain(|line| line.component.starts_with("load balancer"));
        only
    };
    let dedicated = balancer.fixed_usd();
    assert_eq!(dedicated.to_string(), "16.43");
    let shared = slipway_synth::cost::share(dedicated, 0, 1, 50);
    assert!(shared.cents() * 20 <= dedicated.cents(), "{shared}");
}
