//! Webhooks as a table, and how a new one is set up where the pushes are.

use slipway_control::hooks::{HookView, NewHookView};
use slipway_control::ports::Provider;

use super::sheet::Sheet;
use super::table::{Cell, plain, table};
use super::time::moment;
use super::tone::{Paint, Tone};

/// A row for each webhook.
pub(crate) fn listing(webhooks: &[HookView], paint: Paint) -> String {
    let row = |it: &HookView| -> Vec<Cell> { vec![plain(it.provider.name()), plain(&it.url)] };
    let rows: Vec<Vec<Cell>> = webhooks.iter().map(row).collect();
    table(&["PROVIDER", "URL"], &rows, paint)
}

/// What a webhook's sender has to know.
pub(crate) fn made(webhook: &NewHookView) -> String {
    format!("url     {}\nsecret  {}\n", webhook.url, webhook.secret)
}

/// That receivers have until `until` to learn a new key.
pub(crate) fn former_key(until: jiff::Timestamp) -> String {
    format!(
        "until {} notices are signed with the former key, too",
        moment(until)
    )
}

/// What to do with a new secret.
pub(crate) fn what_next(webhook: &NewHookView, sheet: Sheet) -> String {
    let mut out = String::from("\n");
    let mut say = |text: &str| out.push_str(&sheet.paragraph(0, (Tone::Plain, ""), text));
    say(
        "The secret is shown this once: whoever loses it makes another with `slipway webhook rotate`.",
    );
    if let Some(until) = webhook.former_valid_until {
        say(&format!("The former one counts until {}.", moment(until)));
    }
    say(set_up(webhook.provider));
    say(
        "The address is for the platform's default environment; /ENVIRONMENT behind its path is for another one.",
    );
    out
}

/// How it is set up at a provider.
fn set_up(provider: Provider) -> &'static str {
    match provider {
        Provider::Github => {
            "At GitHub: the repository's Settings, Webhooks, Add webhook. Payload URL and Secret are these; let it send pushes, and releases and registry packages if you deploy by them."
        }
        Provider::Gitlab => {
            "At GitLab: the project's Settings, Webhooks, Add new webhook. URL and Secret token are these; let it send push events and tag push events."
        }
        Provider::Bitbucket => {
            "At Bitbucket: Repository settings, Webhooks, Add webhook. URL and Secret are these; let it send repository pushes."
        }
        Provider::AzureDevops => {
            "At Azure DevOps: Project settings, Service hooks, Create subscription, Web Hooks, Code pushed. The URL is this, the basic authentication password is the secret, with any user name; let it send all resource details."
        }
        Provider::DockerHub => {
            "At Docker Hub: the repository's Webhooks. The webhook URL is this, with the secret in it: keep the whole address to yourself."
        }
        Provider::Standard => {
            "Have the sender sign each request by Standard Webhooks (standardwebhooks.com) with this secret, and send it to this address."
        }
    }
}
