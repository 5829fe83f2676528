//! Runs of jobs, in memory: an id is used once, as Step Functions has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ports::{Page, PortResult, RunCanceller, RunReader, RunStarter, Start};
use crate::runs::{RunStatus, RunView};

/// Jobs with their runs in memory, the newest run last. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct FakeRuns {
    jobs: Arc<Mutex<BTreeMap<String, Vec<RunView>>>>,
}

impl FakeRuns {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<RunView>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is a job, of which nothing ran yet.
    pub fn make(&self, machine: &str) {
        self.lock().insert(machine.to_owned(), Vec::new());
    }

    /// Something ran.
    pub fn ran(&self, machine: &str, run: RunView) {
        self.lock().entry(machine.to_owned()).or_default().push(run);
    }

    /// All runs that are under way end so.
    pub fn end(&self, machine: &str, status: RunStatus, at: Timestamp) {
        for run in self.lock().get_mut(machine).into_iter().flatten() {
            if run.status == RunStatus::Running {
                run.status = status;
                run.ended_at = Some(at);
                run.attempts = 1;
            }
        }
    }
}

impl RunReader for FakeRuns {
    async fn runs(
        &self,
        machine: &str,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<RunView>> {
        let jobs = self.lock();
        let runs = jobs.get(machine).into_iter().flatten().rev();
        let older: Vec<&RunView> = match after {
            Some(after) => runs.skip_while(|it| it.id != after).skip(1).collect(),
            None => runs.collect(),
        };
        let items: Vec<RunView> = older.iter().take(limit).map(|&it| it.clone()).collect();
        let next = items.last().map(|it| it.id.clone());
        Ok(Page {
            next: next.filter(|_| older.len() > limit),
            items,
        })
    }

    async fn run(&self, machine: &str, id: &str) -> PortResult<Option<RunView>> {
        let jobs = self.lock();
        let mut runs = jobs.get(machine).into_iter().flatten();
        Ok(runs.find(|it| it.id == id).cloned())
    }
}

impl RunCanceller for FakeRuns {
    async fn cancel(&self, machine: &str, id: &str, cause: &str) -> PortResult<()> {
        let mut jobs = self.lock();
        let runs = jobs.get_mut(machine).into_iter().flatten();
        let mut under_way = runs.filter(|it| it.status == RunStatus::Running);
        if let Some(run) = under_way.find(|it| it.id == id) {
            run.status = RunStatus::Aborted;
            run.ended_at = Some(run.started_at);
            run.reason = Some(cause.to_owned());
        }
        Ok(())
    }
}

impl RunStarter for FakeRuns {
    async fn start(&self, machine: &str, id: &str, by: &str) -> PortResult<Start> {
        let mut jobs = self.lock();
        let Some(runs) = jobs.get_mut(machine) else {
            return Ok(Start::NoJob);
        };
        if let Some(earlier) = runs.iter().find(|it| it.id == id) {
            let is_same = earlier.status == RunStatus::Running && earlier.by.as_deref() == Some(by);
            return Ok(if is_same {
                Start::Began(earlier.started_at)
            } else {
                Start::Existed
            });
        }
        let seconds = 1_700_000_000 + i64::try_from(runs.len()).unwrap_or_default();
        let started_at = Timestamp::from_second(seconds).unwrap_or_default();
        runs.push(RunView {
            id: id.to_owned(),
            status: RunStatus::Running,
            started_at,
            ended_at: None,
            attempts: 1,
            by: Some(by.to_owned()),
            reason: None,
        });
        Ok(Start::Began(started_at))
    }
}
