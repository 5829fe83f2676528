//! Slots for stack operations: one item with the set of the stacks that hold one.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use slipway_control::ports::{PortResult, Slots};

use super::Registry;
use super::item::{keyed, number, text};
use super::key;
use crate::error::port_error;

const CALL: &str = "dynamodb:UpdateItem";

impl Slots for Registry {
    async fn acquire(&self, stack: &str) -> PortResult<bool> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keyed(key::operations(&self.region))))
            .update_expression("ADD holders :stacks")
            .condition_expression("attribute_not_exists(holders) OR contains(holders, :stack) OR size(holders) < :max")
            .expression_attribute_values(":stacks", AttributeValue::Ss(vec![stack.to_owned()]))
            .expression_attribute_values(":stack", text(stack))
            .expression_attribute_values(":max", number(self.max_operations))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(UpdateItemError::ConditionalCheckFailedException(_))
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(port_error(CALL, error)),
        }
    }

    async fn holders(&self) -> PortResult<Vec<String>> {
        let item = self.get(key::operations(&self.region)).await?;
        let holders = item
            .as_ref()
            .and_then(|item| item.get("holders"))
            .and_then(|set| set.as_ss().ok());
        Ok(holders.cloned().unwrap_or_default())
    }

    async fn release(&self, stack: &str) -> PortResult<()> {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keyed(key::operations(&self.region))))
            .update_expression("DELETE holders :stacks")
            .expression_attribute_values(":stacks", AttributeValue::Ss(vec![stack.to_owned()]))
            .send()
            .await
            .map_err(|error| port_error(CALL, error))?;
        Ok(())
    }
}
