//! The items of the reconciler's transactions, and sending them.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as Error;
use aws_sdk_dynamodb::types::builders::{DeleteBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use slipway_control::error::PortError;
use slipway_control::ports::{PortResult, StackWrite};
use slipway_control::record::{ServiceRecord, StackRecord};
use slipway_domain::{EnvironmentName, RoutePath, Scope, ServiceName};

use super::Registry;
use super::item::{json, keyed, number, seconds, text};
use super::key::{self, Key};
use crate::error::{port_error, unreadable};

pub(super) const CALL: &str = "dynamodb:TransactWriteItems";
/// Why a transaction is cancelled when somebody else was quicker.
const OVERTAKEN: [&str; 2] = ["ConditionalCheckFailed", "TransactionConflict"];

impl Registry {
    /// What is known of a stack, under the version that was read.
    pub(super) fn write_stack(&self, write: &StackWrite) -> PortResult<TransactWriteItem> {
        let record = &write.record;
        let status = &record.status;
        let mut set = vec![
            "#status = :status",
            "progress = :progress",
            "version = :next",
        ];
        let mut remove = Vec::new();
        let mut update = self
            .stack_update(&write.service, &record.scope)
            .condition_expression("version = :version")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", json(status))
            .expression_attribute_values(":progress", json(&record.progress))
            .expression_attribute_values(":next", number(record.version + 1))
            .expression_attribute_values(":version", number(record.version));
        // The reconciler begins deployments of its own. The version says that no other was begun
        // meanwhile, so what was read may be written again.
        if let Some(id) = record.deployment {
            set.push("deployment = :deployment");
            update = update.expression_attribute_values(":deployment", text(id.to_string()));
        }
        match record.attention {
            Some(at) => {
                set.extend(["attention = :region", "attention_at = :at"]);
                update = update
                    .expression_attribute_values(":region", text(&self.region))
                    .expression_attribute_values(":at", seconds(at));
            }
            None => remove.extend(["attention", "attention_at"]),
        }
        // What the index over services by team shows.
        set.extend([
            "phase = :phase",
            "message = :message",
            "updated_at = :since",
        ]);
        update = update
            .expression_attribute_names("#url", "url")
            .expression_attribute_values(":phase", text(status.phase.to_string()))
            .expression_attribute_values(":message", text(&status.message))
            .expression_attribute_values(":since", text(status.since.to_string()));
        match &status.url {
            Some(url) => {
                set.push("#url = :url");
                update = update.expression_attribute_values(":url", text(url));
            }
            None => remove.push("#url"),
        }
        match &status.advice {
            Some(advice) => {
                set.push("advice = :advice");
                update = update.expression_attribute_values(":advice", text(advice));
            }
            None => remove.push("advice"),
        }
        let mut parts = vec![format!("SET {}", set.join(", "))];
        if !remove.is_empty() {
            parts.push(format!("REMOVE {}", remove.join(", ")));
        }
        let mut delete = Vec::new();
        if !write.release.is_empty() {
            delete.push("paths :released");
            let paths = write.release.iter().map(ToString::to_string).collect();
            update = update.expression_attribute_values(":released", AttributeValue::Ss(paths));
        }
        if !write.places.is_empty() {
            delete.push("places :left");
            let places = write.places.iter().map(ToString::to_string).collect();
            update = update.expression_attribute_values(":left", AttributeValue::Ss(places));
        }
        if !write.databases.is_empty() {
            delete.push("databases :unused");
            let databases = write.databases.iter().map(ToString::to_string).collect();
            update = update.expression_attribute_values(":unused", AttributeValue::Ss(databases));
        }
        if !delete.is_empty() {
            parts.push(format!("DELETE {}", delete.join(", ")));
        }
        let update = update.update_expression(parts.join(" "));
        Ok(updates(update.build().map_err(built)?))
    }

    fn stack_update(&self, service: &ServiceName, scope: &Scope) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::stack(service, scope, &self.region))))
    }

    /// Wakes the service's own stack.
    pub(super) fn wake_service(
        &self,
        service: &ServiceName,
        now: Timestamp,
    ) -> PortResult<TransactWriteItem> {
        let wake = self
            .stack_update(service, &Scope::Service)
            .condition_expression("attribute_exists(PK)")
            .update_expression("SET attention = :region, attention_at = :at ADD version :one")
            .expression_attribute_values(":region", text(&self.region))
            .expression_attribute_values(":at", seconds(now))
            .expression_attribute_values(":one", number(1));
        Ok(updates(wake.build().map_err(built)?))
    }

    /// A document of the service's history.
    pub(super) fn put_document(
        &self,
        key: Key,
        document: &impl serde::Serialize,
    ) -> PortResult<TransactWriteItem> {
        let mut item = keyed(key);
        item.insert("body".to_owned(), json(document));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.build().map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Removes a stack's record, under the version that was read.
    pub(super) fn remove_stack(
        &self,
        service: &ServiceName,
        record: &StackRecord,
    ) -> PortResult<TransactWriteItem> {
        let delete = self
            .delete(key::stack(service, &record.scope, &self.region))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(record.version));
        Ok(deletes(delete.build().map_err(built)?))
    }

    /// Removes what is remembered of an environment's scaling, if anything is.
    pub(super) fn remove_scaler(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<TransactWriteItem> {
        let delete = self.delete(key::scaler(service, environment, &self.region));
        Ok(deletes(delete.build().map_err(built)?))
    }

    /// Removes a service, if it is at this generation.
    pub(super) fn remove_spec(&self, service: &ServiceRecord) -> PortResult<TransactWriteItem> {
        let delete = self
            .delete(key::spec(service.name()))
            .condition_expression("generation = :generation AND uid = :uid")
            .expression_attribute_values(":generation", number(service.generation))
            .expression_attribute_values(":uid", text(service.uid.to_string()));
        Ok(deletes(delete.build().map_err(built)?))
    }

    /// Removes a generation, if it is this incarnation's.
    pub(super) fn remove_generation(
        &self,
        service: &ServiceRecord,
        generation: u64,
    ) -> PortResult<TransactWriteItem> {
        let delete = self
            .delete(key::generation(service.name(), generation))
            .condition_expression("attribute_not_exists(PK) OR uid = :uid")
            .expression_attribute_values(":uid", text(service.uid.to_string()));
        Ok(deletes(delete.build().map_err(built)?))
    }

    fn delete(&self, key: Key) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key)))
    }

    /// Releases a claim, if it is this environment's.
    pub(super) fn release_path(
        &self,
        path: &RoutePath,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<TransactWriteItem> {
        let delete = self
            .delete(key::path(path))
            .condition_expression("attribute_not_exists(PK) OR (service = :service AND env = :env)")
            .expression_attribute_values(":service", text(service.as_str()))
            .expression_attribute_values(":env", text(environment.as_str()));
        Ok(deletes(delete.build().map_err(built)?))
    }

    /// Writes all or nothing; false when a condition did not hold, or another transaction was
    /// at the same items: read again, decide again.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> PortResult<bool> {
        let Err(error) = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send()
            .await
        else {
            return Ok(true);
        };
        let overtaken = match error.as_service_error() {
            Some(Error::TransactionCanceledException(cancelled)) => {
                let codes = cancelled
                    .cancellation_reasons()
                    .iter()
                    .filter_map(|reason| reason.code());
                let mut codes = codes.filter(|code| *code != "None").peekable();
                codes.peek().is_some() && codes.all(|code| OVERTAKEN.contains(&code))
            }
            _ => false,
        };
        if overtaken {
            Ok(false)
        } else {
            Err(port_error(CALL, error))
        }
    }
}

pub(super) fn updates(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}

pub(super) fn deletes(delete: Delete) -> TransactWriteItem {
    TransactWriteItem::builder().delete(delete).build()
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
pub(super) fn built(error: aws_sdk_dynamodb::error::BuildError) -> PortError {
    unreadable(CALL, error.to_string())
}
