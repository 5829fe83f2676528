//! Deploying several environments once more, a few at a time, and waiting for all of them.
//!
//! One that cannot be begun or fails stops none of the others.

use std::time::Duration;

use jiff::Timestamp;
use slipway_control::view::DeploymentStarted;
use slipway_domain::{Deployment, DeploymentId, EnvironmentName, Evidence, Phase, ServiceName};

use super::progress::{Look, ScopeLook};
use super::settled::{Settling, Target};
use crate::client::{Client, ClientError, new_key};
use crate::output::deployments::ended_at;
use crate::output::time::between;

/// Environments that are deployed once more, in the order in which they are begun.
#[derive(Debug)]
pub(crate) struct Several {
    jobs: Vec<Job>,
    at_once: usize,
    /// When the first one was begun, by the platform's clock: all times are from there.
    began: Option<Timestamp>,
}

/// One environment.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) service: ServiceName,
    pub(crate) environment: EnvironmentName,
    /// Under which the API knows the call again, however often it is sent.
    key: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its turn has not come.
    Queued,
    /// It was deployed.
    Begun {
        deployment: Box<Deployment>,
        settling: Settling,
        /// The last look.
        seen: Option<Box<ScopeLook>>,
    },
    /// The platform refused.
    Refused(String),
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Its turn has not come.
    Queued,
    /// It was deployed; what became of it is not known.
    UnderWay(DeploymentId, u64),
    /// The environment runs new tasks, after this time.
    Succeeded(Duration, Option<String>),
    /// It does not, for this reason.
    Failed(String),
}

impl Several {
    /// Nothing is begun yet; at most `at_once` are under way at a time.
    pub(crate) fn new(
        environments: impl IntoIterator<Item = (ServiceName, EnvironmentName)>,
        at_once: usize,
    ) -> Self {
        let job = |(service, environment)| Job {
            service,
            environment,
            key: new_key(),
            state: State::Queued,
        };
        Self {
            jobs: environments.into_iter().map(job).collect(),
            at_once,
            began: None,
        }
    }

    /// Begins what there is room for, and looks at what is under way.
    pub(crate) fn look(&mut self, client: &Client) -> Result<Look, ClientError> {
        for job in self.jobs.iter_mut().filter(|job| job.is_under_way()) {
            job.look(client)?;
        }
        let under_way = self.jobs.iter().filter(|job| job.is_under_way()).count();
        let room = self.at_once.saturating_sub(under_way);
        let queued = self.jobs.iter_mut().filter(|job| job.is_queued());
        for job in queued.take(room) {
            job.begin(client, &mut self.began)?;
        }
        let scopes = self.jobs.iter().filter_map(Job::seen).collect();
        let end = self.jobs.iter().all(Job::has_ended);
        Ok(Look { scopes, end })
    }

    /// Begins all of them, and looks at none.
    pub(crate) fn begin_all(&mut self, client: &Client) -> Result<(), ClientError> {
        let began = &mut self.began;
        self.jobs
            .iter_mut()
            .try_for_each(|job| job.begin(client, began))
    }

    /// The jobs, in the order in which they are begun.
    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }
}

impl Job {
    fn is_queued(&self) -> bool {
        matches!(self.state, State::Queued)
    }

    fn is_under_way(&self) -> bool {
        match &self.state {
            State::Begun { seen, .. } => seen.as_ref().is_none_or(|seen| !seen.settled),
            State::Queued | State::Refused(_) => false,
        }
    }

    fn has_ended(&self) -> bool {
        !self.is_queued() && !self.is_under_way()
    }

    fn begin(&mut self, client: &Client, began: &mut Option<Timestamp>) -> Result<(), ClientError> {
        self.state = match client.redeploy(&self.service, &self.environment, &self.key) {
            Ok(DeploymentStarted { deployment, .. }) => State::Begun {
                settling: Settling::new(vec![Target {
                    began: *began.get_or_insert(deployment.created_at),
                    ..Target::of(&deployment)
                }]),
                deployment: Box::new(deployment),
                seen: None,
            },
            // What the platform says of this one it need not say of the others.
            Err(ClientError::Refused(refusal))
                if refusal.status < 500 && !matches!(refusal.status, 401 | 403 | 429) =>
            {
                State::Refused(refusal.to_string())
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    fn look(&mut self, client: &Client) -> Result<(), ClientError> {
        if let State::Begun { settling, seen, .. } = &mut self.state {
            let look = settling.look(client)?;
            *seen = look.scopes.into_values().next().map(Box::new);
        }
        Ok(())
    }

    /// What is shown of it, under its name.
    fn seen(&self) -> Option<(String, ScopeLook)> {
        let seen = match &self.state {
            State::Queued => return None,
            State::Begun { seen, .. } => (**seen.as_ref()?).clone(),
            State::Refused(reason) => ScopeLook {
                phase: Phase::Failed,
                message: "not begun".to_owned(),
                steps: Vec::new(),
                url: None,
                failure: Some(reason.clone()),
                evidence: Evidence::default(),
                advice: None,
                settled: true,
                age: None,
            },
        };
        Some((self.name(), seen))
    }

    /// The name under which it is shown.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.service, self.environment)
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        match &self.state {
            State::Queued => Standing::Queued,
            State::Refused(reason) => Standing::Failed(reason.clone()),
            State::Begun {
                deployment,
                settling,
                seen,
            } => match seen.as_deref().filter(|seen| seen.settled) {
                None => Standing::UnderWay(deployment.id, deployment.generation),
                Some(seen) => match &seen.failure {
                    Some(reason) => Standing::Failed(reason.clone()),
                    None => {
                        let end = settling.last_ended().and_then(ended_at);
                        let took = end.map(|end| between(deployment.created_at, end));
                        Standing::Succeeded(took.unwrap_or_default(), seen.url.clone())
                    }
                },
            },
        }
    }
}
