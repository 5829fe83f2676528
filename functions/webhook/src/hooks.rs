//! The secrets of webhooks, remembered for a minute.
//!
//! A burst of deliveries reads them once. One that no remembered secret fits has them read anew,
//! so that a secret that was made a moment ago counts at once; not more often than every few
//! seconds, because whoever knows the address can send what fits nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use slipway_control::ports::{HookReader, HookSecrets, PortResult, Provider};
use slipway_domain::ServiceName;
use ulid::Ulid;

/// How long secrets are remembered.
const REMEMBERED: SignedDuration = SignedDuration::from_secs(60);
/// How old they must be to be read anew because none of them fitted.
const STALE: SignedDuration = SignedDuration::from_secs(5);

/// Reads the secrets of webhooks, and remembers them.
#[derive(Debug)]
pub struct HookMemory<H> {
    reader: H,
    known: Mutex<HashMap<(ServiceName, Provider), Known>>,
}

/// What was read, and when.
#[derive(Debug, Clone)]
struct Known {
    secrets: Option<HookSecrets>,
    at: Timestamp,
}

impl<H: HookReader> HookMemory<H> {
    /// Reads them with this.
    pub fn new(reader: H) -> Self {
        Self {
            reader,
            known: Mutex::default(),
        }
    }

    /// Asks `verify` with the secrets that count at `now`, and once more with those that are read
    /// anew, if none fitted and they were not read just now. The secrets of an earlier service of
    /// the same name, which had another `uid`, count for nothing.
    ///
    /// # Errors
    /// The secrets could not be read.
    pub async fn verified<E>(
        &self,
        service: (&ServiceName, Ulid),
        provider: Provider,
        now: Timestamp,
        verify: impl Fn(&[&str]) -> Result<(), E>,
    ) -> PortResult<Result<(), E>> {
        let (name, uid) = service;
        let ask = |known: &Known| {
            let secrets = known.secrets.as_ref().filter(|hook| hook.uid == uid);
            let valid: Vec<&str> = secrets.map_or_else(Vec::new, |hook| hook.valid(now).collect());
            verify(&valid)
        };
        if let Some(known) = self.known(name, provider, now - REMEMBERED) {
            let verdict = ask(&known);
            if verdict.is_ok() || now - STALE < known.at {
                return Ok(verdict);
            }
        }
        let secrets = self.reader.hook(name, provider).await?;
        let known = Known { secrets, at: now };
        let verdict = ask(&known);
        self.lock().insert((name.clone(), provider), known);
        Ok(verdict)
    }

    /// What was read after `since`.
    fn known(&self, name: &ServiceName, provider: Provider, since: Timestamp) -> Option<Known> {
        let known = self.lock().get(&(name.clone(), provider)).cloned();
        known.filter(|known| since < known.at)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(ServiceName, Provider), Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_control::ports::HookSecret;

    /// Answers with one secret after the other, and counts how often it was asked.
    struct Reads(Mutex<Vec<Option<HookSecrets>>>);

    impl HookReader for Reads {
        async fn hook(&self, _: &ServiceName, _: Provider) -> PortResult<Option<HookSecrets>> {
            Ok(self.0.lock().unwrap().remove(0))
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_255_200 + second).unwrap()
    }

    fn hook(uid: u128, value: &str, until: Option<Timestamp>) -> HookSecrets {
        let secret = HookSecret {
            value: value.to_owned(),
            made_at: at(0),
            until,
        };
        HookSecrets {
            uid: Ulid(uid),
            secrets: vec![secret],
        }
    }

    fn hooks(reads: Vec<Option<HookSecrets>>) -> HookMemory<Reads> {
        HookMemory::new(Reads(Mutex::new(reads)))
    }

    /// Whether `wanted` is among the secrets of the service with the id 1.
    async fn fits(hooks: &HookMemory<Reads>, wanted: &str, second: i64) -> bool {
        let name = "orders".parse().unwrap();
        let verify = |secrets: &[&str]| secrets.contains(&wanted).then_some(()).ok_or(());
        let service = (&name, Ulid(1));
        hooks
            .verified(service, Provider::Github, at(second), verify)
            .await
            .unwrap()
            .is_ok()
    }

    fn reads_left(hooks: &HookMemory<Reads>) -> usize {
        hooks.reader.0.lock().unwrap().len()
    }

    #[tokio::test]
    async fn a_minute_of_deliveries_reads_the_secrets_once() {
        let hooks = hooks(vec![Some(hook(1, "a", None)), Some(hook(1, "b", None))]);
        assert!(fits(&hooks, "a", 0).await && fits(&hooks, "a", 59).await);
        assert_eq!(reads_left(&hooks), 1);
        assert!(!fits(&hooks, "a", 60).await, "it was rotated meanwhile");
        assert_eq!(reads_left(&hooks), 0);
    }

    #[tokio::test]
    async fn a_secret_that_was_just_made_counts_after_seconds_though_another_is_remembered() {
        for before in [None, Some(hook(1, "a", None))] {
            let hooks = hooks(vec![before, Some(hook(1, "b", None))]);
            assert!(!fits(&hooks, "b", 0).await);
            assert!(!fits(&hooks, "b", 4).await, "not read at each delivery");
            assert!(fits(&hooks, "b", 5).await);
        }
    }

    #[tokio::test]
    async fn a_secret_of_an_earlier_service_of_the_name_counts_for_nothing() {
        let hooks = hooks(vec![Some(hook(2, "a", None))]);
        assert!(!fits(&hooks, "a", 0).await);
    }

    #[tokio::test]
    async fn a_secret_counts_until_its_time_is_over() {
        let hooks = hooks(vec![Some(hook(1, "a", Some(at(10)))), None]);
        assert!(fits(&hooks, "a", 9).await && !fits(&hooks, "a", 10).await);
    }
}
