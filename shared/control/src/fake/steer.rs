//! Traffic and its deployments in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipway_synth::Weights;

use super::transient;
use crate::ports::{DeploymentSteerer, PortResult, TrafficReader, TrafficRule};

/// Traffic and its deployments in memory. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct FakeTraffic {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    weights: BTreeMap<String, Weights>,
    waiting: Vec<String>,
    under_way: Vec<String>,
    broken: bool,
}

impl FakeTraffic {
    /// Moves the traffic of a rule, as ECS does.
    pub fn shift(&self, rule: &str, weights: Weights) {
        self.lock().weights.insert(rule.to_owned(), weights);
    }

    /// A deployment of the service begins, and waits to be promoted if it is to.
    pub fn deploys(&self, service: &str, waits: bool) {
        let mut inner = self.lock();
        inner.under_way.push(service.to_owned());
        if waits {
            inner.waiting.push(service.to_owned());
        }
    }

    /// From now on nothing answers.
    pub fn break_down(&self) {
        self.lock().broken = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrafficReader for FakeTraffic {
    async fn weights(&self, rule: TrafficRule<'_>) -> PortResult<Option<Weights>> {
        let inner = self.lock();
        if inner.broken {
            return Err(transient("weights"));
        }
        Ok(inner.weights.get(rule.rule).copied())
    }
}

impl DeploymentSteerer for FakeTraffic {
    async fn promote(&self, _cluster: &str, service: &str) -> PortResult<bool> {
        let mut inner = self.lock();
        if inner.broken {
            return Err(transient("promote"));
        }
        Ok(take(&mut inner.waiting, service))
    }

    async fn abort(&self, _cluster: &str, service: &str) -> PortResult<bool> {
        let mut inner = self.lock();
        if inner.broken {
            return Err(transient("abort"));
        }
        take(&mut inner.waiting, service);
        Ok(take(&mut inner.under_way, service))
    }
}

fn take(names: &mut Vec<String>, name: &str) -> bool {
    let before = names.len();
    names.retain(|it| it != name);
    names.len() < before
}
