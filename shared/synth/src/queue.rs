//! A worker's queue, and where messages go that no task could work off.
//!
//! Both are deleted with the stack, and what lies in them with them: CloudFormation imports no
//! queue by its name, so one that was kept would be nobody's from then on. Nor have they a fixed
//! name: SQS refuses one for a minute after a queue of that name was deleted (`QueueDeletedRecently`
//! of `CreateQueue`). Whoever asks for the names finds them in the stack's outputs.

use serde_json::{Value, json};

use crate::environment_stack::{Resources, Site};
use crate::intrinsic::{attribute, reference};

pub(crate) const QUEUE: &str = "Queue";
pub(crate) const DEAD_LETTERS: &str = "DeadLetters";

/// The output that names the queue.
pub const QUEUE_OUTPUT: &str = "QueueName";

/// The variable in which a task finds the queue's address.
pub(crate) const VARIABLE: &str = "QUEUE_URL";

/// Seconds for which the dead-letter queue keeps a message, counted from when it was sent at
/// first: the most that SQS has, 14 days ("Amazon SQS dead-letter queues").
const DEAD_RETENTION: u32 = 1_209_600;

/// Seconds that a question for messages waits for one, unless it says otherwise: the most that
/// SQS has. Without, every idle task would ask without a pause, and each question is billed.
const LONG_POLL: u32 = 20;

/// Whether the service has a queue of its own.
pub(crate) fn is_there(site: &Site<'_>) -> bool {
    site.effective.settings.kind.has_own_queue()
}

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let settings = &site.effective.settings.queue;
    to.add(
        DEAD_LETTERS,
        json!({
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "SqsManagedSseEnabled": true,
                "MessageRetentionPeriod": DEAD_RETENTION,
            },
        }),
    );
    to.add(
        QUEUE,
        json!({
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "SqsManagedSseEnabled": true,
                "VisibilityTimeout": settings.visibility,
                "MessageRetentionPeriod": settings.retention,
                "ReceiveMessageWaitTimeSeconds": LONG_POLL,
                "RedrivePolicy": {
                    "deadLetterTargetArn": attribute(DEAD_LETTERS, "Arn"),
                    "maxReceiveCount": settings.attempts,
                },
            },
        }),
    );
}

pub(crate) fn put_outputs(put: &mut impl FnMut(&str, Value)) {
    put("QueueUrl", reference(QUEUE));
    // By this name metrics know it.
    put(QUEUE_OUTPUT, attribute(QUEUE, QUEUE_OUTPUT));
    put("DeadLettersUrl", reference(DEAD_LETTERS));
}

/// What its tasks may do: work it off, and nothing else.
pub(crate) fn statement() -> Value {
    json!({
        "Sid": "Queue",
        "Effect": "Allow",
        "Action": [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ],
        "Resource": attribute(QUEUE, "Arn"),
    })
}
