//! All policies on one trace, and what is told of them.

use serde::Serialize;

use super::rivals::target_tracking::{Inwards, TargetTracking};
use super::rivals::{hpa::Hpa, kpa::Kpa, oracle::Oracle, seed::Seed};
use super::rivals::{step_scaling::StepScaling, targets};
use super::run::{Run, run};
use super::settings::{self, Settings, Tried, tried};
use super::slipway::{Slipway, SlipwaySetup};
use super::trace::{Trace, whole};
use super::{Policy, Setup, Telemetry, reaction};

/// What part of the minutes may be violated.
const MAY_BE_VIOLATED: f64 = 0.0005;

/// All policies on one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The trace's name.
    pub trace: String,
    /// How long it is.
    pub minutes: u64,
    /// How the autoscalers of Kubernetes saw the service.
    pub telemetry: Telemetry,
    /// The policies: ours, the others, the oracle.
    pub contenders: Vec<Contender>,
}

/// A policy at its setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name.
    pub name: &'static str,
    /// What it was shown with.
    pub setting: Setting,
    /// Whether at most 0.05 % of the minutes were violated.
    pub keeps_bound: bool,
    /// Seconds from a step of the load to the call that adds tasks; none for the oracle.
    pub reaction: Option<f64>,
    /// What it did.
    pub run: Run,
}

/// What a policy was shown with.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Setting {
    /// The target or threshold, as a part of 1; none where nothing is to be set.
    pub target: Option<f64>,
    /// What else was chosen for it, in words; empty where nothing was.
    pub variant: &'static str,
}

/// What is told of a simulation. Fields may be added, and none goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The trace's name.
    pub trace: String,
    /// How long it is.
    pub minutes: u64,
    /// How the autoscalers of Kubernetes saw the service: as `published` on ECS, or on a cluster of
    /// their `own`.
    pub telemetry: &'static str,
    /// What each policy came to.
    pub policies: Vec<PolicyReport>,
}

/// What a policy came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyReport {
    /// Its name.
    pub name: &'static str,
    /// Hours of tasks, from their start to their stop.
    pub task_hours: f64,
    /// Minutes above 90 % utilisation: of all requests in a minute, over what could be done in it.
    pub violation_minutes: u64,
    /// Minutes above 90 % utilisation for a moment at least.
    pub touched_minutes: u64,
    /// Requests beyond what the tasks could do.
    pub requests_over_capacity: f64,
    /// Changes of the desired count.
    pub changes: u64,
    /// The target or threshold, as a part of 1, that the numbers are of.
    pub setting: Option<f64>,
    /// What else was chosen for it, in words.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub variant: &'static str,
    /// Whether at most 0.05 % of the minutes were violated.
    pub keeps_bound: bool,
    /// Task-hours as a multiple of the oracle's.
    pub over_oracle: f64,
    /// Seconds from a step of the load to the call that adds tasks.
    pub reaction_seconds: Option<f64>,
}

/// Replays a trace against all policies.
///
/// The others are run over their settings, and shown at the cheapest one that keeps the bound, or
/// where none does, at the one with the fewest violations.
pub fn simulate(trace: &Trace, setup: &Setup, own: &SlipwaySetup) -> Simulation {
    simulate_with(trace, setup, own, Tried::default())
}

/// As [`simulate`], and says what the others are tried with.
pub fn simulate_with(trace: &Trace, setup: &Setup, own: &SlipwaySetup, with: Tried) -> Simulation {
    let minutes = trace.minutes();
    let course = Course {
        trace,
        setup,
        own,
        minutes,
        with,
    };
    let tracking = |resolution| {
        move |target, scale_in: Inwards| -> Box<dyn Policy> {
            Box::new(TargetTracking::new(target, resolution, scale_in, setup))
        }
    };
    let step =
        |threshold, band| -> Box<dyn Policy> { Box::new(StepScaling::new(threshold, band, setup)) };
    let contenders = [
        Some(course.at(
            "slipway",
            Setting::default(),
            Box::new(Slipway::new(own, setup)),
        )),
        course.best("target-tracking-60s", settings::TRACKING_60, tracking(60)),
        course.best("target-tracking-20s", settings::TRACKING_20, tracking(20)),
        course.best("step", settings::STEP, step),
        Some(course.at("seed", Setting::default(), Box::new(Seed::new(setup)))),
        course.best("hpa", settings::HPA, |target, it| {
            Box::new(Hpa::new(target, it))
        }),
        course.best("kpa", settings::KPA, |target, it| {
            Box::new(Kpa::new(target, it))
        }),
        Some(course.at(
            "oracle",
            Setting::default(),
            Box::new(Oracle::new(trace, setup)),
        )),
    ];
    Simulation {
        trace: trace.name().to_owned(),
        minutes,
        telemetry: setup.telemetry,
        contenders: contenders.into_iter().flatten().collect(),
    }
}

/// Where all of them run.
struct Course<'a> {
    trace: &'a Trace,
    setup: &'a Setup,
    own: &'a SlipwaySetup,
    minutes: u64,
    with: Tried,
}

/// The best so far: what it comes to, its setting, and the same once more.
type Best = ((bool, u64, f64), Setting, Box<dyn Policy>);

impl Course<'_> {
    /// A policy at one setting.
    fn at(&self, name: &'static str, setting: Setting, policy: Box<dyn Policy + '_>) -> Contender {
        let run = run(policy, self.trace, self.setup);
        Contender {
            name,
            setting,
            keeps_bound: self.keeps_bound(&run),
            reaction: reaction::seconds(name, self.setup, self.own),
            run,
        }
    }

    /// A policy at its best setting: of all targets, with each of what else it is tried with.
    fn best<T: Copy>(
        &self,
        name: &'static str,
        settings: Settings<T>,
        policy: impl Fn(f64, T) -> Box<dyn Policy>,
    ) -> Option<Contender> {
        let mut best: Option<Best> = None;
        for (other, variant) in tried(self.with, settings) {
            for target in targets() {
                let rank = self.rank(&run(policy(target, *other), self.trace, self.setup));
                let setting = Setting {
                    target: Some(target),
                    variant,
                };
                if best.as_ref().is_none_or(|(least, ..)| rank < *least) {
                    best = Some((rank, setting, policy(target, *other)));
                }
            }
        }
        best.map(|(_, setting, policy)| self.at(name, setting, policy))
    }

    /// What is least for the best: keeping the bound, then few violations, then few tasks.
    fn rank(&self, run: &Run) -> (bool, u64, f64) {
        let failed = !self.keeps_bound(run);
        let violated = if failed { run.violation_minutes } else { 0 };
        (failed, violated, run.task_hours)
    }

    fn keeps_bound(&self, run: &Run) -> bool {
        whole(run.violation_minutes) <= whole(self.minutes) * MAY_BE_VIOLATED
    }
}

impl Simulation {
    /// What is told of it. Numbers are rounded to what they are good for.
    pub fn report(&self) -> Report {
        let oracle = self
            .contenders
            .last()
            .map_or(0.0, |oracle| oracle.run.task_hours);
        let policies = self.contenders.iter().map(|contender| {
            let run = &contender.run;
            PolicyReport {
                name: contender.name,
                task_hours: rounded(run.task_hours, 100.0),
                violation_minutes: run.violation_minutes,
                touched_minutes: run.touched_minutes,
                requests_over_capacity: rounded(run.requests_over_capacity, 1.0),
                changes: run.changes,
                setting: contender
                    .setting
                    .target
                    .map(|target| rounded(target, 1000.0)),
                variant: contender.setting.variant,
                keeps_bound: contender.keeps_bound,
                over_oracle: rounded(run.task_hours / oracle, 1000.0),
                reaction_seconds: contender.reaction.map(|seconds| rounded(seconds, 10.0)),
            }
        });
        Report {
            trace: self.trace.clone(),
            minutes: self.minutes,
            telemetry: match self.telemetry {
                Telemetry::Published => "published",
                Telemetry::Own => "own",
            },
            policies: policies.collect(),
        }
    }
}

fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}
