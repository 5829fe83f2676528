//! A worker's queue, and what cannot be worked off.

use serde_json::{Value, json};
use slipway_domain::{Alert, Effective};
use slipway_synth::Template;

use super::{Rules, of_type};

pub(super) fn hold(rules: &mut Rules, template: &Template, effective: &Effective) {
    let queues = of_type(template, "AWS::SQS::Queue");
    let settings = &effective.settings;
    if !settings.kind.has_own_queue() {
        rules.hold(queues.is_empty(), "there is a queue that nobody asked for");
        return;
    }
    rules.hold(queues.len() == 2, "a worker has a queue and dead letters");
    for queue in queues {
        rules.hold(
            queue["Properties"]["SqsManagedSseEnabled"] == true,
            "a queue is not encrypted",
        );
        rules.hold(
            queue["Properties"]["QueueName"].is_null(),
            "a queue has a name that SQS refuses for a minute after it was deleted",
        );
    }
    let resources = &template.as_value()["Resources"];
    let (queue, dead) = (
        &resources["Queue"]["Properties"],
        &resources["DeadLetters"]["Properties"],
    );
    rules.hold(
        queue["RedrivePolicy"]["deadLetterTargetArn"]
            == json!({"Fn::GetAtt": ["DeadLetters", "Arn"]})
            && queue["RedrivePolicy"]["maxReceiveCount"] == settings.queue.attempts,
        "what fails again and again stays in the queue",
    );
    // The age of a message counts from when it was sent at first.
    rules.hold(
        dead["MessageRetentionPeriod"].as_u64() >= queue["MessageRetentionPeriod"].as_u64(),
        "dead letters go before those that live",
    );
    let alarm = &resources["AlertDeadLetters"]["Properties"]["Dimensions"][0]["Value"];
    let of_dead_letters = json!({"Fn::GetAtt": ["DeadLetters", "QueueName"]});
    rules.hold(
        *alarm
            == if settings.alarms.on.contains(&Alert::DeadLetters) {
                of_dead_letters
            } else {
                Value::Null
            },
        "who is told of dead letters?",
    );
}
