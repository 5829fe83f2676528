//! The ports of `shared/control`, implemented over the AWS SDK: the only user of `aws-sdk-*`.
//!
//! Nothing is decided here: a call becomes a call, an answer becomes a word of the domain,
//! and an error becomes a [`PortError`](slipway_control::error::PortError) that says whether
//! the same call may succeed later.

mod apigateway;
mod cloudformation;
mod config;
mod ecs;
mod error;
mod evidence;
mod notify;
mod post;
mod registry;
mod sqs;

pub use apigateway::HttpApi;
pub use cloudformation::CloudFormation;
pub use config::sdk_config;
pub use ecs::Ecs;
pub use notify::{DeploymentsTopic, NotifyKeys, NotifyQueue};
pub use post::Outside;
pub use registry::Registry;
pub use sqs::WakeQueue;
