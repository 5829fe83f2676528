//! Drift: what a stack's resources are compared with takes time here as on AWS.
//!
//! The emulator compares what it has (`python/drift.py`); scalable targets, for which the
//! companion answers, are compared here with what their template says.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::bus;
use crate::companion::{Companion, Incoming};
use crate::stacks::refuse;
use crate::stood_in::StoodDrift;
use crate::upstream::{Answer, Upstream};
use crate::wire::{self, escape};
use crate::xml::{self, Edits};

/// The statuses of a stack in which its drift can be detected (user guide, "Detect drift on an
/// entire CloudFormation stack").
const DETECTABLE: [&str; 4] = [
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_FAILED",
];

/// Every detection, and what it found.
#[derive(Debug, Default)]
pub(crate) struct Drifts {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    detections: HashMap<String, Detection>,
    /// What the newest detection of a stack found of its scalable targets, in sync or not.
    stood_in: HashMap<String, Vec<StoodDrift>>,
}

#[derive(Debug, Clone)]
struct Detection {
    stack: String,
    at: Timestamp,
    found: Found,
}

#[derive(Debug, Clone)]
enum Found {
    NotYet,
    Failed(String),
    /// How many resources have drifted.
    Drifted(usize),
}

impl Drifts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the newest detection found of a stack's scalable targets.
    pub(crate) fn stood_in(&self, stack: &str) -> Vec<StoodDrift> {
        self.state()
            .stood_in
            .get(stack)
            .cloned()
            .unwrap_or_default()
    }
}

impl Companion {
    pub(crate) async fn detect_stack_drift(
        self: &Arc<Self>,
        incoming: &Incoming,
    ) -> Result<Answer> {
        let intent = &incoming.intent;
        let name = intent.parameter("StackName").unwrap_or_default();
        let Some(stack) = self.stack(intent, name).await? else {
            let message = format!("Stack [{name}] does not exist");
            return Ok(refuse(intent, "ValidationError", &message));
        };
        if !DETECTABLE.contains(&stack.status.as_str()) {
            let message = format!(
                "Drift detection cannot be performed on stack [{}] in status {}",
                stack.id, stack.status
            );
            return Ok(refuse(intent, "ValidationError", &message));
        }
        let id = detection_id();
        let detection = Detection {
            stack: stack.id.clone(),
            at: crate::clock::now(),
            found: Found::NotYet,
        };
        {
            let mut state = self.drifts.state();
            let in_progress =
                |it: &Detection| it.stack == stack.id && matches!(it.found, Found::NotYet);
            if state.detections.values().any(in_progress) {
                let message = format!(
                    "Drift detection is already in progress for stack [{}]",
                    stack.id
                );
                return Ok(refuse(intent, "ValidationError", &message));
            }
            state.detections.insert(id.clone(), detection);
        }
        let (companion, upstream) = (self.clone(), self.upstream.in_region(&intent.region));
        let (key, delay) = (id.clone(), self.delay);
        self.spawn(async move {
            tokio::time::sleep(delay).await;
            let found = companion.compare(&upstream, &stack.id).await;
            let found = found.unwrap_or_else(|error| Found::Failed(error.to_string()));
            if let Some(detection) = companion.drifts.state().detections.get_mut(&key) {
                detection.found = found.clone();
            }
            if let Found::Drifted(count) = found {
                let (region, account) = (upstream.region(), &companion.account);
                let event = bus::drift_detected(&stack.id, &key, count, region, account);
                companion.emit(&event, region);
            }
        });
        let result = format!("<StackDriftDetectionId>{id}</StackDriftDetectionId>");
        Ok(wire::result("DetectStackDrift", &result))
    }

    /// Compares all that a stack has with what it should be.
    async fn compare(&self, upstream: &Upstream, stack: &str) -> Result<Found> {
        let ask = [("StackName", stack)];
        let begun = upstream
            .query("cloudformation", "DetectStackDrift", &ask)
            .await?
            .success()?;
        let id = xml::find(&begun.text(), "StackDriftDetectionId").context("no detection")?;
        let ask = [("StackDriftDetectionId", id.as_str())];
        let operation = "DescribeStackDriftDetectionStatus";
        let text = upstream
            .query("cloudformation", operation, &ask)
            .await?
            .success()?
            .text();
        let drifted = xml::find(&text, "DriftedStackResourceCount").unwrap_or_default();
        let stood_in = self.stood_in.drifts(upstream.region(), stack);
        let changed = stood_in.iter().filter(|it| it.drifted()).count();
        self.drifts
            .state()
            .stood_in
            .insert(stack.to_owned(), stood_in);
        Ok(Found::Drifted(drifted.parse().unwrap_or(0) + changed))
    }

    pub(crate) fn drift_detection_status(&self, incoming: &Incoming) -> Answer {
        let intent = &incoming.intent;
        let id = intent
            .parameter("StackDriftDetectionId")
            .unwrap_or_default();
        let Some(detection) = self.drifts.state().detections.get(id).cloned() else {
            let message = format!("Drift detection with id [{id}] does not exist");
            return refuse(intent, "ValidationError", &message);
        };
        let rest = match detection.found {
            Found::NotYet => "<DetectionStatus>DETECTION_IN_PROGRESS</DetectionStatus>".to_owned(),
            Found::Failed(reason) => format!(
                "<DetectionStatus>DETECTION_FAILED</DetectionStatus>\
                 <DetectionStatusReason>{}</DetectionStatusReason>",
                escape(&reason)
            ),
            Found::Drifted(count) => format!(
                "<DetectionStatus>DETECTION_COMPLETE</DetectionStatus>\
                 <StackDriftStatus>{}</StackDriftStatus>\
                 <DriftedStackResourceCount>{count}</DriftedStackResourceCount>",
                if count == 0 { "IN_SYNC" } else { "DRIFTED" }
            ),
        };
        let result = format!(
            "<StackId>{}</StackId><StackDriftDetectionId>{id}</StackDriftDetectionId>{rest}\
             <Timestamp>{}</Timestamp>",
            detection.stack,
            time(detection.at)
        );
        wire::result("DescribeStackDriftDetectionStatus", &result)
    }

    pub(crate) async fn stack_resource_drifts(&self, incoming: &Incoming) -> Result<Answer> {
        let answer = self.by_id(incoming).await?;
        let intent = &incoming.intent;
        let name = intent.parameter("StackName").unwrap_or_default();
        let stack = self.stack(intent, name).await?;
        let Some(stack) = stack.filter(|_| answer.status.is_success()) else {
            return Ok(answer);
        };
        let text = answer.text();
        let document = xml::parse(&text)?;
        let wanted = intent.members("StackResourceDriftStatusFilters");
        let members: String = self
            .drifts
            .stood_in(&stack.id)
            .iter()
            .filter(|it| wanted.is_empty() || wanted.contains(&it.status))
            .map(|it| member(&stack.id, it))
            .collect();
        let mut edits = Edits::default();
        let list = document
            .descendants()
            .find(|node| node.tag_name().name() == "StackResourceDrifts");
        // On the last page only.
        if let Some(list) = list.filter(|_| xml::find(&text, "NextToken").is_none()) {
            edits.insert(list.range().end - "</StackResourceDrifts>".len(), members);
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    /// Shows on a stack what was found of its scalable targets.
    pub(crate) fn mask_stack_drift(&self, edits: &mut Edits, stack: roxmltree::Node<'_, '_>) {
        let found = self.drifts.stood_in(xml::text(stack, "StackId"));
        if let Some(drift) = xml::child(stack, "DriftInformation")
            && found.iter().any(StoodDrift::drifted)
        {
            edits.set(drift, "StackDriftStatus", "DRIFTED");
        }
    }
}

fn member(stack: &str, drift: &StoodDrift) -> String {
    let mut differences = String::new();
    for (name, expected, actual) in &drift.differences {
        // Writing to a String cannot fail.
        let _ = write!(
            differences,
            "<member><PropertyPath>/{name}</PropertyPath>\
             <ExpectedValue>{expected}</ExpectedValue><ActualValue>{actual}</ActualValue>\
             <DifferenceType>NOT_EQUAL</DifferenceType></member>"
        );
    }
    format!(
        "<member><StackId>{stack}</StackId><LogicalResourceId>{}</LogicalResourceId>\
         <PhysicalResourceId>{}</PhysicalResourceId><ResourceType>{}</ResourceType>\
         <StackResourceDriftStatus>{}</StackResourceDriftStatus><Timestamp>{}</Timestamp>\
         <PropertyDifferences>{differences}</PropertyDifferences></member>",
        drift.logical_id,
        escape(&drift.physical_id),
        crate::stand_ins::SCALABLE_TARGET,
        drift.status,
        time(crate::clock::now()),
    )
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A new id in the form of a UUID.
fn detection_id() -> String {
    let hex = crate::python::hex(&fastrand::u128(..).to_be_bytes());
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
