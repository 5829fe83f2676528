//! The registry: one DynamoDB table (docs/ARCHITECTURE.md has its items).
//!
//! Documents are stored as JSON text in one attribute each; what conditions, indexes and
//! filters need stands beside them as attributes of its own.

mod commit;
mod databases;
#[cfg(test)]
mod databases_tests;
mod item;
mod key;
mod places;
mod read;
mod save;
mod scaler;
mod slots;
#[cfg(test)]
mod tests;
mod transaction;
mod upgrade;
#[cfg(test)]
mod upgrade_tests;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;

/// Reads and writes the registry.
#[derive(Debug, Clone)]
pub struct Registry {
    client: Client,
    table: String,
    region: String,
    max_operations: u32,
}

impl Registry {
    /// Over the table `table`. `max_operations` is how many stack operations may run at once
    /// on the platform.
    pub fn new(config: &SdkConfig, table: impl Into<String>, max_operations: u32) -> Self {
        Self {
            client: Client::new(config),
            table: table.into(),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            max_operations,
        }
    }
}
