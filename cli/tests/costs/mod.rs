//! What `slipway costs` says, offline and of a platform.

use serde_json::{Value, json};

use super::mock::{Mock, Reply};
use super::program::{Program, Ran};
use super::run_on;

fn offline(program: &Program, arguments: &[&str]) -> Ran {
    Ran::from(program.command(arguments).output().unwrap())
}

fn estimate(monthly: &str) -> Value {
    json!({"monthly_usd": monthly, "at_most_usd": monthly, "lines": [], "prices_of": "us-east-1"})
}

#[test]
fn a_manifest_is_reckoned_offline_with_what_is_assumed() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx\n");
    let ran = offline(&program, &["costs", "orders.yaml", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let view: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(view["monthly_usd"], "53.73");
    let busy = [
        "costs",
        "orders.yaml",
        "--requests",
        "5000000",
        "--tasks",
        "3",
    ];
    let ran = offline(&program, &busy);
    assert!(ran.out.contains("5 million requests"), "{}", ran.out);
    assert!(
        ran.out.contains("3 tasks at all hours, at most 10"),
        "{}",
        ran.out
    );
}

#[test]
fn before_the_first_image_one_of_the_services_own_repository_is_assumed() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\n");
    let ran = offline(&program, &["costs", "orders.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(
        ran.out.contains("2 GB of images") && ran.out.contains("Fargate"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("has no image yet"), "{}", ran.err);
}

#[test]
fn what_cannot_be_assumed_or_read_is_refused() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\n");
    let too_many = offline(&program, &["costs", "orders.yaml", "--tasks", "5001"]);
    assert_eq!(too_many.code, Some(2));
    assert!(too_many.err.contains("at most 5000"), "{}", too_many.err);
    let none = offline(&program, &["costs", "./none.yaml"]);
    assert_eq!(none.code, Some(1));
}

#[test]
fn a_service_is_asked_for_with_what_is_assumed() {
    let answer = json!({
        "service": "orders", "monthly_usd": "66.47", "at_most_usd": "66.47", "own": estimate("53.73"),
        "shared": {"monthly_usd": "12.74", "environments": 1, "of": 3, "platform_usd": "38.24", "split": "evenly"},
    });
    let mock = Mock::replies(vec![Reply::json(200, &answer)]);
    let ran = run_on(
        &Program::new(),
        &mock,
        &["costs", "orders", "--log-mb", "9"],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("66.47"), "{}", ran.out);
    let path = &mock.asked()[0].path;
    assert!(path.ends_with("/services/orders/costs?log_mb=9"), "{path}");
}

#[test]
fn the_platform_is_shown_with_the_services_of_all_pages() {
    let page = |name: &str, next: Option<&str>| {
        json!({"platform": "p", "own": estimate("38.24"), "environments": 2, "split": "evenly", "next": next,
            "services": [{"service": name, "team": "t", "own_usd": "1.00", "own_at_most_usd": "2.00",
                "shared_usd": "19.12", "monthly_usd": "20.12"}]})
    };
    let first = Reply::json(200, &page("orders", Some("t/orders")));
    let mock = Mock::replies(vec![first, Reply::json(200, &page("web", None))]);
    let ran = run_on(&Program::new(), &mock, &["costs"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for said in ["orders", "web", "40.24"] {
        assert!(ran.out.contains(said), "{}", ran.out);
    }
    let path = &mock.asked()[1].path;
    assert!(path.contains("cursor=t%2Forders"), "{path}");
}
