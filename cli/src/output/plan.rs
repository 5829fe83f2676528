//! Plans and deletions as text.

use slipway_control::view::{DeletionView, PlanAction, PlanView};
use slipway_synth::Kept;

use super::sheet::Sheet;
use super::tone::Tone;
use super::{changes, checks, cost};

/// What a manifest would change.
pub(crate) fn plan(plan: &PlanView, sheet: Sheet) -> String {
    let title = format!(
        "{} {}",
        plan.service,
        match plan.action {
            PlanAction::Create => "would be registered",
            PlanAction::Update => "would be changed",
            PlanAction::None => "is as the manifest says",
        }
    );
    titled(&title, plan, sheet)
}

/// A plan under a title: what stands in its way, what was checked, what would change, and what
/// it costs.
pub(crate) fn titled(title: &str, plan: &PlanView, sheet: Sheet) -> String {
    let mut out = vec![format!("{title}\n")];
    for problem in &plan.obstacles {
        let pointer = if problem.pointer.is_empty() {
            "/"
        } else {
            &problem.pointer
        };
        let text = format!("{pointer}: {}", problem.detail);
        out.push(sheet.paragraph(0, (Tone::Bad, "obstacle:"), &text));
    }
    if !plan.checks.is_empty() {
        out.push("\nchecks\n".to_owned());
        out.push(checks::checks(&plan.checks, sheet));
    }
    for (name, stack) in &plan.stacks {
        out.push(format!("\n{name} {}\n", stack.summary));
        out.push(changes::changes(&stack.changes, sheet));
    }
    out.push("\n".to_owned());
    out.push(cost::cost(&plan.cost, sheet));
    out.concat()
}

/// What a deletion removes and keeps.
pub(crate) fn deletion(deletion: &DeletionView, region: &str) -> String {
    let mut out = vec![format!("{} is being deleted\n", deletion.service)];
    for (kind, count) in &deletion.removed {
        out.push(format!("  - {count} × {kind}\n"));
    }
    out.push(kept(&deletion.kept, region));
    out.concat()
}

/// What stays, and the commands that remove it.
pub(crate) fn kept(kept: &[Kept], region: &str) -> String {
    if kept.is_empty() {
        return "nothing is kept\n".to_owned();
    }
    let mut kept: Vec<&Kept> = kept.iter().collect();
    kept.sort_by_key(|it| (&it.resource_type, &it.name));
    let mut out = vec!["kept, because it holds data:\n".to_owned()];
    out.extend(
        kept.iter()
            .map(|it| format!("  {}  {}\n", it.resource_type, it.name)),
    );
    out.push("to remove that too, once the stacks are gone:\n".to_owned());
    out.extend(
        kept.iter()
            .filter_map(|it| removal(it))
            .map(|it| format!("  {it} --region {region}\n")),
    );
    out.concat()
}

fn removal(kept: &Kept) -> Option<String> {
    let name = &kept.name;
    match kept.resource_type.as_str() {
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
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::json;

    const PIPE: Sheet = Sheet {
        paint: Paint(false),
        width: None,
    };

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
            "checks": [
                {"check": "image", "environment": "prod", "verdict": "passed", "message": "`nginx:1` is there.", "pointer": "/image"},
                {"check": "secrets", "environment": "prod", "verdict": "failed", "message": "There is no parameter `/x`.", "pointer": "/secrets/X"},
                {"check": "quota", "verdict": "unknown", "message": "The quotas cannot be read."},
            ],
            "cost": {"monthly_usd": "53.73", "at_most_usd": "128.35", "lines": [], "prices_of": "us-east-1"},
        }))
        .unwrap();
        expect![[r#"
            orders would be changed
            obstacle: /path: gives the path `/x`, which belongs to `y/prod`

            checks
              ✓ prod image: `nginx:1` is there.
              ✗ prod secrets: There is no parameter `/x`. (/secrets/X)
              ? quota: The quotas cannot be read.

            p--orders stays as it is

            p--orders--prod is updated
              ~ Task  AWS::ECS::TaskDefinition
              - Old  AWS::Logs::LogGroup

            cost per month, estimated; at most, with the most tasks that scaling allows
              COMPONENT  QUANTITY  USD/MONTH  AT MOST  ASSUMED

              total                    53.73   128.35
            prices: us-east-1
        "#]]
        .assert_eq(&plan(&view, PIPE));
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
              AWS::Logs::LogGroup  /aws/ecs/p-orders-prod
            to remove that too, once the stacks are gone:
              aws ecr delete-repository --force --repository-name p-orders-prod --region eu-west-1
              aws logs delete-log-group --log-group-name /aws/ecs/p-orders-prod --region eu-west-1
        "#]]
        .assert_eq(&deletion(&view, "eu-west-1"));
    }
}
