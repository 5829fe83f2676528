//! Which stacks an event names. Nothing else is taken from an event.

use serde_json::Value;
use slipway_domain::{Scope, ServiceName, StackName};

/// A stack to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// The service.
    pub service: ServiceName,
    /// The stack; all of the service's, when absent.
    pub scope: Option<Scope>,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wakes {
    /// Look at every stack whose time has come.
    Sweep,
    /// Compare the registry with what is there.
    Round,
    /// Look at what has an old password of a database.
    Rotations,
    /// Look at this.
    One(Wake),
    /// Look at the services of these records of the registry's stream; a record's id is
    /// answered when that fails.
    Records(Vec<(String, Wake)>),
    /// Look at the stacks of these messages of the wake queue; likewise.
    Messages(Vec<(String, Wake)>),
    /// Nothing of this platform.
    Nothing,
}

/// Reads an event: a record of the registry's stream, a message of the wake queue, an event
/// of CloudFormation (a stack's status, or the end of a check for drift, which have the stack's
/// id in the same place), ECS or Secrets Manager, or a schedule's.
pub fn wakes(event: &Value, platform: &str) -> Wakes {
    if let Some(records) = event["Records"].as_array() {
        let messages = records
            .iter()
            .any(|record| record["eventSource"] == "aws:sqs");
        let entries = records.iter().filter_map(record).collect();
        return if messages {
            Wakes::Messages(entries)
        } else {
            Wakes::Records(entries)
        };
    }
    match event["source"].as_str() {
        Some("slipway.sweep") => Wakes::Sweep,
        Some("slipway.round") => Wakes::Round,
        // Whichever secret it was: the platform's are seen in the registry.
        Some("aws.secretsmanager") => Wakes::Rotations,
        Some("aws.cloudformation") => one(stack(&event["detail"]["stack-id"], platform)),
        Some("aws.ecs") => one(event["resources"]
            .as_array()
            .and_then(|arns| arns.iter().find_map(|arn| ecs(arn, platform)))),
        _ => Wakes::Nothing,
    }
}

fn one(wake: Option<Wake>) -> Wakes {
    wake.map_or(Wakes::Nothing, Wakes::One)
}

/// A record of a stream or queue. One that cannot be read is dropped: it names nothing, and
/// would never.
fn record(record: &Value) -> Option<(String, Wake)> {
    match record["eventSource"].as_str()? {
        "aws:dynamodb" => {
            let id = record["dynamodb"]["SequenceNumber"].as_str()?;
            let service = record["dynamodb"]["Keys"]["PK"]["S"]
                .as_str()?
                .strip_prefix("SERVICE#")?;
            Some((
                id.to_owned(),
                Wake {
                    service: service.parse().ok()?,
                    scope: None,
                },
            ))
        }
        "aws:sqs" => {
            let id = record["messageId"].as_str()?;
            let body: Value = serde_json::from_str(record["body"].as_str()?).ok()?;
            let service = body["service"].as_str()?.parse().ok()?;
            let scope = body["scope"].as_str()?.parse().ok()?;
            Some((
                id.to_owned(),
                Wake {
                    service,
                    scope: Some(scope),
                },
            ))
        }
        _ => None,
    }
}

/// The stack of an id such as `arn:aws:cloudformation:us-east-1:111122223333:stack/NAME/UUID`.
fn stack(id: &Value, platform: &str) -> Option<Wake> {
    let name: StackName = id.as_str()?.split('/').nth(1)?.parse().ok()?;
    (name.platform.as_str() == platform).then_some(Wake {
        service: name.service,
        scope: Some(name.scope),
    })
}

/// The environment of an ECS service's ARN, `…:service/CLUSTER/NAME`: by its cluster's name,
/// `{platform}-{service}-cluster-{env}`, or in a shared cluster by its own, which CloudFormation
/// makes from its stack's: `{platform}--{service}--{env}-Service-…`.
fn ecs(arn: &Value, platform: &str) -> Option<Wake> {
    let mut parts = arn.as_str()?.split('/').skip(1);
    let (cluster, name) = (parts.next()?, parts.next()?);
    let rest = cluster.strip_prefix(platform)?.strip_prefix('-')?;
    let (service, environment) = match rest.rsplit_once("-cluster-") {
        Some(named) => named,
        None => {
            let rest = name.strip_prefix(platform)?.strip_prefix("--")?;
            let (service, rest) = rest.split_once("--")?;
            // An environment's name has no hyphen.
            (service, rest.split_once('-')?.0)
        }
    };
    Some(Wake {
        service: service.parse().ok()?,
        scope: Some(Scope::Environment(environment.parse().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Wakes {
        let path = format!(
            "{}/../../events/reconciler/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).expect(&path);
        wakes(&serde_json::from_str(&text).expect(name), "devops2-g4")
    }

    fn wake(service: &str, scope: Option<&str>) -> Wake {
        Wake {
            service: service.parse().unwrap(),
            scope: scope.map(|scope| scope.parse().unwrap()),
        }
    }

    #[test]
    fn a_record_of_the_stream_names_a_service() {
        assert_eq!(
            read("registry-stream"),
            Wakes::Records(vec![(
                "4421584500000000017450439091".to_owned(),
                wake("orders", None)
            )])
        );
    }

    #[test]
    fn a_message_of_the_wake_queue_names_a_stack() {
        assert_eq!(
            read("wake-queue"),
            Wakes::Messages(vec![
                (
                    "059f36b4-87a3-44ab-83d2-661975830a7d".to_owned(),
                    wake("orders", Some("prod"))
                ),
                (
                    "2e1424d4-f796-459a-8184-9c92662be6da".to_owned(),
                    wake("web-shop", Some("-"))
                ),
            ])
        );
    }

    #[test]
    fn a_stacks_status_names_the_stack_if_it_is_the_platforms() {
        assert_eq!(
            read("stack-status"),
            Wakes::One(wake("orders", Some("prod")))
        );
        assert_eq!(read("stack-status-of-another-platform"), Wakes::Nothing);
        assert_eq!(
            read("stack-status-of-a-part-of-the-platform"),
            Wakes::Nothing
        );
    }

    #[test]
    fn an_ecs_deployment_names_the_environment_by_its_cluster() {
        assert_eq!(
            read("ecs-deployment"),
            Wakes::One(wake("web-shop", Some("prod")))
        );
    }

    #[test]
    fn in_a_shared_cluster_the_services_own_name_names_the_environment() {
        let wake_of = |arn: &str| ecs(&arn.into(), "devops2-g4");
        let place = "arn:aws:ecs:us-east-1:111122223333:service";
        assert_eq!(
            wake_of(&format!(
                "{place}/devops2-g4-shared/devops2-g4--web-shop--qa-Service-a1B2c3"
            )),
            Some(wake("web-shop", Some("qa")))
        );
        for other in [
            "devops2-g4-shared/web-shop",
            "other-shared/devops2-g4--web-shop--qa-Service-a1B2c3",
            "devops2-g4-shared/other--web-shop--qa-Service-a1B2c3",
            "devops2-g4-shared",
        ] {
            assert_eq!(wake_of(&format!("{place}/{other}")), None, "{other}");
        }
    }

    #[test]
    fn the_end_of_a_check_for_drift_names_the_stack_whatever_it_found() {
        assert_eq!(
            read("drift-detection"),
            Wakes::One(wake("orders", Some("prod")))
        );
    }

    #[test]
    fn the_schedules_ask_for_a_sweep_and_a_round() {
        assert_eq!(read("sweep"), Wakes::Sweep);
        assert_eq!(read("round"), Wakes::Round);
    }

    #[test]
    fn the_end_of_a_rotation_asks_for_a_look_at_all_databases() {
        assert_eq!(read("secret-rotation"), Wakes::Rotations);
    }

    #[test]
    fn what_cannot_be_read_names_nothing() {
        for event in [
            "{}",
            "[]",
            "null",
            r#"{"source": "aws.ecs"}"#,
            r#"{"source": "aws.cloudformation", "detail": 1}"#,
        ] {
            assert_eq!(
                wakes(&serde_json::from_str(event).unwrap(), "p"),
                Wakes::Nothing,
                "{event}"
            );
        }
        let poisoned =
            r#"{"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": "not json"}, 7]}"#;
        assert_eq!(
            wakes(&serde_json::from_str(poisoned).unwrap(), "p"),
            Wakes::Messages(Vec::new())
        );
    }
}
