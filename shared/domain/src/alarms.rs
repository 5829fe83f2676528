//! Alarms that tell people: the manifest's `alarms`.
//!
//! None is on unless the manifest says so: they are told to whoever runs the platform, who has
//! not asked for the services of every team, and each costs something. They scale nothing
//! (`scaling`) and end no deployment (`deploy.alarms`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifest::Settings;
use crate::problem::Broken;
use crate::schema;

/// Alarms that tell people: those who subscribe to the platform's topic for alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Alarms {
    /// Those that are on.
    #[schemars(length(max = 12))]
    pub on: Vec<Alert>,
    /// Percent of CPU above which it tells, after 10 minutes.
    #[schemars(range(min = 1, max = 100))]
    pub cpu: u32,
    /// Percent of memory above which it tells, after 10 minutes.
    #[schemars(range(min = 1, max = 100))]
    pub memory: u32,
    /// Answers of 500 to 599 in 5 minutes, above which it tells: those of the tasks, and those
    /// of the load balancer in their place; of a function, calls that failed.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub errors: u32,
    /// Milliseconds that the tasks, or a function, take to answer, on average over 5 minutes,
    /// above which it tells.
    #[schemars(range(min = 1, max = 60_000))]
    pub response_time: u32,
    /// Targets that fail their health checks, above which it tells, after 2 minutes.
    #[schemars(range(min = 0, max = 5000))]
    pub unhealthy: u32,
    /// Percent of its most capacity above which a database tells, after 10 minutes.
    #[schemars(range(min = 1, max = 99))]
    pub capacity: u32,
    /// Percent of the connections that a database takes, above which it tells, after 10 minutes.
    #[schemars(range(min = 1, max = 99))]
    pub connections: u32,
    /// Milliseconds by which a database's readers are behind, above which it tells, after 10
    /// minutes.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub replica_lag: u32,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            on: Vec::new(),
            cpu: 80,
            memory: 80,
            errors: 10,
            response_time: 1000,
            unhealthy: 0,
            // Where it nears 100, the instance cannot grow any more ("Performance and scaling for
            // Aurora Serverless v2").
            capacity: 90,
            // "Recommended alarms" of CloudWatch: 90 to 95 percent.
            connections: 90,
            // Readers are behind by less than 100 as a rule ("Replication with Amazon Aurora").
            replica_lag: 1000,
        }
    }
}

/// An alarm that tells people.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Alert {
    /// The tasks have too little CPU.
    Cpu,
    /// The tasks have too little memory.
    Memory,
    /// Callers get errors.
    Errors,
    /// Callers wait.
    ResponseTime,
    /// Targets fail their health checks.
    Unhealthy,
    /// Lambda refuses calls of a function, because too many run at a time.
    Throttles,
    /// A call of a function takes nearly as long as it may.
    Timeout,
    /// Messages that a worker has failed to work off lie in its dead-letter queue.
    DeadLetters,
    /// A run of a job has failed, after all its attempts.
    FailedRuns,
    /// A database can hardly grow any more.
    Capacity,
    /// A database can hardly take more connections.
    Connections,
    /// Who reads from a database's readers reads what was.
    ReplicaLag,
}

impl Alert {
    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Errors => "errors",
            Self::ResponseTime => "response_time",
            Self::Unhealthy => "unhealthy",
            Self::Throttles => "throttles",
            Self::Timeout => "timeout",
            Self::DeadLetters => "dead_letters",
            Self::FailedRuns => "failed_runs",
            Self::Capacity => "capacity",
            Self::Connections => "connections",
            Self::ReplicaLag => "replica_lag",
        }
    }

    /// Whether it is of databases alone.
    pub fn is_of_databases(self) -> bool {
        match self {
            Self::Capacity | Self::Connections | Self::ReplicaLag => true,
            Self::Cpu
            | Self::Memory
            | Self::Errors
            | Self::ResponseTime
            | Self::Unhealthy
            | Self::Throttles
            | Self::Timeout
            | Self::DeadLetters
            | Self::FailedRuns => false,
        }
    }
}

/// What is wrong with the settings' `alarms`.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    let on = &settings.alarms.on;
    let again = (0..on.len()).find(|&place| on[..place].contains(&on[place]));
    let twice = again.map(|place| {
        let detail = format!("names `{}` twice", on[place].name());
        Broken::new("/alarms/on", &[], detail)
    });
    twice.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Manifest;

    #[test]
    fn one_alarm_named_twice_is_one_too_many() {
        let manifest = json!({"service": "a", "alarms": {"on": ["cpu", "errors", "cpu"]}});
        let problems = Manifest::read(&manifest).unwrap_err().problems;
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/alarms/on");
        assert_eq!(problems[0].detail, "names `cpu` twice");
    }
}
