//! What `slipway databases` and `slipway database` say.

use serde_json::{Value, json};

use super::mock::{Mock, Reply};
use super::program::Program;
use super::run_on;

fn database() -> Value {
    json!({
        "name": "orders-db", "team": "shop", "generation": 3, "uid": "01M7YX612D97KYVH1V612FEQWQ",
        "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-21T10:00:00Z",
        "updated_by": "arn:aws:iam::111122223333:user/ada", "deleting": false,
        "manifest": {"service": "orders-db", "kind": "database"},
        "environments": {"prod": {
            "wanted": {"engine": "aurora-mysql", "version": "8.0.mysql_aurora.3.10.6", "min": 0.5, "max": 4, "readers": 1},
            "phase": "ready", "message": "It is as wanted.",
            "endpoint": {
                "host": "w.example", "reader_host": "r.example", "port": "3306", "name": "orders_db",
                "secret": "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds!cluster-1",
            },
            "access": ["orders", "shop"], "users": ["orders/prod"],
        }},
    })
}

#[test]
fn databases_are_listed_with_who_uses_them() {
    let mock = Mock::replies(vec![Reply::json(200, &json!({"items": [database()]}))]);
    let ran = run_on(&Program::new(), &mock, &["databases"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let rows: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1],
        [
            "orders-db",
            "shop",
            "prod",
            "ready",
            "aurora-mysql",
            "0.5-4",
            "1",
            "orders/prod"
        ]
    );
}

#[test]
fn a_database_is_shown_with_where_it_is_and_who_may_use_it() {
    let reply = Reply::json(200, &database()).with("etag", "\"3-01M7YX612D97KYVH1V612FEQWQ\"");
    let mock = Mock::replies(vec![reply]);
    let ran = run_on(&Program::new(), &mock, &["database", "orders-db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for part in [
        "w.example:3306",
        "r.example:3306",
        "orders_db",
        "secret:rds!cluster-1",
        "orders, shop",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}
