//! Going to sleep, and what is due while somebody sleeps and when somebody wakes up.
//!
//! While a service sleeps, a rule of its listener leads to the waker. What is remembered says since
//! when (`asleep_since`), from before the rule is put until after it is taken away: a look that
//! finds it so looks after the rule. So whatever dies in between, the rule is there while nothing
//! runs, and goes once something does.

use super::site::Site;
use crate::ports::{Live, PortResult, ScalerRecord, TaskWriter, WakeRules};

/// Has an environment sleep: first callers are led to the waker, then nothing of it runs. What is
/// remembered says so already; a look that finds it not done yet does it again. False when the
/// service is not there.
pub(super) async fn begin(tasks: &(impl TaskWriter + WakeRules), site: &Site) -> PortResult<bool> {
    Ok(lead_to_waker(tasks, site).await?
        && tasks.set_count(&site.cluster, &site.service, 0).await?)
}

/// Looks after the rule of an environment that sleeps, or did; what is remembered from now on.
pub(super) async fn look_after(
    tasks: &impl WakeRules,
    site: &Site,
    found: &ScalerRecord,
    live: &Live,
) -> PortResult<ScalerRecord> {
    let mut record = found.clone();
    let goes_to_sleep = found.ordered.as_ref().is_some_and(|it| it.to == 0);
    if found.asleep_since.is_none() {
        return Ok(record);
    }
    if live.desired == 0 {
        lead_to_waker(tasks, site).await?;
    } else if !goes_to_sleep && end(tasks, site).await? {
        record.asleep_since = None;
    }
    Ok(record)
}

/// Takes the rule away if a task answers. False when none does yet.
pub(super) async fn end(tasks: &impl WakeRules, site: &Site) -> PortResult<bool> {
    let Some(way) = &site.way else {
        return Ok(true);
    };
    let answered = tasks.is_answered(&way.groups).await?;
    if answered {
        tasks.remove_wake_rule(&way.listener).await?;
    }
    Ok(answered)
}

/// False when there is nothing that could lead there.
async fn lead_to_waker(tasks: &impl WakeRules, site: &Site) -> PortResult<bool> {
    let Some((way, waker)) = site
        .way
        .as_ref()
        .and_then(|way| Some((way, way.waker.as_ref()?)))
    else {
        return Ok(false);
    };
    tasks
        .put_wake_rule(&way.listener, waker, &way.platform)
        .await
}
