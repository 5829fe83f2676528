//! Change sets: made in a moment at the emulator, in stages here; and the imports of types that
//! the emulator cannot import.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bus;
use crate::checks::Submitted;
use crate::companion::{Companion, Incoming};
use crate::operations::Kind;
use crate::run::Before;
use crate::stacks::{not_updatable, refuse, updatable};
use crate::stood_in::StoodDrift;
use crate::upstream::Answer;
use crate::xml::{self, Edits};
use crate::yaml;

/// A change set is ready after this part of a stack operation's delay.
const PART: u32 = 4;

/// What is known of change sets beside the emulator, by their ids.
#[derive(Debug, Default)]
pub(crate) struct ChangeSets {
    by_id: Mutex<HashMap<String, ChangeSet>>,
}

#[derive(Debug, Clone)]
struct ChangeSet {
    made: Instant,
    takes: Duration,
    /// Why it cannot be executed.
    failed: Option<String>,
    /// The logical ids of what it takes over.
    imported: Vec<String>,
    /// Whether it brings back what others changed.
    reverts: bool,
}

impl ChangeSet {
    /// The status before the emulator's own is to be seen.
    fn stage(&self) -> Option<&'static str> {
        let age = self.made.elapsed();
        if age < self.takes / 3 {
            Some("CREATE_PENDING")
        } else if age < self.takes {
            Some("CREATE_IN_PROGRESS")
        } else {
            None
        }
    }
}

impl ChangeSets {
    fn by_id(&self) -> MutexGuard<'_, HashMap<String, ChangeSet>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<ChangeSet> {
        self.by_id().get(id).cloned()
    }
}

impl Companion {
    pub(crate) async fn create_change_set(self: &Arc<Self>, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let name = intent.parameter("StackName").unwrap_or_default();
        let _turn = self.turn(name).await;
        let before = self.stack(intent, name).await?;
        let creates = intent.parameter("ChangeSetType") == Some("CREATE");
        let review = |status: &str| status == "REVIEW_IN_PROGRESS";
        if let Some(before) = before.as_ref().filter(|before| !review(&before.status)) {
            if creates {
                let set = intent.parameter("ChangeSetName").unwrap_or_default();
                let message = format!(
                    "Stack [{name}] already exists and cannot be created again with the \
                     changeSet [{set}]."
                );
                return Ok(refuse(intent, "ValidationError", &message));
            }
            if !updatable(&before.status) {
                return Ok(refuse(intent, "ValidationError", &not_updatable(before)));
            }
        }
        let (imported, failed) = self.imports(incoming).await?;
        let mut form = match self.submit(incoming, before.as_ref()).await? {
            Submitted::Refused(answer) => return Ok(answer),
            Submitted::Form(form) => form,
        };
        let reverts = intent.parameter("DeploymentMode") == Some("REVERT_DRIFT");
        if let Some(before) = before.as_ref().filter(|_| reverts) {
            let drifts = self.stood_in.drifts(&intent.region, &before.id);
            let drifted = drifts.into_iter().filter(StoodDrift::drifted);
            form.extend(
                (1..)
                    .zip(drifted)
                    .map(|(n, drift)| (format!("SlipwayDrifted.member.{n}"), drift.logical_id)),
            );
        }
        let upstream = self.upstream.in_region(&intent.region);
        let answer = upstream.form("cloudformation", &form).await?;
        let text = answer.text();
        if let Some(id) = xml::find(&text, "Id").filter(|_| answer.status.is_success()) {
            let takes = self.delay / PART;
            let set = ChangeSet {
                made: Instant::now(),
                takes,
                failed,
                imported,
                reverts,
            };
            self.change_sets.by_id().insert(id, set);
            if let Some(stack) = xml::find(&text, "StackId").filter(|_| before.is_none()) {
                self.announce_review(&stack, &intent.region).await?;
            }
        }
        Ok(answer)
    }

    /// A new stack waits for its change set; that is no operation, but an event.
    async fn announce_review(self: &Arc<Self>, stack: &str, region: &str) -> Result<()> {
        let upstream = self.upstream.in_region(region);
        let parameters = [("StackName", stack)];
        let answer = upstream
            .query("cloudformation", "DescribeStackEvents", &parameters)
            .await?;
        let text = answer.text();
        let document = xml::parse(&text)?;
        for event in xml::members(&document, "StackEvents") {
            self.operations.note(xml::text(event, "EventId"));
        }
        let status = "REVIEW_IN_PROGRESS";
        let event = bus::stack_status(stack, status, "User Initiated", region, &self.account);
        self.emit(&event, region);
        Ok(())
    }

    /// What a change set takes over, and why it cannot.
    async fn imports(&self, incoming: &Incoming) -> Result<(Vec<String>, Option<String>)> {
        let intent = &incoming.intent;
        let template = intent
            .parameter("TemplateBody")
            .and_then(|body| yaml::parse(body).ok());
        let Some(template) =
            template.filter(|_| intent.parameter("ImportExistingResources") == Some("true"))
        else {
            return Ok((Vec::new(), None));
        };
        let existing = self.existing(intent, &template).await?;
        let affected: Vec<String> = existing
            .iter()
            .filter(|named| !named.retained)
            .map(|named| format!("{} ({})", named.logical_id, named.name))
            .collect();
        let failed = (!affected.is_empty()).then(|| {
            format!(
                "CloudFormation is attempting to import some resources because they already exist \
                 in your account. The resources must have the DeletionPolicy attribute set to \
                 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The \
                 affected resources are {}",
                affected.join(", ")
            )
        });
        Ok((
            existing.into_iter().map(|named| named.logical_id).collect(),
            failed,
        ))
    }

    pub(crate) async fn execute_change_set(
        self: &Arc<Self>,
        incoming: &Incoming,
    ) -> Result<Answer> {
        let intent = &incoming.intent;
        let described = self.emulators_change_set(incoming).await?;
        let text = described.text();
        let (Some(id), Some(stack)) =
            (xml::find(&text, "ChangeSetId"), xml::find(&text, "StackId"))
        else {
            return self.forward(incoming).await;
        };
        let _turn = self
            .turn(&xml::find(&text, "StackName").unwrap_or_default())
            .await;
        if let Some(answer) = self.tokens.check(intent, &stack) {
            return Ok(answer);
        }
        let known = self.change_sets.get(&id);
        let stage = known.as_ref().and_then(ChangeSet::stage);
        let failed = known
            .as_ref()
            .and_then(|set| set.failed.as_ref())
            .map(|_| "FAILED");
        if let Some(status) = stage.or(failed) {
            let message =
                format!("ChangeSet [{id}] cannot be executed in its current status of [{status}]");
            return Ok(refuse(intent, "InvalidChangeSetStatus", &message));
        }
        let before = self.stack(intent, &stack).await?;
        let is_new = |status: &str| status == "REVIEW_IN_PROGRESS";
        if let Some(before) = &before
            && !is_new(&before.status)
            && !updatable(&before.status)
        {
            return Ok(refuse(intent, "ValidationError", &not_updatable(before)));
        }
        let new = before.as_ref().is_some_and(|before| is_new(&before.status));
        let kind = if new { Kind::Create } else { Kind::Update };
        let before = Before {
            stack: before,
            id: Some(&stack),
            reverts: known.is_some_and(|set| set.reverts),
        };
        self.run(incoming, &named(&intent.form), kind, before).await
    }

    /// A call about change sets that needs nothing else: the emulator finds them by the stack's
    /// name only, AWS by its id too.
    pub(crate) async fn by_stack_name(&self, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let upstream = self.upstream.in_region(&intent.region);
        upstream.form("cloudformation", &named(&intent.form)).await
    }

    pub(crate) async fn describe_change_set(&self, incoming: &Incoming) -> Result<Answer> {
        let answer = self.by_stack_name(incoming).await?;
        let text = answer.text();
        let Some(id) = xml::find(&text, "ChangeSetId").filter(|_| answer.status.is_success())
        else {
            return Ok(answer);
        };
        let document = xml::parse(&text)?;
        let mut edits = Edits::default();
        let region = &incoming.intent.region;
        let stack = xml::find(&text, "StackName").unwrap_or_default();
        for change in document
            .descendants()
            .filter(|node| node.has_tag_name_local("ResourceChange"))
        {
            let logical_id = xml::text(change, "LogicalResourceId");
            if let Some(original) = self.stood_in.original(region, &stack, logical_id) {
                edits.set(change, "ResourceType", &original.kind);
            }
            if self
                .change_sets
                .get(&id)
                .is_some_and(|set| set.imported.iter().any(|imported| imported == logical_id))
            {
                edits.set(change, "Action", "Import");
            }
        }
        if let Some(set) = self.change_sets.get(&id)
            && let Some(result) = document
                .descendants()
                .find(|node| node.has_tag_name_local("DescribeChangeSetResult"))
        {
            let failed = set.failed.as_deref();
            if set.reverts {
                edits.set(result, "DeploymentMode", "REVERT_DRIFT");
            }
            if let Some(status) = set.stage().or(failed.map(|_| "FAILED")) {
                let reason = if status == "FAILED" {
                    failed.unwrap_or_default()
                } else {
                    ""
                };
                edits.set(result, "Status", status);
                edits.set(result, "StatusReason", reason);
                edits.set(result, "ExecutionStatus", "UNAVAILABLE");
                edits.put(result, "Changes", "<Changes></Changes>".to_owned());
            }
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    async fn emulators_change_set(&self, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let mut form = vec![("Action".to_owned(), "DescribeChangeSet".to_owned())];
        form.extend(
            named(&intent.form)
                .into_iter()
                .filter(|(key, _)| key == "ChangeSetName" || key == "StackName"),
        );
        let upstream = self.upstream.in_region(&intent.region);
        upstream.form("cloudformation", &form).await
    }
}

/// A form in which the stack goes by its name instead of its id.
fn named(form: &[(String, String)]) -> Vec<(String, String)> {
    let mut form = form.to_vec();
    for (key, value) in &mut form {
        if key == "StackName"
            && let Some(name) = value
                .strip_prefix("arn:")
                .and_then(|id| id.split('/').nth(1))
        {
            *value = name.to_owned();
        }
    }
    form
}

/// Elements are found by their local names: AWS's namespace says nothing.
trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for roxmltree::Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.tag_name().name() == name
    }
}
