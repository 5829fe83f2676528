//! The ports of `shared/control`, implemented over the AWS SDK: the only user of `aws-sdk-*`.
//! Image registries other than ECR are asked over the SDK's own HTTP connector.
//!
//! Nothing is decided here: a call becomes a call, an answer becomes a word of the domain,
//! and an error becomes a [`PortError`](slipway_control::error::PortError) that says whether
//! the same call may succeed later.

mod apigateway;
mod archives;
mod checks;
mod cloudformation;
mod cloudwatch;
mod config;
mod ecs;
mod error;
mod evidence;
mod hooks;
mod images;
mod notify;
mod post;
mod quotas;
mod registry;
#[cfg(test)]
mod replay;
mod repositories;
mod runs;
mod scaling;
mod scanning;
mod secrets;
mod snapshots;
mod sqs;
mod steer;
mod traffic;
mod wake;

pub use apigateway::HttpApi;
pub use archives::Archives;
pub use checks::Checks;
pub use cloudformation::CloudFormation;
pub use cloudwatch::Metrics;
pub use config::sdk_config;
pub use ecs::Ecs;
pub use hooks::Hooks;
pub use images::Images;
pub use notify::{DeploymentsTopic, NotifyKeys, NotifyQueue};
pub use post::Outside;
pub use quotas::Quotas;
pub use registry::Registry;
pub use repositories::Repositories;
pub use runs::Runs;
pub use secrets::Secrets;
pub use sqs::WakeQueue;
