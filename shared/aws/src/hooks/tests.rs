//! Where the secrets of webhooks lie, and that no failure tells one.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};
use slipway_control::error::PortError;
use slipway_control::error::PortErrorKind;
use slipway_control::ports::HookSecret;
use ulid::Ulid;

use super::*;
use crate::replay::{Asked, Replay, Reply};

const CANARY: &str = "canary-51b0c9";
const NAME: &str = "/devops2-g4/_platform/webhooks/orders/github";

fn orders() -> ServiceName {
    "orders".parse().unwrap()
}

fn secrets(value: &str) -> HookSecrets {
    HookSecrets {
        uid: Ulid(7),
        secrets: vec![HookSecret {
            value: value.to_owned(),
            made_at: Timestamp::UNIX_EPOCH,
            until: None,
        }],
    }
}

fn hooks(aws: &Replay) -> Hooks {
    Hooks::new(&aws.config(), "devops2-g4")
}

fn parameter(value: &str) -> Reply {
    Reply::json(&json!({"Parameter": {"Name": NAME, "Value": value}}))
}

async fn put(aws: &Replay, value: &str) -> PortResult<()> {
    let secrets = secrets(value);
    hooks(aws)
        .put_hook(&orders(), Provider::Github, &secrets)
        .await
}

/// All that an error says, to people and to the log, of itself and of its causes.
fn told(error: &PortError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn secrets_are_read_decrypted_and_are_nothing_where_none_were_made() {
    let aws = Replay::new(|asked| {
        if asked.json()["Name"] == NAME {
            parameter(&serde_json::to_string(&secrets("s")).unwrap())
        } else {
            Reply::refused("ParameterNotFound", "")
        }
    });
    let read = hooks(&aws).hook(&orders(), Provider::Github).await.unwrap();
    assert!(read == Some(secrets("s")));
    let read = hooks(&aws).hook(&orders(), Provider::Gitlab).await.unwrap();
    assert!(read.is_none());
    assert_eq!(
        aws.asked()[0].json(),
        json!({"Name": NAME, "WithDecryption": true})
    );
}

#[tokio::test]
async fn a_new_parameter_gets_tags_and_one_that_is_there_is_written_over() {
    let aws = Replay::new(|asked| {
        if asked.json()["Overwrite"] == true {
            Reply::json(&json!({"Version": 2}))
        } else {
            Reply::refused("ParameterAlreadyExists", "")
        }
    });
    put(&aws, "s").await.unwrap();
    let asked: Vec<Value> = aws.asked().iter().map(Asked::json).collect();
    assert_eq!(asked.len(), 2);
    for ask in &asked {
        assert_eq!(ask["Name"], NAME);
        assert_eq!(
            (&ask["Type"], &ask["Tier"]),
            (&json!("SecureString"), &json!("Standard"))
        );
        assert!(ask["KeyId"].is_null(), "AWS's own key");
        let text = ask["Value"].as_str().unwrap();
        assert!(serde_json::from_str::<HookSecrets>(text).unwrap() == secrets("s"));
    }
    assert_eq!(
        asked[0]["Tags"],
        json!([
            {"Key": "slipway:platform", "Value": "devops2-g4"},
            {"Key": "slipway:service", "Value": "orders"},
        ])
    );
    assert!(asked[1]["Tags"].is_null(), "AWS refuses both at once");
}

#[tokio::test]
async fn the_providers_with_secrets_are_found_by_one_call_that_decrypts_nothing() {
    let aws = Replay::new(|_| {
        let other = NAME.replace("github", "standard");
        Reply::json(&json!({"Parameters": [{"Name": other, "Value": "x"}, {"Name": NAME}]}))
    });
    let found = hooks(&aws).hooks(&orders()).await.unwrap();
    assert_eq!(found, [Provider::Github, Provider::Standard]);
    let ask = aws.asked()[0].json();
    assert_eq!(aws.operations(), ["GetParameters"]);
    assert_eq!(ask["WithDecryption"], false);
    assert_eq!(
        ask["Names"].as_array().map(Vec::len),
        Some(Provider::ALL.len())
    );
}

#[tokio::test]
async fn secrets_are_removed_together_and_those_that_are_not_there_are_no_error() {
    let aws = Replay::new(|_| Reply::json(&json!({"InvalidParameters": [NAME]})));
    let hooks = hooks(&aws);
    hooks.remove_hooks(&orders(), &[]).await.unwrap();
    assert_eq!(aws.operations(), Vec::<String>::new());
    hooks
        .remove_hooks(&orders(), &[Provider::Github])
        .await
        .unwrap();
    assert_eq!(aws.operations(), ["DeleteParameters"]);
    assert_eq!(aws.asked()[0].json(), json!({"Names": [NAME]}));
}

#[tokio::test]
async fn what_is_larger_than_a_parameter_is_not_sent() {
    let aws = Replay::new(|_| panic!("nothing is asked"));
    let large = secrets(&CANARY.repeat(400));
    let refused = hooks(&aws)
        .put_hook(&orders(), Provider::Github, &large)
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Refused);
    assert!(!told(&error).contains(CANARY));
}

#[tokio::test]
async fn no_error_tells_a_secret_whatever_aws_answers() {
    let echo = format!("Value '{CANARY}' failed to satisfy a constraint");
    let stray = json!({"uid": CANARY, "secrets": CANARY}).to_string();
    let broken = format!("{{\"Parameter\": {{\"Value\": \"{CANARY}\"");
    for answer in 0..4 {
        let (echo, stray, broken) = (echo.clone(), stray.clone(), broken.clone());
        let aws = Replay::new(move |_| match answer {
            0 => Reply::refused("ValidationException", &echo),
            1 => parameter(&stray),
            2 => parameter(CANARY),
            _ => Reply::raw(&broken),
        });
        let hooks = hooks(&aws);
        let read = hooks.hook(&orders(), Provider::Github).await;
        assert!(!told(&read.unwrap_err()).contains(CANARY), "{answer}");
        if let Err(error) = hooks.hooks(&orders()).await {
            assert!(!told(&error).contains(CANARY), "{answer}");
        }
        if let Err(error) = put(&aws, CANARY).await {
            assert!(!told(&error).contains(CANARY), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let denied = "User: arn:aws:sts::1:assumed-role/api is not authorized to perform: \
                  ssm:PutParameter on resource: arn:aws:ssm:eu-central-1:1:parameter/x";
    let aws = Replay::new(move |_| Reply::refused("AccessDeniedException", denied));
    let error = put(&aws, "s").await.unwrap_err();
    assert!(error.message.contains("ssm:PutParameter"), "{error}");
    assert_eq!(error.kind, PortErrorKind::Refused);
}
