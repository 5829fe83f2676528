//! What would change in a stack: a resource a line, what the change does to it, and where.

use slipway_synth::{Action, Change, Effect};

use super::sheet::Sheet;
use super::tone::Tone;

/// The resources that would change, each with a mark: `+` added, `~` changed in place, `!` with
/// interruption, `±` replaced, `-` deleted, `=` kept.
pub(crate) fn changes(changes: &[Change], sheet: Sheet) -> String {
    changes.iter().map(|it| change(it, sheet)).collect()
}

fn change(change: &Change, sheet: Sheet) -> String {
    let (mark, tone, effect) = match (change.action, change.effect) {
        (Action::Add, _) => ("+", Tone::Good, ""),
        (Action::Change, None | Some(Effect::InPlace)) => ("~", Tone::Busy, ""),
        (Action::Change, Some(Effect::Interruption)) => ("!", Tone::Bad, ", with interruption"),
        (Action::Change, Some(Effect::Replacement)) => ("±", Tone::Busy, ", replaced"),
        (Action::Remove, _) => ("-", Tone::Bad, ""),
        (Action::Keep, _) => ("=", Tone::Busy, ""),
    };
    let mut out = vec![format!(
        "  {} {}  {}{effect}\n",
        sheet.paint.on(tone, mark),
        change.logical_id,
        change.resource_type
    )];
    if !change.properties.is_empty() {
        let more = match change.further {
            0 => String::new(),
            further => format!(" and {further} more"),
        };
        let text = format!("{}{more}", change.properties.join(", "));
        out.push(sheet.paragraph(6, (Tone::Plain, ""), &text));
    }
    if let Some(note) = &change.note {
        out.push(sheet.paragraph(6, (Tone::Plain, ""), note));
    }
    out.concat()
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::{Value, json};

    /// The changes below a line, without which the indentation would not be compared.
    fn drawn(document: Value, width: Option<usize>) -> String {
        let sheet = Sheet {
            paint: Paint(false),
            width,
        };
        let found: Vec<Change> = serde_json::from_value(document).unwrap();
        format!("stack\n{}", changes(&found, sheet))
    }

    #[test]
    fn each_effect_has_its_mark_and_what_matters_is_said_in_words() {
        let found = json!([
            {"logical_id": "LogGroup", "resource_type": "AWS::Logs::LogGroup", "action": "change",
                "effect": "replacement", "properties": ["/LogGroupName"],
                "note": "A new log group takes its place, empty at first."},
            {"logical_id": "Group", "resource_type": "AWS::EC2::SecurityGroup", "action": "change",
                "effect": "interruption", "properties": ["/SecurityGroupEgress/0/FromPort"],
                "note": "Connections may fail for a moment."},
            {"logical_id": "Service", "resource_type": "AWS::ECS::Service", "action": "change",
                "effect": "in-place", "properties": ["/A", "/B", "/C", "/D", "/E"], "further": 7},
            {"logical_id": "New", "resource_type": "AWS::IAM::Role", "action": "add"},
            {"logical_id": "Old", "resource_type": "AWS::IAM::Role", "action": "remove"},
            {"logical_id": "Kept", "resource_type": "AWS::Logs::LogGroup", "action": "keep"},
        ]);
        expect![[r#"
            stack
              ± LogGroup  AWS::Logs::LogGroup, replaced
                  /LogGroupName
                  A new log group takes its place, empty at first.
              ! Group  AWS::EC2::SecurityGroup, with interruption
                  /SecurityGroupEgress/0/FromPort
                  Connections may fail for a moment.
              ~ Service  AWS::ECS::Service
                  /A, /B, /C, /D, /E and 7 more
              + New  AWS::IAM::Role
              - Old  AWS::IAM::Role
              = Kept  AWS::Logs::LogGroup
        "#]]
        .assert_eq(&drawn(found, None));
    }

    #[test]
    fn an_answer_that_knows_no_effects_is_drawn_without() {
        let found = json!([{"logical_id": "Service", "resource_type": "AWS::ECS::Service", "action": "change"}]);
        assert_eq!(
            drawn(found, None),
            "stack\n  ~ Service  AWS::ECS::Service\n"
        );
    }

    #[test]
    fn words_are_broken_where_the_terminal_ends() {
        let found = json!([{"logical_id": "It", "resource_type": "AWS::ECS::TaskDefinition",
            "action": "change", "effect": "replacement", "properties": ["/Cpu", "/Memory"],
            "note": "New tasks take the place of the old ones, without interruption."}]);
        expect![[r#"
            stack
              ± It  AWS::ECS::TaskDefinition, replaced
                  /Cpu, /Memory
                  New tasks take the place of the
                    old ones, without interruption.
        "#]]
        .assert_eq(&drawn(found, Some(40)));
    }
}
