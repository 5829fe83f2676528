//! Replays a trace of requests against policies, ours and others, and tells what each would have
//! cost and where it would have failed.
//!
//! `world` is the service: tasks, CPU, what is counted. A `Policy` sees of it what its own
//! telemetry would show by then, and sets a number of tasks. `rivals` holds one file for each
//! that somebody else specified, after that specification; `slipway` calls [`crate::decide()`] as
//! the Lambda would. All of them run under the same [`Setup`], and see their signal through the
//! same delays, which are in `delays`, in one place, and were frozen before our policy was measured;
//! `telemetry` has the one exception, for who asks for it.
//!
//! Pure: files are read and written by whoever calls.

mod alarm;
mod delays;
mod picture;
mod reaction;
mod report;
mod rivals;
mod run;
mod settings;
mod slipway;
mod telemetry;
mod trace;
mod world;

pub use delays::{Delays, FROZEN};
pub use picture::picture;
pub use report::{Contender, PolicyReport, Report, Setting, Simulation, simulate, simulate_with};
pub use run::{Run, Told};
pub use settings::Tried;
pub use slipway::SlipwaySetup;
pub use telemetry::Telemetry;
pub use trace::{Trace, TraceError};
pub use world::BOUND;

use world::World;

/// How many tasks' work the highest interval of a trace is, unless a capacity is given: small
/// traces would otherwise never need a second task.
pub const REFERENCE_TASKS: f64 = 40.0;

/// Under which circumstances all policies run.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// Requests per second that one task can do, with all of its CPU.
    pub capacity: f64,
    /// Seconds from `UpdateService` until a task serves. AWS measured 23 s until tasks of a small
    /// image ran on Fargate (386 − 363 and 109 − 86, see `delays`); with an image of some
    /// hundred megabytes and two health checks it is about a minute.
    pub start_up: u64,
    /// The fewest tasks.
    pub min: u32,
    /// The most tasks.
    pub max: u32,
    /// Of CloudWatch.
    pub delays: Delays,
    /// How the autoscalers of Kubernetes see the service.
    pub telemetry: Telemetry,
}

impl Setup {
    /// The defaults, with tasks of this capacity.
    pub fn with_capacity(capacity: f64) -> Self {
        Self {
            capacity,
            start_up: 60,
            min: 2,
            max: 200,
            delays: FROZEN,
            telemetry: Telemetry::Published,
        }
    }

    /// The defaults for a trace: a capacity at which its highest interval is the work of
    /// [`REFERENCE_TASKS`].
    pub fn for_trace(trace: &Trace) -> Self {
        let peak = trace.peak();
        Self::with_capacity(if peak > 0.0 {
            peak / REFERENCE_TASKS
        } else {
            1.0
        })
    }
}

/// Something that sets the number of tasks.
trait Policy {
    /// When it looks next, in seconds since the trace began; not before now.
    fn next(&self) -> u64;

    /// Looks, and says how many tasks are to run, if it has a say.
    fn look(&mut self, world: &World<'_>) -> Option<u32>;

    /// With how many tasks it begins; otherwise as all others do.
    fn first(&self) -> Option<u32> {
        None
    }

    /// What it told about its changes.
    fn told(self: Box<Self>) -> Vec<Told> {
        Vec::new()
    }
}
