//! What went wrong, and what to do, in words.

use slipway_domain::Evidence;

use super::sheet::Sheet;
use super::tone::Tone;

/// The most lines of a log that are shown.
const LOG: usize = 10;

/// What was found around a failure: a section for each kind, indented below what it is about.
pub(crate) fn evidence(evidence: &Evidence, sheet: Sheet) -> String {
    let mut out = String::new();
    for (title, entries) in [
        ("resources that failed:", &evidence.resources),
        ("tasks that stopped:", &evidence.tasks),
        ("targets that are not healthy:", &evidence.targets),
    ] {
        if !entries.is_empty() {
            out.push_str(&sheet.paragraph(2, (Tone::Plain, title), ""));
        }
        for entry in entries {
            out.push_str(&sheet.paragraph(4, (Tone::Plain, ""), entry));
        }
    }
    let log = &evidence.log;
    if !log.is_empty() {
        let title = "the last lines of a task's log:";
        out.push_str(&sheet.paragraph(2, (Tone::Plain, title), ""));
        for line in &log[log.len().saturating_sub(LOG)..] {
            out.push_str(&sheet.verbatim(4, line));
        }
    }
    out
}

/// What a person should do.
pub(crate) fn advice(advice: &str, sheet: Sheet) -> String {
    sheet.paragraph(2, (Tone::Bad, "what to do:"), advice)
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;

    #[test]
    fn each_kind_of_evidence_has_its_section_and_what_is_missing_has_none() {
        let sheet = Sheet {
            paint: Paint(false),
            width: None,
        };
        let found = Evidence {
            resources: vec!["Service (AWS::ECS::Service): did not stabilize".to_owned()],
            tasks: vec!["Essential container in task exited; app: exit code 1".to_owned()],
            targets: Vec::new(),
            log: (1..=12).map(|n| format!("line {n}")).collect(),
        };
        let shown = evidence(&found, sheet);
        assert!(shown.contains("    line 3\n") && !shown.contains("line 2\n"));
        let few = Evidence {
            log: vec!["boom".to_owned()],
            ..found
        };
        expect![[r#"
            It failed.
              resources that failed:
                Service (AWS::ECS::Service): did not stabilize
              tasks that stopped:
                Essential container in task exited; app: exit code 1
              the last lines of a task's log:
                boom
        "#]]
        .assert_eq(&format!("It failed.\n{}", evidence(&few, sheet)));
        assert_eq!(evidence(&Evidence::default(), sheet), "");
    }
}
