//! The last task goes.

use super::site::Site;
use crate::ports::{PortResult, TaskWriter};

/// Has an environment sleep: nothing of it runs. What is remembered says so already; a look that
/// finds it not done yet does it again. False when the service is not there.
pub(super) async fn begin(tasks: &impl TaskWriter, site: &Site) -> PortResult<bool> {
    tasks.set_count(&site.cluster, &site.service, 0).await
}
