//! `slipway webhook`: who may tell of pushes, and with which secret; and the key that signs what
//! outgoing webhooks get.
//!
//! A secret is shown as a result, and goes nowhere else: neither into a file nor into an error.

use slipway_control::hooks::NewHookView;
use slipway_control::ports::Provider;
use slipway_domain::ServiceName;

use super::confirm;
use crate::arguments::{SigningKey, Webhook, WebhookAction};
use crate::client::Client;
use crate::connection::connect;
use crate::exit::Failure;
use crate::output;
use crate::output::console::Console;

pub(super) fn run(options: &Webhook, console: &Console) -> Result<(), Failure> {
    match &options.action {
        WebhookAction::List(options) => {
            let webhooks = connect(&options.platform)?.client.webhooks(&options.name)?;
            if options.json {
                return console.json(&webhooks);
            }
            if webhooks.is_empty() {
                console.note("no webhooks");
                return Ok(());
            }
            console.result(&output::webhooks::listing(&webhooks, console.results))
        }
        WebhookAction::Create(options) => {
            let client = connect(&options.platform)?.client;
            let (name, provider) = (&options.name, options.provider);
            if is_there(&client, name, provider)? {
                return Err(Failure::refused(format!(
                    "{name} has a webhook of {0}; a new secret for it: slipway webhook rotate {name} {0}",
                    provider.name()
                )));
            }
            made(&client.make_webhook(name, provider)?, options.json, console)
        }
        WebhookAction::Rotate(options) => {
            let client = connect(&options.platform)?.client;
            let (name, provider) = (&options.name, options.provider);
            if !is_there(&client, name, provider)? {
                return Err(Failure::refused(format!(
                    "{name} has no webhook of {0}; to make one: slipway webhook create {name} {0}",
                    provider.name()
                )));
            }
            made(&client.make_webhook(name, provider)?, options.json, console)
        }
        WebhookAction::Delete(options) => {
            let (name, provider) = (&options.name, options.provider);
            let question = format!(
                "Delete the webhook of {} for {name}, with its secret?",
                provider.name()
            );
            confirm(console, options.yes, &question)?;
            let client = connect(&options.platform)?.client;
            client.delete_webhook(name, provider)?;
            console.note(&format!(
                "deleted: what {} tells of {name} counts no more; remove the webhook there, too",
                provider.name()
            ));
            Ok(())
        }
        WebhookAction::Key(options) => key(options, console),
    }
}

fn key(options: &SigningKey, console: &Console) -> Result<(), Failure> {
    let client = connect(&options.platform)?.client;
    let key = if options.rotate {
        client.rotate_signing_key(&options.name)?
    } else {
        client.signing_key(&options.name)?
    };
    if options.json {
        return console.json(&key);
    }
    console.result(&format!("{}\n", key.secret))?;
    if let Some(until) = key.former_valid_until {
        console.note(&output::webhooks::former_key(until));
    }
    Ok(())
}

fn is_there(client: &Client, name: &ServiceName, provider: Provider) -> Result<bool, Failure> {
    let webhooks = client.webhooks(name)?;
    Ok(webhooks.iter().any(|it| it.provider == provider))
}

fn made(webhook: &NewHookView, json: bool, console: &Console) -> Result<(), Failure> {
    if json {
        return console.json(webhook);
    }
    console.result(&output::webhooks::made(webhook))?;
    let sheet = console.notes_sheet();
    console.note(output::webhooks::what_next(webhook, sheet).trim_end());
    Ok(())
}
