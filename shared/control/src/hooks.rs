//! The secrets of webhooks: made, rotated, removed; shown once, when they are made.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::{Platform, ServiceName};

use crate::Stamp;
use crate::error::ServiceError;
use crate::ports::{HookReader, HookSecret, HookSecrets, HookWriter, Provider, ServiceReader};
use crate::services::kept;

/// How long the former secret counts beside a new one.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);
/// The most former secrets that count beside the newest: Parameter Store keeps 4096 bytes.
const MOST_FORMER: usize = 4;

/// Makes and removes the secrets of webhooks.
#[derive(Debug)]
pub struct HookControl<R, H> {
    /// The registry.
    pub registry: R,
    /// Where the secrets lie.
    pub hooks: H,
    /// The platform.
    pub platform: Platform,
}

/// A webhook as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HookView {
    /// Who may tell of pushes.
    pub provider: Provider,
    /// Where it is to send them, for the default environment; `/{environment}` behind it names
    /// another.
    pub url: String,
}

/// The webhooks of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HooksView {
    /// Those that have a secret.
    pub items: Vec<HookView>,
}

/// A webhook whose secret was made just now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewHookView {
    /// Who may tell of pushes.
    pub provider: Provider,
    /// Where it is to send them, for the default environment; `/{environment}` behind it names
    /// another.
    pub url: String,
    /// The secret. It is shown this once.
    pub secret: String,
    /// Until when the former secret counts, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub former_valid_until: Option<jiff::Timestamp>,
}

impl std::fmt::Debug for NewHookView {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a new webhook of {}", self.provider.name())
    }
}

impl<R, H> HookControl<R, H>
where
    R: ServiceReader,
    H: HookReader + HookWriter,
{
    /// Which providers have a secret.
    pub async fn list(&self, name: &ServiceName) -> Result<HooksView, ServiceError> {
        kept(&self.registry, name).await?;
        let providers = self.hooks.hooks(name).await?;
        let view = |provider| HookView {
            provider,
            url: self.url(name, provider, None),
        };
        Ok(HooksView {
            items: providers.into_iter().map(view).collect(),
        })
    }

    /// Makes a secret, which is `fresh` in the provider's form; a former one counts for a day yet.
    pub async fn make(
        &self,
        name: &ServiceName,
        provider: Provider,
        fresh: [u8; 32],
        stamp: Stamp,
    ) -> Result<NewHookView, ServiceError> {
        let state = kept(&self.registry, name).await?;
        let former = self.hooks.hook(name, provider).await?;
        // What was made for an earlier service of this name counts for nothing.
        let former = former.filter(|it| it.uid == state.service.uid);
        let until = stamp.now + OVERLAP;
        let value = secret(provider, fresh);
        let former: Vec<HookSecret> = former.map(|it| it.secrets).unwrap_or_default();
        let former_valid_until = former.first().map(|_| until);
        let mut secrets = vec![HookSecret {
            value: value.clone(),
            made_at: stamp.now,
            until: None,
        }];
        // One that was made and lost on the way, and then once more, does not end the one in use.
        let counting = former
            .into_iter()
            .filter(|it| it.until.is_none_or(|until| until > stamp.now));
        secrets.extend(counting.take(MOST_FORMER).map(|it| HookSecret {
            until: it.until.or(Some(until)),
            ..it
        }));
        let secrets = HookSecrets {
            uid: state.service.uid,
            secrets,
        };
        self.hooks.put_hook(name, provider, &secrets).await?;
        Ok(NewHookView {
            provider,
            url: self.url(name, provider, Some(&value)),
            secret: value,
            former_valid_until,
        })
    }

    /// Removes a webhook: what it is sent is refused from then on.
    pub async fn remove(
        &self,
        name: &ServiceName,
        provider: Provider,
    ) -> Result<HooksView, ServiceError> {
        kept(&self.registry, name).await?;
        self.hooks.remove_hooks(name, &[provider]).await?;
        self.list(name).await
    }

    /// Removes the secrets of a service that is deleted. They count for nothing by then; one that
    /// is left lies there unused.
    pub async fn forget(&self, name: &ServiceName) {
        if let Err(error) = self.hooks.remove_hooks(name, &Provider::ALL).await {
            tracing::warn!(service = %name, %error, "webhook secrets are left behind");
        }
    }

    /// Docker Hub signs nothing: its URL is the secret.
    fn url(&self, name: &ServiceName, provider: Provider, secret: Option<&str>) -> String {
        let url = format!("{}/webhook/{name}", self.platform.api_endpoint);
        match (provider, secret) {
            (Provider::DockerHub, Some(secret)) => format!("{url}?token={secret}"),
            _ => url,
        }
    }
}

/// A secret of 256 bits in the form that the provider takes: what is signed by Standard Webhooks
/// has a base64 key behind `whsec_`, everything else is text. GitLab's serves as its secret token
/// and as its signing token, which is of that form.
fn secret(provider: Provider, fresh: [u8; 32]) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    match provider {
        Provider::Standard | Provider::Gitlab => format!("whsec_{}", STANDARD.encode(fresh)),
        Provider::Github | Provider::Bitbucket | Provider::AzureDevops | Provider::DockerHub => {
            URL_SAFE_NO_PAD.encode(fresh)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::{FakeChecks, FakeRegistry};
    use crate::services::tests::{api, caller};

    async fn control() -> (HookControl<FakeRegistry, FakeChecks>, ServiceName) {
        let registry = FakeRegistry::new(5);
        let api = api(registry.clone());
        let manifest = json!({"service": "orders"});
        api.register(&manifest, &caller(1)).await.unwrap();
        let control = HookControl {
            registry,
            hooks: FakeChecks::default(),
            platform: Platform::sample(),
        };
        (control, "orders".parse().unwrap())
    }

    #[tokio::test]
    async fn a_secret_is_shown_once_and_the_former_one_counts_for_a_day() {
        let (control, orders) = control().await;
        let one = control
            .make(&orders, Provider::Github, [1; 32], caller(2).stamp)
            .await
            .unwrap();
        assert_eq!(one.former_valid_until, None);
        let stamp = caller(3).stamp;
        let two = control
            .make(&orders, Provider::Github, [2; 32], stamp)
            .await
            .unwrap();
        assert_ne!(one.secret, two.secret);
        assert_eq!(two.former_valid_until, Some(stamp.now + OVERLAP));
        let kept = control.hooks.hook(&orders, Provider::Github).await;
        let kept = kept.unwrap().unwrap();
        let soon: Vec<_> = kept.valid(stamp.now).collect();
        assert_eq!(soon, [&two.secret, &one.secret]);
        let later: Vec<_> = kept.valid(stamp.now + OVERLAP).collect();
        assert_eq!(later, [&two.secret]);
        let listed = serde_json::to_string(&control.list(&orders).await.unwrap()).unwrap();
        assert!(!listed.contains(&two.secret), "a listing shows none");
        assert!(!format!("{two:?} {kept:?}").contains(&two.secret));
    }

    #[tokio::test]
    async fn a_secret_that_was_made_twice_does_not_end_the_one_in_use() {
        let (control, orders) = control().await;
        let mut made = Vec::new();
        for number in 2..9 {
            let stamp = caller(number).stamp;
            let fresh = [u8::try_from(number).unwrap(); 32];
            let new = control.make(&orders, Provider::Github, fresh, stamp).await;
            made.insert(0, new.unwrap().secret);
            let kept = control.hooks.hook(&orders, Provider::Github).await;
            let kept = kept.unwrap().unwrap();
            let valid: Vec<_> = kept.valid(stamp.now).collect();
            let newest: Vec<_> = made.iter().take(1 + MOST_FORMER).collect();
            assert_eq!(valid, newest);
        }
    }

    #[tokio::test]
    async fn a_removed_webhook_has_no_secret_and_a_missing_service_no_webhook() {
        let (control, orders) = control().await;
        control
            .make(&orders, Provider::Standard, [1; 32], caller(2).stamp)
            .await
            .unwrap();
        let left = control.remove(&orders, Provider::Standard).await.unwrap();
        assert_eq!(left.items, []);
        let other = "other".parse().unwrap();
        let none = control
            .make(&other, Provider::Github, [1; 32], caller(3).stamp)
            .await;
        assert!(matches!(none, Err(ServiceError::NoService(_))));
    }
}
