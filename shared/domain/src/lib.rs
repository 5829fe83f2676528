//! The words of Slipway: manifests, names, paths, stacks, statuses and deployments.
//!
//! Pure data and pure rules. This crate knows no AWS SDK, no HTTP, no clock and no
//! environment; what it is given is all it knows, so that every rule can be tested
//! exhaustively and the command line applies the very rules the API applies.

pub mod alarms;
pub mod archive;
pub mod artifact;
pub mod authorization;
pub mod balancer;
pub mod capacity;
pub mod container;
pub mod database;
pub mod deployment;
pub mod discovery;
pub mod effective;
pub mod forbidden;
pub mod function;
pub mod image;
mod ingress;
pub mod job;
mod kind;
pub mod manifest;
pub mod name;
pub mod notify;
pub mod path;
pub mod permission;
pub mod platform;
pub mod problem;
pub mod queue;
pub mod scaling;
pub mod schema;
pub mod secret;
pub mod size;
pub mod stack;
pub mod status;
pub mod strategy;
pub mod text;
pub mod triggers;
mod validate;

pub use alarms::{Alarms, Alert};
pub use archive::Archive;
pub use artifact::Artifact;
pub use balancer::{Balancer, Place};
pub use capacity::{InstanceCapacity, Spot};
pub use database::{Database, DatabaseReference};
pub use deployment::{Cause, Deployment, DeploymentId, Evidence, Outcome, Step};
pub use effective::Effective;
pub use image::Image;
pub use job::Job;
pub use manifest::Manifest;
pub use name::{EnvironmentName, PlatformName, ServiceName, TeamName};
pub use notify::{NoticeKind, Notify, OutgoingWebhook, WebhookUrl};
pub use path::RoutePath;
pub use permission::{Capability, Permission};
pub use platform::{Billed, Platform};
pub use problem::{Problem, Problems};
pub use scaling::Scaling;
pub use secret::SecretReference;
pub use stack::{Scope, StackName};
pub use status::{Condition, Phase};
pub use strategy::{Deploy, Strategy, expected_rollout_minutes};
pub use triggers::{Trigger, Triggers};
pub use validate::whole_numbers;
