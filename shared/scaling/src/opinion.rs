//! What one signal asks for, and what all of them see.

use jiff::Timestamp;
use slipway_domain::Scaling;

use crate::observation::{Bounds, Observation};

/// What all signals see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a Scaling,
    pub(crate) seen: &'a Observation,
    pub(crate) now: Timestamp,
    /// The bounds that hold now, with those of the schedule.
    pub(crate) bounds: Bounds,
    /// Tasks that get requests, as far as is known.
    pub(crate) serving: u32,
    /// Seconds from a decision until its tasks serve.
    pub(crate) startup: i64,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        policy: &'a Scaling,
        seen: &'a Observation,
        now: Timestamp,
        bounds: Bounds,
    ) -> Self {
        // The load balancer's numbers are minutes old, and tell only of those that fail.
        let unhealthy = seen.targets.map_or(0, |targets| targets.unhealthy);
        let serving = seen.tasks.running.saturating_sub(unhealthy);
        Self {
            policy,
            seen,
            now,
            bounds,
            serving,
            startup: crate::startup::seconds(None),
        }
    }

    /// Seconds between two looks while something moves.
    pub(crate) fn interval(&self) -> i64 {
        if self.policy.resolution == 20 { 20 } else { 60 }
    }

    /// Seconds from the middle of the newest point's period until tasks that are started at the
    /// next look serve.
    pub(crate) fn ahead(&self, newest: &crate::observation::Point) -> i64 {
        let age = crate::whole::seconds(crate::points::middle(newest), self.now);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to minutes")]
        let age = age.clamp(0.0, 600.0) as i64;
        age + self.startup + self.interval()
    }
}

/// What one signal asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Opinion {
    /// Its name.
    pub(crate) signal: String,
    /// How many tasks it needs; absent where it has no opinion.
    pub(crate) needs: Option<u32>,
    /// The fewest tasks that it puts up with when tasks are taken away; absent where it does not
    /// know, and then none may be.
    pub(crate) floor: Option<u32>,
    /// Whether it is above its mark, so that its alarm has spoken and will not speak again.
    pub(crate) above: bool,
    /// Whether it is below its low mark.
    pub(crate) below: bool,
    /// Whether demand outran what serves.
    pub(crate) rush: bool,
    /// What was seen and what follows, in words.
    pub(crate) says: String,
}

impl Opinion {
    /// A signal without data: it adds nothing, and lets nothing be taken away.
    pub(crate) fn unknown(signal: &str, says: impl Into<String>) -> Self {
        Self {
            signal: signal.to_owned(),
            needs: None,
            floor: None,
            above: false,
            below: false,
            rush: false,
            says: says.into(),
        }
    }

    /// A signal that needs so many tasks and puts up with so many.
    pub(crate) fn of(signal: &str, needs: u32, floor: u32, says: impl Into<String>) -> Self {
        Self {
            needs: Some(needs),
            floor: Some(floor),
            ..Self::unknown(signal, says)
        }
    }
}
