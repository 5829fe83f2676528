//! What the tests of the whole workspace share.

pub mod aws;
pub mod local_platform;
pub mod manifests;
pub mod pairwise;
pub mod platform_template;
pub mod pushes;
pub mod registry;
pub mod waiting;
