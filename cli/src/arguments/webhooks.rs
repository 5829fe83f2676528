//! What can be said about webhooks.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use slipway_control::ports::Provider;
use slipway_domain::ServiceName;

use super::PlatformOptions;

#[derive(Debug, Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    pub(crate) action: WebhookAction,
}

/// What to do about a service's webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookAction {
    /// List who may tell of pushes, and where
    List(ListWebhooks),
    /// Make a webhook; its secret is shown once
    Create(MakeWebhook),
    /// Give a webhook a new secret, shown once; the former one counts for a while yet
    Rotate(MakeWebhook),
    /// Delete a webhook: its pushes start nothing any more
    Delete(DeleteWebhook),
    /// Show the key that signs the notices which outgoing webhooks get, or make another
    Key(SigningKey),
}

#[derive(Debug, Args)]
pub(crate) struct SigningKey {
    /// The service
    pub(crate) name: ServiceName,
    /// Make another key; the former one signs beside it for a day yet
    #[arg(long)]
    pub(crate) rotate: bool,
    /// Print the API's answer as JSON, with the key
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ListWebhooks {
    /// The service
    pub(crate) name: ServiceName,
    /// Print the API's answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct MakeWebhook {
    /// The service
    pub(crate) name: ServiceName,
    /// Who tells of pushes; `standard` is whoever signs by Standard Webhooks
    #[arg(value_parser = providers())]
    pub(crate) provider: Provider,
    /// Print the API's answer as JSON, with the secret
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteWebhook {
    /// The service
    pub(crate) name: ServiceName,
    /// Who tells of pushes
    #[arg(value_parser = providers())]
    pub(crate) provider: Provider,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) platform: PlatformOptions,
}

fn providers() -> impl TypedValueParser<Value = Provider> {
    PossibleValuesParser::new(Provider::ALL.map(Provider::name)).try_map(|name| {
        let named = Provider::ALL.into_iter().find(|it| it.name() == name);
        named.ok_or("is no provider")
    })
}
