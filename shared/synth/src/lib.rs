//! From a manifest to CloudFormation: the templates of a service's stacks.
//!
//! Pure and synchronous: the same input gives the same bytes, always. What is in a template
//! comes from the manifest (as data), from the platform's values and from this crate; there
//! are no parameters, no conditions and no `Fn::Sub`, so that nothing a team writes is ever
//! read as anything but data. Nothing here knows AWS's APIs, the clock or the registry.
//!
//! One file renders one thing: [`environment_stack()`] and [`service_stack()`] put them together.

mod alarms;
mod balancer_stack;
mod capacity;
mod cluster;
pub mod cost;
mod dashboard;
mod database;
mod diff;
mod discovery;
mod environment_stack;
mod fingerprint;
mod firewall;
mod function;
mod intrinsic;
mod job;
mod load_balancer;
mod logs;
pub mod names;
mod network;
mod permissions;
mod queue;
mod repository;
mod roles;
mod rollout;
mod routes;
mod scaling;
mod service;
mod service_stack;
mod shared_balancer;
mod shift;
mod sidecars;
mod sleep;
mod stamp;
mod tags;
mod task;
mod template;
mod traffic;
mod volumes;
mod weights;

pub use capacity::PLACEMENT_OUTPUT;
pub use database::PROTECTED_OUTPUT;
pub use diff::{Action, Change, Effect, Kept, diff, kept_on_delete};
pub use environment_stack::{RunState, environment_stack};
pub use fingerprint::fingerprint;
pub use job::{BY_SCHEDULE, MACHINE_OUTPUT, STARTED_BY};
pub use queue::QUEUE_OUTPUT;
pub use service_stack::service_stack;
pub use sleep::{WAKE_PRIORITY, WAKE_TARGET_GROUP};
pub use stamp::DIGEST_OUTPUT;
pub use tags::stack_tags;
pub use template::{INLINE_LIMIT, Template, sha256};
pub use weights::{NoWeights, WEIGHTS_OUTPUT, Weights};
