//! How long it takes until a load is known and acted upon: one set of numbers for every policy
//! that lives on CloudWatch, frozen before any policy of ours was measured.
//!
//! The anchor is what AWS measured itself when it brought out 20-second metrics for ECS (18 June
//! 2026, "Amazon ECS introduces new high-resolution metrics for faster service auto scaling"):
//! from a step of the load to the scaling action, target tracking takes 363 s with 60-second
//! metrics and 86 s with 20-second ones. Of these, known from documentation are: three breaching
//! periods (180 s and 60 s; a step falls into the middle of its period on average, and half of
//! the time that period breaches as well), and how often an alarm is evaluated. What is left
//! over is publication, and was inferred: 363 − 180 − 30 − 5 ≈ 150 s and 86 − 60 − 5 − 5 ≈ 15 s.
//! `the_model_reproduces_what_aws_measured` holds the two.

/// How long it takes until a load is known and acted upon. All in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// From the end of a 60-second period to its point being there: inferred from AWS's 363 s.
    pub standard: u64,
    /// The same for metrics of high resolution: inferred from AWS's 86 s. One-minute points that
    /// are made of them are there as soon.
    pub high_resolution: u64,
    /// Between two evaluations of an alarm with a period of a minute or more (CloudWatch user
    /// guide, "Alarm evaluation": every minute).
    pub evaluation: u64,
    /// The same for a period of 10, 20 or 30 seconds (same page: every 10 seconds).
    pub evaluation_high_resolution: u64,
    /// From an alarm's change of state to `UpdateService`: the way to Application Auto Scaling,
    /// or through `EventBridge` to a Lambda, and the calls that are made there. Assumed, and the
    /// same for both.
    pub action: u64,
    /// Between two actions of an alarm that stays in ALARM and whose action is one of Auto
    /// Scaling (CloudWatch user guide, "Alarm actions": these alone are repeated).
    pub repetition: u64,
}

/// The set that everything in docs/SCALING.md was measured with.
pub const FROZEN: Delays = Delays {
    standard: 150,
    high_resolution: 15,
    evaluation: 60,
    evaluation_high_resolution: 10,
    action: 5,
    repetition: 60,
};

impl Default for Delays {
    fn default() -> Self {
        FROZEN
    }
}

impl Delays {
    /// From the end of a period to its point being there, by the metric's resolution.
    pub(super) fn publication(&self, resolution: u64) -> u64 {
        if resolution < 60 {
            self.high_resolution
        } else {
            self.standard
        }
    }

    /// Between two evaluations of an alarm of this period.
    pub(super) fn between_evaluations(&self, period: u64) -> u64 {
        if period < 60 {
            self.evaluation_high_resolution
        } else {
            self.evaluation
        }
    }
}
