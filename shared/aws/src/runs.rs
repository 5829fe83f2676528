//! Runs of jobs: executions of Step Functions' state machines.

use aws_config::SdkConfig;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::types::{ExecutionListItem, ExecutionStatus, HistoryEvent};
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use slipway_control::ports::{
    Page, PortResult, RunCanceller, RunEnder, RunReader, RunStarter, Start,
};
use slipway_control::runs::{RunStatus, RunView};

use crate::error::{port_error, unreadable};

mod history;
#[cfg(test)]
mod tests;

/// The most executions that Step Functions lists in one call.
const LISTED: i32 = 1000;

/// How many calls a place in the list is looked for with: ten thousand runs, a week of one each
/// minute.
const MOST_LISTS: usize = 10;

/// How many runs a deletion ends at once. A job has more than one only where its schedule comes
/// before its last run is over.
const MOST_ENDED: i32 = 100;

/// Reads and starts executions.
#[derive(Debug, Clone)]
pub struct Runs {
    client: Client,
}

impl Runs {
    /// Over Step Functions.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The executions before `after`, newest first, at most `limit`, and whether there are more.
    async fn listed(
        &self,
        machine: &str,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<(Vec<ExecutionListItem>, bool)> {
        let few = i32::try_from(limit + 1).unwrap_or(LISTED);
        let mut found = Vec::new();
        let mut is_reached = after.is_none();
        let mut next = None;
        for _ in 0..MOST_LISTS {
            let call = self
                .client
                .list_executions()
                .state_machine_arn(machine)
                .max_results(if after.is_none() { few } else { LISTED })
                .set_next_token(next)
                .send();
            let answer = match call.await {
                Ok(answer) => answer,
                Err(error) if is_gone(error.code()) => return Ok((Vec::new(), false)),
                Err(error) => return Err(port_error("states:ListExecutions", error)),
            };
            for execution in answer.executions {
                if is_reached {
                    found.push(execution);
                } else {
                    is_reached = Some(execution.name()) == after;
                }
            }
            next = answer.next_token;
            if found.len() > limit || next.is_none() {
                break;
            }
        }
        let has_more = found.len() > limit;
        found.truncate(limit);
        Ok((found, has_more))
    }

    /// What happened in an execution; none when it is not remembered any more.
    async fn history(&self, execution: &str) -> PortResult<Option<Vec<HistoryEvent>>> {
        let call = self
            .client
            .get_execution_history()
            .execution_arn(execution)
            .max_results(LISTED)
            .send();
        match call.await {
            Ok(answer) => Ok(Some(answer.events)),
            Err(error) if is_gone(error.code()) => Ok(None),
            Err(error) => Err(port_error("states:GetExecutionHistory", error)),
        }
    }

    async fn of(&self, execution: &ExecutionListItem) -> PortResult<Option<RunView>> {
        let Some(events) = self.history(execution.execution_arn()).await? else {
            return Ok(None);
        };
        let ended = execution.stop_date().map(time).transpose()?;
        let run = RunView {
            id: execution.name().to_owned(),
            status: status(execution.status()),
            started_at: time(execution.start_date())?,
            ended_at: ended,
            attempts: history::attempts(&events),
            by: history::started_by(&events),
            reason: history::reason(&events),
        };
        Ok(Some(run))
    }
}

impl RunReader for Runs {
    async fn runs(
        &self,
        machine: &str,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<RunView>> {
        let (found, has_more) = self.listed(machine, after, limit).await?;
        let next = found.last().map(|it| it.name().to_owned());
        let runs = try_join_all(found.iter().map(|it| self.of(it))).await?;
        Ok(Page {
            items: runs.into_iter().flatten().collect(),
            next: next.filter(|_| has_more),
        })
    }

    async fn run(&self, machine: &str, id: &str) -> PortResult<Option<RunView>> {
        let Some(events) = self.history(&execution_arn(machine, id)).await? else {
            return Ok(None);
        };
        let Some(first) = events.first() else {
            return Ok(None);
        };
        let status = history::status(&events);
        let last = events
            .last()
            .filter(|_| status != RunStatus::Running)
            .map(|it| time(it.timestamp()));
        Ok(Some(RunView {
            id: id.to_owned(),
            status,
            started_at: time(first.timestamp())?,
            ended_at: last.transpose()?,
            attempts: history::attempts(&events),
            by: history::started_by(&events),
            reason: history::reason(&events),
        }))
    }
}

impl Runs {
    /// Ends an execution; nothing, where it has ended (`StopExecution` changes no status then) or
    /// is not remembered.
    async fn stop(&self, execution: &str, cause: &str) -> PortResult<()> {
        let call = self
            .client
            .stop_execution()
            .execution_arn(execution)
            .cause(cause)
            .send();
        match call.await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(error.code()) => Ok(()),
            Err(error) => Err(port_error("states:StopExecution", error)),
        }
    }
}

impl RunCanceller for Runs {
    async fn cancel(&self, machine: &str, id: &str, cause: &str) -> PortResult<()> {
        self.stop(&execution_arn(machine, id), cause).await
    }
}

impl RunEnder for Runs {
    async fn end_runs(&self, machine: &str, cause: &str) -> PortResult<()> {
        let call = self
            .client
            .list_executions()
            .state_machine_arn(machine)
            .status_filter(ExecutionStatus::Running)
            .max_results(MOST_ENDED)
            .send();
        let found = match call.await {
            Ok(answer) => answer.executions,
            Err(error) if is_gone(error.code()) => return Ok(()),
            Err(error) => return Err(port_error("states:ListExecutions", error)),
        };
        let ends = found.iter().map(|it| self.stop(it.execution_arn(), cause));
        // All are tried, even where one does not answer.
        join_all(ends).await.into_iter().collect()
    }
}

impl RunStarter for Runs {
    async fn start(&self, machine: &str, id: &str, by: &str) -> PortResult<Start> {
        let call = self
            .client
            .start_execution()
            .state_machine_arn(machine)
            .name(id)
            .input(history::input(by))
            .send();
        match call.await {
            Ok(answer) => Ok(Start::Began(time(answer.start_date())?)),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(Start::Existed),
            Err(error) if is_gone(error.code()) => Ok(Start::NoJob),
            Err(error) => Err(port_error("states:StartExecution", error)),
        }
    }
}

/// Codes that say that there is no such state machine, or execution, any more.
fn is_gone(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("StateMachineDoesNotExist" | "StateMachineDeleting" | "ExecutionDoesNotExist")
    )
}

/// Step Functions makes it of both names.
fn execution_arn(machine: &str, id: &str) -> String {
    format!(
        "{}:{id}",
        machine.replacen(":stateMachine:", ":execution:", 1)
    )
}

fn status(status: &ExecutionStatus) -> RunStatus {
    match status {
        ExecutionStatus::Running | ExecutionStatus::PendingRedrive => RunStatus::Running,
        ExecutionStatus::Succeeded => RunStatus::Succeeded,
        ExecutionStatus::Aborted => RunStatus::Aborted,
        // Failed, timed out, and whatever word comes.
        _ => RunStatus::Failed,
    }
}

fn time(at: &DateTime) -> PortResult<Timestamp> {
    Timestamp::from_nanosecond(at.as_nanos())
        .map_err(|_| unreadable("states:GetExecutionHistory", "a time that no calendar has"))
}
