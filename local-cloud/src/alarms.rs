//! Metrics that a test sets, and the alarms that follow.
//!
//! The emulator evaluates (`python/alarms.py`) when data comes and when it is asked. The companion
//! asks after every call that may change an alarm and, once there is a metric, each second, and
//! puts what changed on the bus as CloudWatch does: as late, as often and in such an order as
//! [`Delivery`](crate::Delivery) says.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::bus;
use crate::companion::{Companion, Incoming};
use crate::upstream::Answer;
use crate::xml;

/// How often alarms are looked at without a cause: a period may have ended.
const EVERY: Duration = Duration::from_secs(1);

/// A metric of CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// `AWS/ECS` for instance.
    pub namespace: String,
    /// `CPUUtilization` for instance.
    pub name: String,
    /// `ClusterName` and `ServiceName` for instance.
    pub dimensions: BTreeMap<String, String>,
}

impl Metric {
    /// A metric by its namespace, name and dimensions.
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions.iter().map(own).collect(),
        }
    }
}

/// The regions whose alarms are looked at each second.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<HashSet<String>>);

impl Watched {
    /// Whether this region was not watched until now.
    fn begin(&self, region: &str) -> bool {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        regions.insert(region.to_owned())
    }
}

impl Companion {
    /// Calls to CloudWatch: some change alarms.
    pub(crate) async fn monitoring(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let answer = self.forward(incoming).await?;
        let changing = ["PutMetricData", "PutMetricAlarm", "SetAlarmState"];
        if changing.contains(&incoming.intent.operation.as_str()) {
            self.look_at_alarms(&incoming.intent.region, "SlipwayAlarms", &[])
                .await?;
        }
        Ok(answer)
    }

    /// Sets a metric's points: one in each of the last complete periods of so many seconds, the
    /// newest last. What it had before is gone.
    pub(crate) async fn set_metric(
        self: &Arc<Self>,
        region: &str,
        metric: &Metric,
        seconds: u32,
        values: &[f64],
    ) -> Result<()> {
        let said = json!({
            "namespace": metric.namespace,
            "name": metric.name,
            "dimensions": metric.dimensions,
            "seconds": seconds,
            "values": values,
        });
        let parameters = [("Metric", said.to_string())];
        self.look_at_alarms(region, "SlipwayMetric", &parameters)
            .await
    }

    /// Has every alarm looked at, and from then on each second if there is anything to see.
    async fn look_at_alarms(
        self: &Arc<Self>,
        region: &str,
        action: &str,
        parameters: &[(&str, String)],
    ) -> Result<()> {
        let has_metrics = self.tell_of_alarms(region, action, parameters).await?;
        if has_metrics && self.watched.begin(region) {
            let (companion, region) = (Arc::downgrade(self), region.to_owned());
            self.spawn(async move {
                // Until the companion ends; a look that fails is followed by another.
                while let Some(companion) = companion.upgrade() {
                    let _ = companion
                        .tell_of_alarms(&region, "SlipwayAlarms", &[])
                        .await;
                    drop(companion);
                    tokio::time::sleep(EVERY).await;
                }
            });
        }
        Ok(())
    }

    /// Has every alarm looked at, and tells the bus which changed. Whether there is any metric.
    async fn tell_of_alarms(
        self: &Arc<Self>,
        region: &str,
        action: &str,
        parameters: &[(&str, String)],
    ) -> Result<bool> {
        let upstream = self.upstream.in_region(region);
        let parameters: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = upstream
            .query("cloudformation", action, &parameters)
            .await?
            .success()?;
        let happened = xml::find(&answer.text(), "Happened").context("no answer about alarms")?;
        let happened: Value = serde_json::from_str(&happened)?;
        for change in happened["changes"].as_array().into_iter().flatten() {
            let arn = change["arn"].as_str().unwrap_or_default();
            let event = bus::alarm_changed(arn, &change["detail"], region, &self.account);
            self.emit(&event, region);
        }
        Ok(happened["metrics"] != 0)
    }
}
