//! Writing a change of the API: one transaction, whole or not at all.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use slipway_control::change::{Change, StackChange, first_version};
use slipway_control::error::CommitError;
use slipway_control::ports::{ChangeWriter, PortResult};
use slipway_control::record::{PathOwner, Progress, Seen};
use slipway_domain::status::StackStatus;
use slipway_domain::{RoutePath, Scope, ServiceName};

use super::Registry;
use super::item::{Item, document, get, json, keyed, number, seconds, text};
use super::key;
use crate::error::{port_error, unreadable};

const CALL: &str = "dynamodb:TransactWriteItems";

/// How often a transaction is made again that met another one at the same items.
const CONFLICTS: u32 = 4;

/// What an item of the transaction is, to read its refusal by.
enum Role {
    Service,
    Stack,
    Path(RoutePath),
    Places,
    Databases,
    Seen,
    History,
    Scaler,
}

impl ChangeWriter for Registry {
    async fn commit(&self, change: &Change) -> Result<(), CommitError> {
        let (roles, items): (Vec<Role>, Vec<TransactWriteItem>) =
            self.items(change)?.into_iter().unzip();
        let mut waits = waits(change);
        loop {
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send();
            let Err(error) = call.await else {
                return Ok(());
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                return Err(CommitError::Port(port_error(CALL, error)));
            };
            let reasons = cancelled.cancellation_reasons();
            if is_conflict(reasons)
                && let Some(wait) = waits.next()
            {
                tokio::time::sleep(wait).await;
                continue;
            }
            let refusal = refusal(&roles, reasons);
            return Err(refusal.unwrap_or_else(|| CommitError::Port(port_error(CALL, error))));
        }
    }

    async fn answered(&self, service: &ServiceName, key: &str) -> PortResult<Option<Seen>> {
        let item = self.get(key::seen(service, key)).await?;
        item.map(|item| document("dynamodb:GetItem", &item, "body"))
            .transpose()
    }
}

impl Registry {
    fn items(&self, change: &Change) -> Result<Vec<(Role, TransactWriteItem)>, CommitError> {
        let mut items = vec![self.service(change)?];
        let name = change.service.name();
        items.push(self.generation(change)?);
        items.push(self.history(key::audit(name, change.audit.id), &change.audit)?);
        for deployment in &change.deployments {
            let key = key::deployment(name, &deployment.environment, deployment.id);
            items.push(self.history(key, deployment)?);
        }
        for (scope, stack) in &change.stacks {
            items.push((
                Role::Stack,
                if stack.new {
                    self.new_stack(change, scope, stack)?
                } else {
                    self.wake(change, scope, stack)?
                },
            ));
            if let (true, Scope::Environment(environment)) = (stack.rescales, scope) {
                let item = self.wake_scaler(name, environment, change.at)?;
                items.push((Role::Scaler, item));
            }
        }
        for (path, owner) in &change.claims {
            items.push(self.claim(path, owner)?);
        }
        for claim in self.claim_places(&change.places)? {
            items.push((Role::Places, claim));
        }
        let own = self.keep_database(change)?;
        let databases = self.claim_databases(&change.databases)?;
        for item in own.into_iter().chain(databases) {
            items.push((Role::Databases, item));
        }
        if let Some(seen) = &change.seen {
            items.push(self.seen(change, seen)?);
        }
        Ok(items)
    }

    fn put(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(item))
    }

    fn service(&self, change: &Change) -> Result<(Role, TransactWriteItem), CommitError> {
        let record = &change.service;
        let mut item = keyed(key::spec(record.name()));
        item.extend(
            [
                ("GSI1PK", text(key::SERVICES)),
                (
                    "GSI1SK",
                    text(key::listed(&record.manifest.team, record.name())),
                ),
                ("name", text(record.name().as_str())),
                ("team", text(record.manifest.team.as_str())),
                ("uid", text(record.uid.to_string())),
                ("generation", number(record.generation)),
                ("deleting", AttributeValue::Bool(record.deleting)),
                ("follows", AttributeValue::Bool(record.manifest.follows())),
                ("updated_at", text(record.updated_at.to_string())),
                ("body", json(record)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let put = match change.from {
            None => self
                .put(item)
                .condition_expression("attribute_not_exists(PK)"),
            Some(from) => self
                .put(item)
                .condition_expression("generation = :from AND uid = :uid")
                .expression_attribute_values(":from", number(from))
                .expression_attribute_values(":uid", text(record.uid.to_string())),
        };
        Ok((Role::Service, wrap(put)?))
    }

    fn history(
        &self,
        key: key::Key,
        record: &impl serde::Serialize,
    ) -> Result<(Role, TransactWriteItem), CommitError> {
        let mut item = keyed(key);
        item.insert("body".to_owned(), json(record));
        Ok((Role::History, wrap(self.put(item))?))
    }

    /// A generation bears its incarnation, so that the end of an earlier one removes none of a
    /// later one's.
    fn generation(&self, change: &Change) -> Result<(Role, TransactWriteItem), CommitError> {
        let record = &change.service;
        let mut item = keyed(key::generation(record.name(), record.generation));
        item.insert("uid".to_owned(), text(record.uid.to_string()));
        item.insert("body".to_owned(), json(record));
        Ok((Role::History, wrap(self.put(item))?))
    }

    fn new_stack(
        &self,
        change: &Change,
        scope: &Scope,
        stack: &StackChange,
    ) -> Result<TransactWriteItem, CommitError> {
        let record = &change.service;
        let status = StackStatus::new(change.at);
        let mut item = keyed(key::stack(record.name(), scope, &self.region));
        let mut set = |name: &str, value| item.insert(name.to_owned(), value);
        set("version", number(first_version(change.at)));
        set("attention", text(&self.region));
        set("attention_at", seconds(change.at));
        set("status", json(&status));
        set("progress", json(&Progress::default()));
        if let Some(id) = stack.deployment {
            set("deployment", text(id.to_string()));
        }
        if let Some(path) = &stack.path {
            set("paths", AttributeValue::Ss(vec![path.to_string()]));
        }
        if !stack.places.is_empty() {
            set("places", places(stack));
        }
        if !stack.databases.is_empty() {
            set("databases", databases(stack));
        }
        let team = &record.manifest.team;
        set("GSI1PK", text(key::SERVICES));
        set(
            "GSI1SK",
            text(key::listed_stack(team, record.name(), scope)),
        );
        set("name", text(record.name().as_str()));
        set("team", text(team.as_str()));
        set("env", text(scope.to_string()));
        set("phase", text(status.phase.to_string()));
        set("message", text(&status.message));
        wrap(
            self.put(item)
                .condition_expression("attribute_not_exists(PK)"),
        )
    }

    /// Wakes a stack: the newest deployment, a claim more, and the version, so that a look
    /// that began before this does not write over it. Where the change counts on what the stack
    /// holds, only while nothing was written since that was read.
    fn wake(
        &self,
        change: &Change,
        scope: &Scope,
        stack: &StackChange,
    ) -> Result<TransactWriteItem, CommitError> {
        let record = &change.service;
        let team = &record.manifest.team;
        let listed = key::listed_stack(team, record.name(), scope);
        let mut set = vec![
            "attention = :region",
            "attention_at = :at",
            "GSI1SK = :listed",
            "team = :team",
        ];
        let mut add = vec!["version :one"];
        let (pk, sk) = key::stack(record.name(), scope, &self.region);
        let mut update = Update::builder()
            .table_name(&self.table)
            .key("PK", text(pk))
            .key("SK", text(sk))
            .condition_expression(match stack.counted_at {
                Some(_) => "attribute_exists(PK) AND version = :counted_at",
                None => "attribute_exists(PK)",
            })
            .set_expression_attribute_values(
                stack
                    .counted_at
                    .map(|at| [(":counted_at".to_owned(), number(at))].into()),
            )
            .expression_attribute_values(":region", text(&self.region))
            .expression_attribute_values(":at", seconds(change.at))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":listed", text(listed))
            .expression_attribute_values(":team", text(team.as_str()));
        if let Some(id) = stack.deployment {
            set.push("deployment = :deployment");
            update = update.expression_attribute_values(":deployment", text(id.to_string()));
        }
        if let Some(path) = &stack.path {
            add.push("paths :paths");
            let paths = AttributeValue::Ss(vec![path.to_string()]);
            update = update.expression_attribute_values(":paths", paths);
        }
        if !stack.places.is_empty() {
            add.push("places :places");
            update = update.expression_attribute_values(":places", places(stack));
        }
        if !stack.databases.is_empty() {
            add.push("databases :databases");
            update = update.expression_attribute_values(":databases", databases(stack));
        }
        let update = update
            .update_expression(format!("SET {} ADD {}", set.join(", "), add.join(", ")))
            .build()
            .map_err(|error| CommitError::Port(unreadable(CALL, error.to_string())))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn claim(
        &self,
        path: &RoutePath,
        owner: &PathOwner,
    ) -> Result<(Role, TransactWriteItem), CommitError> {
        let mut item = keyed(key::path(path));
        item.insert("service".to_owned(), text(owner.service.as_str()));
        item.insert("env".to_owned(), text(owner.environment.as_str()));
        let put = self
            .put(item)
            .condition_expression("attribute_not_exists(PK) OR (service = :service AND env = :env)")
            .expression_attribute_values(":service", text(owner.service.as_str()))
            .expression_attribute_values(":env", text(owner.environment.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok((Role::Path(path.clone()), wrap(put)?))
    }

    fn seen(&self, change: &Change, seen: &Seen) -> Result<(Role, TransactWriteItem), CommitError> {
        let mut item = keyed(key::seen(change.service.name(), &seen.key));
        item.insert("expires_at".to_owned(), seconds(seen.expires_at));
        item.insert("body".to_owned(), json(seen));
        let put = self
            .put(item)
            // DynamoDB removes expired items only in the course of days.
            .condition_expression("attribute_not_exists(PK) OR expires_at < :now")
            .expression_attribute_values(":now", seconds(change.at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok((Role::Seen, wrap(put)?))
    }
}

fn places(stack: &StackChange) -> AttributeValue {
    AttributeValue::Ss(stack.places.iter().map(ToString::to_string).collect())
}

fn databases(stack: &StackChange) -> AttributeValue {
    AttributeValue::Ss(stack.databases.iter().map(ToString::to_string).collect())
}

fn wrap(
    put: aws_sdk_dynamodb::types::builders::PutBuilder,
) -> Result<TransactWriteItem, CommitError> {
    let put = put
        .build()
        .map_err(|error| CommitError::Port(unreadable(CALL, error.to_string())))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// How long to wait behind each try that met another transaction: all services have their places
/// on the HTTP API in one item, and a transaction takes some milliseconds. The last byte of their
/// ids says which of those that met is back first.
fn waits(change: &Change) -> impl Iterator<Item = Duration> {
    let own = u64::from(change.audit.id.to_bytes()[15] % 32);
    (0..CONFLICTS).map(move |tries| Duration::from_millis((10 + own) << tries))
}

/// Whether a transaction was cancelled only since another one was at the same items.
fn is_conflict(reasons: &[CancellationReason]) -> bool {
    let mut codes = reasons.iter().filter_map(CancellationReason::code);
    codes.all(|code| ["None", "TransactionConflict"].contains(&code))
}

/// Why a transaction was cancelled. An answer given before comes first: a repeated request
/// meets the service it made itself.
fn refusal(roles: &[Role], reasons: &[CancellationReason]) -> Option<CommitError> {
    let failed = |code: &'static str| {
        roles
            .iter()
            .zip(reasons)
            .filter(move |(_, reason)| reason.code() == Some(code))
    };
    let mut moved = None;
    let mut taken = None;
    let mut contended = None;
    for (role, reason) in failed("ConditionalCheckFailed") {
        match role {
            Role::Seen => {
                let seen = reason
                    .item()
                    .map(|item| document::<Seen>(CALL, item, "body"));
                return Some(match seen {
                    Some(Ok(seen)) => CommitError::Seen(Box::new(seen)),
                    Some(Err(error)) => CommitError::Port(error),
                    None => CommitError::Contended,
                });
            }
            // Somebody else took it since it was chosen, and another one may be free; or the database
            // changed since it was read, or got users.
            Role::Places | Role::Databases => {
                contended = Some(CommitError::Contended);
            }
            Role::Service | Role::Stack | Role::History | Role::Scaler => {
                moved = Some(CommitError::Moved);
            }
            Role::Path(path) => {
                let part = |name| {
                    reason
                        .item()
                        .and_then(|item| get(item, name))
                        .unwrap_or("another service")
                };
                let owner = match (part("service"), part("env")) {
                    (service, env) if service != env => format!("{service}/{env}"),
                    (service, _) => service.to_owned(),
                };
                taken.get_or_insert(CommitError::PathTaken {
                    path: path.clone(),
                    owner,
                });
            }
        }
    }
    moved.or(taken).or(contended).or_else(|| {
        failed("TransactionConflict")
            .next()
            .map(|_| CommitError::Contended)
    })
}
