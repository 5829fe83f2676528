//! D4: a database that services share: who uses it is let in, keeps it, and gets its password anew.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use slipway_cli::client::{ClientError, new_key};
use slipway_domain::Cause;
use slipway_tests::local_platform::{LocalPlatform, SOON};
use slipway_tests::waiting::wait_for;

use crate::asking::{name, prod, register};

/// A refusal of a deletion, which names who uses the database.
fn refuses(refused: Result<impl Sized, ClientError>, kind: &str, user: &str) -> Result<()> {
    let Err(ClientError::Refused(refusal)) = refused else {
        anyhow::bail!("it is refused");
    };
    ensure!(refusal.r#type.ends_with(kind), "{refusal}");
    ensure!(refusal.detail.contains(user), "{refusal}");
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn a_database_stays_while_it_is_used_and_a_new_password_reaches_its_users_once() -> Result<()> {
    let platform = LocalPlatform::start("databases")?;
    let client = platform.client();
    let (database, orders) = (name("orders-db"), name("orders"));
    let document = json!({
        "service": "orders-db", "database": {"engine": "aurora-mysql", "access": ["orders"]},
    });
    client.register_database(&document, &new_key())?;
    // It is registered while the database is being made, and waits for it.
    let user = json!({
        "service": "orders", "image": "nginx:alpine", "databases": {"DATABASE": "orders-db"},
    });
    register(&client, &user)?;
    let other = json!({
        "service": "other", "image": "nginx:alpine", "databases": {"DATABASE": "orders-db"},
    });
    refuses(
        client.register(&other, &new_key()),
        ":invalid-manifest",
        "/databases/DATABASE",
    )?;
    platform.ready(&database)?;
    platform.ready(&orders)?;

    let seen = client.database(&database)?.value;
    let seen = &seen.environments[&prod()];
    assert_eq!(seen.users.iter().collect::<Vec<_>>(), ["orders/prod"]);
    let endpoint = seen.endpoint.as_ref().context("it was made")?;
    refuses(
        client.delete_database(&database, "*"),
        ":database-in-use",
        "`orders/prod`",
    )?;
    let listed = client.all_databases(None)?;
    assert_eq!(listed.len(), 1);

    // Its password is changed, which is told twice, and the round looks once more.
    let ask = json!({"SecretId": endpoint.secret});
    let aws = platform.aws();
    aws.json("secretsmanager", "secretsmanager.RotateSecret", &ask)?;
    let told: Value =
        serde_json::from_str(include_str!("../../events/reconciler/secret-rotation.json"))?;
    platform.reconcile(&told)?;
    platform.reconcile(&told)?;
    platform.round()?;
    wait_for("the deployment to end", SOON, || {
        let page = client.deployments(&orders, &prod(), None, None)?;
        let newest = &page.items[0];
        let ended = newest.has_succeeded().then_some(());
        Ok(ended.ok_or_else(|| format!("{newest:?}")))
    })?;
    let deployments = client.deployments(&orders, &prod(), None, None)?.items;
    let rotations = deployments.iter().filter(|it| it.cause == Cause::Rotation);
    assert_eq!(rotations.count(), 1);
    assert_eq!(deployments[0].cause, Cause::Rotation);
    let events = client.events(&orders, None)?.items;
    assert_eq!(
        (&*events[0].action, &*events[0].actor),
        ("rotation", "slipway")
    );

    // All goes away, the user first.
    client.delete(&orders, "*")?;
    platform.gone(&orders)?;
    client.delete_database(&database, "*")?;
    platform.gone(&database)?;
    assert_eq!(client.all_databases(None)?.len(), 0);
    let left = platform.registry()?;
    let mut claims = left
        .keys()
        .filter(|(pk, _)| pk.starts_with("CLAIM#database"));
    assert_eq!(claims.next(), None);
    Ok(())
}
