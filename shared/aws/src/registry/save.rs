//! Writing what the reconciler found, forgetting what is gone, and finding what wants a look.
//! The audit log and the deployments are never forgotten: they are the history of the name.

use jiff::Timestamp;
use slipway_control::ports::{PortResult, StackRegistry, StackWrite};
use slipway_control::record::{ServiceRecord, StackRecord};
use slipway_domain::{Deployment, DeploymentId, EnvironmentName, Scope, ServiceName};

use super::Registry;
use super::item::{document, get, seconds, text};
use super::key;
use crate::error::port_error;

const QUERY: &str = "dynamodb:Query";
/// The most items of a DynamoDB transaction.
const MAX_ITEMS: usize = 100;

impl StackRegistry for Registry {
    async fn save(&self, write: &StackWrite) -> PortResult<bool> {
        let mut items = vec![self.write_stack(write)?];
        if let Some(environment) = write.record.scope.environment() {
            for path in &write.release {
                items.push(self.release_path(path, &write.service, environment)?);
            }
            items.extend(self.release_places(&write.places, &write.service, environment)?);
            items.extend(self.release_databases(&write.databases, &write.service, environment)?);
        }
        for deployment in &write.deployments {
            let key = key::deployment(&write.service, &deployment.environment, deployment.id);
            items.push(self.put_document(key, deployment)?);
        }
        if let Some(entry) = &write.audit {
            items.push(self.put_document(key::audit(&write.service, entry.id), entry)?);
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
        let mut items = vec![self.remove_stack(service, record)?];
        for path in &record.paths {
            items.push(self.release_path(path, service, environment)?);
        }
        items.extend(self.release_places(&record.places, service, environment)?);
        items.extend(self.release_databases(&record.databases, service, environment)?);
        items.push(self.remove_scaler(service, environment)?);
        // The service's own stack goes last, and may wait for this one.
        items.push(self.wake_service(service, now)?);
        self.transact(items).await
    }

    async fn forget_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> PortResult<bool> {
        // Generations first: if this stops half-way, the service is still there to go on from.
        let generations: Vec<u64> = (1..=service.generation).collect();
        for chunk in generations.chunks(MAX_ITEMS) {
            let deletes = chunk
                .iter()
                .map(|generation| self.remove_generation(service, *generation))
                .collect::<PortResult<Vec<_>>>()?;
            if !self.transact(deletes).await? {
                return Ok(false);
            }
        }
        let mut items = vec![
            self.remove_spec(service)?,
            self.remove_stack(service.name(), record)?,
        ];
        items.extend(self.remove_database(service)?);
        self.transact(items).await
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
