//! What is remembered of scaling: one item for each environment, and decisions that expire.
//!
//! A write is a transaction with a check that the environment's stack is in the table: the item
//! goes together with the stack, and nothing that comes late brings it back.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use slipway_control::ports::{
    Ordered, Override, Page, Placed, PortResult, ScalerRecord, ScalerRegistry, ScalerWrite,
};
use slipway_control::record::ServiceState;
use slipway_domain::{EnvironmentName, Scope, ServiceName};
use slipway_scaling::{Decision, State};

use super::Registry;
use super::item::{Item, document, get, get_number, json, keyed, number, seconds, text};
use super::key;
use super::read::state_of;
use super::transaction::built;
use crate::error::port_error;

const QUERY: &str = "dynamodb:Query";
/// How long a decision is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The document of the item. What conditions and the index need stands beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Body {
    state: State,
    last: Option<Decision>,
    held: Option<Override>,
    asleep_since: Option<Timestamp>,
    ordered: Option<Ordered>,
    placed: Option<Placed>,
    again_at: Option<Timestamp>,
}

impl ScalerRegistry for Registry {
    async fn scaled(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<Option<(ServiceState, ScalerRecord)>> {
        // `SCALER#…`, `SPEC` and `STACK#…` are neighbours: one query reads them all.
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("PK = :pk AND SK BETWEEN :scalers AND :stacks")
            .expression_attribute_values(":pk", text(key::service(service)))
            .expression_attribute_values(":scalers", text("SCALER#"))
            .expression_attribute_values(":stacks", text("STACK#~"))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let Some(state) = state_of(answer.items(), &self.region)? else {
            return Ok(None);
        };
        let (_, mine) = key::scaler(service, environment, &self.region);
        let item = answer
            .items()
            .iter()
            .find(|item| get(item, "SK") == Some(&mine));
        let record = item.map(|item| record(QUERY, item)).transpose()?;
        Ok(Some((state, record.unwrap_or_default())))
    }

    async fn save_scaler(&self, write: &ScalerWrite) -> PortResult<bool> {
        let mut items = vec![self.write_scaler(write)?, self.stack_is_there(write)?];
        if let Some(decision) = &write.decision {
            items.push(self.put_decision(write, decision)?);
        }
        if let Some(entry) = &write.audit {
            items.push(self.put_document(key::audit(&write.service, entry.id), entry)?);
        }
        self.transact(items).await
    }

    async fn decisions(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<Decision>> {
        let prefix = key::decisions(environment, &self.region);
        self.newest_first(service, &prefix, after, limit).await
    }

    async fn scaler_attention(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> PortResult<Vec<(ServiceName, EnvironmentName)>> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("attention")
            .key_condition_expression("attention = :mine AND attention_at <= :now")
            .expression_attribute_values(":mine", text(self.scaler_attention_key()))
            .expression_attribute_values(":now", seconds(now))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let named = |item| {
            let service = get(item, "PK")?.strip_prefix("SERVICE#")?.parse().ok()?;
            let (environment, _) = get(item, "SK")?.strip_prefix("SCALER#")?.split_once('#')?;
            Some((service, environment.parse().ok()?))
        };
        Ok(answer.items().iter().filter_map(named).collect())
    }
}

impl Registry {
    /// The index `attention` holds the reconciler's stacks under the region's name; this is
    /// another word, so that neither of the two sees the other's.
    fn scaler_attention_key(&self) -> String {
        format!("scaler#{}", self.region)
    }

    /// The record, under the version that was read.
    fn write_scaler(&self, write: &ScalerWrite) -> PortResult<TransactWriteItem> {
        let record = &write.record;
        let body = Body {
            state: record.state.clone(),
            last: record.last.clone(),
            held: record.held.clone(),
            asleep_since: record.asleep_since,
            ordered: record.ordered.clone(),
            placed: record.placed.clone(),
            again_at: record.again_at,
        };
        let update = self
            .at_version(write)
            .expression_attribute_values(":body", json(&body))
            .expression_attribute_values(":next", number(record.version + 1));
        let update = match record.attention {
            Some(at) => update
                .update_expression(
                    "SET body = :body, version = :next, attention = :mine, attention_at = :at",
                )
                .expression_attribute_values(":mine", text(self.scaler_attention_key()))
                .expression_attribute_values(":at", seconds(at)),
            None => update.update_expression(
                "SET body = :body, version = :next REMOVE attention, attention_at",
            ),
        };
        Ok(TransactWriteItem::builder()
            .update(update.build().map_err(built)?)
            .build())
    }

    /// Has the next tick look at an environment's scaling, whatever is remembered of it, and whoever
    /// looks at it at this moment.
    pub(super) fn wake_scaler(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        at: Timestamp,
    ) -> PortResult<TransactWriteItem> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::scaler(service, environment, &self.region))))
            .update_expression("SET attention = :mine, attention_at = :at ADD version :one")
            .expression_attribute_values(":mine", text(self.scaler_attention_key()))
            .expression_attribute_values(":at", seconds(at))
            .expression_attribute_values(":one", number(1));
        Ok(TransactWriteItem::builder()
            .update(update.build().map_err(built)?)
            .build())
    }

    fn at_version(&self, write: &ScalerWrite) -> UpdateBuilder {
        let key = key::scaler(&write.service, &write.environment, &self.region);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key)));
        match write.record.version {
            0 => update.condition_expression("attribute_not_exists(PK)"),
            version => update
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        }
    }

    fn stack_is_there(&self, write: &ScalerWrite) -> PortResult<TransactWriteItem> {
        let scope = Scope::Environment(write.environment.clone());
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::stack(
                &write.service,
                &scope,
                &self.region,
            ))))
            .condition_expression("attribute_exists(PK)")
            .build()
            .map_err(built)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    fn put_decision(
        &self,
        write: &ScalerWrite,
        decision: &Decision,
    ) -> PortResult<TransactWriteItem> {
        let key = key::decision(
            &write.service,
            &write.environment,
            &self.region,
            decision.at,
        );
        let mut item = keyed(key);
        item.insert("body".to_owned(), json(decision));
        item.insert("expires_at".to_owned(), seconds(decision.at + KEPT));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = put.build().map_err(built)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

fn record(operation: &'static str, item: &Item) -> PortResult<ScalerRecord> {
    // Somebody may have asked for a look before the first one.
    let body: Body = match item.get("body") {
        Some(_) => document(operation, item, "body")?,
        None => Body::default(),
    };
    let attention = get_number(item, "attention_at")
        .and_then(|seconds| i64::try_from(seconds).ok())
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok(ScalerRecord {
        version: get_number(item, "version").unwrap_or(0),
        state: body.state,
        last: body.last,
        held: body.held,
        asleep_since: body.asleep_since,
        attention,
        ordered: body.ordered,
        placed: body.placed,
        again_at: body.again_at,
    })
}

#[cfg(test)]
mod tests;
