//! Random manifests that are valid on the sample platform, as wide as the schema allows.
//!
//! They are documents, not [`Manifest`](slipway_domain::Manifest)s, so that reading is tried
//! as well. Nothing here invents invalid ones; what is refused has tests of its own.

mod around;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use slipway_domain::{schema, size};

mod kinds;

use kinds::{database, function, job, with_databases, without_ingress, work_queue, worker};

type Fields = BoxedStrategy<Vec<(&'static str, Value)>>;

/// A manifest that `Manifest::read` takes and that the sample platform allows.
pub fn valid_manifest() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => reachable_manifest(),
        1 => reachable_manifest().prop_map(without_ingress),
        1 => reachable_manifest().prop_map(|document| on_the_platforms(document, "shared")),
        1 => reachable_manifest().prop_map(|document| on_the_platforms(document, "public")),
        1 => reachable_manifest().prop_map(found_by_name),
        1 => reachable_manifest().prop_map(without_a_balancer),
        1 => (reachable_manifest(), work_queue()).prop_map(|(document, queue)| worker(document, &queue)),
        1 => function(),
        1 => job(),
        1 => database(),
        1 => (reachable_manifest(), vec("[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,2}(/[a-z][a-z0-9]{0,8})?", 1..4))
            .prop_map(|(document, names)| with_databases(document, names)),
    ]
}

/// Takes away what only a load balancer of the service's own can do, and for those that the HTTP
/// API is not before what only that can do.
fn on_the_platforms(mut document: Value, ingress: &str) -> Value {
    let strip = |fields: &mut Value| {
        let own = ["ingress", "listener_port", "scaling"];
        let Some(fields) = fields.as_object_mut() else {
            return;
        };
        fields.retain(|name, _| {
            !own.contains(&name.as_str()) && (ingress != "public" || name != "authorization")
        });
    };
    strip(&mut document);
    document["ingress"] = ingress.into();
    let environments = document.get_mut("environments");
    let environments = environments.and_then(Value::as_object_mut);
    for (_, overrides) in environments.into_iter().flatten() {
        strip(overrides);
    }
    document
}

/// Lets others find it by its name, and takes away what cannot go with that.
fn found_by_name(mut document: Value) -> Value {
    let rolling = |fields: &mut Value| fields.as_object_mut().map(|it| it.remove("deploy"));
    rolling(&mut document);
    document["discovery"] = true.into();
    let environments = document.get_mut("environments");
    let environments = environments.and_then(Value::as_object_mut);
    for (_, overrides) in environments.into_iter().flatten() {
        rolling(overrides);
    }
    document
}

/// Lets the HTTP API reach the tasks themselves, and takes away what is of a load balancer.
fn without_a_balancer(mut document: Value) -> Value {
    let strip = |fields: &mut Value| {
        let of_balancers = [
            "ingress",
            "listener_port",
            "health",
            "deploy",
            "alarms",
            "scaling",
        ];
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|name, _| !of_balancers.contains(&name.as_str()));
        }
    };
    strip(&mut document);
    document["ingress"] = "cloud-map".into();
    let environments = document.get_mut("environments");
    let environments = environments.and_then(Value::as_object_mut);
    for (_, overrides) in environments.into_iter().flatten() {
        strip(overrides);
    }
    document
}

/// One that callers reach.
fn reachable_manifest() -> impl Strategy<Value = Value> {
    service_name().prop_flat_map(|service| {
        let environments = btree_map("[a-z][a-z0-9]{0,11}", overrides(&service), 0..=4);
        (
            Just(service.clone()),
            prop::option::of(service_name()),
            prop::option::of(any::<bool>()),
            settings(&service, true),
            prop::option::of(image_reference()),
            prop::option::of(route_path()),
            environments,
        )
            .prop_map(
                |(service, team, protection, mut fields, image, path, environments)| {
                    let mut document = Map::from_iter([("service".to_owned(), service.into())]);
                    document.extend(team.map(|team| ("team".to_owned(), team.into())));
                    let protection = protection.map(Value::from);
                    document.extend(protection.map(|it| ("deletion_protection".to_owned(), it)));
                    document.append(&mut fields);
                    document.extend(image.map(|image| ("image".to_owned(), image.into())));
                    document.extend(path.map(|path| ("path".to_owned(), path.into())));
                    if !environments.is_empty() {
                        document.insert("environments".to_owned(), with_paths(environments));
                    }
                    Value::Object(document)
                },
            )
    })
}

/// A valid manifest whose default environment has an image.
pub fn manifest_with_image() -> impl Strategy<Value = Value> {
    (valid_manifest(), image_reference()).prop_map(|(mut document, image)| {
        let image = match document["kind"].as_str() {
            Some("database") => return document,
            Some("function") => return kinds::with_artifact(document),
            _ => image.into(),
        };
        document["image"] = image;
        document
    })
}

/// Marks the overrides that are to have a path of their own with one no other has.
fn with_paths(environments: std::collections::BTreeMap<String, Map<String, Value>>) -> Value {
    environments
        .into_iter()
        .map(|(name, mut overrides)| {
            if let Some(Value::String(path)) = overrides.remove("path") {
                overrides.insert("path".to_owned(), format!("{path}/of-{name}").into());
            }
            (name, Value::Object(overrides))
        })
        .collect::<Map<_, _>>()
        .into()
}

fn service_name() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,3}",
        1 => "[a-z][a-z0-9]{33}-[a-z0-9]{5}",
    ]
}

/// Up to 60 characters, which leaves room for what `with_paths` puts behind it.
fn route_path() -> impl Strategy<Value = String> {
    "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,11}){1,4}"
}

fn image_reference() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("nginx:alpine".to_owned()),
        "[a-z0-9]{1,10}(/[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?){0,2}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,20})?",
        "(ghcr\\.io|public\\.ecr\\.aws|registry\\.example\\.com:5000)/[a-z0-9]{1,8}/[a-z0-9]{1,8}:v[0-9]{1,3}",
        "[0-9]{12}\\.dkr\\.ecr\\.(us-east-1|eu-west-3)\\.amazonaws\\.com/[a-z]{1,6}(/[a-z0-9]{1,6}){0,2}(:[a-z0-9]{1,8})?(@sha256:[0-9a-f]{64})?",
    ]
}

/// What an environment says differently. Where rules tie fields together, all of them are
/// said, so that what is inherited cannot break the rule.
fn overrides(service: &str) -> impl Strategy<Value = Map<String, Value>> + use<> {
    (
        // Target tracking cannot unsay the queue that it inherits.
        settings(service, false),
        prop::option::of(image_reference()),
        prop::option::weighted(0.3, route_path()),
    )
        .prop_map(|(mut fields, image, path)| {
            fields.extend(image.map(|image| ("image".to_owned(), image.into())));
            fields.extend(path.map(|path| ("path".to_owned(), path.into())));
            fields
        })
}

/// Every field that an environment may set too, each there or not.
fn settings(service: &str, tracked: bool) -> impl Strategy<Value = Map<String, Value>> + use<> {
    let fields: Vec<Fields> = vec![
        field("kind", Just("web")),
        field("port", port()),
        field("strip_path", any::<bool>()),
        task_size(),
        field("architecture", select(vec!["x86_64", "arm64"])),
        field("command", vec(text(), 0..6)),
        field("environment", variables()),
        field("secrets", secrets(service)),
        health(),
        field("ingress", Just("dedicated")),
        field("listener_port", port()),
        field("authorization", select(vec!["none", "iam", "jwt"])),
        placement(),
        scaling(tracked),
        field("alarms", alarms()),
        field("dashboard", any::<bool>()),
        field(
            "logs",
            select(schema::RETENTIONS.to_vec()).prop_map(|days| json!({"retention": days})),
        ),
        field(
            "images",
            any::<bool>().prop_map(|scan| json!({"scan": scan})),
        ),
        deploy(),
        field("permissions", around::permissions(service)),
        around::container(),
        field("sidecars", around::sidecars(service)),
        field("volumes", around::volumes()),
    ];
    let maybe: Vec<_> = fields.into_iter().map(prop::option::of).collect();
    maybe.prop_map(|fields| {
        fields
            .into_iter()
            .flatten()
            .flatten()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

fn field<S>(name: &'static str, value: S) -> Fields
where
    S: Strategy + 'static,
    S::Value: Into<Value>,
{
    value
        .prop_map(move |value| vec![(name, value.into())])
        .boxed()
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![select(vec![1, 80, 443, 3000, 8080, 65535]), 1..=u16::MAX]
}

fn task_size() -> Fields {
    select(size::CPUS.to_vec())
        .prop_flat_map(|cpu| (Just(cpu), select(size::memory_for(cpu).unwrap_or_default())))
        .prop_map(|(cpu, memory)| vec![("cpu", cpu.into()), ("memory", memory.into())])
        .boxed()
}

/// Where tasks run and on what. Instances refuse what other fields may say, a disk of a task's own
/// and another architecture: a golden case has them.
fn placement() -> Fields {
    (
        select(vec!["dedicated", "shared"]),
        select(vec!["fargate", "fargate-spot"]),
        0_u32..=5000,
    )
        .prop_map(|(cluster, capacity, base)| {
            let base = if capacity == "fargate-spot" { base } else { 1 };
            vec![
                ("cluster", cluster.into()),
                ("capacity", capacity.into()),
                ("spot", json!({"base": base})),
            ]
        })
        .boxed()
}

/// Text that means something to a shell, to JSON or to CloudFormation, and plain text.
fn text() -> impl Strategy<Value = String> {
    let pointed = select(vec![
        "",
        " ",
        "${NAME}",
        "$(id)",
        "{{not resolved}}",
        "{\"Ref\": \"TaskRole\"}",
        "Ref",
        "a\nb\tc",
        "\\\"",
        "'",
        "ünï ☃ 漢字",
        "*",
        "arn:aws:iam::aws:policy/AdministratorAccess",
    ]);
    prop_oneof![1 => pointed.prop_map(str::to_owned), 2 => "[ -~äß€]{0,40}"]
}

/// Names begin with a letter that no secret's begins with: a variable has one value.
fn variables() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        9 => "[A-RT-Zabc_][A-Z0-9_]{0,20}",
        1 => select(vec!["AWS_REGION", "ENVIRONMENT"]).prop_map(str::to_owned),
    ];
    btree_map(
        name.prop_filter("a secret's", |name| name != "PORT"),
        text(),
        0..12,
    )
    .prop_map(|variables| json!(variables))
}

fn secrets(service: &str) -> impl Strategy<Value = Value> + use<> {
    let name = prop_oneof![9 => "S[A-Z0-9_]{0,20}", 1 => Just("PORT".to_owned())];
    let under = format!("devops2-g4/{service}");
    let reference = ("[A-Za-z0-9_.-]{1,12}(/[A-Za-z0-9_.-]{1,12}){0,2}", 0..3_u8).prop_map(
        move |(place, kind)| match kind {
            0 => format!("ssm:/{under}/{place}"),
            1 => format!("secretsmanager:/{under}/{place}"),
            _ => format!("secretsmanager:/{under}/{place}#key"),
        },
    );
    btree_map(name, reference, 0..8).prop_map(|secrets| json!(secrets))
}

fn health() -> Fields {
    let path = "/[A-Za-z0-9._~/-]{0,20}(\\?[a-z]=[a-z%0-9]{0,6})?";
    let times = (5_u32..=300).prop_flat_map(|interval| (Just(interval), 2..interval.min(121)));
    let counts = (2_u32..=10, 2_u32..=10, 0_u32..=7200);
    (path, times, counts)
        .prop_map(|(path, (interval, timeout), (healthy, unhealthy, grace))| {
            let health = json!({
                "path": path, "interval": interval, "timeout": timeout,
                "healthy": healthy, "unhealthy": unhealthy, "grace": grace,
            });
            vec![("health", health)]
        })
        .boxed()
}

/// For the platform's scaler and, if wanted, for AWS's target tracking, each with what it can do.
/// Requests are tracked in one target group only, and the strategy is another field: ours alone.
fn scaling(may_be_tracked: bool) -> Fields {
    let tracked = (
        (1_u32..=5000).prop_flat_map(|min| (Just(min), min..=5000)),
        band(),
        band(),
    )
        .prop_map(|((min, max), cpu, memory)| {
            json!({
                "by": "target-tracking", "min": min, "max": max,
                "cpu": {"low": 30, "high": cpu["high"].as_u64().map(|high| high.max(31))},
                "memory": {"low": 30, "high": memory["high"].as_u64().map(|high| high.max(31))},
            })
        });
    let bounds = (0_u32..=5000).prop_flat_map(|min| (Just(min), min.max(1)..=5000));
    let ours = (bounds, band(), band(), signals(), windows(), any::<bool>()).prop_map(
        |((min, max), cpu, memory, mut scaling, schedule, hold)| {
            scaling["by"] = "alarms".into();
            scaling["min"] = min.into();
            scaling["max"] = max.into();
            scaling["cpu"] = cpu;
            scaling["memory"] = memory;
            scaling["schedule"] = schedule;
            if min == 0 {
                let answer = if hold { "hold" } else { "retry" };
                scaling["to_zero"] = json!({"after": 5, "answer": answer});
            }
            scaling
        },
    );
    let scaling = if may_be_tracked {
        prop_oneof![1 => tracked, 3 => ours].boxed()
    } else {
        ours.boxed()
    };
    (scaling, select(vec![20, 60]))
        .prop_map(|(mut scaling, resolution)| {
            scaling["resolution"] = resolution.into();
            vec![("scaling", scaling)]
        })
        .boxed()
}

/// What a scaler may follow beside CPU and memory.
fn signals() -> impl Strategy<Value = Value> {
    let queue = ("[A-Za-z0-9_-]{1,75}(\\.fifo)?", 1_u32..=86_400);
    let statistic = select(vec!["average", "maximum", "minimum", "sum"]);
    let dimensions = btree_map("[A-Za-z][A-Za-z ]{0,20}", "[ -~]{1,40}", 0..4);
    let metric = (
        text(),
        dimensions,
        statistic,
        -1e6..1e6_f64,
        1_u32..1000,
        any::<bool>(),
    );
    let metrics = vec(metric, 0..=4).prop_map(|metrics| {
        let metrics = metrics.into_iter().enumerate();
        let metrics = metrics.map(|(place, (name, dimensions, statistic, low, more, total))| {
            json!({
                "namespace": "Shop", "name": format!("{place}{name}"), "dimensions": dimensions,
                "statistic": statistic, "low": low, "high": low + f64::from(more), "total": total,
            })
        });
        metrics.collect::<Vec<Value>>()
    });
    let requests = prop::option::of(1_u32..=10_000_000);
    (requests, prop::option::of(queue), metrics).prop_map(|(requests, queue, metrics)| {
        let mut scaling = json!({"metrics": metrics});
        if let Some(requests) = requests {
            scaling["requests"] = requests.into();
        }
        if let Some((name, delay)) = queue {
            scaling["queue"] = json!({"name": name, "delay": delay});
        }
        scaling
    })
}

fn windows() -> impl Strategy<Value = Value> {
    let days =
        prop::sample::subsequence(vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"], 0..=7);
    let time =
        || (0_u32..24, 0_u32..60).prop_map(|(hour, minute)| format!("{hour:02}:{minute:02}"));
    let zone = select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
    ]);
    let bounds = (0_u32..=5000).prop_flat_map(|min| (Just(min), min.max(1)..=5000));
    let window = (days, time(), time(), zone, bounds).prop_map(|(days, from, to, zone, (min, max))| {
        json!({"days": days, "from": from, "to": to, "timezone": zone, "min": min, "max": max})
    });
    vec(window, 0..4).prop_map(Value::Array)
}

fn alarms() -> impl Strategy<Value = Value> {
    let names = vec!["cpu", "memory", "errors", "response_time", "unhealthy"];
    let on = prop::sample::subsequence(names, 0..=5);
    (on, 1_u32..=100, 0_u32..=1000, 1_u32..=60_000).prop_map(|(on, cpu, errors, milliseconds)| {
        json!({"on": on, "cpu": cpu, "errors": errors, "response_time": milliseconds})
    })
}

fn band() -> impl Strategy<Value = Value> {
    (1_u32..=99)
        .prop_flat_map(|low| (Just(low), low + 1..=100))
        .prop_map(|(low, high)| json!({"low": low, "high": high}))
}

/// Every strategy with its own fields only. All that the rules tie together is said, and short
/// enough for the longest start.
fn deploy() -> Fields {
    let percents = prop_oneof![
        (0_u32..=100).prop_map(|fewest| (fewest, 200)),
        (100_u32..=200).prop_map(|most| (0, most)),
    ];
    let rolling = percents.prop_map(
        |(fewest, most)| json!({"strategy": "rolling", "minimum_healthy": fewest, "maximum": most}),
    );
    let strategy = prop_oneof![
        Just(json!({"strategy": "blue-green"})),
        (1_u32..=99, 0_u32..=10).prop_map(|(percent, bake)| {
            json!({"strategy": "canary", "canary": {"percent": percent, "bake": bake}})
        }),
        (10_u32..=99, 0_u32..=1).prop_map(|(percent, bake)| {
            json!({"strategy": "linear", "linear": {"percent": percent, "bake": bake}})
        }),
    ];
    let shifting = (strategy, 0_u32..=10, prop::option::of(1_u32..=10)).prop_map(
        |(mut strategy, bake, pause)| {
            strategy["bake"] = bake.into();
            if let Some(pause) = pause {
                strategy["pause"] = pause.into();
            }
            strategy
        },
    );
    let breaker =
        (1_u32..=100, prop::option::of(1_u32..=200)).prop_map(
            |(percent, failures)| match failures {
                Some(failures) => json!({"percent": percent, "failures": failures}),
                None => json!({"percent": percent}),
            },
        );
    let alarms = prop::sample::subsequence(vec!["cpu", "memory"], 0..=2);
    (prop_oneof![rolling, shifting], breaker, alarms)
        .prop_map(|(mut deploy, breaker, alarms)| {
            deploy["circuit_breaker"] = breaker;
            deploy["alarms"] = json!(alarms);
            vec![("deploy", deploy)]
        })
        .boxed()
}
