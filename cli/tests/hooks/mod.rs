//! `slipway webhook`.

use super::*;

const SECRET: &str = "whsec_bm90IGEgc2VjcmV0";

/// A platform that keeps webhooks of one service.
fn platform() -> Mock {
    let mut there: Vec<String> = Vec::new();
    Mock::new(move |asked| {
        let path = asked
            .path
            .strip_prefix("/platform/v1/services/orders/webhooks");
        let path = path.unwrap();
        let url = "https://a.example/webhook/orders";
        match asked.method.as_str() {
            "GET" => {
                let items: Vec<Value> = there
                    .iter()
                    .map(|provider| json!({"provider": provider, "url": url}))
                    .collect();
                Reply::json(200, &json!({ "items": items }))
            }
            "POST" => {
                let body: Value = serde_json::from_str(&asked.body).unwrap();
                let provider = body["provider"].as_str().unwrap().to_owned();
                let mut made = json!({"provider": provider, "url": url, "secret": SECRET});
                if there.contains(&provider) {
                    made["former_valid_until"] = json!("2026-01-03T03:04:05Z");
                } else {
                    there.push(provider);
                }
                Reply::json(201, &made)
            }
            "DELETE" => {
                there.retain(|provider| !path.ends_with(provider));
                Reply::json(200, &json!({}))
            }
            other => panic!("{other}"),
        }
    })
}

fn run(mock: &Mock, arguments: &[&str]) -> Ran {
    run_on(&Program::new(), mock, arguments)
}

#[test]
fn a_webhook_is_made_with_a_secret_that_is_shown_once_and_with_what_to_do_next() {
    let mock = platform();
    let ran = run(&mock, &["webhook", "create", "orders", "github"]);
    assert_eq!(
        (ran.code, ran.out),
        (
            Some(0),
            format!("url     https://a.example/webhook/orders\nsecret  {SECRET}\n")
        )
    );
    assert!(
        ran.err.contains("At GitHub: ") && !ran.err.contains(SECRET),
        "{}",
        ran.err
    );
    let list = run(&mock, &["webhook", "list", "orders"]);
    assert_eq!(
        list.out,
        "PROVIDER  URL\ngithub    https://a.example/webhook/orders\n"
    );
    let again = run(&mock, &["webhook", "create", "orders", "github"]);
    assert_eq!(
        (again.code, again.err.as_str()),
        (
            Some(1),
            "error: orders has a webhook of github; a new secret for it: slipway webhook rotate orders github\n"
        )
    );
}

#[test]
fn a_new_secret_says_until_when_the_former_one_counts() {
    let mock = platform();
    let none = run(&mock, &["webhook", "rotate", "orders", "gitlab"]);
    assert_eq!(
        (none.code, none.err.as_str()),
        (
            Some(1),
            "error: orders has no webhook of gitlab; to make one: slipway webhook create orders gitlab\n"
        )
    );
    let made = run(&mock, &["webhook", "create", "orders", "gitlab", "--json"]);
    let made: Value = serde_json::from_str(&made.out).unwrap();
    assert_eq!(made["secret"], SECRET);
    let ran = run(&mock, &["webhook", "rotate", "orders", "gitlab"]);
    assert!(
        ran.err
            .contains("\nThe former one counts until 2026-01-03 03:04:05Z.\n"),
        "{}",
        ran.err
    );
}

#[test]
fn a_webhook_is_deleted_by_who_says_so() {
    let mock = platform();
    run(&mock, &["webhook", "create", "orders", "azure-devops"]);
    let asked = run(&mock, &["webhook", "delete", "orders", "azure-devops"]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    let ran = run(
        &mock,
        &["webhook", "delete", "orders", "azure-devops", "--yes"],
    );
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{ran:?}");
    let list = run(&mock, &["webhook", "list", "orders"]);
    assert_eq!(list.err, "no webhooks\n");
    let json = run(&mock, &["webhook", "list", "orders", "--json"]);
    assert_eq!(json.out, "[]\n");
}

#[test]
fn a_secret_that_nobody_saw_is_not_made_twice() {
    let none = Reply::json(200, &json!({"items": []}));
    let mock = Mock::replies(vec![none, Reply::HangUp]);
    let ran = run(&mock, &["webhook", "create", "orders", "bitbucket"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(mock.asked().len(), 2);
}

#[test]
fn the_key_that_signs_notices_is_standard_output_and_alone() {
    let mock = Mock::new(|asked| {
        assert_eq!(asked.method, "POST");
        let path = "/platform/v1/services/orders/notify-secret";
        let rest = asked.path.strip_prefix(path).unwrap();
        let mut key = json!({ "secret": SECRET });
        if rest == "/rotation" {
            key["former_valid_until"] = json!("2026-01-03T03:04:05Z");
        }
        Reply::json(200, &key)
    });
    let shown = run(&mock, &["webhook", "key", "orders"]);
    assert_eq!(
        (shown.code, shown.out, shown.err),
        (Some(0), format!("{SECRET}\n"), String::new())
    );
    let rotated = run(&mock, &["webhook", "key", "orders", "--rotate"]);
    assert_eq!(
        (rotated.out.trim_end(), rotated.err.as_str()),
        (
            SECRET,
            "until 2026-01-03 03:04:05Z notices are signed with the former key, too\n"
        )
    );
    let json = run(&mock, &["webhook", "key", "orders", "--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["secret"], SECRET);
}

#[test]
fn who_tells_of_pushes_is_one_of_a_few() {
    let ran = run(&platform(), &["webhook", "create", "orders", "svn"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("github, gitlab, bitbucket"), "{}", ran.err);
}
