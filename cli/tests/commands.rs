//! The compiled program against a server that answers as a platform would.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod costs;
mod hooks;
mod mock;
mod needs;
mod program;
mod rolling;
mod runs;
mod scaling;
mod shop;
mod upgrade;
mod watching;

use std::io::{BufRead, BufReader};
use std::process::Command;

use mock::{Asked, Mock, Reply};
use program::{Program, Ran};
use serde_json::{Value, json};
use slipway_domain::Platform;

const UID: &str = "01JZZZZZZZZZZZZZZZZZZZZZZZ";
const DEPLOYMENT: &str = "01K00000000000000000000000";

fn on(program: &Program, mock: &Mock, arguments: &[&str]) -> Command {
    let mut command = program.command(arguments);
    command
        .env("SLIPWAY_ENDPOINT", &mock.url)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    command
}

fn run_on(program: &Program, mock: &Mock, arguments: &[&str]) -> Ran {
    Ran::from(on(program, mock, arguments).output().unwrap())
}

/// A service whose environment `prod` is in a phase.
fn service(phase: &str, message: &str, generation: u64) -> Value {
    let stack = |phase: &str, message: &str, url: Option<&str>| {
        json!({"phase": phase, "message": message, "conditions": [], "observed_generation": generation,
            "since": "2026-01-02T03:04:05Z", "url": url})
    };
    json!({
        "name": "orders", "team": "default", "generation": generation, "uid": UID,
        "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z", "updated_by": "me",
        "deleting": false, "manifest": {"service": "orders"},
        "service_stack": stack("ready", "Everything is as the newest generation says.", None),
        "environments": {"prod": {"path": "/orders", "image": "nginx:1", "deployment": DEPLOYMENT, "stack": stack(phase, message, Some("https://a.example/orders"))}},
    })
}

fn deployment(steps: &[&str], outcome: &Value) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|name| json!({"name": name, "at": "2026-01-02T03:04:06.5Z"}))
        .collect();
    let mut deployment = json!({
        "id": DEPLOYMENT, "service": "orders", "environment": "prod", "generation": 1, "cause": "api", "actor": "me",
        "image": "nginx:1", "created_at": "2026-01-02T03:04:05Z", "steps": steps,
    });
    if !outcome.is_null() {
        deployment["outcome"] = outcome.clone();
    }
    deployment
}

fn no_service() -> Reply {
    Reply::problem(
        404,
        &json!({"title": "There is no such thing", "status": 404, "detail": "there is no service `orders`"}),
    )
}

fn with_tag(status: u16, service: &Value) -> Reply {
    Reply::json(status, service).with("etag", "\"1-x\"")
}

/// A platform on which a registration ends in `phase` at the second look.
fn platform(phase: &'static str, message: &'static str, outcome: Value) -> Mock {
    let mut looks = 0;
    Mock::new(move |asked: &Asked| {
        let path = asked.path.strip_prefix("/platform/v1").unwrap();
        match (asked.method.as_str(), path) {
            ("POST", "/services") => with_tag(201, &service("pending", "Registered.", 1)),
            ("GET", "/services/orders") => {
                looks += 1;
                match looks {
                    1 => no_service(),
                    2 => with_tag(
                        200,
                        &service("creating", "CloudFormation creates the stack.", 1),
                    ),
                    _ => with_tag(200, &service(phase, message, 1)),
                }
            }
            ("GET", _) if path.ends_with(DEPLOYMENT) && looks < 3 => Reply::json(
                200,
                &deployment(&["accepted", "creating the stack"], &Value::Null),
            ),
            ("GET", _) if path.ends_with(DEPLOYMENT) => Reply::json(
                200,
                &deployment(&["accepted", "creating the stack", "done"], &outcome),
            ),
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn no_platform_and_no_credentials_exit_with_3() {
    let program = Program::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = program.command(&[
        "list",
        "--endpoint",
        &format!("http://{closed}"),
        "--region",
        "us-east-1",
    ]);
    let nobody = Ran::from(command.output().unwrap());
    assert_eq!(nobody.code, Some(3), "{nobody:?}");
    assert!(
        nobody
            .err
            .starts_with("error: there are no AWS credentials: "),
        "{}",
        nobody.err
    );
    command
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let nowhere = Ran::from(command.output().unwrap());
    assert_eq!(nowhere.code, Some(3), "{nowhere:?}");
    assert!(nowhere.err.contains("did not answer"), "{}", nowhere.err);
}

#[test]
fn a_connection_that_is_lost_once_is_nobodys_affair() {
    let program = Program::new();
    let mock = Mock::replies(vec![Reply::HangUp, Reply::json(200, &json!({"items": []}))]);
    let ran = run_on(&program, &mock, &["list"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), "no services\n"));
}

#[test]
fn credentials_that_are_not_accepted_exit_with_3() {
    let program = Program::new();
    let mock = Mock::replies(vec![Reply::json(403, &json!({"message": "Forbidden"}))]);
    let ran = run_on(&program, &mock, &["list"]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(
        ran.err,
        "error: the platform does not accept these credentials: Forbidden (status 403)\n"
    );
}

#[test]
fn the_platform_is_found_by_its_stack() {
    let program = Program::new();
    let mock = Mock::new(|asked| {
        if asked.method == "GET" {
            return Reply::json(200, &json!({"items": []}));
        }
        assert!(
            asked.body.contains("Action=DescribeStacks")
                && asked.body.contains("StackName=other-1"),
            "{}",
            asked.body
        );
        let values = serde_json::to_string(&Platform::sample())
            .unwrap()
            .replace('"', "&quot;");
        let url = format!("http://{}/platform/v1", asked.headers["host"]);
        let output = |key: &str, value: &str| {
            format!(
                "<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"
            )
        };
        let outputs = output("ApiUrl", &url) + &output("PlatformValues", &values);
        let body = format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>other-1</StackName>\
             <CreationTime>2026-01-02T03:04:05Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
             <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        );
        Reply::Answer {
            status: 200,
            headers: vec![("content-type", "text/xml".to_owned())],
            body,
        }
    });
    let at = mock.url.trim_end_matches("/platform/v1").to_owned();
    let ask = |arguments: &[&str]| {
        let mut command = on(&program, &mock, arguments);
        command
            .env_remove("SLIPWAY_ENDPOINT")
            .env("AWS_ENDPOINT_URL", &at);
        Ran::from(command.output().unwrap())
    };
    let list = ask(&["list", "--platform-stack", "other-1"]);
    assert_eq!(
        (list.code, list.err.as_str()),
        (Some(0), "no services\n"),
        "{list:?}"
    );
    let values = ask(&["platform", "--platform-stack", "other-1"]);
    assert_eq!(
        serde_json::from_str::<Platform>(&values.out).unwrap(),
        Platform::sample()
    );
}

#[test]
fn applying_registers_waits_and_ends_with_the_url() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    let done = json!({"result": "succeeded", "at": "2026-01-02T03:04:07Z"});
    let mock = platform("ready", "Runs with 2 of 2 tasks.", done);
    let ran = run_on(&program, &mock, &["apply", "orders.yaml", "--wait"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(0), "https://a.example/orders\n"),
        "{ran:?}"
    );
    let lines: Vec<&str> = ran
        .err
        .lines()
        .filter(|line| !line.contains("  orders  "))
        .collect();
    assert_eq!(
        lines,
        [
            "orders registered, generation 1",
            "    1.5s  orders/prod  accepted",
            "    1.5s  orders/prod  creating the stack: CloudFormation creates the stack.",
            "    1.5s  orders/prod  done: Runs with 2 of 2 tasks.",
        ]
    );
    let sent: Value = serde_json::from_str(&mock.asked()[1].body).unwrap();
    assert_eq!(sent, json!({"service": "orders", "image": "nginx:1"}));
}

#[test]
fn a_failed_deployment_exits_with_1_and_its_reason() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    let failed = json!({"result": "failed", "at": "2026-01-02T03:04:07Z", "reason": "There is no such image."});
    let ran = run_on(
        &program,
        &platform("deleting", "…", failed),
        &["apply", "orders.yaml", "--wait"],
    );
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(
        ran.err
            .contains("\nerror: orders/prod: There is no such image.\n"),
        "{}",
        ran.err
    );
}

#[test]
fn waiting_ends_with_4_when_the_time_is_up() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    let mock = platform("creating", "CloudFormation creates the stack.", Value::Null);
    let ran = run_on(
        &program,
        &mock,
        &["apply", "orders.yaml", "--wait", "--timeout", "2"],
    );
    assert_eq!(ran.code, Some(4), "{ran:?}");
    assert!(
        ran.err
            .ends_with("the platform goes on, see it with: slipway get orders\n"),
        "{}",
        ran.err
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_waiting_and_says_that_the_work_goes_on() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nimage: nginx:1\n");
    let mock = platform("creating", "CloudFormation creates the stack.", Value::Null);
    let mut child = on(&program, &mock, &["apply", "orders.yaml", "--wait"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap);
    // The second look is shown: the waiting, and its handler, are there.
    assert!(lines.any(|line| line.contains("creating the stack")));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(
        lines.last().unwrap(),
        "Left running. See it with: slipway get orders"
    );
}

#[test]
fn applying_to_what_exists_is_against_the_generation_that_was_read() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\n");
    let stale = json!({"title": "The service has changed since", "status": 412, "detail": "`orders` is at generation 3"});
    let mock = Mock::replies(vec![
        with_tag(200, &service("ready", "", 1)),
        with_tag(200, &service("ready", "", 2)),
        with_tag(200, &service("ready", "", 2)),
        with_tag(200, &service("ready", "", 2)),
        with_tag(200, &service("ready", "", 2)),
        Reply::problem(412, &stale),
    ]);
    let apply = || run_on(&program, &mock, &["apply", "orders.yaml"]);
    assert_eq!(apply().out, "orders changed, generation 2\n");
    assert_eq!(
        apply().out,
        "orders is as the manifest says, generation 2\n"
    );
    let ran = apply();
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (Some(1), "error: `orders` is at generation 3\n")
    );
    assert_eq!(mock.asked()[1].method, "PUT");
    assert_eq!(mock.asked()[1].headers["if-match"], "\"1-x\"");
}

#[test]
fn a_refused_manifest_is_told_by_file_and_pointer() {
    let program = Program::new();
    program.file("orders.yaml", "service: orders\nfuture: 1\n");
    let problem = json!({"title": "The manifest is not of its form", "status": 400, "detail": "…",
        "errors": [{"pointer": "/future", "detail": "is not a field here"}]});
    let mock = Mock::replies(vec![no_service(), Reply::problem(400, &problem)]);
    let ran = run_on(&program, &mock, &["apply", "orders.yaml"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (Some(1), "error: orders.yaml:/future: is not a field here\n")
    );
}

#[test]
fn deleting_asks_first_and_can_wait_until_it_is_gone() {
    let program = Program::new();
    let answer = json!({"service": "orders", "kept": [{"resource_type": "AWS::ECR::Repository", "name": "p-orders-prod"}], "removed": {"AWS::ECS::Service": 1}});
    let mut gets = 0;
    let mock = Mock::new(move |asked| match asked.method.as_str() {
        "DELETE" => Reply::json(202, &answer),
        _ => {
            gets += 1;
            if gets > 3 {
                no_service()
            } else {
                with_tag(
                    200,
                    &service("deleting", "CloudFormation deletes the stack.", 1),
                )
            }
        }
    });
    let asked = run_on(&program, &mock, &["delete", "orders"]);
    assert_eq!(
        (asked.code, asked.err.as_str()),
        (Some(2), "error: nobody can be asked here: say --yes\n")
    );
    let ran = run_on(&program, &mock, &["delete", "orders", "--yes", "--wait"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .contains("aws ecr delete-repository --force --repository-name p-orders-prod"),
        "{}",
        ran.out
    );
    assert!(ran.err.ends_with("orders/prod  gone\n"), "{}", ran.err);
    assert!(
        mock.asked()
            .iter()
            .any(|asked| asked.method == "DELETE" && asked.headers["if-match"] == "\"1-x\"")
    );
}

#[test]
fn a_teardown_deletes_every_service_and_says_how_to_go_on() {
    let program = Program::new();
    let summary = |name: &str| {
        json!({"name": name, "team": "default", "generation": 1, "deleting": false,
        "environments": {"prod": {"phase": "deleting", "message": "M."}}})
    };
    let mut lists = 0;
    let mock = Mock::new(move |asked| match asked.method.as_str() {
        "DELETE" => Reply::json(202, &json!({"service": "a", "kept": [], "removed": {}})),
        _ => {
            lists += 1;
            Reply::json(
                200,
                &json!({"items": if lists > 2 { vec![] } else { vec![summary("a"), summary("b")] }}),
            )
        }
    });
    let ran = run_on(&program, &mock, &["teardown", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("sam delete --stack-name"), "{}", ran.out);
    assert!(
        ran.out.contains("--no-deletion-protection-enabled"),
        "{}",
        ran.out
    );
    let deleted: Vec<_> = mock
        .asked()
        .into_iter()
        .filter(|asked| asked.method == "DELETE")
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        deleted,
        ["/platform/v1/services/a", "/platform/v1/services/b"]
    );
}

#[test]
fn a_protected_service_stands_in_the_way_of_a_teardown() {
    let program = Program::new();
    let summary = json!({"name": "a", "team": "default", "generation": 1, "deleting": false, "environments": {}});
    let mock = Mock::new(move |asked| match asked.method.as_str() {
        "DELETE" => Reply::problem(
            409,
            &json!({"title": "C", "status": 409, "detail": "`a` is protected against deletion"}),
        ),
        _ => Reply::json(200, &json!({"items": [summary]})),
    });
    let ran = run_on(&program, &mock, &["teardown", "--yes"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.err
            .contains("error: a: `a` is protected against deletion\n"),
        "{}",
        ran.err
    );
    assert!(!ran.out.contains("sam delete"), "{}", ran.out);
}

#[test]
fn results_that_are_not_for_a_terminal_have_no_colours() {
    let program = Program::new();
    let mock = Mock::replies(vec![Reply::json(
        200,
        &json!({"items": [
            {"name": "a", "team": "t", "generation": 1, "deleting": false, "environments": {"prod": {"phase": "ready", "message": "", "url": "u"}}},
        ]}),
    )]);
    let ran = run_on(&program, &mock, &["list"]);
    assert_eq!(
        ran.out,
        "SERVICE  TEAM  GEN  ENVIRONMENT  PHASE  URL\na        t     1    prod         ready  u\n"
    );
}
