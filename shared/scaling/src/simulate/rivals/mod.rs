//! The policies that users would otherwise pick, a file each, after their specifications.
//!
//! Where a specification leaves something open, it is read in the rival's favour, and its file
//! says so. Each is run over its settings and shown at the cheapest that keeps the bound.

pub(super) mod hpa;
pub(super) mod kpa;
pub(super) mod oracle;
pub(super) mod seed;
pub(super) mod step_scaling;
pub(super) mod target_tracking;

/// The targets that a rival is run with: 40 to 90 percent, in steps of 2.5.
pub(super) fn targets() -> impl Iterator<Item = f64> {
    (0..=20).map(|step: u32| 0.4 + f64::from(step) * 0.025)
}

#[cfg(test)]
mod tests {
    use super::super::run::run_from;
    use super::super::trace::Trace;
    use super::super::{Policy, Setup, Telemetry};

    /// Tasks of 10 requests per second that start in a minute.
    pub(super) fn setup() -> Setup {
        Setup::with_capacity(10.0)
    }

    /// What a policy asks for, when it begins with so many tasks: the second and the number.
    pub(super) fn changes(policy: Box<dyn Policy>, trace: &Trace, tasks: u32) -> Vec<(u64, u32)> {
        run_from(policy, trace, &setup(), tasks).asked
    }

    /// The same, where it has telemetry of its own.
    pub(super) fn own_changes(
        policy: Box<dyn Policy>,
        trace: &Trace,
        tasks: u32,
    ) -> Vec<(u64, u32)> {
        let setup = Setup {
            telemetry: Telemetry::Own,
            ..setup()
        };
        run_from(policy, trace, &setup, tasks).asked
    }
}
