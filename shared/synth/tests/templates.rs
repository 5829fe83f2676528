//! What can be asked of templates: size, differences, what stays.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};
use slipway_synth::{
    Action, INLINE_LIMIT, RunState, Template, diff, environment_stack, kept_on_delete,
    service_stack,
};

fn stack(document: &Value) -> Template {
    let platform = Platform::sample();
    let manifest = Manifest::read(document).unwrap();
    manifest.check_on(&platform).unwrap();
    let prod = &platform.environment;
    let effective = manifest.effective(prod, prod).unwrap();
    environment_stack(&effective, &platform, &RunState::default()).unwrap()
}

fn changes(before: &Value, after: &Value) -> Vec<(String, Action)> {
    diff(Some(&stack(before)), &stack(after))
        .into_iter()
        .map(|change| (change.logical_id, change.action))
        .collect()
}

#[test]
fn an_ordinary_stack_goes_inline_and_a_very_long_one_does_not() {
    let small = stack(&json!({"service": "orders", "image": "nginx"}));
    assert!(small.to_json().len() < 16_000, "{}", small.to_json().len());
    let variables: serde_json::Map<String, Value> = (0..12)
        .map(|n| (format!("LONG_{n}"), "x".repeat(4000).into()))
        .collect();
    let long = stack(&json!({"service": "orders", "image": "nginx", "environment": variables}));
    assert!(long.to_json().len() > INLINE_LIMIT);
    // What the domain lets through always fits into a bucket's template.
    assert!(long.to_json().len() < 1_000_000);
}

#[test]
fn a_role_with_very_many_secrets_stays_under_the_limit_of_iam() {
    let secrets = |count: usize| -> Value {
        (0..count)
            .map(|n| format!("secretsmanager:/devops2-g4/orders/{}-{n}", "x".repeat(200)))
            .enumerate()
            .map(|(n, reference)| (format!("SECRET_{n}"), Value::from(reference)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let read = |count: usize| -> Value {
        let template =
            stack(&json!({"service": "orders", "image": "nginx", "secrets": secrets(count)}));
        let policies = &template.resource("ExecutionRole").unwrap()["Properties"]["Policies"];
        assert!(policies.to_string().len() < 10_240);
        policies[0]["PolicyDocument"]["Statement"][1]["Resource"].clone()
    };
    assert_eq!(read(20).as_array().unwrap().len(), 20);
    let all = "arn:aws:secretsmanager:us-east-1:111122223333:secret:";
    let prefixes = [format!("{all}/devops2-g4/orders/*")];
    // The parameters' statement is there too, as the boundary's.
    assert_eq!(
        read(90),
        json!(["arn:aws:ssm:us-east-1:111122223333:parameter/devops2-g4/orders/*"])
    );
    let many = stack(&json!({"service": "orders", "image": "nginx", "secrets": secrets(90)}));
    let statements = &many.resource("ExecutionRole").unwrap()["Properties"]["Policies"][0]["PolicyDocument"]
        ["Statement"];
    assert_eq!(statements[2]["Resource"], json!(prefixes));
}

#[test]
fn a_web_acl_stands_in_front_of_a_load_balancer_and_of_nothing_else() {
    let acl = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/a/b";
    let platform = Platform {
        web_acl: acl.to_owned(),
        ..Platform::sample()
    };
    let association = |document: Value| {
        let manifest = Manifest::read(&document).unwrap();
        let default = &platform.environment;
        let effective = manifest.effective(default, default).unwrap();
        let template = environment_stack(&effective, &platform, &RunState::default()).unwrap();
        template.resource("WebAclAssociation").cloned()
    };
    let found = association(json!({"service": "orders", "image": "nginx"})).unwrap();
    let expected = json!({"ResourceArn": {"Ref": "LoadBalancer"}, "WebACLArn": acl});
    assert_eq!(found["Properties"], expected);
    let unreached = json!({"service": "orders", "image": "nginx", "ingress": "none"});
    assert_eq!(association(unreached), None);
}

#[test]
fn the_most_permissions_that_a_manifest_may_have_are_room_enough_in_a_role() {
    let names = |count: usize, length: usize| -> Vec<String> {
        let pad = "x".repeat(length);
        (0..count)
            .map(|it| format!("shared-{it:02}{pad}"))
            .collect()
    };
    let manifest = |count: usize, length: usize| {
        let owned = [
            "dynamodb:read",
            "dynamodb:write",
            "events:put",
            "s3:read",
            "s3:write",
            "sns:publish",
            "sqs:receive",
            "sqs:send",
        ];
        let mut all: Vec<Value> = owned
            .map(|it| json!({"allow": it, "on": names(count, length)}))
            .into();
        let models: Vec<String> = names(count, 0)
            .iter()
            .map(|it| format!("us.{it}.v1"))
            .collect();
        all.push(json!({"allow": "bedrock:invoke", "on": models}));
        all.push(json!({"allow": "cloudwatch:put", "on": names(count, length)}));
        json!({"service": "orders", "image": "nginx", "permissions": all})
    };
    let mut accepted = 0;
    for (count, length) in (1..20).flat_map(|count| (0..50).map(move |length| (count, length))) {
        let document = manifest(count, length);
        if Manifest::read_on(&document, &Platform::sample()).is_ok() {
            let template = stack(&document);
            let policies = &template.resource("TaskRole").unwrap()["Properties"]["Policies"];
            let bytes = policies.to_string().len();
            assert!(bytes < 9_000, "{count} of {length}: {bytes}");
            accepted = accepted.max(bytes);
        }
    }
    assert!(accepted > 7_000, "what is accepted is {accepted}");
}

#[test]
fn nothing_changes_between_a_template_and_itself() {
    let manifest = json!({"service": "orders", "image": "nginx"});
    assert_eq!(changes(&manifest, &manifest), []);
    assert_eq!(stack(&manifest).hash(), stack(&manifest).hash());
}

#[test]
fn a_first_stack_adds_everything_and_its_end_removes_all_but_what_is_kept() {
    let template = stack(&json!({"service": "orders", "image": "nginx"}));
    let ids: Vec<&str> = template.resources().map(|(id, _)| id).collect();
    let first = diff(None, &template);
    let last = diff(Some(&template), &Template::empty());
    for changes in [&first, &last] {
        let found: Vec<&str> = changes.iter().map(|c| c.logical_id.as_str()).collect();
        assert_eq!(found, ids);
    }
    assert!(first.iter().all(|change| change.action == Action::Add));
    for change in &last {
        let kept = change.resource_type == "AWS::Logs::LogGroup";
        let action = if kept { Action::Keep } else { Action::Remove };
        assert_eq!(change.action, action, "{}", change.logical_id);
    }
}

#[test]
fn a_changed_field_changes_its_resource_and_what_refers_to_a_new_one() {
    let before = json!({"service": "orders", "image": "nginx:1"});
    let image = json!({"service": "orders", "image": "nginx:2"});
    assert_eq!(
        changes(&before, &image),
        [
            ("TaskDefinition".to_owned(), Action::Change),
            ("Service".to_owned(), Action::Change),
        ]
    );
    let bounds = json!({"service": "orders", "image": "nginx:1", "scaling": {"max": 20}});
    assert_eq!(
        changes(&before, &bounds),
        [("ScalableTarget".to_owned(), Action::Change)]
    );
    let unstripped = json!({"service": "orders", "image": "nginx:1", "strip_path": false});
    assert_eq!(
        changes(&before, &unstripped),
        [
            ("ListenerRule".to_owned(), Action::Change),
            ("Integration".to_owned(), Action::Change),
            ("RootRoute".to_owned(), Action::Change),
            ("RootIntegration".to_owned(), Action::Remove),
        ]
    );
}

#[test]
fn the_team_changes_the_stamp_and_no_resource() {
    let ours = json!({"service": "orders", "image": "nginx"});
    let theirs = json!({"service": "orders", "image": "nginx", "team": "shop"});
    assert_eq!(changes(&ours, &theirs), []);
    assert_ne!(stack(&ours).hash(), stack(&theirs).hash());
}

#[test]
fn what_the_service_stack_does_not_follow_does_not_touch_it() {
    let platform = Platform::sample();
    let render = |document: Value| service_stack(&Manifest::read(&document).unwrap(), &platform);
    let before = render(json!({"service": "orders", "image": "nginx"}));
    assert_eq!(
        before,
        render(json!({"service": "orders", "port": 8080, "environments": {"qa": {}}}))
    );
    let unscanned = render(json!({"service": "orders", "images": {"scan": false}}));
    assert_eq!(diff(Some(&before), &unscanned).len(), 1);
}

#[test]
fn log_groups_and_the_repository_stay_when_a_service_goes() {
    let names = |template: &Template| -> Vec<String> {
        kept_on_delete(template)
            .into_iter()
            .map(|kept| kept.name)
            .collect()
    };
    assert_eq!(
        names(&stack(&json!({"service": "orders", "image": "nginx"}))),
        [
            "/aws/ecs/devops2-g4-orders-prod",
            "/aws/ecs/containerinsights/devops2-g4-orders-cluster-prod/performance",
        ]
    );
    let manifest = Manifest::read(&json!({"service": "orders"})).unwrap();
    assert_eq!(
        names(&service_stack(&manifest, &Platform::sample())),
        ["devops2-g4-orders-prod"]
    );
}
