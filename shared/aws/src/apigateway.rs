//! The platform's HTTP API.

use aws_config::SdkConfig;
use aws_sdk_apigatewayv2::Client;
use slipway_control::ports::{PortResult, RouteReader};

use crate::error::port_error;

/// Reads the routes of the platform's HTTP API.
#[derive(Debug, Clone)]
pub struct HttpApi {
    client: Client,
    id: String,
}

impl HttpApi {
    /// Over the HTTP API of this id.
    pub fn new(config: &SdkConfig, id: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            id: id.into(),
        }
    }
}

impl HttpApi {
    /// How many integrations the API has.
    pub(crate) async fn integrations(&self) -> PortResult<usize> {
        let mut count = 0;
        let mut token = None;
        loop {
            let page = self
                .client
                .get_integrations()
                .api_id(&self.id)
                .max_results("500")
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| port_error("apigateway:GetIntegrations", error))?;
            count += page.items().len();
            token = page.next_token;
            if token.is_none() {
                return Ok(count);
            }
        }
    }
}

impl RouteReader for HttpApi {
    async fn route_keys(&self) -> PortResult<Vec<String>> {
        let mut keys = Vec::new();
        let mut token = None;
        loop {
            let page = self
                .client
                .get_routes()
                .api_id(&self.id)
                .max_results("500")
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| port_error("apigateway:GetRoutes", error))?;
            token = page.next_token().map(str::to_owned);
            keys.extend(
                page.items
                    .into_iter()
                    .flatten()
                    .filter_map(|route| route.route_key),
            );
            if token.is_none() {
                return Ok(keys);
            }
        }
    }
}
