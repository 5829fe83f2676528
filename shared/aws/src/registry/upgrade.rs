//! The one item of the platform's upgrades.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use jiff::Timestamp;
use slipway_control::error::CommitError;
use slipway_control::ports::{PortResult, UpgradeStore};
use slipway_control::record::Seen;
use slipway_control::upgrade::UpgradeRecord;

use super::Registry;
use super::item::{document, get_number, json, keyed, number, seconds};
use super::key;
use crate::error::{port_error, unreadable};

const GET: &str = "dynamodb:GetItem";
const CALL: &str = "dynamodb:TransactWriteItems";

impl UpgradeStore for Registry {
    async fn upgrade(&self) -> PortResult<Option<UpgradeRecord>> {
        let Some(item) = self.get(key::upgrade(&self.region)).await? else {
            return Ok(None);
        };
        Ok(Some(UpgradeRecord {
            version: get_number(&item, "version").unwrap_or(0),
            upgrade: document(GET, &item, "body")?,
        }))
    }

    async fn store_upgrade(
        &self,
        record: &UpgradeRecord,
        seen: Option<&Seen>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let mut items = vec![self.put_upgrade(record)?];
        if let Some(seen) = seen {
            items.push(self.put_seen(seen, now)?);
        }
        let call = self
            .client
            .transact_write_items()
            .set_transact_items(Some(items))
            .send();
        let Err(error) = call.await else {
            return Ok(());
        };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let reasons = cancelled.cancellation_reasons();
            let is = |at: usize, code: &str| {
                reasons
                    .get(at)
                    .is_some_and(|reason| reason.code() == Some(code))
            };
            // An answer given before comes first: the request that is repeated moved the item
            // itself.
            if is(1, "ConditionalCheckFailed") {
                let earlier = reasons[1].item().map(|item| document(CALL, item, "body"));
                return Err(match earlier {
                    Some(Ok(seen)) => CommitError::Seen(Box::new(seen)),
                    Some(Err(error)) => CommitError::Port(error),
                    None => CommitError::Contended,
                });
            }
            if is(0, "ConditionalCheckFailed") {
                return Err(CommitError::Moved);
            }
            if is(0, "TransactionConflict") || is(1, "TransactionConflict") {
                return Err(CommitError::Contended);
            }
        }
        Err(CommitError::Port(port_error(CALL, error)))
    }

    async fn seen(&self, key: &str) -> PortResult<Option<Seen>> {
        let item = self.get(key::seen_of_upgrades(key)).await?;
        item.map(|item| document(GET, &item, "body")).transpose()
    }
}

impl Registry {
    fn put_upgrade(&self, record: &UpgradeRecord) -> PortResult<TransactWriteItem> {
        let mut item = keyed(key::upgrade(&self.region));
        item.insert("version".to_owned(), number(record.version + 1));
        item.insert("body".to_owned(), json(&record.upgrade));
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match record.version {
            0 => put.condition_expression("attribute_not_exists(PK)"),
            version => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),
        };
        Ok(TransactWriteItem::builder()
            .put(
                put.build()
                    .map_err(|error| unreadable(CALL, error.to_string()))?,
            )
            .build())
    }

    fn put_seen(&self, seen: &Seen, now: Timestamp) -> PortResult<TransactWriteItem> {
        let mut item = keyed(key::seen_of_upgrades(&seen.key));
        item.insert("expires_at".to_owned(), seconds(seen.expires_at));
        item.insert("body".to_owned(), json(seen));
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            // DynamoDB removes expired items only in the course of days.
            .condition_expression("attribute_not_exists(PK) OR expires_at < :now")
            .expression_attribute_values(":now", seconds(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| unreadable(CALL, error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
