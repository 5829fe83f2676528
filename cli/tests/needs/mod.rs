//! Services that do not go on without a person: how the compiled program shows them.
use serde_json::{Value, json};

use super::mock::{Asked, Mock, Reply};
use super::program::{Program, Ran};
use super::{DEPLOYMENT, run_on};

const REASON: &str = "ECS gave the new tasks up: tasks failed to start.";
const ADVICE: &str = "Put the cause right, then change the service or start a deployment again.";

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    run_on(&program, mock, arguments)
}

fn stack(rest: &Value) -> Value {
    let mut stack = json!({"phase": "ready", "message": "Everything is as the newest generation says.", "conditions": [],
        "observed_generation": 1, "since": "2026-01-02T03:04:05Z", "outputs": {"RepositoryUri": "1.dkr.ecr/orders"}});
    stack
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    stack
}

fn failed_stack() -> Value {
    stack(&json!({"phase": "failed", "message": REASON, "advice": ADVICE, "outputs": {}}))
}

fn service(prod: &Value) -> Reply {
    let service = json!({
        "name": "orders", "team": "default", "generation": 1, "uid": "01JZZZZZZZZZZZZZZZZZZZZZZZ",
        "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "updated_by": "me",
        "deleting": false, "manifest": {"service": "orders"}, "service_stack": stack(&json!({})),
        "environments": {"prod": {"path": "/orders", "image": "nginx:1", "deployment": DEPLOYMENT, "stack": prod}},
    });
    Reply::json(200, &service).with("etag", "\"1-x\"")
}

fn failed_deployment() -> Reply {
    Reply::json(
        200,
        &json!({
            "id": DEPLOYMENT, "service": "orders", "environment": "prod", "generation": 1, "cause": "api", "actor": "me",
            "image": "nginx:1", "created_at": "2026-01-02T03:04:05Z",
            "steps": [{"name": "accepted", "at": "2026-01-02T03:04:06.5Z"}],
            "evidence": {
                "tasks": ["Essential container in task exited; app: exit code 1"],
                "targets": ["10.0.0.4:80: Health checks failed with these codes: [502]"],
                "log": ["listening on 80", "\u{1b}[31mcannot reach the database\u{1b}[0m"],
            },
            "outcome": {"result": "failed", "at": "2026-01-02T03:05:00Z", "reason": REASON},
        }),
    )
}

/// A platform where the deployment of `orders` fails: it is written down between the first
/// look at the service and the one at the deployment.
fn failing() -> Mock {
    let mut looks = 0;
    Mock::new(move |asked: &Asked| {
        let path = asked.path.strip_prefix("/platform/v1").unwrap();
        match path.rsplit('/').next().unwrap() {
            DEPLOYMENT => failed_deployment(),
            "orders" if asked.method == "GET" => {
                looks += 1;
                if looks == 2 {
                    service(&stack(&json!({"phase": "rolling-out", "message": "M."})))
                } else {
                    service(&failed_stack())
                }
            }
            "orders" => service(&failed_stack()),
            other => panic!("{other}"),
        }
    })
}

const FOUND: &str = "  tasks that stopped:
    Essential container in task exited; app: exit code 1
  targets that are not healthy:
    10.0.0.4:80: Health checks failed with these codes: [502]
  the last lines of a task's log:
    listening on 80
    cannot reach the database
";

#[test]
fn waiting_for_a_deployment_that_fails_ends_with_reason_evidence_and_advice() {
    let ran = run(&failing(), &["apply", "orders.yaml", "--wait"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    let end = format!("error: orders/prod: {REASON}\n{FOUND}  what to do: {ADVICE}\n");
    assert!(ran.err.ends_with(&end), "{}", ran.err);
}

#[test]
fn a_service_is_shown_with_what_was_found_and_what_to_do() {
    let ran = run(&failing(), &["get", "orders"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let end = format!(
        "prod         failed !             nginx:1\n\nprod: {REASON}\n{FOUND}  what to do: {ADVICE}\nrepository: 1.dkr.ecr/orders\n"
    );
    assert!(ran.out.ends_with(&end), "{}", ran.out);
}

#[test]
fn what_cannot_be_read_beside_a_service_is_left_out() {
    let mock = Mock::new(
        |asked: &Asked| match asked.path.rsplit('/').next().unwrap() {
            "orders" => service(&failed_stack()),
            _ => Reply::json(400, &json!({})),
        },
    );
    let ran = run(&mock, &["get", "orders"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let end = format!("\nprod: {REASON}\n  what to do: {ADVICE}\nrepository: 1.dkr.ecr/orders\n");
    assert!(ran.out.ends_with(&end), "{}", ran.out);
}

#[test]
fn what_needs_a_person_is_listed_page_by_page() {
    let needy = json!({"name": "orders", "team": "shop", "generation": 1, "deleting": false, "environments": {
        "prod": {"phase": "failed", "message": REASON, "advice": ADVICE},
        "staging": {"phase": "ready", "message": "Runs.", "url": "https://a.example/staging/orders"},
    }});
    // A page without anybody in need may still lead on.
    let mock = Mock::replies(vec![
        Reply::json(200, &json!({"items": [], "next": "shop/cart"})),
        Reply::json(200, &json!({"items": [needy]})),
        Reply::json(200, &json!({"items": []})),
    ]);
    let ran = run(&mock, &["list", "--needs-person", "--team", "shop"]);
    assert_eq!(
        ran.out,
        format!(
            "SERVICE  TEAM  GEN  ENVIRONMENT  PHASE     URL\n\
             orders   shop  1    prod         failed !  see below\n\
             orders   shop  1    staging      ready     https://a.example/staging/orders\n\
             \n\
             1 needs a person:\n\
             orders/prod: {REASON}\n  what to do: {ADVICE}\n"
        )
    );
    let asked: Vec<String> = mock.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(
        asked,
        [
            "/platform/v1/services?team=shop&needs=person&limit=100",
            "/platform/v1/services?team=shop&needs=person&cursor=shop%2Fcart&limit=100",
        ]
    );
    let nobody = run(&mock, &["list", "--needs-person"]);
    assert_eq!(
        (nobody.code, nobody.err.as_str()),
        (Some(0), "no service needs a person\n")
    );
}
