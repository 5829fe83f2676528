//! Sets of parameters, every two choices of two parameters together in one of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;
use slipway_control::places::{OWN_INTEGRATIONS, OWN_ROUTES};
use slipway_domain::{Billed, Platform};
use slipway_synth::cost::{Assumptions, Usd, platform};
use slipway_tests::pairwise::Row;
use slipway_tests::platform_template::{Made, PlatformTemplate};

use crate::references;

/// They take a while to find.
static SETS: LazyLock<Vec<Row>> =
    LazyLock::new(|| PlatformTemplate::read().unwrap().sets().unwrap());

#[test]
fn nobody_refers_to_what_a_set_does_not_make() {
    let template = PlatformTemplate::read().unwrap();
    assert!((9..=40).contains(&SETS.len()), "{} sets", SETS.len());
    for set in SETS.iter() {
        let made = template.made(set).unwrap();
        let all = made.resources.iter().chain(&made.outputs);
        for (id, value) in all {
            for name in references::of(value) {
                assert!(
                    made.resources.contains_key(&name) || set.contains_key(&name),
                    "{id} refers to {name}, which is not made with {set:#?}"
                );
            }
        }
    }
}

#[test]
fn the_http_api_has_as_many_routes_and_integrations_of_its_own_as_room_is_kept_for() {
    let template = PlatformTemplate::read().unwrap();
    let most = |kind: &str| {
        let of_set = |set| {
            let made = template.made(set).unwrap().resources;
            made.values().filter(|it| it["Type"] == kind).count()
        };
        template.sets().unwrap().iter().map(of_set).max().unwrap()
    };
    assert_eq!(most("AWS::ApiGatewayV2::Route"), OWN_ROUTES as usize);
    // Beside its own, those of load balancers that services share, which have stacks of their own.
    let shared = slipway_domain::balancer::all_shared().count();
    let integrations = most("AWS::ApiGatewayV2::Integration") + shared;
    assert_eq!(integrations, OWN_INTEGRATIONS as usize);
}

#[test]
fn the_functions_are_given_what_the_output_shows() {
    let template = PlatformTemplate::read().unwrap();
    let variables = &template.section("Globals")["Function"]["Environment"]["Variables"];
    let output = &template.section("Outputs")["PlatformValues"]["Value"];
    assert_eq!(&variables["SLIPWAY_PLATFORM"], output);
}

#[test]
fn what_is_refused_is_refused_by_a_rule_that_says_why() {
    let template = PlatformTemplate::read().unwrap();
    let refused = |pairs: &[(&str, &str)]| {
        let given = pairs.iter();
        let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        template.refused(&given.collect()).unwrap()
    };
    assert_eq!(refused(&[]), None);
    let no_way_out = refused(&[("NatMode", "none")]).unwrap();
    assert!(no_way_out.contains("VpcEndpoints"), "{no_way_out}");
    assert_eq!(
        refused(&[("NatMode", "none"), ("VpcEndpoints", "all")]),
        None
    );
    assert!(refused(&[("DomainName", "api.example.com")]).is_some());
    let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/a";
    let nameless = refused(&[("PublicCertificate", certificate)]).unwrap();
    assert!(nameless.contains("PublicDomainName"), "{nameless}");
}

#[test]
fn a_vpc_that_is_there_is_used_whole_and_nothing_is_made_in_its_place() {
    let template = PlatformTemplate::read().unwrap();
    let given = |pairs: &[(&str, &str)]| -> Row {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let subnets = "subnet-0000000a,subnet-0000000b";
    let whole = [
        ("VpcId", "vpc-0000000a"),
        ("PrivateSubnetIds", subnets),
        ("ExistingVpcCidr", "10.9.0.0/20"),
    ];
    assert_eq!(template.refused(&given(&whole)).unwrap(), None);
    for part in &whole {
        let said = template.refused(&given(&[*part])).unwrap();
        assert!(said.is_some(), "{part:?}");
    }
    let [vpc, private, cidr] = whole;
    let public = [vpc, private, cidr, ("PublicLoadBalancer", "true")];
    let said = template.refused(&given(&public)).unwrap().unwrap();
    assert!(said.contains("PublicSubnetIds"), "{said}");
    let chosen = [
        vpc,
        private,
        cidr,
        ("NatMode", "per-zone"),
        ("NetworkAcls", "true"),
        ("FlowLogs", "true"),
    ];
    let made = template.made(&given(&chosen)).unwrap();
    let of_the_network = |kind: &str| {
        let rest = kind.strip_prefix("AWS::EC2::");
        rest.is_some_and(|rest| rest != "SecurityGroup")
    };
    for (id, resource) in &made.resources {
        assert!(!of_the_network(resource["Type"].as_str().unwrap()), "{id}");
    }
    let link = &made.resources["VpcLink"]["Properties"]["SubnetIds"];
    assert_eq!(
        link,
        &serde_json::json!(["subnet-0000000a", "subnet-0000000b"])
    );
    let group = &made.resources["VpcLinkSecurityGroup"]["Properties"];
    assert_eq!(group["VpcId"], "vpc-0000000a");
    assert_eq!(group["SecurityGroupEgress"][0]["CidrIp"], "10.9.0.0/20");
}

#[test]
fn every_choice_is_in_some_set() {
    let template = PlatformTemplate::read().unwrap();
    for (name, declaration) in template.parameters() {
        let allowed = declaration["AllowedValues"].as_array();
        for value in allowed.into_iter().flatten() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let is_default = declaration["Default"] == *value;
            // Of a number that is only handed on, one other is enough.
            let is_handed_on = value.is_number() || is_default;
            let is_there = SETS.iter().any(|set| set[&name] == text);
            assert!(is_handed_on || is_there, "{name}: {text}");
        }
        let is_chosen = SETS.iter().any(|set| set[&name] != declaration["Default"]);
        assert!(is_chosen, "{name} is its default in all sets");
    }
}

#[test]
fn cloudfront_is_the_one_way_in_to_load_balancers() {
    let template = PlatformTemplate::read().unwrap();
    let certificate = "arn:aws:acm:us-east-1:111122223333:certificate/a";
    let acl = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/edge/a";
    let mut given: Row = [
        ("Cdn", "true"),
        ("DomainName", "api.example.com"),
        ("DomainCertificate", certificate),
        ("CdnCertificate", certificate),
        ("Waf", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    assert_eq!(template.refused(&given).unwrap(), None);
    for name in ["DomainName", "CdnCertificate", "Waf"] {
        let mut without = given.clone();
        without.remove(name);
        let said = template.refused(&without).unwrap().unwrap();
        assert!(said.contains(name), "{said}");
    }
    let made = template.made(&given).unwrap();
    assert_eq!(
        made.resources["HttpApi"]["Properties"]["DisableExecuteApiEndpoint"],
        true
    );
    let edge = &made.resources["Distribution"]["Properties"]["DistributionConfig"];
    let header = &edge["Origins"][0]["OriginCustomHeaders"][0];
    let rules = &made.resources["WebAcl"]["Properties"]["Rules"];
    let refusal = &rules[0]["Statement"]["AndStatement"]["Statements"][1]["NotStatement"];
    let asked = &refusal["Statement"]["ByteMatchStatement"];
    assert_eq!(
        asked["FieldToMatch"]["SingleHeader"]["Name"],
        header["HeaderName"]
    );
    assert_eq!(asked["SearchString"], header["HeaderValue"]);
    // Elsewhere than in us-east-1 no web ACL of CloudFront can be made.
    given.insert("AWS::Region".to_owned(), "eu-west-1".to_owned());
    let said = template.refused(&given).unwrap().unwrap();
    assert!(said.contains("CdnWebAclArn"), "{said}");
    given.insert("CdnWebAclArn".to_owned(), acl.to_owned());
    assert_eq!(template.refused(&given).unwrap(), None);
    let made = template.made(&given).unwrap();
    assert!(!made.resources.contains_key("CdnWebAcl"));
    assert_eq!(
        made.resources["Distribution"]["Properties"]["DistributionConfig"]["WebACLId"],
        acl
    );
}

/// What the platform says of itself: the variables of the text that its functions are given.
fn said(made: &Made) -> BTreeMap<String, u64> {
    let values = &made.outputs["PlatformValues"]["Fn::Sub"];
    let text = values[0].as_str().or(values.as_str()).unwrap();
    let billed = text.split("\"billed\":{").nth(1).unwrap();
    let pairs = billed.split('}').map(|it| it.replace("${", ""));
    let pairs: Vec<String> = pairs
        .collect::<String>()
        .split(',')
        .map(str::to_owned)
        .collect();
    pairs
        .iter()
        .map(|pair| {
            let (name, value) = pair.split_once(':').unwrap();
            let of_variable = || values[1][value].as_str().unwrap().parse().unwrap();
            let count = value.parse().unwrap_or_else(|_| of_variable());
            (name.trim_matches('"').to_owned(), count)
        })
        .collect()
}

/// The same, counted in what is made.
fn counted(made: &Made) -> Billed {
    let of = |kind: &str| {
        made.resources
            .values()
            .filter(move |it| it["Type"] == kind)
            .collect::<Vec<&Value>>()
    };
    let count = |kind: &str| {
        let found: Vec<&Value> = of(kind);
        u64::try_from(found.len()).unwrap()
    };
    let endpoints: Vec<&Value> = of("AWS::EC2::VPCEndpoint");
    let zones = endpoints
        .iter()
        .filter(|it| it["Properties"]["VpcEndpointType"] == "Interface")
        .map(|it| it["Properties"]["SubnetIds"].as_array().unwrap().len());
    let acls: Vec<&Value> = of("AWS::WAFv2::WebACL");
    let rules = acls
        .iter()
        .map(|it| it["Properties"]["Rules"].as_array().unwrap().len());
    assert_eq!(count("AWS::EC2::NatGateway"), count("AWS::EC2::EIP"));
    Billed {
        nat_gateways: count("AWS::EC2::NatGateway"),
        endpoints: u64::try_from(zones.sum::<usize>()).unwrap(),
        alarms: count("AWS::CloudWatch::Alarm"),
        keys: count("AWS::KMS::Key"),
        secrets: count("AWS::SecretsManager::Secret"),
        dashboards: count("AWS::CloudWatch::Dashboard"),
        load_balancers: count("AWS::ElasticLoadBalancingV2::LoadBalancer"),
        load_balancer_addresses: of("AWS::ElasticLoadBalancingV2::LoadBalancer")
            .into_iter()
            .filter(|it| it["Properties"]["Scheme"] == "internet-facing")
            .map(|it| u64::try_from(it["Properties"]["Subnets"].as_array().unwrap().len()).unwrap())
            .sum(),
        web_acls: count("AWS::WAFv2::WebACL"),
        web_acl_rules: u64::try_from(rules.sum::<usize>()).unwrap(),
        zones: count("AWS::ServiceDiscovery::PrivateDnsNamespace"),
    }
}

#[test]
fn the_platform_says_what_it_is_billed_for_and_what_that_costs() {
    let template = PlatformTemplate::read().unwrap();
    for set in SETS.iter() {
        let made = template.made(set).unwrap();
        let billed = counted(&made);
        let said = serde_json::to_value(said(&made)).unwrap();
        assert_eq!(serde_json::to_value(billed).unwrap(), said, "{set:#?}");
        let mut values = Platform::sample();
        values.billed = Billed {
            // These the output names by what each costs, and one key it has among the rest.
            keys: 1,
            secrets: 0,
            dashboards: 0,
            load_balancers: 0,
            load_balancer_addresses: 0,
            web_acls: 0,
            web_acl_rules: 0,
            zones: 0,
            ..billed
        };
        let view = platform(&values, &Assumptions::default());
        let idle: Usd = view
            .lines
            .iter()
            // These are what the output calls under a dollar.
            .filter(|line| {
                !["functions", "registry"]
                    .iter()
                    .any(|it| line.component.starts_with(it))
            })
            .map(|line| line.monthly_usd)
            .sum();
        let output = made.outputs["IdleCostPerMonth"].to_string();
        assert!(
            output.contains(&format!("About {idle} USD")),
            "{idle}: {output}"
        );
        assert_eq!(
            output.contains("with yours it is 1.00 less"),
            billed.keys == 0
        );
        assert_eq!(
            output.contains("the second one is 1.00 more"),
            billed.keys == 2
        );
        assert_eq!(
            output.contains("dashboard is 3.00 more"),
            billed.dashboards == 1
        );
        assert_eq!(
            output.contains("the web ACL is 8.00 more"),
            billed.web_acls > 0
        );
        assert_eq!(
            output.contains("web ACL and secret are 8.40 more"),
            billed.web_acls == 2
        );
        let has_secret = billed.secrets == 1;
        assert_eq!(
            output.contains("secret is 0.40 more"),
            has_secret && billed.web_acls == 1
        );
    }
}
