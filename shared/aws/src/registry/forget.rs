//! Removing what is gone. The audit log and the deployments stay: they are the history of
//! the name.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use jiff::Timestamp;
use slipway_control::ports::PortResult;
use slipway_control::record::{ServiceRecord, StackRecord};
use slipway_domain::{EnvironmentName, Scope, ServiceName};

use super::Registry;
use super::item::{keyed, number, seconds, text};
use super::key;
use super::save::built;

/// The most items of a DynamoDB transaction.
const MAX_ITEMS: usize = 100;

impl Registry {
    pub(super) async fn remove_environment(
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
        // The service's own stack goes last, and may wait for this one.
        let wake = self
            .stack_update(service, &Scope::Service)
            .condition_expression("attribute_exists(PK)")
            .update_expression("SET attention = :region, attention_at = :at ADD version :one")
            .expression_attribute_values(":region", text(&self.region))
            .expression_attribute_values(":at", seconds(now))
            .expression_attribute_values(":one", number(1))
            .build()
            .map_err(built)?;
        items.push(TransactWriteItem::builder().update(wake).build());
        self.transact(items).await
    }

    pub(super) async fn remove_service(
        &self,
        service: &ServiceRecord,
        record: &StackRecord,
    ) -> PortResult<bool> {
        let name = service.name();
        // Generations first: if this stops half-way, the service is still there to go on from.
        let generations: Vec<u64> = (1..=service.generation).collect();
        for chunk in generations.chunks(MAX_ITEMS) {
            let deletes = chunk
                .iter()
                .map(|generation| {
                    let delete = Delete::builder()
                        .table_name(&self.table)
                        .set_key(Some(keyed(key::generation(name, *generation))))
                        .condition_expression("attribute_not_exists(PK) OR uid = :uid")
                        .expression_attribute_values(":uid", text(service.uid.to_string()))
                        .build()
                        .map_err(built)?;
                    Ok(TransactWriteItem::builder().delete(delete).build())
                })
                .collect::<PortResult<Vec<_>>>()?;
            if !self.transact(deletes).await? {
                return Ok(false);
            }
        }
        let spec = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::spec(name))))
            .condition_expression("generation = :generation AND uid = :uid")
            .expression_attribute_values(":generation", number(service.generation))
            .expression_attribute_values(":uid", text(service.uid.to_string()))
            .build()
            .map_err(built)?;
        let spec = TransactWriteItem::builder().delete(spec).build();
        self.transact(vec![spec, self.remove_stack(name, record)?])
            .await
    }

    fn remove_stack(
        &self,
        service: &ServiceName,
        record: &StackRecord,
    ) -> PortResult<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::stack(
                service,
                &record.scope,
                &self.region,
            ))))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(record.version))
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
