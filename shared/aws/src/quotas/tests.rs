//! What each quota is read from, and that one which cannot be read hides no other.

use serde_json::json;

use super::*;
use crate::replay::{Asked, Replay, Reply};

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn members(name: &str, members: &[&str]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|member| format!("<member>{member}</member>"))
        .collect();
    format!("<{name}>{}</{name}>", members.concat())
}

/// The answer of `GetMetricData` with these values, newest first.
fn usage(values: &[f64]) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = vec![0x60 | u8::try_from(text.len()).unwrap()];
        bytes.extend(text.bytes());
        bytes
    };
    let array = |items: usize| vec![0x80 | u8::try_from(items).unwrap()];
    let mut body = vec![0xA1];
    body.extend(text("MetricDataResults"));
    body.extend(array(1));
    body.push(0xA2);
    body.extend(
        [
            text("Id"),
            text("vcpus"),
            text("Values"),
            array(values.len()),
        ]
        .concat(),
    );
    for value in values {
        body.push(0xFB);
        body.extend(value.to_be_bytes());
    }
    body
}

fn aws(asked: &Asked) -> Reply {
    let more = asked.body.contains("NextToken=") || asked.body.contains("Marker=");
    let stack = "<StackId>arn</StackId><StackName>a</StackName>\
                 <CreationTime>2026-01-01T00:00:00Z</CreationTime>\
                 <StackStatus>CREATE_COMPLETE</StackStatus>";
    match asked.operation.as_str() {
        "ListStacks" if more => Reply::xml("ListStacks", &members("StackSummaries", &[stack])),
        "ListStacks" => {
            let page = members("StackSummaries", &[stack, stack]) + "<NextToken>more</NextToken>";
            Reply::xml("ListStacks", &page)
        }
        "DescribeAccountLimits" if asked.body.contains("Version=2010-05-15") => {
            let limits = [
                "<Name>ConcurrentResourcesLimit</Name><Value>2500</Value>",
                "<Name>StackLimit</Name><Value>2000</Value>",
            ];
            Reply::xml("DescribeAccountLimits", &members("AccountLimits", &limits))
        }
        "DescribeAccountLimits" => {
            let limits = [
                "<Name>target-groups-per-application-load-balancer</Name><Max>100</Max>",
                "<Name>target-groups</Name><Max>3000</Max>",
                "<Name>application-load-balancers</Name><Max>50</Max>",
                "<Name>network-load-balancers</Name><Max>51</Max>",
            ];
            Reply::xml("DescribeAccountLimits", &members("Limits", &limits))
        }
        "DescribeLoadBalancers" => {
            let balancers = ["<Type>application</Type>", "<Type>network</Type>"];
            let balancers = members("LoadBalancers", &balancers);
            Reply::xml("DescribeLoadBalancers", &balancers)
        }
        "DescribeTargetGroups" => {
            let groups = ["<Port>80</Port>"; 3];
            Reply::xml("DescribeTargetGroups", &members("TargetGroups", &groups))
        }
        "GET /v2/apis/api1/routes?maxResults=500" => {
            Reply::json(&json!({"items": [{"routeKey": "ANY /a"}, {"routeKey": "ANY /b"}]}))
        }
        "GET /v2/apis/api1/integrations?maxResults=500" => {
            Reply::json(&json!({"items": [{}], "nextToken": "more"}))
        }
        "GET /v2/apis/api1/integrations?maxResults=500&nextToken=more" => {
            Reply::json(&json!({"items": [{}, {}]}))
        }
        "GetServiceQuota" => {
            let ask = asked.json();
            let value = match ask["QuotaCode"].as_str() {
                Some("L-65B5C802") => 300.0,
                Some("L-3032A538") => 6.0,
                other => panic!("{other:?}"),
            };
            Reply::json(&json!({"Quota": {"Value": value}}))
        }
        "GetAccountSummary" => Reply::xml(
            "GetAccountSummary",
            "<SummaryMap><entry><key>Roles</key><value>17</value></entry>\
             <entry><key>RolesQuota</key><value>1000</value></entry>\
             <entry><key>Users</key><value>3</value></entry></SummaryMap>",
        ),
        "GetMetricData" => Reply::cbor(usage(&[4.25, 9.0])),
        other => panic!("{other}: {}", asked.body),
    }
}

async fn quotas(aws: &Replay) -> Vec<(QuotaKind, u32, u32)> {
    let quotas = Quotas::new(&aws.config(), "api1", now);
    let quotas = quotas.quotas().await.unwrap();
    let each = quotas.iter().map(|it| (it.kind, it.used, it.limit));
    each.collect()
}

#[tokio::test]
async fn every_quota_is_told_with_what_is_used_of_it() {
    let aws = Replay::new(aws);
    assert_eq!(
        quotas(&aws).await,
        [
            (QuotaKind::Stacks, 3, 2000),
            (QuotaKind::LoadBalancers, 1, 50),
            (QuotaKind::TargetGroups, 3, 3000),
            (QuotaKind::Routes, 2, 300),
            (QuotaKind::Integrations, 3, 300),
            (QuotaKind::Roles, 17, 1000),
            // A part of a vCPU takes place too.
            (QuotaKind::FargateVcpus, 5, 6),
        ]
    );
    // Of which two are second pages.
    assert_eq!(aws.operations().len(), 13);
}

#[tokio::test]
async fn one_that_cannot_be_read_is_left_out() {
    for (refused, without) in [
        ("ListStacks", vec![QuotaKind::Stacks]),
        ("DescribeLoadBalancers", vec![QuotaKind::LoadBalancers]),
        ("DescribeTargetGroups", vec![QuotaKind::TargetGroups]),
        (
            "GET /v2/apis/api1/routes?maxResults=500",
            vec![QuotaKind::Routes],
        ),
        ("GetAccountSummary", vec![QuotaKind::Roles]),
        (
            "GetServiceQuota",
            vec![QuotaKind::Routes, QuotaKind::FargateVcpus],
        ),
        (
            "DescribeAccountLimits",
            vec![
                QuotaKind::Stacks,
                QuotaKind::LoadBalancers,
                QuotaKind::TargetGroups,
            ],
        ),
    ] {
        let aws = Replay::new(move |asked| {
            if asked.operation == refused {
                Reply::refused("AccessDeniedException", "no")
            } else {
                aws(asked)
            }
        });
        let told = quotas(&aws).await;
        assert_eq!(told.len(), 7 - without.len(), "{refused}");
        assert!(
            told.iter().all(|(kind, ..)| !without.contains(kind)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn where_nothing_ran_cloudwatch_knows_nothing_and_no_vcpu_is_used() {
    let aws = Replay::new(|asked| match asked.operation.as_str() {
        "GetMetricData" => Reply::cbor(usage(&[])),
        _ => aws(asked),
    });
    assert!(
        quotas(&aws)
            .await
            .contains(&(QuotaKind::FargateVcpus, 0, 6))
    );
}

#[test]
fn numbers_of_aws_become_whole_ones() {
    assert_eq!(whole(300.0), 300);
    assert_eq!(whole(-1.0), 0);
    assert_eq!(whole(f64::NAN), 0);
    assert_eq!(whole(1e12), u32::MAX);
}
