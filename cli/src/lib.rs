//! `slipway`, the command line of the self-service API, and the client library under it.
//!
//! [`client`] talks to a platform; everything else turns files and arguments into its calls
//! and its answers into text. Offline commands apply the very rules that the API applies,
//! because both use the same crates; nothing here knows a rule of its own.

pub mod client;
pub mod clock;
