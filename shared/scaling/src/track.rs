//! One demand over time: its level and slope, what it will be when tasks that are started now can
//! serve, and how wrong such forecasts have been.
//!
//! All in the logarithm of the demand, counted in tasks: what traffic does, it does in
//! proportion. A part of a task is added before, because below one task nothing depends on
//! proportions, and no request at all is no catastrophe of mathematics.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::whole::seconds;

/// Tasks that are added to a demand before its logarithm is taken.
const OFFSET: f64 = 0.3;
/// The share of a new point in the level, for points 20 seconds apart.
const LEVEL: f64 = 0.7;
/// The share of a new point in the slope, for points 20 seconds apart.
const SLOPE: f64 = 0.05;
/// What is left of a slope after 20 seconds: no rise goes on for ever.
const DAMPING: f64 = 0.95;
/// The share of a new error in what is remembered: half an hour of them, at 20 seconds.
const MEMORY: f64 = 0.01;
/// What less demand than forecast counts for: it harms nobody.
const DOWNWARD: f64 = 0.3;
/// An error this many times the usual is no noise but a step: the level goes along at once.
const STEP: f64 = 3.0;
/// How many usual errors of headroom there are at first and at least, and at most.
const WIDTH: f64 = 3.5;
const WIDEST: f64 = 12.0;
/// Seconds in which misses are one: until the first one's tasks serve.
const EVENT: f64 = 180.0;
/// Misses of a day that are not more than may be.
const FREE: f64 = 4.0;
/// Usual errors of headroom that are added for a minute in which there was too little.
const WIDER: f64 = 1.0;
/// The part of minutes in which there may be too little: so many errors of headroom are given up
/// in each minute, for those that a miss adds. Whatever the traffic is like, in the long run
/// there is one miss for as many minutes (adaptive conformal inference: Gibbs and Candès, 2021).
const MISSES: f64 = 0.0004;
/// The least usual error: no traffic is a clock.
const QUIETEST: f64 = 0.01;
/// Seconds after which the highest demand counts half.
const HALF_LIFE: f64 = 43_200.0;
/// How far beyond the highest demand of about a day is provided for, for each usual error of
/// headroom: a quarter at first.
const BEYOND: f64 = 0.075;
/// Seconds without a point after which a level is no longer a level.
const GAP: f64 = 900.0;
/// The most forecasts whose outcome is awaited.
const AWAITED: usize = 16;

/// One demand over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// The middle of the newest point's period.
    pub at: Option<Timestamp>,
    /// The level: the logarithm of tasks.
    pub level: f64,
    /// The newest sample, in the same measure.
    pub last: f64,
    /// How it changes in 20 seconds.
    pub slope: f64,
    /// The mean square of errors, over about half an hour.
    pub errors: f64,
    /// How many usual errors of headroom there are; as at first when absent.
    pub width: Option<f64>,
    /// When there was too little last.
    pub missed: Option<Timestamp>,
    /// How many such minutes there were; those of yesterday count half.
    pub misses: f64,
    /// The highest demand, in tasks; the highest of yesterday counts half.
    pub high: f64,
    /// What was forecast for when.
    pub awaited: Vec<Awaited>,
}

/// A forecast whose outcome is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Awaited {
    /// For when.
    pub at: Timestamp,
    /// The logarithm of tasks.
    pub level: f64,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The middle of its period.
    pub(crate) at: Timestamp,
    /// Tasks' worth of it.
    pub(crate) demand: f64,
    /// Whether there may have been more than could be measured.
    pub(crate) at_least: bool,
}

/// What is expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forecast {
    /// Tasks' worth of demand, as it was last.
    pub(crate) level: f64,
    /// Tasks' worth of demand when tasks that are started now can serve.
    pub(crate) expected: f64,
    /// With headroom for errors as they were.
    pub(crate) with_margin: f64,
}

impl Track {
    /// Takes a sample that is newer than all before, and notes what it makes expected `ahead`
    /// seconds later. `unknown` is the margin as long as nothing has been learned, as a
    /// logarithm.
    pub(crate) fn feed(&mut self, sample: Sample, ahead: i64, unknown: f64) {
        if self.at.is_some_and(|at| sample.at <= at) {
            return;
        }
        let value = (sample.demand.max(0.0) + OFFSET).ln();
        let apart = self.at.map_or(f64::INFINITY, |at| seconds(at, sample.at));
        self.at = Some(sample.at);
        self.high = sample
            .demand
            .max(self.high * 0.5_f64.powf(apart / HALF_LIFE));
        if !self.usable() || apart > GAP {
            self.begin(value, unknown);
        } else {
            // What is at least so much is no less than it was.
            let value = if sample.at_least {
                value.max(self.level)
            } else {
                value
            };
            self.width = Some(self.width() - WIDER * MISSES * apart / 60.0);
            self.learn(value, sample.at);
            self.follow(value, apart / 20.0);
            if sample.at_least {
                self.level = self.level.max(value);
            }
        }
        let expected = self.expected(ahead);
        self.awaited.push(Awaited {
            at: crate::whole::later(sample.at, ahead),
            level: expected,
        });
        let excess = self.awaited.len().saturating_sub(AWAITED);
        self.awaited.drain(..excess);
    }

    /// What is expected, `ahead` seconds after the newest sample.
    pub(crate) fn forecast(&self, ahead: i64) -> Option<Forecast> {
        self.at?;
        let expected = self.expected(ahead);
        let tasks = |level: f64| (level.exp() - OFFSET).max(0.0);
        let margin = self.width() * self.error();
        let known = self.high * (1.0 + BEYOND * self.width());
        let known = known.max(tasks(expected));
        Some(Forecast {
            level: tasks(self.level),
            expected: tasks(expected),
            with_margin: tasks(expected + margin).min(known),
        })
    }

    /// Learns that there was too little in a minute.
    pub(crate) fn miss(&mut self, at: Timestamp, weight: f64) {
        let before = self.missed.replace(at);
        if before.is_some_and(|before| seconds(before, at) < EVENT) {
            return;
        }
        self.misses = self.misses.clamp(0.0, 100.0) + weight;
        let many = (self.misses - FREE).max(0.0);
        self.width = Some((self.width() + WIDER * many).min(WIDEST));
    }

    /// How many usual errors of headroom there are.
    fn width(&self) -> f64 {
        let known = self.width.filter(|width| width.is_finite());
        known.map_or(WIDTH, |width| width.clamp(WIDTH, WIDEST))
    }

    /// The usual error.
    fn error(&self) -> f64 {
        self.errors.max(0.0).sqrt().max(QUIETEST)
    }

    fn expected(&self, ahead: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a forecast looks minutes ahead")]
        let steps = ahead.clamp(0, 3600) as f64 / 20.0;
        let reach = DAMPING * (1.0 - DAMPING.powf(steps)) / (1.0 - DAMPING);
        // Whoever rose last may go on; that it falls again is believed more slowly.
        self.level.max(self.last) + self.slope.max(0.0) * reach
    }

    fn begin(&mut self, value: f64, unknown: f64) {
        let square = (unknown / self.width()).powi(2);
        self.errors = if self.usable() {
            self.errors.max(square)
        } else {
            square
        };
        self.level = value;
        self.last = value;
        self.slope = 0.0;
        self.awaited.clear();
    }

    fn learn(&mut self, value: f64, at: Timestamp) {
        let due = self.awaited.iter().position(|awaited| awaited.at > at);
        let due = due.unwrap_or(self.awaited.len());
        let heard: Vec<Awaited> = self.awaited.drain(..due).collect();
        for awaited in heard {
            let error = value - awaited.level;
            let usual = self.error();
            // Bounded, so that less demand never leads to more tasks.
            let counted = if error < 0.0 {
                -(-error).min(2.0 * usual) * DOWNWARD
            } else {
                error
            };
            self.errors += MEMORY * (counted * counted - self.errors);
        }
    }

    fn follow(&mut self, value: f64, steps: f64) {
        let share = |share: f64| 1.0 - (1.0 - share).powf(steps.clamp(0.25, 45.0));
        let before = self.level;
        self.last = value;
        let step = value - before > STEP * self.error();
        let level = if step { 1.0 } else { share(LEVEL) };
        self.level += level * (value - before);
        let change = (self.level - before) / steps.max(0.25);
        self.slope += share(SLOPE) * (change - self.slope);
    }

    fn usable(&self) -> bool {
        let sane = |value: f64, most: f64| value.is_finite() && value.abs() <= most;
        self.errors > 0.0
            && sane(self.errors, 100.0)
            && sane(self.level, 40.0)
            && sane(self.last, 40.0)
            && sane(self.slope, 40.0)
    }
}
