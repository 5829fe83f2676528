//! Plans and deletions as text.

use std::collections::BTreeMap;

use slipway_control::view::{DeletionView, PlanAction, PlanView};
use slipway_synth::{Action, Kept};

use super::tone::{Paint, Tone};

/// What a manifest would change.
pub(crate) fn plan(plan: &PlanView, paint: Paint) -> String {
    let mut out = vec![format!(
        "{} {}\n",
        plan.service,
        match plan.action {
            PlanAction::Create => "would be registered",
            PlanAction::Update => "would be changed",
            PlanAction::None => "is as the manifest says",
        }
    )];
    for problem in &plan.obstacles {
        let pointer = if problem.pointer.is_empty() {
            "/"
        } else {
            &problem.pointer
        };
        out.push(format!(
            "{} {pointer}: {}\n",
            paint.on(Tone::Bad, "obstacle:"),
            problem.detail
        ));
    }
    for (name, stack) in &plan.stacks {
        out.push(format!("\n{name} {}\n", stack.summary));
        for change in &stack.changes {
            let (mark, tone) = match change.action {
                Action::Add => ("+", Tone::Good),
                Action::Change => ("~", Tone::Busy),
                Action::Remove => ("-", Tone::Bad),
            };
            out.push(format!(
                "  {} {}  {}\n",
                paint.on(tone, mark),
                change.logical_id,
                change.resource_type
            ));
        }
    }
    out.concat()
}

/// What a deletion removes and keeps.
pub(crate) fn deletion(deletion: &DeletionView) -> String {
    let mut out = vec![format!("{} is being deleted\n", deletion.service)];
    for (kind, count) in &deletion.removed {
        out.push(format!("  - {count} × {kind}\n"));
    }
    out.push(kept(&deletion.kept));
    out.concat()
}

/// What stays, and the command that removes each.
pub(crate) fn kept(kept: &[Kept]) -> String {
    if kept.is_empty() {
        return "nothing is kept\n".to_owned();
    }
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for it in kept {
        by_kind.entry(&it.resource_type).or_default().push(&it.name);
    }
    let mut out = vec!["kept, because it holds data:\n".to_owned()];
    for (kind, names) in by_kind {
        for name in names {
            out.push(format!("  {kind}  {name}\n"));
            if let Some(command) = removal(kind, name) {
                out.push(format!("    to remove it: {command}\n"));
            }
        }
    }
    out.concat()
}

fn removal(kind: &str, name: &str) -> Option<String> {
    match kind {
        "AWS::ECR::Repository" => Some(format!(
            "aws ecr delete-repository --force --repository-name {name}"
        )),
        "AWS::Logs::LogGroup" => Some(format!("aws logs delete-log-group --log-group-name {name}")),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;
    use serde_json::json;

    #[test]
    fn a_plan_names_each_resource_and_what_stands_in_the_way() {
        let view: PlanView = serde_json::from_value(json!({
            "service": "orders", "action": "update",
            "obstacles": [{"pointer": "/path", "detail": "gives the path `/x`, which belongs to `y/prod`"}],
            "stacks": {
                "p--orders": {"summary": "stays as it is", "changes": []},
                "p--orders--prod": {"summary": "is updated", "changes": [
                    {"logical_id": "Task", "resource_type": "AWS::ECS::TaskDefinition", "action": "change"},
                    {"logical_id": "Old", "resource_type": "AWS::Logs::LogGroup", "action": "remove"},
                ]},
            },
        }))
        .unwrap();
        expect![[r#"
            orders would be changed
            obstacle: /path: gives the path `/x`, which belongs to `y/prod`

            p--orders stays as it is

            p--orders--prod is updated
              ~ Task  AWS::ECS::TaskDefinition
              - Old  AWS::Logs::LogGroup
        "#]]
        .assert_eq(&plan(&view, Paint(false)));
    }

    #[test]
    fn a_deletion_tells_what_stays_and_how_to_remove_it() {
        let view: DeletionView = serde_json::from_value(json!({
            "service": "orders",
            "kept": [
                {"resource_type": "AWS::Logs::LogGroup", "name": "/aws/ecs/p-orders-prod"},
                {"resource_type": "AWS::ECR::Repository", "name": "p-orders-prod"},
            ],
            "removed": {"AWS::ECS::Service": 1, "AWS::IAM::Role": 2},
        }))
        .unwrap();
        expect![[r#"
            orders is being deleted
              - 1 × AWS::ECS::Service
              - 2 × AWS::IAM::Role
            kept, because it holds data:
              AWS::ECR::Repository  p-orders-prod
                to remove it: aws ecr delete-repository --force --repository-name p-orders-prod
              AWS::Logs::LogGroup  /aws/ecs/p-orders-prod
                to remove it: aws logs delete-log-group --log-group-name /aws/ecs/p-orders-prod
        "#]]
        .assert_eq(&deletion(&view));
    }
}
