//! Faults by chance, in AWS's own wire format: `microburst` of `PyPI` as a proxy between
//! the functions and the companion.
//!
//! [`crate::Faults`] fails the calls that a test names. Here a test says how likely calls are to
//! be disturbed, and cannot know which: throttled before they have an effect, delayed, cut off,
//! or answered by nobody after their effect. Only what goes through the address that the
//! functions were given is disturbed; tests and the command line ask the companion itself.
//!
//! It refuses to judge: what was disturbed is listed, what must hold is the test's business.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::{HeaderMap, Method};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::python::Venv;
use crate::upstream::Upstream;

const DISTURB: &str = include_str!("../python/disturb.py");

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_mins(1);

/// How a call is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disturbance {
    /// It is refused with the service's throttling error, without any effect.
    Throttled,
    /// It is held back: for a moment as a rule, one time in ten for `LONG`, which no caller of
    /// ours waits for. Its effect comes all the same.
    Delayed,
    /// Its connection is reset before it has any effect.
    Reset,
    /// It has its effect, and its connection is reset within the answer.
    Unanswered,
}

/// Longer than the functions wait for one answer (4 s, `shared/aws/src/config.rs`).
const LONG: Duration = Duration::from_millis(4500);

impl Disturbance {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Throttled,
        Self::Delayed,
        Self::Reset,
        Self::Unanswered,
    ];

    /// How microburst's rules word it.
    fn effect(self, service: &str) -> (&'static str, Value) {
        match self {
            Self::Throttled => {
                // The query protocol's common error has another name than the JSON services'.
                let code = if service == "cloudformation" {
                    "Throttling"
                } else {
                    "ThrottlingException"
                };
                let error = json!({"code": code, "status": 400, "message": "Rate exceeded"});
                ("error", error)
            }
            Self::Delayed => {
                let long = LONG.as_millis();
                let latency = json!({"dist": "spike", "min": 50, "max": 800, "spike_ms": long, "spike_p": 0.1});
                ("latency", latency)
            }
            Self::Reset => ("reset", json!(true)),
            Self::Unanswered => ("response", json!({"abort_bytes": 0})),
        }
    }

    /// Reads what microburst calls it in its list of what it did.
    fn of_action(action: &str) -> Option<Self> {
        match action.split(':').next()? {
            "error" => Some(Self::Throttled),
            "latency" => Some(Self::Delayed),
            "reset" => Some(Self::Reset),
            "response" => Some(Self::Unanswered),
            _ => None,
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Throttled => "throttled",
            Self::Delayed => "delayed",
            Self::Reset => "reset",
            Self::Unanswered => "unanswered",
        })
    }
}

/// Which calls are disturbed, how, and how likely.
#[derive(Debug, Clone, PartialEq)]
pub struct Chance {
    /// The caller as the log of calls has it: `slipway-reconciler` for instance.
    pub caller: String,
    /// The service by its signing name.
    pub service: String,
    /// What happens.
    pub disturbance: Disturbance,
    /// From 0 to 1. Each call that fits draws its own lot.
    pub probability: f64,
}

impl Chance {
    fn rule(&self) -> Value {
        let (effect, value) = self.disturbance.effect(&self.service);
        json!({
            "service": self.service,
            // Every function of the platform names itself so in its user agent.
            "headers": {"x-amz-user-agent": format!("app/{}", self.caller)},
            "probability": self.probability,
            effect: value,
        })
    }
}

/// A call that was disturbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disturbed {
    /// The service by its signing name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// What happened to it.
    pub disturbance: Disturbance,
}

/// A running microburst.
#[derive(Debug)]
pub struct Microburst {
    child: Child,
    group: Pid,
    address: SocketAddr,
    control: Upstream,
}

impl Microburst {
    /// Starts microburst in front of the companion at `companion`.
    pub(crate) async fn start(venv: &Venv, companion: &str) -> Result<Self> {
        let mut log = tempfile::tempfile()?;
        let mut child = Command::new(venv.python())
            .args(["-c", DISTURB, companion])
            // Nothing of the parent's AWS configuration or proxies.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start Python")?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .context("microburst ended at once")?;
        let Some(port) = port(&mut child).await? else {
            bail!("microburst does not start: {}", last_line(&mut log)?);
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            child,
            group,
            address,
            control: Upstream::new(address, "us-east-1"),
        })
    }

    /// Where it answers.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on calls are disturbed by these chances, and by no others. Of several that fit a
    /// call the first one that wins its lot is taken. The same seed gives the same row of lots;
    /// which call draws which lot depends on the order in which calls come.
    pub async fn disturb(&self, seed: u64, chances: &[Chance]) -> Result<()> {
        self.post("/_slipway/seed", seed.to_string()).await?;
        let rules: Vec<Value> = chances.iter().map(Chance::rule).collect();
        self.post("/_microburst/rules", Value::from(rules).to_string())
            .await
    }

    /// From now on no call is disturbed.
    pub async fn calm(&self) -> Result<()> {
        self.post("/_microburst/rules", "[]".to_owned()).await
    }

    /// Every call that was disturbed, oldest first.
    pub async fn disturbed(&self) -> Result<Vec<Disturbed>> {
        let answer = self.control.get("/_microburst/fired?limit=100000").await?;
        let fired: Vec<Value> = serde_json::from_slice(&answer.success()?.body)?;
        fired
            .iter()
            .map(|event| {
                let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                let action = text("action");
                Ok(Disturbed {
                    service: text("service"),
                    operation: text("operation"),
                    disturbance: Disturbance::of_action(&action).context(action)?,
                })
            })
            .collect()
    }

    async fn post(&self, path: &str, body: String) -> Result<()> {
        self.control
            .forward(Method::POST, path, &HeaderMap::new(), Bytes::from(body))
            .await?
            .success()?;
        Ok(())
    }

    /// Ends it, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.kill();
        self.child
            .wait()
            .await
            .context("microburst cannot be waited for")?;
        Ok(())
    }

    fn kill(&self) {
        // Fails only when nothing is left to end.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Microburst {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The port that it says it listens on; nothing when it ended before.
async fn port(child: &mut Child) -> Result<Option<u16>> {
    let output = child.stdout.take().context("it has an output")?;
    let mut line = String::new();
    tokio::time::timeout(START, BufReader::new(output).read_line(&mut line))
        .await
        .with_context(|| format!("microburst did not start within {} s", START.as_secs()))??;
    Ok(line.trim().parse().ok())
}

fn last_line(log: &mut File) -> Result<String> {
    let mut text = String::new();
    log.rewind()?;
    log.read_to_string(&mut text)?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Answer;
    use crate::{LocalCloud, Options};

    #[test]
    fn a_rule_names_the_caller_and_one_effect() {
        let rule = Chance {
            caller: "slipway-reconciler".to_owned(),
            service: "cloudformation".to_owned(),
            disturbance: Disturbance::Throttled,
            probability: 0.25,
        }
        .rule();
        let expected = json!({
            "service": "cloudformation",
            "headers": {"x-amz-user-agent": "app/slipway-reconciler"},
            "probability": 0.25,
            "error": {"code": "Throttling", "status": 400, "message": "Rate exceeded"},
        });
        assert_eq!(rule, expected);
    }

    #[test]
    fn what_microburst_did_is_read_by_its_first_word() {
        for (action, disturbance) in [
            ("error:ThrottlingException", Disturbance::Throttled),
            ("latency:612ms", Disturbance::Delayed),
            ("reset", Disturbance::Reset),
            ("response:abort", Disturbance::Unanswered),
        ] {
            assert_eq!(Disturbance::of_action(action), Some(disturbance));
        }
        assert_eq!(Disturbance::of_action("match"), None);
    }

    /// Asks DynamoDB, as a function of the platform does.
    async fn dynamodb(through: &Upstream, operation: &str, ask: &Value) -> Result<Answer> {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("x-amz-user-agent", "aws-sdk-rust/1.0 app/tester"),
        ];
        let body = Bytes::from(ask.to_string());
        through
            .rest("dynamodb", Method::POST, "/", &headers, body)
            .await
    }

    fn item(id: &str) -> Value {
        json!({"TableName": "items", "Item": {"id": {"S": id}}})
    }

    #[tokio::test]
    async fn calls_are_disturbed_until_it_is_calm_with_and_without_their_effect() -> Result<()> {
        let cloud = LocalCloud::start(Options {
            venvs: concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venvs").into(),
            microburst: true,
            ..Options::default()
        })
        .await?;
        let microburst = cloud.microburst().context("it was asked for")?;
        let (past, through) = (cloud.through(), microburst.control.clone());
        let table = json!({
            "TableName": "items",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        });
        dynamodb(&past, "CreateTable", &table).await?.success()?;

        for disturbance in Disturbance::ALL {
            let chance = Chance {
                caller: "tester".to_owned(),
                service: "dynamodb".to_owned(),
                disturbance,
                probability: 1.0,
            };
            microburst.disturb(1, &[chance]).await?;
            let put = dynamodb(&through, "PutItem", &item(&disturbance.to_string())).await;
            match disturbance {
                Disturbance::Throttled => {
                    let answer = put?;
                    assert_eq!(answer.status, 400);
                    assert!(answer.text().contains("ThrottlingException"));
                }
                Disturbance::Delayed => assert!(put?.status.is_success()),
                Disturbance::Reset | Disturbance::Unanswered => assert!(put.is_err()),
            }
            // Others go their way.
            dynamodb(&past, "PutItem", &item("past")).await?.success()?;
        }
        microburst.calm().await?;
        dynamodb(&through, "PutItem", &item("calm"))
            .await?
            .success()?;

        let answer = dynamodb(&past, "Scan", &json!({"TableName": "items"})).await?;
        let items: Value = serde_json::from_slice(&answer.success()?.body)?;
        let items = items["Items"].as_array().into_iter().flatten();
        let mut had_effect: Vec<&str> = items.filter_map(|it| it["id"]["S"].as_str()).collect();
        had_effect.sort_unstable();
        assert_eq!(had_effect, ["calm", "delayed", "past", "unanswered"]);
        let disturbed = microburst.disturbed().await?;
        let disturbances: Vec<Disturbance> = disturbed.iter().map(|it| it.disturbance).collect();
        assert_eq!(disturbances, Disturbance::ALL);
        assert!(disturbed.iter().all(|it| it.operation == "PutItem"));
        cloud.stop().await
    }
}
