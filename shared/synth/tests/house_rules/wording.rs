//! What a template may say at all: ids, references, intrinsic functions.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use slipway_domain::Platform;
use slipway_synth::Template;

use super::{Rules, dashboard, database, shared};

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    platform: &Platform,
    imports: &[String],
) {
    let ids: BTreeSet<&str> = template.resources().map(|(id, _)| id).collect();
    let export = format!("{}-name", platform.name);
    let mut words: BTreeSet<&str> = ["/", "service", "integrations", &export].into();
    words.extend(["Arn", "Name", "GroupId", "DNSName", "RepositoryUri"]);
    words.extend(["LoadBalancerFullName", "TargetGroupFullName", "QueueName"]);
    words.insert("Version");
    words.extend(["Endpoint.Address", "Endpoint.Port"]);
    words.extend(["ReadEndpoint.Address", "MasterUserSecret.SecretArn"]);
    words.extend(imports.iter().map(String::as_str));
    words.insert(platform.shared_cluster.as_str());
    for id in &ids {
        rules.hold(
            id.chars().all(|c| c.is_ascii_alphanumeric()),
            &format!("{id} is no logical id"),
        );
    }
    for (id, resource) in template.resources() {
        for dependency in resource["DependsOn"].as_array().into_iter().flatten() {
            rules.hold(
                dependency
                    .as_str()
                    .is_some_and(|d| ids.contains(d) && d != id),
                &format!("{id} depends on {dependency}, which is not there"),
            );
        }
    }
    rules.hold(
        template.as_value().get("Parameters").is_none(),
        "there are parameters",
    );
    rules.hold(
        !template.to_json().contains("{{resolve:"),
        "there is a dynamic reference",
    );
    walk(rules, template.as_value(), &ids, &words, platform);
}

fn walk(
    rules: &mut Rules,
    value: &Value,
    ids: &BTreeSet<&str>,
    words: &BTreeSet<&str>,
    platform: &Platform,
) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                match key.as_str() {
                    "Ref" => rules.hold(is_in(inner, ids), &format!("Ref {inner} names nothing")),
                    "Fn::GetAtt" => {
                        rules.hold(
                            is_in(&inner[0], ids),
                            &format!("GetAtt {inner} names nothing"),
                        );
                        rules.hold(is_in(&inner[1], words), &format!("GetAtt {inner}"));
                    }
                    "Fn::Join" if database::is_key_of_a_secret(&inner[1]) => {}
                    "Fn::Join" if *inner == json!([":", [{"Ref": "Function"}, "live"]]) => {}
                    "Fn::Join" if inner[0] == "" => dashboard::parts(rules, &inner[1], platform),
                    "Fn::Join" => {
                        rules.hold(inner[0] == "/", &format!("Join {inner}"));
                        for part in inner[1].as_array().into_iter().flatten() {
                            rules.hold(
                                part.is_object()
                                    || is_in(part, words)
                                    || shared::is_balancer(part, platform),
                                &format!("{part}, text of a user, stands in an intrinsic function"),
                            );
                        }
                    }
                    "Fn::ImportValue" => {
                        rules.hold(is_in(inner, words), &format!("imports {inner}"));
                    }
                    other => rules.hold(!other.starts_with("Fn::"), &format!("there is {other}")),
                }
                walk(rules, inner, ids, words, platform);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(rules, item, ids, words, platform)),
        _ => {}
    }
}

fn is_in(value: &Value, known: &BTreeSet<&str>) -> bool {
    value.as_str().is_some_and(|text| known.contains(text))
}
