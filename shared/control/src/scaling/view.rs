//! Scaling as the API shows it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::Scaling;
use slipway_scaling::{Bounds, Decision, Verdict};

use crate::ports::{Live, Override};

/// The scaling of an environment: what is wanted, what is, and what was decided last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScalingView {
    /// Where it stands, in a few sentences.
    pub summary: String,
    /// The manifest's `scaling`, as it is for this environment.
    pub policy: Scaling,
    /// What runs just now; absent where nothing does, or where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<ScalingLive>,
    /// Bounds that hold for a time in place of the manifest's.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub held: Option<OverrideView>,
    /// Since when the service sleeps, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub asleep_since: Option<Timestamp>,
    /// The last decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<DecisionView>,
}

/// What runs of an environment just now, as scaling sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScalingLive {
    /// Tasks that ECS is to run.
    pub desired: u32,
    /// Tasks that run.
    pub running: u32,
    /// The fewest tasks just now: the scalable target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// The most tasks just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// What is paused.
    pub paused: PausedView,
    /// Whether a deployment runs: no task is taken away meanwhile.
    pub deploying: bool,
}

/// What of scaling is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PausedView {
    /// No task is added.
    pub out: bool,
    /// No task is taken away.
    pub r#in: bool,
}

/// Bounds that hold for a time in place of the manifest's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OverrideView {
    /// The fewest tasks meanwhile.
    pub min: u32,
    /// The most tasks meanwhile.
    pub max: u32,
    /// Until when; then the manifest's come back.
    #[schemars(with = "String")]
    pub until: Timestamp,
    /// Who asked for it: the caller's ARN.
    pub by: String,
}

/// A decision: how many tasks there are to be, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// What was done.
    pub verdict: VerdictView,
    /// How many tasks ECS was to run.
    pub from: u32,
    /// How many it is to run from then on.
    pub to: u32,
    /// Why, in a sentence or two.
    pub summary: String,
    /// What each signal said.
    pub reasons: Vec<ReasonView>,
}

/// What a decision does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictView {
    /// More tasks.
    Out,
    /// Fewer tasks.
    In,
    /// As many as before.
    Hold,
    /// The last tasks go: the service sleeps.
    Sleep,
}

/// What one signal said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonView {
    /// The signal or rule, in one word, such as `cpu`, `cooldown` or `by-hand`.
    pub signal: String,
    /// How many tasks it asks for; absent where it has no opinion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<u32>,
    /// What was seen and what follows, in words, with the numbers.
    pub says: String,
}

impl From<&Live> for ScalingLive {
    fn from(live: &Live) -> Self {
        Self {
            desired: live.desired,
            running: live.running,
            min: live.bounds.map(|(min, _)| min),
            max: live.bounds.map(|(_, max)| max),
            paused: PausedView {
                out: live.paused.out,
                r#in: live.paused.inwards,
            },
            deploying: live.deploying,
        }
    }
}

impl From<&Override> for OverrideView {
    fn from(held: &Override) -> Self {
        let Bounds { min, max } = held.bounds;
        Self {
            min,
            max,
            until: held.until,
            by: held.by.clone(),
        }
    }
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        let reasons = decision.reasons.into_iter();
        Self {
            at: decision.at,
            verdict: match decision.verdict {
                Verdict::Out => VerdictView::Out,
                Verdict::In => VerdictView::In,
                Verdict::Hold => VerdictView::Hold,
                Verdict::Sleep => VerdictView::Sleep,
            },
            from: decision.from,
            to: decision.to,
            summary: decision.summary,
            reasons: reasons
                .map(|reason| ReasonView {
                    signal: reason.signal,
                    wants: reason.wants,
                    says: reason.says,
                })
                .collect(),
        }
    }
}
