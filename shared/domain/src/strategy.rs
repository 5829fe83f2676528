//! How a new version takes the place of the old: the strategies of ECS's own deployments.
//!
//! The ranges are those of ECS's API (`DeploymentConfiguration`, `CanaryConfiguration`,
//! `LinearConfiguration`, `DeploymentLifecycleHookTimeoutConfiguration`), in whole numbers. What
//! does not go together is refused here, in sentences, before anything is touched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::function::shifting;
use crate::manifest::{Kind, Settings};
use crate::problem::Broken;
use crate::schema;

/// The most minutes that a deployment may take by what its manifest says: while it goes on, the
/// stack's update goes on too, holds one of the platform's slots and keeps later changes waiting.
pub const MAX_ROLLOUT_MINUTES: u32 = 150;

/// How a new version takes the place of the old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Deploy {
    /// The way in which traffic moves from the old tasks to the new ones.
    pub strategy: Strategy,
    /// Minutes for which the old tasks run on after all traffic has moved, so that going back is
    /// only a move of traffic; not for `rolling`, nor of a function.
    #[schemars(range(min = 0, max = 1440))]
    pub bake: u32,
    /// Minutes for which a deployment waits, before traffic moves, for somebody to promote it;
    /// then it goes back. Without, it does not wait. Not for `rolling`, nor of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pause")]
    pub pause: Option<u32>,
    /// The first step of the strategy `canary`.
    pub canary: Canary,
    /// The steps of the strategy `linear`.
    pub linear: Linear,
    /// Percent of the wanted tasks that stay healthy while `rolling` replaces them, rounded up.
    #[schemars(range(min = 0, max = 100))]
    pub minimum_healthy: u32,
    /// Percent of the wanted tasks that may run while `rolling` replaces them, rounded down.
    #[schemars(range(min = 100, max = 200))]
    pub maximum: u32,
    /// When tasks that fail end a deployment; what ran before comes back.
    pub circuit_breaker: CircuitBreaker,
    /// The service's own alarms that end a deployment, too; what ran before comes back.
    #[schemars(length(max = 2))]
    pub alarms: Vec<OwnAlarm>,
}

impl Default for Deploy {
    fn default() -> Self {
        Self {
            strategy: Strategy::Rolling,
            bake: 5,
            pause: None,
            canary: Canary::default(),
            linear: Linear::default(),
            minimum_healthy: 100,
            maximum: 200,
            circuit_breaker: CircuitBreaker::default(),
            alarms: Vec::new(),
        }
    }
}

/// The way in which traffic moves from the old tasks to the new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// New tasks take the place of old ones, some at a time.
    Rolling,
    /// All new tasks start beside the old ones, then all traffic moves at once.
    BlueGreen,
    /// All new tasks start beside the old ones, then some traffic moves, and later the rest.
    Canary,
    /// All new tasks start beside the old ones, then traffic moves in equal steps.
    Linear,
}

impl Strategy {
    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rolling => "rolling",
            Self::BlueGreen => "blue-green",
            Self::Canary => "canary",
            Self::Linear => "linear",
        }
    }

    /// Whether traffic moves between two target groups.
    pub fn shifts(self) -> bool {
        match self {
            Self::Rolling => false,
            Self::BlueGreen | Self::Canary | Self::Linear => true,
        }
    }
}

/// The first step of a canary deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Canary {
    /// Percent of the traffic that moves first.
    #[schemars(range(min = 1, max = 99))]
    pub percent: u32,
    /// Minutes until the rest follows.
    #[schemars(range(min = 0, max = 1440))]
    pub bake: u32,
}

impl Default for Canary {
    fn default() -> Self {
        Self {
            percent: 5,
            bake: 10,
        }
    }
}

/// The steps of a linear deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct Linear {
    /// Percent of the traffic that moves in each step.
    #[schemars(range(min = 3, max = 99))]
    pub percent: u32,
    /// Minutes between two steps.
    #[schemars(range(min = 0, max = 1440))]
    pub bake: u32,
}

impl Default for Linear {
    fn default() -> Self {
        Self {
            percent: 10,
            bake: 6,
        }
    }
}

impl Linear {
    /// How often a deployment waits between two steps; it does not after the last one. ECS and
    /// CloudFormation count alike (`LinearConfiguration` in CloudFormation's reference).
    pub fn waits(&self) -> u32 {
        100_u32.div_ceil(self.percent.max(1)) - 1
    }
}

/// When tasks that fail end a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = schema::closed)]
pub struct CircuitBreaker {
    /// So many failures, in percent of the wanted tasks, but at least 3 and at most 200.
    #[schemars(range(min = 1, max = 100))]
    pub percent: u32,
    /// Just so many failures; takes the place of `percent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::failures")]
    pub failures: Option<u32>,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            percent: 50,
            failures: None,
        }
    }
}

/// An alarm of the service's own: of its tasks, or of the new version of a function.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum OwnAlarm {
    /// CPU utilisation is above `scaling.cpu.high`.
    Cpu,
    /// Memory utilisation is above `scaling.memory.high`.
    Memory,
    /// More calls of a function's new version fail in a minute than `alarms.errors` says.
    Errors,
    /// Calls of a function's new version take longer, on average over a minute, than
    /// `alarms.response_time` says.
    #[serde(rename = "response_time")]
    ResponseTime,
}

impl OwnAlarm {
    /// The name as manifests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Errors => "errors",
            Self::ResponseTime => "response_time",
        }
    }

    /// Whether ECS measures it of tasks, and not Lambda of a function.
    pub fn is_of_tasks(self) -> bool {
        match self {
            Self::Cpu | Self::Memory => true,
            Self::Errors | Self::ResponseTime => false,
        }
    }
}

/// The minutes that a deployment takes by its manifest, beside starting tasks: waiting to be
/// promoted, the steps, and baking; of a function the steps alone. Nothing for `rolling`.
pub fn expected_rollout_minutes(settings: &Settings) -> u32 {
    let deploy = &settings.deploy;
    let steps = match deploy.strategy {
        Strategy::Rolling => return 0,
        Strategy::BlueGreen => 0,
        Strategy::Canary => deploy.canary.bake,
        Strategy::Linear => deploy.linear.waits() * deploy.linear.bake,
    };
    if settings.kind == Kind::Function {
        return steps;
    }
    deploy.pause.unwrap_or(0) + steps + deploy.bake
}

/// What ECS or CloudFormation cannot do, or what would say nothing.
pub(crate) fn broken(settings: &Settings) -> Vec<Broken> {
    if settings.kind == Kind::Function {
        return shifting::broken(settings);
    }
    let mut broken = unused(&settings.deploy);
    broken.extend(too_long(settings));
    broken.extend(stuck(settings));
    broken.extend(twice(&settings.deploy));
    broken.extend(shifting::alarms_elsewhere(settings));
    broken
}

/// One alarm, named twice.
pub(crate) fn twice(deploy: &Deploy) -> Option<Broken> {
    let alarms = &deploy.alarms;
    (alarms.len() == 2 && alarms[0] == alarms[1])
        .then(|| Broken::new("/deploy/alarms", &[], "names an alarm twice".to_owned()))
}

/// Fields that the strategy does not use.
fn unused(deploy: &Deploy) -> Vec<Broken> {
    let strategy = deploy.strategy;
    let default = Deploy::default();
    let shifting = "a strategy that moves traffic: `blue-green`, `canary` or `linear`";
    [
        (
            "/deploy/bake",
            !strategy.shifts() && deploy.bake != default.bake,
            shifting,
        ),
        (
            "/deploy/pause",
            !strategy.shifts() && deploy.pause.is_some(),
            shifting,
        ),
        (
            "/deploy/canary",
            strategy != Strategy::Canary && deploy.canary != default.canary,
            "the strategy `canary`",
        ),
        (
            "/deploy/linear",
            strategy != Strategy::Linear && deploy.linear != default.linear,
            "the strategy `linear`",
        ),
        (
            "/deploy/minimum_healthy",
            strategy.shifts() && deploy.minimum_healthy != default.minimum_healthy,
            "the strategy `rolling`",
        ),
        (
            "/deploy/maximum",
            strategy.shifts() && deploy.maximum != default.maximum,
            "the strategy `rolling`",
        ),
    ]
    .into_iter()
    .filter(|(_, is_unused, _)| *is_unused)
    .map(|(pointer, _, what)| {
        let strategy = strategy.name();
        let detail = format!("is for {what}, and the strategy is `{strategy}`: leave it out");
        Broken::unused(pointer, &["/deploy/strategy"], detail)
    })
    .collect()
}

/// A deployment that takes longer than it may.
pub(crate) fn too_long(settings: &Settings) -> Option<Broken> {
    let deploy = &settings.deploy;
    if !deploy.strategy.shifts() {
        return None;
    }
    let has_tasks = settings.kind.has_tasks();
    let start = settings.health.grace.div_ceil(60) * u32::from(has_tasks);
    let minutes = start.saturating_add(expected_rollout_minutes(settings));
    if minutes <= MAX_ROLLOUT_MINUTES {
        return None;
    }
    let mut parts = Vec::new();
    if has_tasks {
        parts.push(format!("{start} to start (`health.grace`)"));
        let promoted = |pause| format!("{pause} to be promoted (`pause`)");
        parts.extend(deploy.pause.map(promoted));
    }
    match deploy.strategy {
        Strategy::Rolling | Strategy::BlueGreen => {}
        Strategy::Canary => parts.push(format!("{} with some traffic", deploy.canary.bake)),
        Strategy::Linear => parts.push(format!(
            "{} between steps ({} times {})",
            deploy.linear.waits() * deploy.linear.bake,
            deploy.linear.waits(),
            deploy.linear.bake
        )),
    }
    if has_tasks {
        parts.push(format!("{} to bake", deploy.bake));
    }
    Some(Broken::new(
        "/deploy",
        &["/health/grace", "/kind"],
        format!(
            "makes a deployment take {minutes} minutes, and one update of a stack has {MAX_ROLLOUT_MINUTES}: {}",
            parts.join(", ")
        ),
    ))
}

/// A rolling deployment that can neither stop an old task nor start a new one: ECS rounds the
/// fewest up and the most down.
fn stuck(settings: &Settings) -> Option<Broken> {
    let deploy = &settings.deploy;
    if deploy.strategy.shifts() {
        return None;
    }
    let tasks = settings.scaling.counts().find(|tasks| {
        let fewest = (tasks * deploy.minimum_healthy).div_ceil(100);
        let most = tasks * deploy.maximum / 100;
        fewest >= most
    })?;
    Some(Broken::new(
        "/deploy/minimum_healthy",
        &[
            "/deploy/maximum",
            "/scaling/min",
            "/scaling/max",
            "/scaling/schedule",
        ],
        format!(
            "is {} with a `maximum` of {}: with {tasks} of the tasks that `scaling` allows, ECS could neither stop nor start one",
            deploy.minimum_healthy, deploy.maximum
        ),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn settings(deploy: Deploy) -> Settings {
        Settings {
            deploy,
            ..Settings::default()
        }
    }

    #[test]
    fn a_linear_deployment_waits_between_its_steps_and_not_after_the_last() {
        let waits = |percent| Linear { percent, bake: 1 }.waits();
        // The examples of CloudFormation's reference: 11 percent are nine waits, 50 are one.
        assert_eq!(waits(11), 9);
        assert_eq!(waits(50), 1);
        assert_eq!(waits(10), 9);
        assert_eq!(waits(99), 1);
        assert_eq!(waits(3), 33);
    }

    #[test]
    fn what_a_deployment_takes_is_the_sum_of_its_parts() {
        let minutes = |strategy| {
            expected_rollout_minutes(&settings(Deploy {
                strategy,
                pause: Some(30),
                ..Deploy::default()
            }))
        };
        assert_eq!(minutes(Strategy::Rolling), 0);
        assert_eq!(minutes(Strategy::BlueGreen), 35);
        assert_eq!(minutes(Strategy::Canary), 45);
        assert_eq!(minutes(Strategy::Linear), 89);
    }

    #[test]
    fn the_defaults_of_every_strategy_are_allowed() {
        for strategy in [
            Strategy::Rolling,
            Strategy::BlueGreen,
            Strategy::Canary,
            Strategy::Linear,
        ] {
            let found = broken(&settings(Deploy {
                strategy,
                ..Deploy::default()
            }));
            assert!(found.is_empty(), "{}", strategy.name());
        }
    }

    #[test]
    fn one_task_cannot_be_replaced_where_none_may_stop_and_none_may_come() {
        let one = |minimum_healthy, maximum, min| {
            let mut settings = settings(Deploy {
                minimum_healthy,
                maximum,
                ..Deploy::default()
            });
            settings.scaling.min = min;
            settings.scaling.max = min;
            !broken(&settings).is_empty()
        };
        assert!(one(100, 100, 5));
        assert!(one(50, 100, 1));
        assert!(!one(50, 100, 2));
        assert!(one(90, 110, 9));
        assert!(!one(90, 110, 10));
        assert!(!one(0, 100, 1));
    }

    proptest! {
        /// Counted as CloudFormation's reference counts: in whole percents, one less where the
        /// steps come out even.
        #[test]
        fn waits_are_what_cloudformation_counts(percent in 3_u32..=99) {
            let counted = if 100 % percent == 0 { 100 / percent - 1 } else { 100 / percent };
            prop_assert_eq!(Linear { percent, bake: 1 }.waits(), counted);
        }

        #[test]
        fn what_is_allowed_never_takes_longer_than_an_update_may(
            bake in 0_u32..=1440, pause in proptest::option::of(1_u32..=1440), grace in 0_u32..=7200,
            percent in 3_u32..=99, between in 0_u32..=1440,
            strategy in proptest::sample::select(vec![Strategy::BlueGreen, Strategy::Canary, Strategy::Linear]),
        ) {
            let mut deploy = Deploy { strategy, bake, pause, ..Deploy::default() };
            match strategy {
                Strategy::Canary => deploy.canary = Canary { percent, bake: between },
                Strategy::Linear => deploy.linear = Linear { percent, bake: between },
                Strategy::Rolling | Strategy::BlueGreen => {}
            }
            let mut settings = settings(deploy);
            settings.health.grace = grace;
            let allowed = broken(&settings).is_empty();
            let minutes = expected_rollout_minutes(&settings) + grace.div_ceil(60);
            prop_assert_eq!(allowed, minutes <= MAX_ROLLOUT_MINUTES);
        }
    }
}
