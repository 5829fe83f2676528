//! The keys that sign notices: shown to whoever verifies them, and rotated.
//!
//! A key is the receiver's as well as the platform's, so it can be shown again, other than the
//! secret of a webhook. It is in no registry, log or audit entry.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::ServiceName;

use crate::Stamp;
use crate::error::ServiceError;
use crate::ports::{FormerKey, NotifySecret, NotifySecrets, ServiceReader};
use crate::services::kept;

/// How long the former key signs beside a new one.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// The most former keys that sign: Parameter Store keeps 4096 bytes.
const MOST_FORMER: usize = 4;

/// Shows and rotates the keys that sign notices.
#[derive(Debug)]
pub struct SigningControl<R, K> {
    /// The registry.
    pub registry: R,
    /// Where the keys lie.
    pub keys: K,
}

/// The key that signs a service's notices.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SigningKeyView {
    /// The key, as libraries of Standard Webhooks take it.
    pub secret: String,
    /// Until when the former key signs, too; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub former_valid_until: Option<Timestamp>,
}

impl std::fmt::Debug for SigningKeyView {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a key that signs notices")
    }
}

impl<R: ServiceReader, K: NotifySecrets> SigningControl<R, K> {
    /// The service's key; `fresh` becomes it where there is none yet.
    pub async fn show(
        &self,
        name: &ServiceName,
        fresh: [u8; 32],
        stamp: Stamp,
    ) -> Result<SigningKeyView, ServiceError> {
        let key = self.key(name, fresh).await?;
        Ok(view(&key, stamp.now))
    }

    /// Has `fresh` sign from now on; what signed before does so for a day yet.
    pub async fn rotate(
        &self,
        name: &ServiceName,
        fresh: [u8; 32],
        stamp: Stamp,
    ) -> Result<SigningKeyView, ServiceError> {
        let key = self.key(name, fresh).await?;
        let mut next = NotifySecret::new(key.uid, &fresh);
        if next.secret != key.secret {
            let newest = FormerKey {
                secret: key.secret,
                until: stamp.now + OVERLAP,
            };
            let older = key.former.into_iter().filter(|it| stamp.now < it.until);
            next.former = std::iter::once(newest)
                .chain(older)
                .take(MOST_FORMER)
                .collect();
            self.keys.put_notify_secret(name, &next).await?;
        }
        Ok(view(&next, stamp.now))
    }

    /// Removes the key of a service that is deleted. It signs nothing of a later one; one that is
    /// left lies there unused.
    pub async fn forget(&self, name: &ServiceName) {
        if let Err(error) = self.keys.forget_notify_secret(name).await {
            tracing::warn!(service = %name, %error, "a signing key is left behind");
        }
    }

    async fn key(&self, name: &ServiceName, fresh: [u8; 32]) -> Result<NotifySecret, ServiceError> {
        let uid = kept(&self.registry, name).await?.service.uid;
        let fresh = NotifySecret::new(uid, &fresh);
        Ok(self.keys.notify_secret(name, &fresh).await?)
    }
}

fn view(key: &NotifySecret, now: Timestamp) -> SigningKeyView {
    let former = key.former.iter().map(|it| it.until);
    SigningKeyView {
        secret: key.secret.clone(),
        former_valid_until: former.filter(|until| now < *until).max(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{FakeListeners, FakeRegistry};
    use crate::services::tests::{api, caller};

    async fn control() -> (SigningControl<FakeRegistry, FakeListeners>, ServiceName) {
        let registry = FakeRegistry::new(5);
        let api = api(registry.clone());
        let manifest = json!({"service": "orders"});
        api.register(&manifest, &caller(1)).await.unwrap();
        let keys = FakeListeners::default();
        let control = SigningControl { registry, keys };
        (control, "orders".parse().unwrap())
    }

    #[tokio::test]
    async fn a_key_is_made_when_it_is_first_asked_for_and_stays() {
        let (control, orders) = control().await;
        let stamp = caller(2).stamp;
        let one = control.show(&orders, [1; 32], stamp).await.unwrap();
        let two = control.show(&orders, [2; 32], stamp).await.unwrap();
        assert_eq!(one, two);
        let kept = control.keys.secret_of(&orders).unwrap();
        assert_eq!(one.secret, kept.secret);
        assert!(!format!("{one:?} {kept:?}").contains(&one.secret));
        let other = "other".parse().unwrap();
        let none = control.show(&other, [1; 32], stamp).await;
        assert!(matches!(none, Err(ServiceError::NoService(_))));
    }

    #[tokio::test]
    async fn after_a_rotation_every_key_of_the_last_day_signs() {
        let (control, orders) = control().await;
        let stamp = caller(2).stamp;
        let first = control.show(&orders, [1; 32], stamp).await.unwrap();
        let second = control.rotate(&orders, [2; 32], stamp).await.unwrap();
        assert_eq!(second.former_valid_until, Some(stamp.now + OVERLAP));
        let third = control.rotate(&orders, [3; 32], stamp).await.unwrap();
        let kept = control.keys.secret_of(&orders).unwrap();
        let soon: Vec<_> = kept.valid(stamp.now).collect();
        assert_eq!(soon, [&third.secret, &second.secret, &first.secret]);
        let later: Vec<_> = kept.valid(stamp.now + OVERLAP).collect();
        assert_eq!(later, [&third.secret]);
        assert!(!format!("{kept:?}").contains("whsec_"));
        for byte in 4..20 {
            let stamp = caller(2).stamp;
            control.rotate(&orders, [byte; 32], stamp).await.unwrap();
        }
        let kept = control.keys.secret_of(&orders).unwrap();
        assert_eq!(kept.former.len(), MOST_FORMER);
    }

    #[tokio::test]
    async fn a_key_that_nobody_had_is_made_by_a_rotation_without_a_former_one() {
        let (control, orders) = control().await;
        let made = control.rotate(&orders, [1; 32], caller(2).stamp).await;
        assert_eq!(made.unwrap().former_valid_until, None);
        let kept = control.keys.secret_of(&orders).unwrap();
        assert_eq!(kept.former, []);
        control.forget(&orders).await;
        assert_eq!(control.keys.secret_of(&orders), None);
    }
}
