//! CloudFormation's calls that read stacks: the emulator's answers, with what is not visible yet
//! hidden, and with the original types of what stands in.

use anyhow::Result;

use crate::companion::{Companion, Incoming};
use crate::operations::{Kind, Visible};
use crate::upstream::Answer;
use crate::xml::{self, Edits};

impl Companion {
    pub(crate) async fn describe_stacks(&self, incoming: &Incoming) -> Result<Answer> {
        let named = incoming.intent.parameter("StackName").is_some();
        let answer = self.by_id(incoming).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let text = answer.text();
        let document = xml::parse(&text)?;
        let region = &incoming.intent.region;
        let in_flight = self.operations.in_region(region);
        let mut edits = Edits::default();
        let mut seen = Vec::new();
        for stack in xml::members(&document, "Stacks") {
            let id = xml::text(stack, "StackId");
            seen.push(id);
            self.mask(&mut edits, stack, in_flight.iter().find(|it| it.id == id));
            self.mask_stack_drift(&mut edits, stack);
        }
        // The emulator has deleted these already.
        let list = document
            .descendants()
            .find(|node| node.tag_name().name() == "Stacks");
        if let Some(list) = list.filter(|_| !named && in_flight.iter().any(deletes)) {
            let end = list.range().end - "</Stacks>".len();
            for deleted in in_flight.iter().filter(|it| deletes(it)) {
                if !seen.contains(&deleted.id.as_str()) {
                    edits.insert(end, self.masked_member(deleted, "Stacks").await?);
                }
            }
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    pub(crate) async fn list_stacks(&self, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let wanted = intent.members("StackStatusFilter");
        // The emulator must not filter by what is hidden.
        let mut form = intent.form.clone();
        form.retain(|(key, _)| !key.starts_with("StackStatusFilter"));
        let upstream = self.upstream.in_region(&intent.region);
        let answer = upstream.form("cloudformation", &form).await?;
        let text = answer.text();
        let document = xml::parse(&text)?;
        let in_flight = self.operations.in_region(&intent.region);
        let mut edits = Edits::default();
        for stack in xml::members(&document, "StackSummaries") {
            let id = xml::text(stack, "StackId");
            let operation = in_flight.iter().find(|it| it.id == id);
            let status =
                operation.map_or_else(|| xml::text(stack, "StackStatus"), |it| it.status.as_str());
            if !wanted.is_empty() && !wanted.contains(&status) {
                edits.remove(stack);
                continue;
            }
            self.mask_stack_drift(&mut edits, stack);
            if let Some(operation) = operation {
                edits.set(stack, "StackStatus", &operation.status);
                edits.set(
                    stack,
                    "StackStatusReason",
                    &self.in_words(&operation.reason),
                );
            }
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    pub(crate) async fn describe_stack_events(&self, incoming: &Incoming) -> Result<Answer> {
        let answer = self.by_id(incoming).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let text = answer.text();
        let document = xml::parse(&text)?;
        let region = &incoming.intent.region;
        let in_flight = self.operations.in_region(region);
        let mut edits = Edits::default();
        for event in xml::members(&document, "StackEvents") {
            let (stack, id) = (xml::text(event, "StackId"), xml::text(event, "EventId"));
            let shown = self.operations.shown(id);
            // The emulator may have gone on since: what was not shown is still to come.
            let to_come = shown.is_none() && in_flight.iter().any(|it| it.id == stack);
            if to_come || self.operations.suppressed(id) {
                edits.remove(event);
                continue;
            }
            if let Some(shown) = shown {
                let time = shown.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
                edits.set(event, "Timestamp", &time);
            }
            let reason = xml::text(event, "ResourceStatusReason");
            let words = self.in_words(reason);
            if words != reason {
                edits.set(event, "ResourceStatusReason", &words);
            }
            self.name_original(&mut edits, event, region, xml::text(event, "StackName"));
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    pub(crate) async fn describe_stack_resources(&self, incoming: &Incoming) -> Result<Answer> {
        let answer = self.by_id(incoming).await?;
        if !answer.status.is_success() {
            return Ok(answer);
        }
        let text = answer.text();
        let document = xml::parse(&text)?;
        let region = &incoming.intent.region;
        let asked = incoming.intent.parameter("StackName").unwrap_or_default();
        let in_flight = self.operations.of(asked, region);
        let lists = incoming.intent.operation == "ListStackResources";
        let reasons = if lists && in_flight.is_none() {
            self.reasons(incoming).await?
        } else {
            Vec::new()
        };
        let asked = asked.split('/').nth(1).unwrap_or(asked);
        let mut edits = Edits::default();
        for resource in document.descendants() {
            if xml::child(resource, "LogicalResourceId").is_some() {
                let named = xml::text(resource, "StackName");
                let stack = if named.is_empty() { asked } else { named };
                self.name_original(&mut edits, resource, region, stack);
                if let Some((_, reason)) = reasons.iter().find(|(id, _)| {
                    id == xml::text(resource, "LogicalResourceId") && !id.is_empty()
                }) {
                    edits.set(resource, "ResourceStatusReason", reason);
                }
                if let Some(operation) = &in_flight {
                    mask_resource(&mut edits, resource, operation);
                }
            }
        }
        Ok(Answer {
            body: edits.apply(&text).into(),
            ..answer
        })
    }

    /// Why resources stand as they do, by logical id: the emulator lists them without that.
    async fn reasons(&self, incoming: &Incoming) -> Result<Vec<(String, String)>> {
        let upstream = self.upstream.in_region(&incoming.intent.region);
        let stack = incoming.intent.parameter("StackName").unwrap_or_default();
        let which = [("StackName", stack)];
        let answer = upstream
            .query("cloudformation", "DescribeStackResources", &which)
            .await?;
        let text = answer.text();
        let document = xml::parse(&text)?;
        Ok(xml::members(&document, "StackResources")
            .into_iter()
            .map(|it| {
                let part = |name| xml::text(it, name).to_owned();
                (part("LogicalResourceId"), part("ResourceStatusReason"))
            })
            .filter(|(_, reason)| !reason.is_empty())
            .collect())
    }

    /// Asks by id for a stack that is being deleted: the emulator knows its name no more.
    pub(crate) async fn by_id(&self, incoming: &Incoming) -> Result<Answer> {
        let intent = &incoming.intent;
        let in_flight = intent
            .parameter("StackName")
            .and_then(|stack| self.operations.of(stack, &intent.region));
        let Some(in_flight) = in_flight else {
            return self.forward(incoming).await;
        };
        let mut form = intent.form.clone();
        for (key, value) in &mut form {
            if key == "StackName" {
                value.clone_from(&in_flight.id);
            }
        }
        self.upstream
            .in_region(&intent.region)
            .form("cloudformation", &form)
            .await
    }

    async fn masked_member(&self, operation: &Visible, list: &str) -> Result<String> {
        let parameters = [("StackName", operation.id.as_str())];
        let upstream = self.upstream.in_region(&operation.region);
        let answer = upstream
            .query("cloudformation", "DescribeStacks", &parameters)
            .await?;
        let text = answer.text();
        let document = xml::parse(&text)?;
        let mut edits = Edits::default();
        let Some(member) = xml::members(&document, list).into_iter().next() else {
            return Ok(String::new());
        };
        self.mask(&mut edits, member, Some(operation));
        let masked = edits.apply(&text);
        let document = xml::parse(&masked)?;
        let member = xml::members(&document, list).into_iter().next();
        Ok(member
            .map(|member| masked[member.range()].to_owned())
            .unwrap_or_default())
    }

    /// Shows of a stack what its operation has reached.
    fn mask(&self, edits: &mut Edits, stack: roxmltree::Node<'_, '_>, operation: Option<&Visible>) {
        let Some(operation) = operation else {
            let reason = xml::text(stack, "StackStatusReason");
            let words = self.in_words(reason);
            if words != reason {
                edits.set(stack, "StackStatusReason", &words);
            }
            return;
        };
        edits.set(stack, "StackStatus", &operation.status);
        edits.set(
            stack,
            "StackStatusReason",
            &self.in_words(&operation.reason),
        );
        let outputs = if operation.outputs.is_empty() {
            "<Outputs></Outputs>".to_owned()
        } else {
            operation.outputs.clone()
        };
        edits.put(stack, "Outputs", outputs);
    }

    fn name_original(
        &self,
        edits: &mut Edits,
        node: roxmltree::Node<'_, '_>,
        region: &str,
        stack: &str,
    ) {
        let logical_id = xml::text(node, "LogicalResourceId");
        if let Some(original) = self.stood_in.original(region, stack, logical_id) {
            edits.set(node, "ResourceType", &original.kind);
            if !xml::text(node, "PhysicalResourceId").is_empty() {
                edits.set(node, "PhysicalResourceId", &original.id);
            }
        }
    }
}

/// Shows of a resource what its stack's operation has reached.
fn mask_resource(edits: &mut Edits, resource: roxmltree::Node<'_, '_>, operation: &Visible) {
    let logical_id = xml::text(resource, "LogicalResourceId");
    match operation.resources.get(logical_id) {
        Some((status, reason)) => {
            edits.set(resource, "ResourceStatus", status);
            if !reason.is_empty() {
                edits.set(resource, "ResourceStatusReason", reason);
            }
        }
        // Its turn has not come yet.
        None if operation.kind == Kind::Create => edits.remove(resource),
        None => {}
    }
}

fn deletes(operation: &Visible) -> bool {
    operation.kind == Kind::Delete
}
