//! Ways in: services that share a load balancer, one that nothing leads to, and their claims.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::new_key;
use slipway_control::view::ServiceView;
use slipway_domain::{Phase, ServiceName};
use slipway_tests::aws::texts;
use slipway_tests::local_platform::LocalPlatform;

use crate::asking::{name, patch, prod, register, set};

/// What is claimed of what services share, by its names: what is behind the numbers.
fn claimed(platform: &LocalPlatform) -> Result<BTreeMap<String, Vec<String>>> {
    let items = platform.registry()?;
    let shared = items.iter().filter_map(|((pk, _), item)| {
        let name = pk.strip_prefix("CLAIM#places#")?.rsplit('#').next()?;
        Some((name.to_owned(), set(item, "groups")))
    });
    Ok(shared.collect())
}

fn output(service: &ServiceView, key: &str) -> Result<String> {
    let outputs = &service.environments[&prod()].stack.outputs;
    outputs.get(key).cloned().with_context(|| key.to_owned())
}

/// A rule's priority, its paths, and what it takes off.
type Rule = (u32, Vec<String>, Vec<String>);

/// The rules of a listener but for its default.
fn rules(platform: &LocalPlatform, listener: &str) -> Result<Vec<Rule>> {
    let ask = [("ListenerArn", listener)];
    let text = platform
        .aws()
        .query("elasticloadbalancing", "DescribeRules", &ask)?;
    let document = roxmltree::Document::parse(&text)?;
    let mut found = Vec::new();
    for rule in document.descendants().filter(|it| {
        it.tag_name().name() == "member"
            && it
                .parent()
                .is_some_and(|it| it.tag_name().name() == "Rules")
    }) {
        let own = |name: &str| {
            let named = rule
                .descendants()
                .filter(move |it| it.tag_name().name() == name);
            named
                .filter_map(|it| it.text())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let values = rule
            .descendants()
            .filter(|it| it.tag_name().name() == "PathPatternConfig")
            .flat_map(|it| it.descendants())
            .filter(|it| it.tag_name().name() == "member")
            .filter_map(|it| it.text().map(str::to_owned))
            .collect();
        if let Some(priority) = own("Priority").first().and_then(|it| it.parse().ok()) {
            found.push((priority, values, own("Regex")));
        }
    }
    found.sort();
    Ok(found)
}

fn shared(service: &str, path: &str) -> Value {
    json!({"service": service, "image": "nginx:alpine", "ingress": "shared", "path": path})
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn c3_services_share_a_load_balancer_and_leave_no_claim_behind() -> Result<()> {
    let platform = LocalPlatform::start("ingress")?;
    let client = platform.client();
    let before = platform.resources()?;
    // Nothing that services share is there before the first one needs it.
    assert_eq!(before.names("load balancer"), Vec::<&str>::new());
    let services: [ServiceName; 3] = ["cash", "reports", "jobs"].map(name);
    register(&client, &shared("cash", "/api/cash"))?;
    register(&client, &shared("reports", "/api/cash/reports"))?;
    let jobs = json!({"service": "jobs", "image": "nginx:alpine", "ingress": "none"});
    register(&client, &jobs)?;
    let ready = services
        .iter()
        .map(|service| platform.ready(service))
        .collect::<Result<Vec<_>>>()?;

    // Both have a rule on one listener, the deeper path first, and no load balancer of their own.
    let listener = output(&ready[0], "Listener")?;
    assert_eq!(output(&ready[1], "Listener")?, listener);
    let found = rules(&platform, &listener)?;
    let paths: Vec<&[String]> = found.iter().map(|(_, paths, _)| &paths[..]).collect();
    assert_eq!(
        paths,
        [
            ["/api/cash/reports", "/api/cash/reports/*"],
            ["/api/cash", "/api/cash/*"],
        ]
    );
    assert_eq!(found[0].2, ["^/api/cash/reports/?(.*)$"]);
    let made = platform.resources()?.since(&before);
    assert_eq!(made.names("load balancer").len(), 1);
    assert_eq!(made.names("target group").len(), 2);
    let balancer = client.find_service(&name("shared-1"))?;
    let balancer = balancer.context("it is registered")?.value;
    assert_eq!(output(&balancer, "Listener")?, listener);
    for route in ["ANY /api/cash", "ANY /api/cash/reports/{proxy+}"] {
        assert!(made.names("route").contains(&route), "{route}");
    }
    assert!(output(&ready[2], "Listener").is_err());
    assert_eq!(ready[2].environments[&prod()].stack.url, None);

    // Each place is claimed, and an update keeps it.
    let priorities: Vec<u32> = found.iter().map(|(priority, ..)| *priority).collect();
    let mut expected = vec![
        format!("{:05} 1 reports/prod", priorities[0]),
        format!("{:05} 1 cash/prod", priorities[1]),
    ];
    assert_eq!(claimed(&platform)?["shared-1"], expected);
    patch(&client, &services[0], &json!({"memory": 1024}))?;
    platform.ready(&services[0])?;
    assert_eq!(rules(&platform, &listener)?, found);
    patch(
        &client,
        &services[1],
        &json!({"deploy": {"strategy": "canary"}}),
    )?;
    let shifting = platform.ready(&services[1])?;
    assert_eq!(output(&shifting, "Weights")?, "100/0");
    expected.insert(1, format!("{:05} 2 reports/prod", priorities[0]));
    assert_eq!(claimed(&platform)?["shared-1"], expected);

    for service in &services {
        client.delete(service, "*")?;
    }
    for service in &services {
        platform.gone(service)?;
    }
    let left = claimed(&platform)?;
    assert!(left.values().all(Vec::is_empty), "{left:#?}");
    // With the last service the load balancer goes, and all that leads to it.
    platform.gone(&name("shared-1"))?;
    let rest = platform.resources()?.since(&before);
    for kind in ["load balancer", "target group", "route"] {
        assert_eq!(rest.names(kind), Vec::<&str>::new(), "{kind}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_public_service_is_reached_at_the_load_balancer_and_a_platform_without_one_says_so()
-> Result<()> {
    let parameters = [("PublicLoadBalancer", "true"), ("SharedLoadBalancers", "0")];
    let platform = LocalPlatform::start_as("public", &parameters, |options| options)?;
    let client = platform.client();
    let www = json!({"service": "www", "image": "nginx:alpine", "ingress": "public"});
    register(&client, &www)?;
    let ready = platform.ready(&name("www"))?;
    let url = ready.environments[&prod()]
        .stack
        .url
        .clone()
        .context("an address")?;
    ensure!(url.starts_with("http://") && url.ends_with("/www"), "{url}");
    let routes = platform.resources()?;
    assert!(!routes.names("route").contains(&"ANY /www"));
    let listener = output(&ready, "Listener")?;
    assert_eq!(rules(&platform, &listener)?[0].1, ["/www", "/www/*"]);
    let balancers = platform
        .aws()
        .query("elasticloadbalancing", "DescribeLoadBalancers", &[])?;
    assert_eq!(texts(&balancers, "Scheme")?, ["internet-facing"]);

    let refused = client.register(&shared("orders", "/orders"), &new_key());
    let refused = format!("{:?}", refused.err().context("a refusal")?);
    ensure!(refused.contains("SharedLoadBalancers"), "{refused}");

    client.delete(&name("www"), "*")?;
    platform.gone(&name("www"))?;
    assert_eq!(claimed(&platform)?["public-1"], Vec::<String>::new());
    assert_eq!(ready.environments[&prod()].stack.phase, Phase::Ready);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn d5_g6_services_are_found_by_their_names_and_reached_without_a_load_balancer() -> Result<()> {
    let parameters = [
        ("DiscoveryDomain", "shop.local"),
        ("JwtIssuer", "https://login.example.com/shop"),
        ("JwtAudience", "shop"),
    ];
    let platform = LocalPlatform::start_as("names", &parameters, |options| options)?;
    let client = platform.client();
    let before = platform.resources()?;
    let cash = json!({
        "service": "cash", "image": "nginx:alpine", "ingress": "cloud-map", "path": "/api/cash",
        "authorization": "jwt", "scopes": ["cash:read"],
    });
    register(&client, &cash)?;
    let stock = json!({
        "service": "stock", "image": "nginx:alpine", "ingress": "none", "discovery": true,
    });
    register(&client, &stock)?;
    let services: [ServiceName; 2] = ["cash", "stock"].map(name);
    let ready = services
        .iter()
        .map(|service| platform.ready(service))
        .collect::<Result<Vec<_>>>()?;

    assert_eq!(output(&ready[0], "DiscoveryName")?, "cash.shop.local");
    assert_eq!(output(&ready[1], "DiscoveryName")?, "stock.shop.local");
    let url = ready[0].environments[&prod()].stack.url.clone();
    ensure!(url.is_some_and(|url| url.ends_with("/api/cash")));
    assert_eq!(ready[1].environments[&prod()].stack.url, None);
    let made = platform.resources()?.since(&before);
    assert_eq!(made.names("name"), ["cash", "stock"]);
    assert_eq!(made.names("load balancer"), Vec::<&str>::new());
    assert_eq!(made.names("target group"), Vec::<&str>::new());
    assert_eq!(
        made.names("route"),
        ["ANY /api/cash", "ANY /api/cash/{proxy+}"]
    );

    // Its routes want a token of the platform's issuer, with the scope.
    let apis = platform.aws().get("apigateway", "/v2/apis")?;
    let api = apis["items"][0]["apiId"].as_str().context("an API")?;
    let routes = platform
        .aws()
        .get("apigateway", &format!("/v2/apis/{api}/routes"))?;
    let its = routes["items"].as_array().into_iter().flatten();
    let its: Vec<&Value> = its
        .filter(|it| {
            it["routeKey"]
                .as_str()
                .is_some_and(|key| key.contains("/api/cash"))
        })
        .collect();
    assert_eq!(its.len(), 2);
    for route in its {
        assert_eq!(route["authorizationType"], "JWT");
        assert_eq!(route["authorizationScopes"], json!(["cash:read"]));
        assert!(
            route["authorizerId"]
                .as_str()
                .is_some_and(|it| !it.is_empty())
        );
    }

    // Traffic cannot move where nothing stands between, and is told so before anything is made.
    let canary = json!({"deploy": {"strategy": "canary"}});
    let refused = patch(&client, &services[0], &canary);
    let refused = format!("{:?}", refused.err().context("a refusal")?);
    ensure!(refused.contains("/deploy/strategy"), "{refused}");

    for service in &services {
        client.delete(service, "*")?;
    }
    for service in &services {
        platform.gone(service)?;
    }
    let left = platform.resources()?.since(&before);
    assert_eq!(left.names("name"), Vec::<&str>::new());
    assert_eq!(left.names("route"), Vec::<&str>::new());
    Ok(())
}
