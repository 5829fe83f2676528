//! Calls about databases.

use http::Method;
use serde_json::Value;
use slipway_control::databases::view::DatabaseView;
use slipway_control::view::DeletionView;
use slipway_domain::{ServiceName, TeamName};

use super::{Call, Client, Result, Tagged, tagged};

impl Client {
    /// Every database, of all teams or of one, page by page.
    pub fn all_databases(&self, team: Option<&TeamName>) -> Result<Vec<DatabaseView>> {
        let call = Call::get("/databases");
        self.all(&match team {
            Some(team) => call.query("team", team.as_str()),
            None => call,
        })
    }

    /// A database.
    pub fn database(&self, name: &ServiceName) -> Result<Tagged<DatabaseView>> {
        tagged(&self.send(&Call::get(format!("/databases/{name}")))?)
    }

    /// Registers a database: a manifest whose kind may be left out. `key` is remembered by the API.
    pub fn register_database(&self, manifest: &Value, key: &str) -> Result<Tagged<DatabaseView>> {
        let call = Call::new(Method::POST, "/databases")
            .json(manifest)?
            .text_header("idempotency-key", key)?;
        tagged(&self.send(&call)?)
    }

    /// Deletes a database that nobody uses. The `ETag` `*` stands for any generation.
    pub fn delete_database(&self, name: &ServiceName, etag: &str) -> Result<DeletionView> {
        let call = Call::new(Method::DELETE, format!("/databases/{name}"))
            .text_header("if-match", etag)?;
        self.send(&call)?.read()
    }
}
