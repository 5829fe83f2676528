//! Bringing one stack to what its service wants.
//!
//! # Flow
//! Events only name a stack. Then: read the service ([`crate::ports::ServiceReader`]), say
//! what is wanted ([`desired`]), look at what is there ([`observed`]), decide ([`plan`]), do
//! at most one thing that changes AWS, write the state under the version that was read, and
//! say when to look again ([`Next`]).
//!
//! # Guarantees
//! Whatever is lost between two of these steps, the next look finds the same decision again:
//! operations carry tokens made from what is wanted, and what was applied is read from the
//! stack itself (its `Template` output), never remembered.
//!
//! # Assumptions
//! Every stack that is not settled has its attention set, so that the sweep finds it when
//! all events are lost.

pub mod desired;
pub mod observed;
pub mod plan;
mod run;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use slipway_domain::Scope;

pub use run::{ReconcileError, Reconciler};

/// When a stack wants its next look.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// When somebody changes something.
    Done,
    /// After this time, and when an event says so.
    Requeue(Duration),
    /// When an event says so, and with the sweep of each minute.
    AwaitChange,
    /// Never: it is gone. Another stack of the service waited for that, and wants a look now.
    Then(Scope),
}
