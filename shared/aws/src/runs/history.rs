//! What the events of an execution say: who started it, how often it was tried, why it failed.

use aws_sdk_sfn::types::{HistoryEvent, HistoryEventType};
use serde_json::{Value, json};
use slipway_control::runs::RunStatus;
use slipway_synth::STARTED_BY;

/// The most characters of a reason that is shown as AWS says it.
const LONGEST: usize = 300;

/// What an execution is started with: who did.
pub(super) fn input(by: &str) -> String {
    json!({STARTED_BY: by}).to_string()
}

/// Who started it, if that was the schedule or the API.
pub(super) fn started_by(events: &[HistoryEvent]) -> Option<String> {
    let started = events
        .iter()
        .find_map(HistoryEvent::execution_started_event_details)?;
    let input: Value = serde_json::from_str(started.input()?).ok()?;
    input[STARTED_BY].as_str().map(str::to_owned)
}

/// How often the task was asked for.
pub(super) fn attempts(events: &[HistoryEvent]) -> u32 {
    let asked = events.iter();
    let asked = asked.filter(|it| *it.r#type() == HistoryEventType::TaskScheduled);
    u32::try_from(asked.count()).unwrap_or(u32::MAX)
}

/// Where it stands, by its last event.
pub(super) fn status(events: &[HistoryEvent]) -> RunStatus {
    match events.last().map(HistoryEvent::r#type) {
        Some(HistoryEventType::ExecutionSucceeded) => RunStatus::Succeeded,
        Some(HistoryEventType::ExecutionAborted) => RunStatus::Aborted,
        Some(HistoryEventType::ExecutionFailed | HistoryEventType::ExecutionTimedOut) => {
            RunStatus::Failed
        }
        _ => RunStatus::Running,
    }
}

/// Why it failed or was ended, in words; none otherwise.
pub(super) fn reason(events: &[HistoryEvent]) -> Option<String> {
    let last = events.last()?;
    let (error, cause) = if let Some(failed) = last.execution_failed_event_details() {
        (failed.error(), failed.cause())
    } else if let Some(late) = last.execution_timed_out_event_details() {
        (late.error(), late.cause())
    } else if let Some(ended) = last.execution_aborted_event_details() {
        (ended.error(), ended.cause())
    } else {
        return None;
    };
    let error = error.unwrap_or_default();
    let cause = cause.unwrap_or_default();
    if error == "States.Timeout" {
        return Some("the last attempt took longer than `job.timeout`".to_owned());
    }
    let words = of_task(cause).unwrap_or_else(|| {
        let both = [error, cause].into_iter().filter(|it| !it.is_empty());
        both.collect::<Vec<_>>().join(": ")
    });
    let words = match words.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words,
    };
    (!words.is_empty()).then_some(words)
}

/// Of a task that has stopped the cause is ECS's description of it.
fn of_task(cause: &str) -> Option<String> {
    let task: Value = serde_json::from_str(cause).ok()?;
    let containers = task["Containers"].as_array()?;
    let mut words: Vec<String> = containers
        .iter()
        .filter_map(|container| {
            let name = container["Name"].as_str()?;
            match (&container["ExitCode"], container["Reason"].as_str()) {
                (Value::Number(code), _) if code.as_i64() == Some(0) => None,
                (Value::Number(code), None) => Some(format!("`{name}` ended with {code}")),
                (Value::Number(code), Some(reason)) => {
                    Some(format!("`{name}` ended with {code}: {reason}"))
                }
                (_, Some(reason)) => Some(format!("`{name}`: {reason}")),
                _ => None,
            }
        })
        .collect();
    words.extend(task["StoppedReason"].as_str().map(str::to_owned));
    (!words.is_empty()).then(|| words.join("; "))
}
