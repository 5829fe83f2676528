//! Writing what the reconciler found, and finding what wants a look.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem, Update};
use jiff::Timestamp;
use slipway_control::error::PortError;
use slipway_control::ports::{PortResult, StackRegistry, StackWrite};
use slipway_control::record::{ServiceRecord, StackRecord};
use slipway_domain::{Deployment, DeploymentId, EnvironmentName, RoutePath, Scope, ServiceName};

use super::Registry;
use super::item::{document, get, json, keyed, number, seconds, text};
use super::key;
use crate::error::{port_error, unreadable};

pub(super) const CALL: &str = "dynamodb:TransactWriteItems";
const QUERY: &str = "dynamodb:Query";
/// Why a transaction is cancelled when somebody else was quicker.
const OVERTAKEN: [&str; 2] = ["ConditionalCheckFailed", "TransactionConflict"];

impl StackRegistry for Registry {
    async fn save(&self, write: &StackWrite) -> PortResult<bool> {
        let mut items = vec![
            TransactWriteItem::builder()
                .update(self.status(write)?)
                .build(),
        ];
        if let Some(environment) = write.record.scope.environment() {
            for path in &write.release {
                items.push(self.release_path(path, &write.service, environment)?);
            }
        }
        for deployment in &write.deployments {
            let mut item = keyed(key::deployment(
                &write.service,
                &deployment.environment,
                deployment.id,
            ));
            item.insert("body".to_owned(), json(deployment));
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item))
                .build()
                .map_err(built)?;
            items.push(TransactWriteItem::builder().put(put).build());
        }
        self.transact(items).await
    }

    async fn forget_environment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        record: &StackRecord,
        now: Timestamp,
    ) -> PortResult<bool> {
        self.remove_environment(service, environment, record, now)
            .await
    }

    async fn forget_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> PortResult<bool> {
        self.remove_service(service, record).await
    }

    async fn open_deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<DeploymentId>,
        up_to: DeploymentId,
    ) -> PortResult<Vec<Deployment>> {
        if after.is_some_and(|after| after > up_to) {
            return Ok(Vec::new());
        }
        let prefix = key::deployments(environment);
        let first = after.map_or_else(|| prefix.clone(), |id| format!("{prefix}{id}"));
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("PK = :pk AND SK BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(key::service(service)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(format!("{prefix}{up_to}")))
            .into_paginator()
            .items()
            .send();
        let mut open = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| port_error(QUERY, error))?;
            let deployment: Deployment = document(QUERY, &item, "body")?;
            if deployment.outcome.is_none() {
                open.push(deployment);
            }
        }
        Ok(open)
    }

    async fn attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<(ServiceName, Scope)>> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("attention")
            .key_condition_expression("attention = :region AND attention_at <= :now")
            .expression_attribute_values(":region", text(&self.region))
            .expression_attribute_values(":now", seconds(now))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let stack = |item| {
            let service = get(item, "PK")?.strip_prefix("SERVICE#")?.parse().ok()?;
            let (scope, _) = get(item, "SK")?.strip_prefix("STACK#")?.split_once('#')?;
            Some((service, scope.parse().ok()?))
        };
        Ok(answer.items().iter().filter_map(stack).collect())
    }
}

impl Registry {
    fn status(&self, write: &StackWrite) -> PortResult<Update> {
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
        if !write.release.is_empty() {
            parts.push("DELETE paths :released".to_owned());
            let paths = write.release.iter().map(ToString::to_string).collect();
            update = update.expression_attribute_values(":released", AttributeValue::Ss(paths));
        }
        update
            .update_expression(parts.join(" "))
            .build()
            .map_err(built)
    }

    pub(super) fn stack_update(&self, service: &ServiceName, scope: &Scope) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::stack(service, scope, &self.region))))
    }

    /// Releases a claim, if it is this environment's.
    pub(super) fn release_path(
        &self,
        path: &RoutePath,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::path(path))))
            .condition_expression("attribute_not_exists(PK) OR (service = :service AND env = :env)")
            .expression_attribute_values(":service", text(service.as_str()))
            .expression_attribute_values(":env", text(environment.as_str()))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Writes all or nothing; false when a condition did not hold, or another transaction was
    /// at the same items: read again, decide again.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> PortResult<bool> {
        use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as Error;
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

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
pub(super) fn built(error: aws_sdk_dynamodb::error::BuildError) -> PortError {
    unreadable(CALL, error.to_string())
}
