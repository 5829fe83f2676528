//! Databases, and the services that use them.

use serde_json::{Value, json};
use slipway_domain::database::{Acu, Detail, Engine};
use slipway_domain::manifest::Kind;
use slipway_domain::{DatabaseReference, Manifest, Platform};

fn database(fields: Value) -> Value {
    merged(json!({"service": "orders-db", "kind": "database"}), fields)
}

fn user(fields: Value) -> Value {
    merged(
        json!({"service": "orders", "image": "a:1", "databases": {"DATABASE": "orders-db"}}),
        fields,
    )
}

fn merged(mut document: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        return fields;
    };
    for (name, value) in fields {
        document[name] = value;
    }
    document
}

fn refused(document: &Value) -> Vec<String> {
    let found = Manifest::read(document).err();
    let problems = found.into_iter().flat_map(|it| it.problems);
    problems.map(|it| it.pointer).collect()
}

#[test]
fn a_database_needs_no_more_than_its_kind() {
    let manifest = Manifest::read(&database(json!({}))).unwrap();
    let database = manifest.settings.database.as_ref().unwrap();
    assert_eq!(database.engine, Engine::AuroraPostgresql);
    assert_eq!(database.name(&manifest.service), "orders_db");
    assert_eq!(database.version().as_str(), "17.7");
    assert!(!manifest.settings.kind.has_repository());
    let prod = "prod".parse().unwrap();
    let effective = manifest.effective(&prod, &prod).unwrap();
    assert_eq!(effective.path, None);
    assert!(!database.admits(&"orders".parse().unwrap()));
}

#[test]
fn capacity_is_said_in_steps_of_a_half() {
    for (good, written) in [
        ("0", "0"),
        ("0.5", "0.5"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        ("256", "256"),
    ] {
        let number: Value = serde_json::from_str(good).unwrap();
        let document = database(json!({"database": {"min": number, "max": 256}}));
        let manifest = Manifest::read(&document).unwrap();
        let stored = serde_json::to_value(&manifest).unwrap();
        assert_eq!(stored["database"]["min"].to_string(), written);
        assert_eq!(Manifest::read(&stored).unwrap(), manifest);
    }
    for bad in [
        json!(0.3),
        json!(-1),
        json!(256.5),
        json!("1"),
        json!(1e300),
    ] {
        let document = database(json!({"database": {"min": bad, "max": 256}}));
        assert_eq!(refused(&document), ["/database/min"], "{bad}");
    }
    assert_eq!(
        refused(&database(json!({"database": {"max": 0.5}}))),
        ["/database/max"]
    );
    let document = database(json!({"database": {"min": 2, "max": 1.5}}));
    assert_eq!(refused(&document), ["/database/min"]);
    assert_eq!(Acu::of(2).number().to_string(), "2");
}

#[test]
fn what_an_image_runs_with_is_refused_of_a_database() {
    let document = database(json!({
        "image": "a:1", "port": 81, "path": "/a", "cpu": 512, "memory": 4096, "scaling": {"max": 4},
        "ingress": "none", "databases": {"A": "b"}, "function": {"memory": 256}, "tracing": true,
        "logs": {"retention": 7}, "environment": {"A": "1"}, "alarms": {"on": ["memory"]},
    }));
    let expected = [
        "/alarms/on",
        "/cpu",
        "/databases",
        "/environment",
        "/function",
        "/image",
        "/ingress",
        "/memory",
        "/path",
        "/port",
        "/scaling",
        "/tracing",
    ];
    assert_eq!(refused(&document), expected);
    let document = json!({"service": "a", "database": {"readers": 3}});
    assert_eq!(refused(&document), ["/database"]);
}

#[test]
fn a_database_is_one_in_every_environment() {
    let document = database(json!({"environments": {"qa": {"kind": "web"}}}));
    assert_eq!(refused(&document), ["/environments/qa/kind"]);
    let document = json!({"service": "a", "environments": {"qa": {"kind": "database"}}});
    assert_eq!(refused(&document), ["/environments/qa/kind"]);
    let document = database(json!({"environments": {"qa": {"database": {"readers": 0}}}}));
    let manifest = Manifest::read(&document).unwrap();
    let (qa, prod) = ("qa".parse().unwrap(), "prod".parse().unwrap());
    let effective = manifest.effective(&qa, &prod).unwrap();
    assert_eq!(effective.settings.as_database().unwrap().readers, 0);
    assert_eq!(effective.settings.kind, Kind::Database);
}

#[test]
fn a_version_is_one_of_the_engine_and_one_that_can_pause_where_it_is_to() {
    let with = |fields: Value| refused(&database(json!({"database": fields})));
    assert_eq!(with(json!({"version": "17"})), ["/database/version"]);
    let mysql = json!({"engine": "aurora-mysql", "version": "17.7"});
    assert_eq!(with(mysql), ["/database/version"]);
    assert_eq!(
        with(json!({"version": "16.2", "min": 0})),
        ["/database/min"]
    );
    assert!(with(json!({"version": "16.2"})).is_empty());
    assert!(with(json!({"min": 0})).is_empty());
    assert!(with(json!({"engine": "aurora-mysql", "min": 0})).is_empty());
}

#[test]
fn a_name_that_the_engine_has_for_itself_is_refused() {
    let document = database(json!({"database": {"name": "mysql"}}));
    assert_eq!(refused(&document), ["/database/name"]);
    let document = json!({"service": "database", "kind": "database"});
    assert_eq!(refused(&document), ["/database/name"]);
    let document = json!({"service": "database", "kind": "database", "database": {"name": "shop"}});
    assert!(refused(&document).is_empty());
    assert_eq!(
        refused(&database(json!({"database": {"name": "a-b"}}))),
        ["/database/name"]
    );
}

#[test]
fn who_uses_a_database_names_it_and_an_environment_of_it_perhaps() {
    let prod = "prod".parse().unwrap();
    let reference: DatabaseReference = "orders-db".parse().unwrap();
    assert_eq!(reference.database().as_str(), "orders-db");
    assert_eq!(reference.environment(&prod), prod);
    let reference: DatabaseReference = "orders-db/qa".parse().unwrap();
    assert_eq!(reference.database().as_str(), "orders-db");
    assert_eq!(reference.environment(&prod).as_str(), "qa");
    assert!(refused(&user(json!({}))).is_empty());
    for bad in ["Orders", "a/b/c", "a/", "a/b-c", ""] {
        let document = user(json!({"databases": {"DATABASE": bad}}));
        assert_eq!(refused(&document), ["/databases/DATABASE"], "{bad}");
    }
    let document = user(json!({"databases": {"1A": "a"}}));
    assert_eq!(refused(&document), ["/databases/1A"]);
    let many = json!({"A": "a", "B": "b", "C": "c", "D": "d"});
    assert_eq!(refused(&user(json!({"databases": many}))), ["/databases"]);
}

#[test]
fn a_variable_has_one_value() {
    let document = user(json!({"environment": {"DATABASE_HOST": "x"}}));
    assert_eq!(refused(&document), ["/databases/DATABASE"]);
    let secrets = json!({"DATABASE_PASSWORD": "ssm:/a/b"});
    assert_eq!(
        refused(&user(json!({"secrets": secrets}))),
        ["/databases/DATABASE"]
    );
    let both = json!({"A": "a", "A_READER": "b"});
    assert_eq!(
        refused(&user(json!({"databases": both}))),
        ["/databases/A_READER"]
    );
    // What a function is told is less.
    let function = json!({
        "kind": "function", "function": {"vpc": true}, "environment": {"DATABASE_PASSWORD": "x"},
    });
    assert!(refused(&user(function)).is_empty());
    let names: Vec<String> = Detail::of(Kind::Function)
        .iter()
        .map(|it| it.variable("DB"))
        .collect();
    assert_eq!(
        names,
        [
            "DB_HOST",
            "DB_READER_HOST",
            "DB_PORT",
            "DB_NAME",
            "DB_SECRET"
        ]
    );
}

#[test]
fn what_is_inherited_counts_beside_what_an_environment_adds() {
    let document = user(json!({
        "databases": {"A": "a-db", "B": "b-db"},
        "environments": {"prod": {}, "qa": {"databases": {"C": "c-db", "D": "d-db"}}},
    }));
    assert_eq!(refused(&document), ["/environments/qa/databases"]);
}

#[test]
fn a_function_that_uses_a_database_is_where_databases_are() {
    assert_eq!(refused(&user(json!({"kind": "function"}))), ["/databases"]);
    let function = json!({"kind": "function", "function": {"vpc": true}});
    assert!(refused(&user(function)).is_empty());
}

#[test]
fn a_platform_without_subnets_for_databases_has_none() {
    let mut platform = Platform::sample();
    let document = database(json!({}));
    assert!(Manifest::read_on(&document, &platform).is_ok());
    platform.database_subnets.clear();
    let problems = Manifest::read_on(&document, &platform)
        .unwrap_err()
        .problems;
    assert_eq!(problems[0].pointer, "/kind");
}

#[test]
fn a_database_tells_what_can_be_told_of_it() {
    let with = |alarms: Value, shape: Value| {
        refused(&database(json!({"alarms": alarms, "database": shape})))
    };
    let all = json!({"on": ["cpu", "capacity", "connections", "replica_lag"]});
    assert!(with(all.clone(), json!({})).is_empty());
    assert_eq!(with(all.clone(), json!({"readers": 0})), ["/alarms/on"]);
    let full = json!({"min": 4, "max": 4});
    assert_eq!(with(all.clone(), full), ["/alarms/on"]);
    let tight = json!({"on": ["capacity"], "capacity": 20});
    assert_eq!(with(tight, json!({"min": 1, "max": 4})), ["/alarms/on"]);
    assert_eq!(with(json!({"on": ["errors"]}), json!({})), ["/alarms/on"]);
    assert_eq!(
        with(json!({"on": ["cpu", "cpu"]}), json!({})),
        ["/alarms/on"]
    );
    // Without readers in one environment, what is told of them elsewhere is nobody's mistake.
    let document = database(json!({
        "alarms": all, "dashboard": true, "environments": {"qa": {"database": {"readers": 0}}},
    }));
    assert!(refused(&document).is_empty());
    for alert in ["capacity", "connections", "replica_lag"] {
        let document = json!({"service": "a", "alarms": {"on": [alert]}});
        assert_eq!(refused(&document), ["/alarms/on"], "{alert}");
    }
}

#[test]
fn a_database_is_made_from_a_snapshot_of_its_account_and_region() {
    let with = |snapshot: &str| database(json!({"database": {"restore": {"snapshot": snapshot}}}));
    let arn = "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:before";
    for good in ["before", "a-1", arn] {
        let manifest = Manifest::read(&with(good)).unwrap();
        let stored = serde_json::to_value(&manifest).unwrap();
        assert_eq!(Manifest::read(&stored).unwrap(), manifest);
    }
    for bad in [
        "",
        "-a",
        "a--b",
        "a-",
        "1a",
        "rds:a",
        "arn:aws:rds:a:1:snapshot:b",
    ] {
        let pointers = refused(&with(bad));
        assert_eq!(pointers, ["/database/restore/snapshot"], "{bad}");
    }
    let empty = json!({"qa": {"database": {"restore": null}}});
    let document = json!({"restore": {"snapshot": "before"}});
    let document = database(json!({"database": document, "environments": empty}));
    let (qa, prod) = ("qa".parse().unwrap(), "prod".parse().unwrap());
    let effective = Manifest::read(&document).unwrap().effective(&qa, &prod);
    assert_eq!(
        effective.unwrap().settings.as_database().unwrap().restore,
        None
    );
    let document = database(json!({"database": {"restore": {}}}));
    assert_eq!(refused(&document), ["/database/restore/snapshot"]);
    let platform = Platform::sample();
    assert!(Manifest::read_on(&with(arn), &platform).is_ok());
    let elsewhere = with(&arn.replace("us-east-1", "eu-west-1"));
    let problems = Manifest::read_on(&elsewhere, &platform)
        .unwrap_err()
        .problems;
    assert_eq!(problems[0].pointer, "/database/restore/snapshot");
}
