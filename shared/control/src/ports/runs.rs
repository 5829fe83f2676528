//! Runs of jobs: those that were, and a new one.

use std::future::Future;

use jiff::Timestamp;

use super::{Page, PortResult};
use crate::runs::RunView;

/// What came of asking for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It has begun, or had begun with the same id and the same words and is not over.
    Began(Timestamp),
    /// There was a run of this id before.
    Existed,
    /// There is no such job.
    NoJob,
}

/// Reads the runs of a job, by the ARN of what runs it: the output `StateMachine` of its stack.
pub trait RunReader: Send + Sync {
    /// Runs of the last 90 days, newest first, those before the run `after`. At most `limit`;
    /// none where there is no such job. One call for the list, and one for each run.
    fn runs(
        &self,
        machine: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = PortResult<Page<RunView>>> + Send;

    /// One run; none when it is not remembered any more.
    fn run(
        &self,
        machine: &str,
        id: &str,
    ) -> impl Future<Output = PortResult<Option<RunView>>> + Send;
}

/// What a job that is deleted ends.
pub trait RunEnder: Send + Sync {
    /// Ends the runs that are under way, with `cause` as their reason: their tasks are stopped
    /// behind it. At most a hundred, the newest first. One call for the list, and one for each.
    fn end_runs(&self, machine: &str, cause: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// Ends one run of a job.
pub trait RunCanceller: Send + Sync {
    /// Ends the run, with `cause` as its reason, if it is under way.
    fn cancel(
        &self,
        machine: &str,
        id: &str,
        cause: &str,
    ) -> impl Future<Output = PortResult<()>> + Send;
}

/// Starts runs of a job.
pub trait RunStarter: Send + Sync {
    /// Starts a run for `by`. An id is used once in 90 days.
    fn start(
        &self,
        machine: &str,
        id: &str,
        by: &str,
    ) -> impl Future<Output = PortResult<Start>> + Send;
}
