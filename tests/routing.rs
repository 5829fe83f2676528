//! The HTTP API and the load balancers that services share understand paths alike: whatever is
//! asked for, the service whose route it is is the one whose rule it comes to.
//!
//! The rules are those that are rendered, with the places that would be claimed. Which route and
//! which rule is taken is said here once more, from AWS's documentation: of routes the most
//! specific one ("Routes for HTTP APIs", developer guide of API Gateway), of rules the first that
//! matches ("Listener rules", user guide of Application Load Balancers).

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use slipway_control::places::{AllTaken, HTTP_API, Limits, choose, wanted};
use slipway_control::ports::Room;
use slipway_domain::{Manifest, Place, Platform};
use slipway_synth::{RunState, Template, environment_stack};

/// A service's rule, with its name.
struct Rule {
    service: String,
    listener: String,
    priority: u64,
    conditions: Vec<Value>,
    /// What the prefix's regular expression takes off, if anything.
    strips: Option<String>,
}

/// A route, with the integration that it leads to.
struct Route {
    service: String,
    key: String,
    integration: String,
    /// What its integration puts in the path's place, if anything.
    overwrites: Option<String>,
}

#[derive(Default)]
struct World {
    rules: Vec<Rule>,
    routes: Vec<Route>,
}

impl World {
    /// Registers services at these paths one after the other; little fits on a load balancer.
    fn new(ingress: &str, services: &[(String, bool, bool)], platform: &Platform) -> Self {
        let limits = Limits {
            balancer: Room {
                rules: 9,
                groups: 9,
            },
            ..Limits::default()
        };
        let mut world = Self::default();
        let mut taken = AllTaken::new();
        for (number, (path, strips, guarded)) in services.iter().enumerate() {
            let mut document = json!({
                "service": format!("s{number}"), "image": "nginx:1", "ingress": ingress,
                "path": path, "strip_path": strips,
            });
            if *guarded && ingress == "shared" {
                document["authorization"] = "iam".into();
            }
            let manifest = Manifest::read_on(&document, platform).expect("a manifest");
            let wanted = wanted(&manifest, None, platform);
            // Those that do not fit any more are refused, and not there.
            let Ok(claims) = choose(&wanted, taken.clone(), limits, platform) else {
                continue;
            };
            for (place, _) in &claims.places {
                let taken = taken.entry(place.on.clone()).or_default();
                assert!(!taken.rules.contains(&place.number), "{place} is taken");
                taken.add(place);
            }
            let mut places = claims.places.into_iter().map(|(place, _)| place);
            let place = places.find(|place| place.on != HTTP_API).expect("a rule");
            world.render(&manifest, Some(place), platform);
        }
        world
    }

    /// Registers services at these paths, to whose tasks the HTTP API leads itself.
    fn without_balancers(services: &[(String, bool, bool)], platform: &Platform) -> Self {
        let mut world = Self::default();
        for (number, (path, strips, guarded)) in services.iter().enumerate() {
            let document = json!({
                "service": format!("s{number}"), "image": "nginx:1", "ingress": "cloud-map",
                "path": path, "strip_path": strips,
                "authorization": if *guarded { "jwt" } else { "none" },
            });
            let manifest = Manifest::read_on(&document, platform).expect("a manifest");
            world.render(&manifest, None, platform);
        }
        world
    }

    fn render(&mut self, manifest: &Manifest, place: Option<Place>, platform: &Platform) {
        let env = &platform.environment;
        let effective = manifest.effective(env, env).expect("its environment");
        let run = RunState {
            place,
            ..RunState::default()
        };
        let template = environment_stack(&effective, platform, &run).expect("a stack");
        // What is imported stands for what it is imported as.
        let text = |value: &Value| {
            let imported = value["Fn::ImportValue"].as_str();
            let text = value.as_str().or(imported);
            text.unwrap_or_default().to_owned()
        };
        let service = manifest.service.to_string();
        for (_, resource) in template.resources() {
            let properties = &resource["Properties"];
            if resource["Type"] == "AWS::ApiGatewayV2::Route" {
                self.routes.push(Route {
                    service: service.clone(),
                    key: text(&properties["RouteKey"]),
                    integration: text(&properties["Target"]["Fn::Join"][1][1]),
                    overwrites: overwrites(&template, &properties["Target"]),
                });
            }
            if resource["Type"] == "AWS::ElasticLoadBalancingV2::ListenerRule" {
                let rewrite = &properties["Transforms"][0]["UrlRewriteConfig"]["Rewrites"][0];
                self.rules.push(Rule {
                    service: service.clone(),
                    listener: text(&properties["ListenerArn"]),
                    priority: properties["Priority"].as_u64().expect("a priority"),
                    conditions: properties["Conditions"].as_array().expect("some").clone(),
                    strips: rewrite["Regex"].as_str().map(str::to_owned),
                });
            }
        }
    }

    /// The route that the HTTP API takes: the path itself, or else the longest of those below
    /// which it lies.
    fn route(&self, path: &str) -> Option<&Route> {
        let fits = |route: &&Route| {
            let key = route.key.strip_prefix("ANY ").unwrap_or_default();
            match key.strip_suffix("{proxy+}") {
                Some(prefix) => path.len() > prefix.len() && path.starts_with(prefix),
                None => path == key,
            }
        };
        let is_exact = |route: &&Route| !route.key.ends_with("{proxy+}");
        self.routes
            .iter()
            .filter(fits)
            .max_by_key(|route| (is_exact(route), route.key.len()))
    }

    /// The rule that a load balancer comes to, for a request with the header of a route.
    fn rule(&self, listener: &str, path: &str, route: &str) -> Option<&Rule> {
        let fits = |rule: &&Rule| {
            rule.listener == listener
                && rule.conditions.iter().all(|condition| {
                    let patterns = |config: &str| {
                        let values = condition[config]["Values"].as_array();
                        values.into_iter().flatten().filter_map(Value::as_str)
                    };
                    match condition["Field"].as_str() {
                        Some("path-pattern") => {
                            patterns("PathPatternConfig").any(|it| matches(it, path))
                        }
                        Some("http-header") => patterns("HttpHeaderConfig").any(|it| it == route),
                        _ => false,
                    }
                })
        };
        self.rules.iter().filter(fits).min_by_key(|it| it.priority)
    }
}

/// What the integration that a route leads to puts in the path's place, if it is the service's own.
fn overwrites(template: &Template, target: &Value) -> Option<String> {
    let id = target["Fn::Join"][1][1]["Ref"].as_str()?;
    let parameters = &template.resource(id)?["Properties"]["RequestParameters"];
    parameters["overwrite:path"].as_str().map(str::to_owned)
}

/// Whether a pattern with at most one `*`, at its end, matches.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == pattern,
    }
}

/// Segments of which one begins as another does.
fn path(deepest: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", "b", "ab", "a.b"]),
        1..=deepest,
    )
    .prop_map(|segments| format!("/{}", segments.join("/")))
}

fn services() -> impl Strategy<Value = Vec<(String, bool, bool)>> {
    prop::collection::btree_map(path(4), (any::<bool>(), any::<bool>()), 1..=20)
        .prop_map(|all| {
            all.into_iter()
                .map(|(path, (strips, guarded))| (path, strips, guarded))
        })
        .prop_map(Iterator::collect::<Vec<_>>)
        .prop_shuffle()
}

/// The service with the longest path under which a request lies.
fn longest<'a>(world: &'a World, services: &[(String, bool, bool)], path: &str) -> Option<&'a str> {
    let by_rules = world.rules.iter().map(|rule| &*rule.service);
    let by_routes = world.routes.iter().map(|route| &*route.service);
    let there: BTreeSet<&str> = by_rules.chain(by_routes).collect();
    let lies_under = |prefix: &str| {
        let rest = path.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let named = services
        .iter()
        .enumerate()
        .map(|(number, (prefix, ..))| (format!("s{number}"), prefix));
    let (name, _) = named
        .filter(|(name, prefix)| there.contains(&**name) && lies_under(prefix))
        .max_by_key(|(_, prefix)| prefix.len())?;
    there.get(&*name).copied()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn routes_and_rules_choose_the_same_service(services in services(), asked in prop::collection::vec(path(6), 1..=40)) {
        let platform = Platform::sample();
        let world = World::new("shared", &services, &platform);
        for path in &asked {
            let route = world.route(path);
            let by_route = route.map(|route| &*route.service);
            prop_assert_eq!(by_route, longest(&world, &services, path), "{}", path);
            let Some(route) = route else { continue };
            let stack = route.integration.strip_suffix("-Integration").expect("an import");
            let rule = world.rule(&format!("{stack}-Listener"), path, &route.key);
            prop_assert_eq!(rule.map(|rule| &*rule.service), by_route, "{}", path);
        }
    }

    #[test]
    fn without_the_http_api_the_longest_path_wins_as_well(services in services(), asked in prop::collection::vec(path(6), 1..=40)) {
        let platform = Platform::sample();
        let world = World::new("public", &services, &platform);
        prop_assert!(world.routes.is_empty());
        let listener = &platform.public_load_balancers[0].listener;
        for path in &asked {
            for path in [path.clone(), format!("{path}/")] {
                let rule = world.rule(listener, &path, "");
                let by_rule = rule.map(|rule| &*rule.service);
                prop_assert_eq!(by_rule, longest(&world, &services, &path), "{}", path);
            }
        }
    }

    #[test]
    fn without_a_load_balancer_the_longest_path_wins_and_loses_the_same_prefix(services in services(), asked in prop::collection::vec(path(6), 1..=40)) {
        let platform = Platform::sample();
        let world = World::without_balancers(&services, &platform);
        prop_assert!(world.rules.is_empty());
        for path in &asked {
            let route = world.route(path);
            let by_route = route.map(|route| &*route.service);
            prop_assert_eq!(by_route, longest(&world, &services, path), "{}", path);
            let Some(route) = route else { continue };
            let number: usize = route.service[1..].parse().unwrap_or_default();
            let (prefix, strips, _) = &services[number];
            let below = path[prefix.len()..].trim_start_matches('/');
            let arrives = match &route.overwrites {
                Some(put) => put.replace("$request.path.proxy", below),
                None => path.clone(),
            };
            // What a rule of a load balancer would leave: `^{prefix}/?(.*)$` becomes `/$1`.
            let left = if *strips { format!("/{below}") } else { path.clone() };
            prop_assert_eq!(arrives, left, "{}", path);
        }
    }

    #[test]
    fn a_rule_takes_off_its_own_prefix(services in services()) {
        let platform = Platform::sample();
        let world = World::new("public", &services, &platform);
        for rule in &world.rules {
            let number: usize = rule.service[1..].parse().unwrap_or_default();
            let (path, strips, _) = &services[number];
            let expected = strips.then(|| format!("^{}/?(.*)$", path.replace('.', "\\.")));
            prop_assert_eq!(&rule.strips, &expected);
        }
    }
}
