//! `slipway deploy`, `redeploy`, `rollback`, `cancel`, `promote` and `plan`.

use super::shop::{REASON, plan, shop};
use super::*;

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    run_on(&Program::new(), mock, arguments)
}

/// The calls that change something, with their bodies.
fn changes(mock: &Mock) -> Vec<(String, String)> {
    let asked = mock.asked().into_iter();
    let changing = asked.filter(|asked| asked.method != "GET");
    changing
        .map(|asked| {
            let path = asked.path.trim_start_matches("/platform/v1/services/");
            (path.to_owned(), asked.body)
        })
        .collect()
}

fn change(path: &str, body: &str) -> (String, String) {
    (path.to_owned(), body.to_owned())
}

#[test]
fn deploying_shows_steps_with_their_times_and_ends_with_the_url() {
    let mock = shop(&["orders"], &[]);
    let ran = run(
        &mock,
        &["deploy", "orders", "--image", "nginx:2", "--env", "prod"],
    );
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "https://a.example/orders\n"),
        "{ran:?}"
    );
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "orders/prod: deployment 01K00000000000000000000002 of nginx:2, generation 2",
            "    0.0s  orders/prod  accepted: ECS replaces tasks.",
            "    4.0s  orders/prod  ready",
        ]
    );
    // What the stack says bears the time at which it was seen.
    assert!(
        lines[3].ends_with("s  orders/prod  ready: Runs with 2 of 2 tasks."),
        "{}",
        ran.err
    );
    assert_eq!(
        changes(&mock),
        [change(
            "orders/environments/prod/deployments",
            r#"{"image":"nginx:2"}"#
        )]
    );
}

#[test]
fn deploying_without_an_image_deploys_the_same_once_more() {
    let mock = shop(&["orders"], &[]);
    let ran = run(&mock, &["deploy", "orders", "--no-wait"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            Some(0),
            "orders/prod: deployment 01K00000000000000000000002 of nginx:1, generation 2\n"
        ),
        "{ran:?}"
    );
    assert_eq!(
        changes(&mock),
        [change(
            "orders/environments/prod/deployments",
            r#"{"redeploy":true}"#
        )]
    );
}

#[test]
fn a_deployment_that_fails_ends_with_its_reason_and_what_was_found() {
    let mock = shop(&["orders"], &["orders"]);
    let ran = run(&mock, &["deploy", "orders", "--image", "nginx:2"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let end = format!(
        "error: orders/prod: {REASON}\n  the last lines of a task's log:\n    connection refused\n  \
         what to do: Put the cause right, then apply or deploy again.\n"
    );
    assert!(ran.err.ends_with(&end), "{}", ran.err);
}

#[test]
fn all_services_of_a_team_are_redeployed_a_few_at_a_time_and_summed_up() {
    let mock = shop(&["a", "b", "c"], &["b"]);
    let ran = run(
        &mock,
        &[
            "redeploy",
            "--team",
            "shop",
            "--env",
            "prod",
            "--at-once",
            "2",
        ],
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        ran.out,
        format!(
            "SERVICE    ENVIRONMENT  RESULT     TOOK  NOTE\n\
             a          prod         succeeded  4.0s  https://a.example/a\n\
             b          prod         failed           {REASON}\n\
             c          prod         succeeded  4.0s  https://a.example/c\n\
             waits-yet  prod         left out         waits for its first image\n"
        )
    );
    assert!(
        ran.err.contains(&format!("error: b/prod: {REASON}\n")),
        "{}",
        ran.err
    );
    let begun = |name: &str| {
        let path = format!("/platform/v1/services/{name}/environments/prod/deployments");
        let asked = mock.asked();
        asked
            .iter()
            .position(|it| it.method == "POST" && it.path == path)
    };
    let asked = mock.asked();
    let until_c = &asked[..begun("c").unwrap()];
    let looks = until_c
        .iter()
        .filter(|it| it.path.contains("/deployments/"));
    assert!(begun("a") < begun("b") && begun("b") < begun("c"));
    assert!(
        looks.count() >= 2,
        "one of the two had ended before the third"
    );
}

#[test]
fn one_that_is_refused_keeps_no_other_from_being_redeployed() {
    let mock = shop(&["a"], &[]);
    let ran = run(&mock, &["redeploy", "nobody", "a", "--env", "prod"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(
        ran.out,
        "SERVICE  ENVIRONMENT  RESULT     TOOK  NOTE\n\
         nobody   prod         failed           there is no service `nobody`\n\
         a        prod         succeeded  4.0s  https://a.example/a\n"
    );
}

#[test]
fn redeploying_without_waiting_says_what_is_under_way() {
    let mock = shop(&["a", "b"], &[]);
    let ran = run(&mock, &["redeploy", "a", "b", "--no-wait"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (
            Some(0),
            "SERVICE  ENVIRONMENT  RESULT     TOOK  NOTE\n\
             a        prod         under way        deployment 01K00000000000000000000003, generation 2\n\
             b        prod         under way        deployment 01K00000000000000000000004, generation 2\n"
        ),
        "{ran:?}"
    );
    let which = run(&mock, &["redeploy"]);
    assert_eq!(which.code, Some(2), "{which:?}");
}

#[test]
fn rolling_back_asks_first_and_then_is_one_call() {
    let mock = shop(&["orders"], &[]);
    let asked = run(&mock, &["rollback", "orders", "--env", "prod"]);
    assert_eq!(
        (asked.code, asked.err.as_str()),
        (
            Some(2),
            "error: nobody can be asked here: say --yes, or --plan to see what it would change\n"
        )
    );
    assert_eq!(mock.asked().len(), 0);
    let ran = run(&mock, &["rollback", "orders", "--env", "prod", "--yes"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "https://a.example/orders\n"),
        "{ran:?}"
    );
    let named = [
        "rollback",
        "orders",
        "--env",
        "prod",
        "--to",
        "7",
        "--yes",
        "--no-wait",
    ];
    let named = run(&mock, &named);
    assert!(
        named.out.ends_with(", back to generation 7\n"),
        "{}",
        named.out
    );
    assert_eq!(
        changes(&mock),
        [
            change("orders/environments/prod/rollback", "{}"),
            change("orders/environments/prod/rollback", r#"{"generation":7}"#),
        ]
    );
}

#[test]
fn a_rollbacks_plan_changes_nothing() {
    let mock = shop(&["orders"], &[]);
    let ran = run(&mock, &["rollback", "orders", "--env", "prod", "--plan"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .starts_with("orders/prod would go back to the last good generation\n\nchecks\n  ✓ prod image: About `nginx:1`.\n"),
        "{}",
        ran.out
    );
    let plan = run(
        &mock,
        &[
            "rollback", "orders", "--env", "prod", "--to", "2", "--plan", "--json",
        ],
    );
    let plan: Value = serde_json::from_str(&plan.out).unwrap();
    assert_eq!(plan["cost"]["monthly_usd"], "36.04");
    let body = r#"{"generation":2}"#;
    assert_eq!(
        changes(&mock),
        [
            change("orders/environments/prod/rollback/plan", "{}"),
            change("orders/environments/prod/rollback/plan", body),
        ]
    );
}

#[test]
fn what_is_under_way_is_cancelled_and_what_ran_before_comes_back() {
    let mock = shop(&["orders"], &[]);
    let nothing = run(&mock, &["cancel", "orders", "--env", "prod"]);
    assert_eq!(
        (nothing.code, nothing.err.as_str()),
        (
            Some(1),
            "error: no deployment of orders/prod is under way; see: slipway deployments orders --environment prod\n"
        )
    );
    run(
        &mock,
        &["deploy", "orders", "--image", "nginx:2", "--no-wait"],
    );
    let ran = run(&mock, &["cancel", "orders", "--env", "prod"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "https://a.example/orders\n"),
        "{ran:?}"
    );
    assert!(
        ran.err.starts_with(
            "orders/prod: deployment 01K00000000000000000000002 is cancelled; what ran before comes back with \
             deployment 01K00000000000000000000003 of nginx:1, generation 3\n"
        ),
        "{}",
        ran.err
    );
    let one = "01K00000000000000000000003";
    run(
        &mock,
        &["cancel", "orders", one, "--env", "prod", "--no-wait"],
    );
    let calls: Vec<String> = changes(&mock).into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        calls[1..],
        [
            "orders/environments/prod/deployments/01K00000000000000000000002/cancel",
            "orders/environments/prod/deployments/01K00000000000000000000003/cancel",
        ]
    );
}

#[test]
fn what_waits_for_somebody_to_say_so_goes_on() {
    let mock = shop(&["orders"], &[]);
    run(
        &mock,
        &["deploy", "orders", "--image", "nginx:2", "--no-wait"],
    );
    let ran = run(&mock, &["promote", "orders", "--env", "prod", "--no-wait"]);
    assert_eq!(
        ran.out,
        "orders/prod goes on: deployment 01K00000000000000000000002 of nginx:2, generation 2\n",
        "{ran:?}"
    );
    let path = "orders/environments/prod/deployments/01K00000000000000000000002/promote";
    assert_eq!(changes(&mock)[1], change(path, ""));
}

#[test]
fn a_plan_shows_what_was_checked_and_what_it_costs_and_a_failed_check_exits_with_1() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    for (verdict, mark, code) in [
        ("passed", "✓ prod image: About `nginx:1`.", 0),
        ("unknown", "? prod image: About `nginx:1`. (/image)", 0),
        ("failed", "✗ prod image: About `nginx:1`. (/image)", 1),
    ] {
        let mock = Mock::replies(vec![Reply::json(200, &plan(verdict))]);
        let ran = run_on(&program, &mock, &["plan", "orders.yaml"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert_eq!(
            ran.out,
            format!(
                "orders would be changed\n\
                 \n\
                 checks\n  \
                 {mark}\n\
                 \n\
                 p--orders--prod is updated\n  \
                 ~ Task  AWS::ECS::TaskDefinition\n\
                 \n\
                 cost per month, estimated; at most, with the most tasks that scaling allows\n  \
                 COMPONENT     QUANTITY        USD/MONTH  AT MOST  ASSUMED\n\
                 p--orders--prod\n  \
                 Fargate vCPU  730 vCPU-hours      36.04           2 tasks at all hours\n\
                 \n  \
                 total                             36.04    36.04  1.50 less than what runs\n\
                 prices: us-east-1, 2026-11-01\n"
            )
        );
        let json = run_on(&program, &mock, &["plan", "orders.yaml", "--json"]);
        assert_eq!(json.code, Some(code));
        let json: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(json, plan(verdict));
    }
}
