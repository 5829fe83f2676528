//! `slipway teardown`: deletes every service, so that the platform can be deleted.
//!
//! The platform itself is SAM's to delete; this command says how, and what stays then.

use std::collections::BTreeSet;

use slipway_domain::ServiceName;
use slipway_synth::Kept;

use super::{confirm, delete};
use crate::arguments::Teardown;
use crate::client::{Client, ClientError};
use crate::clock::{Clock, SystemClock};
use crate::connection::{Connection, PlatformStack, connect};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::console::Console;
use crate::wait::gone::Going;
use crate::wait::progress::Look;
use crate::wait::{Wait, interrupt};

/// How the API calls it that a database has users.
const IN_USE: &str = ":database-in-use";

pub(super) fn run(options: &Teardown, console: &mut Console) -> Result<(), Failure> {
    let Connection { client, stack } = connect(&options.platform)?;
    let services = client.all_services(None)?;
    let names: BTreeSet<ServiceName> = services
        .iter()
        .map(|service| service.name.clone())
        .collect();
    if names.is_empty() {
        console.note("no services");
        return console.result(&next_steps(stack.as_ref(), client.region()));
    }
    console.note(&output::services::listing(&services, console.notes_sheet()));
    let at = stack.as_ref().map_or(client.base(), |stack| &stack.name);
    confirm(
        console,
        options.yes,
        &format!("Delete all {} services of {at}?", names.len()),
    )?;

    let began = SystemClock.now();
    let later = "slipway list".to_owned();
    interrupt::say(format!("The deletions go on. See them with: {later}"));
    let wait = Wait {
        clock: &SystemClock,
        began,
        timeout: std::time::Duration::from_secs(options.timeout),
        later,
    };
    let mut deletions = delete_all(&client, &names, console);
    let mut looks = vec![wait_for(&wait, &client, &deletions.gone, console)?];
    if !deletions.used.is_empty() {
        // Their users are gone now.
        let last = delete_all(&client, &std::mem::take(&mut deletions.used), console);
        looks.push(wait_for(&wait, &client, &last.gone, console)?);
        deletions.kept.extend(last.kept);
        deletions.refused.extend(last.refused);
        deletions.used = last.used;
    }

    console.result(&output::plan::kept(&deletions.kept, client.region()))?;
    for look in &looks {
        delete::left(look, console)?;
    }
    for name in &deletions.used {
        console.error(&format!("{name}: is used by what could not be deleted"));
    }
    if !deletions.refused.is_empty() || !deletions.used.is_empty() {
        console.error("the platform cannot be deleted while it has services");
        return Err(Failure::said(Exit::Refused));
    }
    console.result(&next_steps(stack.as_ref(), client.region()))
}

/// What became of deletions.
#[derive(Default)]
struct Begun {
    /// What stays.
    kept: Vec<Kept>,
    /// The services that go, or are gone.
    gone: BTreeSet<ServiceName>,
    /// Databases that others use: they go when those are gone.
    used: BTreeSet<ServiceName>,
    /// The services that cannot be deleted.
    refused: BTreeSet<ServiceName>,
}

/// Begins every deletion.
fn delete_all(client: &Client, names: &BTreeSet<ServiceName>, console: &Console) -> Begun {
    let mut begun = Begun::default();
    for name in names {
        let to = match client.delete(name, "*") {
            Ok(deletion) => {
                begun.kept.extend(deletion.kept);
                &mut begun.gone
            }
            Err(ClientError::Refused(refusal)) if refusal.status == 404 => &mut begun.gone,
            Err(ClientError::Refused(refusal)) if refusal.r#type.ends_with(IN_USE) => {
                &mut begun.used
            }
            Err(error) => {
                console.error(&format!("{name}: {error}"));
                &mut begun.refused
            }
        };
        to.insert(name.clone());
    }
    begun
}

/// Waits until these are gone; gives the last look.
fn wait_for(
    wait: &Wait<'_>,
    client: &Client,
    names: &BTreeSet<ServiceName>,
    console: &mut Console,
) -> Result<Look, Failure> {
    let mut going = Going::default();
    wait.until_end(console, |elapsed| going.look_at_all(client, names, elapsed))
}

fn next_steps(stack: Option<&PlatformStack>, region: &str) -> String {
    let name = stack.map_or("STACK", |stack| &stack.name);
    let table = stack
        .and_then(|stack| stack.table.as_deref())
        .unwrap_or("TABLE");
    let bucket = stack
        .and_then(|stack| stack.bucket.as_deref())
        .unwrap_or("BUCKET");
    let words = if stack.is_some() {
        ""
    } else {
        "STACK is the platform's stack, TABLE and BUCKET are its outputs RegistryTable and TemplateBucket.\n"
    };
    format!(
        "\n\
         To delete the platform itself:\n  \
           sam delete --stack-name {name} --region {region}\n\
         What stays then, because it holds data: the registry's table, which is protected against\n\
         deletion and holds every service's history, and the bucket for large templates. To remove both:\n  \
           aws dynamodb update-table --region {region} --table-name {table} --no-deletion-protection-enabled\n  \
           aws dynamodb delete-table --region {region} --table-name {table}\n  \
           aws s3api delete-objects --bucket {bucket} --delete \"$(aws s3api list-object-versions --bucket {bucket} --query '{{Objects: Versions[].{{Key: Key, VersionId: VersionId}}}}')\"  # if it holds any\n  \
           aws s3 rb s3://{bucket}\n\
         {words}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use slipway_domain::Platform;

    #[test]
    fn the_way_on_names_the_stack_and_what_stays() {
        let stack = PlatformStack {
            name: "devops2-g4".to_owned(),
            platform: Platform::sample(),
            url: String::new(),
            table: Some("registry-1".to_owned()),
            bucket: Some("templates-1".to_owned()),
        };
        expect![[r#"

            To delete the platform itself:
              sam delete --stack-name devops2-g4 --region us-east-1
            What stays then, because it holds data: the registry's table, which is protected against
            deletion and holds every service's history, and the bucket for large templates. To remove both:
              aws dynamodb update-table --region us-east-1 --table-name registry-1 --no-deletion-protection-enabled
              aws dynamodb delete-table --region us-east-1 --table-name registry-1
              aws s3api delete-objects --bucket templates-1 --delete "$(aws s3api list-object-versions --bucket templates-1 --query '{Objects: Versions[].{Key: Key, VersionId: VersionId}}')"  # if it holds any
              aws s3 rb s3://templates-1
        "#]].assert_eq(&next_steps(Some(&stack), "us-east-1"));
    }
}
