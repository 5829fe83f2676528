//! What the registry in memory remembers of scaling, with the conditions of the real one.

use jiff::Timestamp;
use slipway_domain::{EnvironmentName, Scope, ServiceName};
use slipway_scaling::Decision;

use super::ports::unreadable;
use super::work::page;
use super::{FakeRegistry, Inner};
use crate::ports::{Page, PortResult, ScalerRecord, ScalerRegistry, ScalerWrite};
use crate::record::ServiceState;

impl ScalerRegistry for FakeRegistry {
    async fn scaled(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<Option<(ServiceState, ScalerRecord)>> {
        let pass = self.tape.enter("scaled", false).await?;
        let inner = self.count("scaled");
        if inner.poisoned.contains(service) {
            return Err(unreadable("scaled"));
        }
        let answer = inner
            .service(service, pass.is_stale())
            .map(|state| (state, inner.scaler(service, environment)));
        drop(inner);
        pass.leave(answer)
    }

    async fn save_scaler(&self, write: &ScalerWrite) -> PortResult<bool> {
        let pass = self.tape.enter("save_scaler", true).await?;
        let answer = self.count("save_scaler").save_scaler(write);
        pass.leave(answer)
    }

    async fn decisions(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<Decision>> {
        let pass = self.tape.enter("decisions", false).await?;
        let inner = self.count("decisions");
        let mine = inner.decisions.iter().rev();
        let mine = mine.filter(|((s, e, _), _)| s == service && e == environment);
        let answer = page(
            mine.map(|((_, _, at), decision)| (format!("{at:.3}"), decision.clone())),
            after,
            limit,
        );
        drop(inner);
        pass.leave(answer)
    }

    async fn scaler_attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<(ServiceName, EnvironmentName)>> {
        let pass = self.tape.enter("scaler_attention", false).await?;
        let inner = self.count("scaler_attention");
        let mut due: Vec<_> = inner
            .scalers
            .iter()
            .filter_map(|(key, record)| Some((record.attention?, key)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort();
        let answer = due
            .into_iter()
            .take(limit)
            .map(|(_, key)| key.clone())
            .collect();
        drop(inner);
        pass.leave(answer)
    }
}

impl Inner {
    fn scaler(&self, service: &ServiceName, environment: &EnvironmentName) -> ScalerRecord {
        let key = (service.clone(), environment.clone());
        self.scalers.get(&key).cloned().unwrap_or_default()
    }

    fn save_scaler(&mut self, write: &ScalerWrite) -> bool {
        let scope = Scope::Environment(write.environment.clone());
        let key = (write.service.clone(), write.environment.clone());
        let version = self.scalers.get(&key).map_or(0, |record| record.version);
        let here = self
            .services
            .get(&write.service)
            .is_some_and(|state| state.stacks.contains_key(&scope));
        if !here || version != write.record.version {
            return false;
        }
        let mut record = write.record.clone();
        record.version += 1;
        // The index over attention knows seconds.
        record.attention = record
            .attention
            .and_then(|at| Timestamp::from_second(at.as_second()).ok());
        self.scalers.insert(key.clone(), record);
        if let Some(decision) = &write.decision {
            self.decisions
                .insert((key.0, key.1, decision.at), decision.clone());
        }
        if let Some(entry) = &write.audit {
            self.audit.push((write.service.clone(), entry.clone()));
        }
        true
    }
}

impl FakeRegistry {
    /// What is remembered of an environment's scaling, past the port; nothing when nothing is.
    pub fn remembered(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> Option<ScalerRecord> {
        let key = (service.clone(), environment.clone());
        self.lock().scalers.get(&key).cloned()
    }

    /// The decisions that were kept of an environment, oldest first, past the port.
    pub fn kept_decisions(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> Vec<Decision> {
        let inner = self.lock();
        let mine = inner.decisions.iter();
        mine.filter(|((s, e, _), _)| s == service && e == environment)
            .map(|(_, decision)| decision.clone())
            .collect()
    }
}
