//! What the others are tried with, beside their targets.

use super::rivals::hpa::STABILISATION;
use super::rivals::kpa::STABLE;
use super::rivals::target_tracking::Inwards;

/// What the others are tried with, beside their targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tried {
    /// Windows and cooldowns as they are by default, and every reading of what is not documented.
    #[default]
    Defaults,
    /// Other windows and cooldowns as well: what somebody might set who knows the trace.
    Windows,
}

/// Settings with what is said of them; as many of the first are defaults as the number says.
pub(super) type Settings<T> = (usize, &'static [(T, &'static str)]);

/// Those of the settings that are tried.
pub(super) fn tried<T>(tried: Tried, (defaults, all): Settings<T>) -> &'static [(T, &'static str)] {
    match tried {
        Tried::Defaults => &all[..defaults],
        Tried::Windows => all,
    }
}

const fn inwards(period: u64, cooldown: u64) -> Inwards {
    Inwards { period, cooldown }
}

pub(super) const TRACKING_60: Settings<Inwards> = (
    1,
    &[
        (Inwards::DEFAULT, "in after 15 min"),
        (inwards(60, 60), "in after 15 min, cooldown 60 s"),
        (inwards(60, 0), "in after 15 min, no cooldown"),
    ],
);

pub(super) const TRACKING_20: Settings<Inwards> = (
    2,
    &[
        (Inwards::DEFAULT, "in after 15 min"),
        (inwards(20, 300), "in after 5 min"),
        (inwards(60, 60), "in after 15 min, cooldown 60 s"),
        (inwards(20, 60), "in after 5 min, cooldown 60 s"),
        (inwards(20, 0), "in after 5 min, no cooldown"),
    ],
);

/// How far the lower threshold is below the upper one.
pub(super) const STEP: Settings<f64> = (2, &[(0.2, "band of 20"), (0.1, "band of 10")]);

pub(super) const HPA: Settings<u64> = (
    1,
    &[
        (STABILISATION, ""),
        (120, "stabilised for 120 s"),
        (60, "stabilised for 60 s"),
        (15, "stabilised for 15 s"),
    ],
);

pub(super) const KPA: Settings<u64> = (
    1,
    &[
        (STABLE, ""),
        (10, "window of 10 s"),
        (30, "window of 30 s"),
        (90, "window of 90 s"),
        (120, "window of 120 s"),
    ],
);
