//! Waiting until services are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use slipway_domain::{Evidence, Phase, ServiceName};

use super::progress::{Look, ScopeLook};
use crate::client::{Client, ClientError};

/// For how long a failure from before the deletion may still show: the reconciler's sweep
/// comes every minute.
const STALE: Duration = Duration::from_secs(90);

/// A stack's phase, what it says, and what a person should do.
type Seen = (Phase, String, Option<String>);

/// Looks at services that are being deleted.
#[derive(Debug, Default)]
pub(crate) struct Going {
    /// What has been seen in another phase than failed, so that a failure is a new one.
    moved: BTreeSet<String>,
}

impl Going {
    /// One look at one service; `uid` tells it from one that is registered anew.
    pub(crate) fn look_at(
        &mut self,
        client: &Client,
        name: &ServiceName,
        uid: &str,
        elapsed: Duration,
    ) -> Result<Look, ClientError> {
        let mut seen = BTreeMap::new();
        if let Some(service) = client.find_service(name)?
            && service.value.uid.to_string() == uid
        {
            let stack = service.value.service_stack;
            seen.insert(name.to_string(), (stack.phase, stack.message, stack.advice));
            for (environment, view) in service.value.environments {
                seen.insert(
                    format!("{name}/{environment}"),
                    (view.stack.phase, view.stack.message, view.stack.advice),
                );
            }
        }
        Ok(self.judge(seen, elapsed))
    }

    /// One look at all of `names`, by the listing: as many calls as it has pages.
    pub(crate) fn look_at_all(
        &mut self,
        client: &Client,
        names: &BTreeSet<ServiceName>,
        elapsed: Duration,
    ) -> Result<Look, ClientError> {
        let mut seen = BTreeMap::new();
        for service in client.all_services(None)? {
            if !names.contains(&service.name) {
                continue;
            }
            if let Some(stack) = service.service_stack {
                seen.insert(
                    service.name.to_string(),
                    (stack.phase, stack.message, Some(stack.advice)),
                );
            } else if service.environments.is_empty() {
                seen.insert(
                    service.name.to_string(),
                    (Phase::Deleting, String::new(), None),
                );
            }
            for (environment, summary) in service.environments {
                seen.insert(
                    format!("{}/{environment}", service.name),
                    (summary.phase, summary.message, summary.advice),
                );
            }
        }
        Ok(self.judge(seen, elapsed))
    }

    fn judge(&mut self, seen: BTreeMap<String, Seen>, elapsed: Duration) -> Look {
        let mut scopes = BTreeMap::new();
        for (name, (phase, message, advice)) in seen {
            if phase != Phase::Failed {
                self.moved.insert(name.clone());
            }
            let failed = phase == Phase::Failed && (self.moved.contains(&name) || elapsed >= STALE);
            let failure = failed.then(|| message.clone());
            scopes.insert(
                name,
                ScopeLook {
                    phase,
                    message,
                    steps: Vec::new(),
                    url: None,
                    settled: failed,
                    age: None,
                    failure,
                    evidence: Evidence::default(),
                    advice,
                },
            );
        }
        // A service's own stack is held while an environment of it cannot be deleted.
        let failed: Vec<String> = scopes
            .iter()
            .filter(|(_, scope)| scope.settled)
            .map(|(name, _)| format!("{}/", service_of(name)))
            .collect();
        let end = scopes.iter().all(|(name, scope)| {
            scope.settled
                || (!name.contains('/')
                    && failed.iter().any(|prefix| *prefix == format!("{name}/")))
        });
        Look { scopes, end }
    }
}

fn service_of(scope: &str) -> &str {
    scope.split_once('/').map_or(scope, |(service, _)| service)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(scopes: &[(&str, Phase)]) -> BTreeMap<String, Seen> {
        scopes
            .iter()
            .map(|(name, phase)| ((*name).to_owned(), (*phase, "M.".to_owned(), None)))
            .collect()
    }

    #[test]
    fn it_ends_when_nothing_is_left() {
        let mut going = Going::default();
        assert!(
            !going
                .judge(
                    seen(&[("a", Phase::Deleting), ("a/prod", Phase::Ready)]),
                    Duration::ZERO
                )
                .end
        );
        assert!(going.judge(seen(&[]), Duration::ZERO).end);
    }

    #[test]
    fn a_failure_from_before_the_deletion_is_not_the_deletions() {
        let mut going = Going::default();
        let old = seen(&[("a", Phase::Ready), ("a/prod", Phase::Failed)]);
        assert!(!going.judge(old.clone(), Duration::ZERO).end);
        going.judge(
            seen(&[("a", Phase::Deleting), ("a/prod", Phase::Deleting)]),
            Duration::ZERO,
        );
        let look = going.judge(old.clone(), Duration::ZERO);
        assert!(
            look.end,
            "the service's own stack waits for its environment"
        );
        assert_eq!(look.scopes["a/prod"].failure.as_deref(), Some("M."));
        assert!(Going::default().judge(old, STALE).end);
    }

    #[test]
    fn one_failure_does_not_end_the_waiting_for_others() {
        let mut going = Going::default();
        going.judge(seen(&[("a/prod", Phase::Deleting)]), Duration::ZERO);
        assert!(
            !going
                .judge(
                    seen(&[("a/prod", Phase::Failed), ("b/prod", Phase::Deleting)]),
                    Duration::ZERO
                )
                .end
        );
    }
}
