//! The queue that is made for a worker: the manifest's `queue`.
//!
//! It is a standard queue of SQS, with a dead-letter queue behind it. Both are the stack's: they
//! come and go with it. A queue of somebody else's is named in `scaling.queue` instead, and is
//! only read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::Settings;
use crate::problem::Broken;
use crate::schema;

/// The queue that a worker works off, which is made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct WorkQueue {
    /// Seconds that a message may wait before it is worked on. By this the number of tasks is
    /// scaled.
    #[schemars(range(min = 1, max = 86_400))]
    pub delay: u32,
    /// Seconds that a task has for a message before another one gets it. A task that needs
    /// longer asks SQS for more.
    #[schemars(range(min = 0, max = 43_200))]
    pub visibility: u32,
    /// Seconds for which a message is kept that nobody has worked off.
    #[schemars(range(min = 60, max = 1_209_600))]
    pub retention: u32,
    /// How often a message is tried before it goes to the dead-letter queue, which keeps it until
    /// it is 14 days old.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u32,
}

impl Default for WorkQueue {
    fn default() -> Self {
        Self {
            delay: 60,
            visibility: 30,
            // SQS's own: four days.
            retention: 345_600,
            attempts: 5,
        }
    }
}

/// What is wrong with a worker's `queue`.
pub(crate) fn broken(settings: &Settings) -> Option<Broken> {
    let WorkQueue {
        visibility,
        retention,
        ..
    } = settings.queue;
    (visibility >= retention).then(|| {
        let detail = format!(
            "is {visibility}, not less than `retention`, {retention}: a message would be gone before its second try"
        );
        Broken::new("/queue/visibility", &["/queue/retention"], detail)
    })
}
