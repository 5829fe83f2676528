//! What is asked before a deployment: quotas, parameters and secrets.

use serde_json::{Value, json};

use super::*;
use crate::Quota;

/// `Name` and the other field of the members of a list of limits.
async fn limits(client: &Upstream, service: &str, list: &str, field: &str) -> Vec<(String, u32)> {
    let answer = client.query(service, "DescribeAccountLimits", &[]).await;
    let text = answer.expect("an answer").success().expect("limits").text();
    let document = xml::parse(&text).expect("xml");
    let members = xml::members(&document, list).into_iter();
    members
        .map(|limit| {
            let value = xml::text(limit, field).parse().expect("a number");
            (xml::text(limit, "Name").to_owned(), value)
        })
        .collect()
}

async fn of_service_quotas(client: &Upstream, service: &str, code: &str) -> Value {
    let ask = json!({ "ServiceCode": service, "QuotaCode": code });
    let target = "ServiceQuotasV20190624.GetServiceQuota";
    let answer = client.json("servicequotas", target, &ask).await;
    answer.expect("a quota")["Quota"]["Value"].clone()
}

/// Roles that there are, and that there may be.
async fn roles(client: &Upstream) -> (u32, u32) {
    let answer = client.query("iam", "GetAccountSummary", &[]).await;
    let text = answer.expect("an answer").success().expect("it").text();
    let value = |key: &str| {
        let (_, rest) = text.split_once(&format!("<key>{key}</key><value>"))?;
        rest.split_once('<')?.0.parse().ok()
    };
    (
        value("Roles").expect("roles"),
        value("RolesQuota").expect("their limit"),
    )
}

#[tokio::test]
async fn quotas_are_told_as_on_aws_and_a_test_may_use_them_up() {
    let cloud = start().await;
    let client = client(&cloud);
    let stacks = |limits: Vec<(String, u32)>| {
        limits
            .into_iter()
            .find(|(name, _)| name == "StackLimit")
            .map(|(_, limit)| limit)
    };
    let balancing = ("elasticloadbalancing", "Limits", "Max");
    let told = limits(&client, "cloudformation", "AccountLimits", "Value").await;
    assert_eq!(stacks(told), Some(2000));
    let told = limits(&client, balancing.0, balancing.1, balancing.2).await;
    assert!(told.contains(&("application-load-balancers".to_owned(), 500)));
    assert!(told.contains(&("target-groups".to_owned(), 3000)));
    let routes = ("apigateway", "L-65B5C802");
    let vcpus = ("fargate", "L-3032A538");
    assert_eq!(of_service_quotas(&client, routes.0, routes.1).await, 300.0);
    assert_eq!(of_service_quotas(&client, vcpus.0, vcpus.1).await, 4000.0);
    let (used, limit) = roles(&client).await;
    assert!(used < limit && limit == 1000, "{used} of {limit}");
    let unknown = json!({ "ServiceCode": "fargate", "QuotaCode": "L-0" });
    let target = "ServiceQuotasV20190624.GetServiceQuota";
    let refused = client.json("servicequotas", target, &unknown).await;
    let refused = refused.expect_err("there is no such quota").to_string();
    assert!(refused.contains("NoSuchResourceException"), "{refused}");

    let faults = cloud.faults();
    for quota in [
        Quota::Stacks,
        Quota::LoadBalancers,
        Quota::TargetGroups,
        Quota::Routes,
        Quota::Roles,
        Quota::FargateVcpus,
    ] {
        faults.set_quota(quota, 0);
    }
    let told = limits(&client, "cloudformation", "AccountLimits", "Value").await;
    assert_eq!(stacks(told), Some(0));
    let told = limits(&client, balancing.0, balancing.1, balancing.2).await;
    assert!(told.contains(&("application-load-balancers".to_owned(), 0)));
    assert!(told.contains(&("target-groups".to_owned(), 0)));
    assert_eq!(of_service_quotas(&client, routes.0, routes.1).await, 0.0);
    assert_eq!(of_service_quotas(&client, vcpus.0, vcpus.1).await, 0.0);
    assert_eq!(roles(&client).await, (used, 0));

    faults.clear();
    assert_eq!(roles(&client).await, (used, 1000));
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn cloudwatch_answers_in_the_protocol_of_its_newer_clients() {
    let cloud = start().await;
    let path = "/service/GraniteServiceVersion20100801/operation/GetMetricData";
    let headers = [
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    // A map of nothing.
    let ask = Bytes::from_static(&[0xA0]);
    let answer = client(&cloud)
        .rest("monitoring", Method::POST, path, &headers, ask)
        .await
        .expect("an answer");
    // A map again, and no JSON.
    assert_eq!(answer.body[0] & 0xE0, 0xA0, "{}", answer.text());
    let called = cloud.calls().into_iter().map(|call| call.operation);
    assert_eq!(called.collect::<Vec<_>>(), ["GetMetricData"]);
    cloud.stop().await.expect("it stops");
}

#[tokio::test]
async fn parameters_and_secrets_are_there_until_they_are_deleted() {
    let cloud = start().await;
    let client = client(&cloud);
    let ssm = async |operation: &str, ask: Value| {
        let target = format!("AmazonSSM.{operation}");
        client.json("ssm", &target, &ask).await
    };
    let described = async || {
        let filter =
            json!({ "Key": "Name", "Option": "Equals", "Values": ["/p/a/key", "/p/a/none"] });
        let answer = ssm(
            "DescribeParameters",
            json!({ "ParameterFilters": [filter] }),
        )
        .await;
        let answer = answer.expect("parameters")["Parameters"].clone();
        let found = answer.as_array().cloned().unwrap_or_default();
        found
            .iter()
            .map(|it| it["Name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(described().await, Vec::<Value>::new());
    let new = json!({ "Name": "/p/a/key", "Value": "v", "Type": "SecureString" });
    ssm("PutParameter", new).await.expect("it is made");
    assert_eq!(described().await, ["/p/a/key"]);
    let names = json!({ "Names": ["/p/a/key", "/p/a/none"] });
    let deleted = ssm("DeleteParameters", names).await.expect("an answer");
    assert_eq!(deleted["InvalidParameters"], json!(["/p/a/none"]));
    assert_eq!(described().await, Vec::<Value>::new());

    let secret = async |operation: &str, ask: Value| {
        let target = format!("secretsmanager.{operation}");
        client.json("secretsmanager", &target, &ask).await
    };
    let id = json!({ "SecretId": "/p/a/db" });
    let missing = secret("DescribeSecret", id.clone())
        .await
        .expect_err("none");
    assert!(missing.to_string().contains("ResourceNotFoundException"));
    let new = json!({ "Name": "/p/a/db", "SecretString": "v" });
    secret("CreateSecret", new).await.expect("it is made");
    let found = secret("DescribeSecret", id.clone())
        .await
        .expect("it is there");
    assert!(found["DeletedDate"].is_null());
    secret("DeleteSecret", id.clone())
        .await
        .expect("it waits for its deletion");
    let found = secret("DescribeSecret", id).await.expect("it is there yet");
    assert!(!found["DeletedDate"].is_null());
    cloud.stop().await.expect("it stops");
}
