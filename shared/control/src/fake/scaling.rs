//! ECS services with their bounds, and the metrics of `CloudWatch`, in memory: as strict as
//! Application Auto Scaling, which moves the count into the bounds at every write of a target.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use slipway_scaling::{Bounds, Load, Paused, Point};

use super::tape::Tape;
use crate::ports::{
    BoundsWriter, Live, LiveReader, MetricReader, Owner, PortResult, Series, TaskWriter,
};

/// ECS services, their bounds and metrics in memory. Clones are the same. Calls pass a tape.
#[derive(Debug, Clone, Default)]
pub struct FakeTasks {
    inner: Arc<Mutex<Inner>>,
    pub(super) tape: Tape,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    services: BTreeMap<(String, String), Live>,
    /// By name and the values of the dimensions.
    metrics: BTreeMap<(String, Vec<String>), Vec<Point>>,
    /// Each count that was set, in order.
    counts: Vec<u32>,
    /// Each write of bounds, in order.
    bounds: Vec<(Option<Bounds>, Option<Paused>)>,
    /// How many metrics were asked for, call by call.
    asked: Vec<usize>,
    /// By listener, the group that its wake rule leads to.
    pub(super) wake_rules: BTreeMap<String, String>,
    /// Target groups with a healthy target.
    pub(super) healthy: Vec<String>,
    /// Whose target groups are.
    pub(super) owners: BTreeMap<String, Owner>,
    /// Messages that wait, by queue.
    pub(super) queues: BTreeMap<String, u64>,
}

impl FakeTasks {
    /// Nothing runs, and calls pass this tape.
    pub fn taped(tape: Tape) -> Self {
        Self {
            inner: Arc::default(),
            tape,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A service runs so.
    pub fn runs(&self, cluster: &str, service: &str, live: Live) {
        self.lock().services.insert(key(cluster, service), live);
    }

    /// A service is gone.
    pub fn forget(&self, cluster: &str, service: &str) {
        self.lock().services.remove(&key(cluster, service));
    }

    /// How a service runs, past the port.
    pub fn now(&self, cluster: &str, service: &str) -> Option<Live> {
        self.lock().services.get(&key(cluster, service)).cloned()
    }

    /// Changes how a service runs.
    pub fn change(&self, cluster: &str, service: &str, change: impl FnOnce(&mut Live)) {
        if let Some(live) = self.lock().services.get_mut(&key(cluster, service)) {
            change(live);
        }
    }

    /// `CloudWatch` has these points of a metric, instead of those before. It is found by its name
    /// and the values of its dimensions, in any order.
    pub fn measure(&self, name: &str, dimensions: &[&str], points: Vec<Point>) {
        let dimensions = dimensions.iter().map(|it| (*it).to_owned()).collect();
        self.lock()
            .metrics
            .insert(metric(name.to_owned(), dimensions), points);
    }

    /// Each count that ECS was told, in order.
    pub fn counts(&self) -> Vec<u32> {
        self.lock().counts.clone()
    }

    /// Each write of bounds, in order.
    pub fn bounds_written(&self) -> Vec<(Option<Bounds>, Option<Paused>)> {
        self.lock().bounds.clone()
    }

    /// How many metrics were asked for, call by call.
    pub fn metrics_asked(&self) -> Vec<usize> {
        self.lock().asked.clone()
    }
}

impl LiveReader for FakeTasks {
    async fn live(&self, cluster: &str, service: &str) -> PortResult<Option<Live>> {
        let pass = self.tape.enter("live", false).await?;
        let answer = self.now(cluster, service);
        pass.leave(answer)
    }
}

impl TaskWriter for FakeTasks {
    async fn set_count(&self, cluster: &str, service: &str, count: u32) -> PortResult<bool> {
        let pass = self.tape.enter("set_count", true).await?;
        let mut inner = self.lock();
        let found = inner.services.get_mut(&key(cluster, service));
        let found = found.map(|live| live.desired = count).is_some();
        if found {
            inner.counts.push(count);
        }
        drop(inner);
        pass.leave(found)
    }
}

impl BoundsWriter for FakeTasks {
    async fn set_bounds(
        &self,
        cluster: &str,
        service: &str,
        bounds: Option<Bounds>,
        paused: Option<Paused>,
    ) -> PortResult<()> {
        let pass = self.tape.enter("set_bounds", true).await?;
        let mut inner = self.lock();
        if let Some(live) = inner.services.get_mut(&key(cluster, service)) {
            if let Some(bounds) = bounds {
                live.bounds = Some((bounds.min, bounds.max));
            }
            live.paused = paused.unwrap_or(live.paused);
            // Any write of a target moves the count into its bounds.
            if let Some((min, max)) = live.bounds {
                live.desired = live.desired.max(min).min(max);
            }
        }
        inner.bounds.push((bounds, paused));
        drop(inner);
        pass.leave(())
    }
}

impl MetricReader for FakeTasks {
    async fn read(
        &self,
        series: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> PortResult<Vec<Load>> {
        let pass = self.tape.enter("metrics", false).await?;
        let mut inner = self.lock();
        inner.asked.push(series.len());
        let answer = series
            .iter()
            .map(|series| {
                let values = series.dimensions.iter().map(|(_, value)| value.clone());
                let points = inner
                    .metrics
                    .get(&metric(series.name.clone(), values.collect()));
                let inside = points.into_iter().flatten();
                Load(
                    inside
                        .filter(|point| from <= point.at && point.at < to)
                        .copied()
                        .collect(),
                )
            })
            .collect();
        drop(inner);
        pass.leave(answer)
    }
}

fn key(cluster: &str, service: &str) -> (String, String) {
    (cluster.to_owned(), service.to_owned())
}

fn metric(name: String, mut dimensions: Vec<String>) -> (String, Vec<String>) {
    dimensions.sort();
    (name, dimensions)
}
