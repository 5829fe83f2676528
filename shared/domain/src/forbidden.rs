//! Texts that CloudFormation would act upon, refused wherever a user may write.
//!
//! Values of a manifest are data. A dynamic reference (`{{resolve:…}}`) is expanded by
//! CloudFormation in any string of a template, and would hand a team any secret that the
//! deploying role can read; intrinsic functions are refused so that nobody believes they work.

use serde_json::Value;

use crate::problem::{Problem, join};

const MARKS: [(&str, &str); 8] = [
    (
        "{{resolve:",
        "a dynamic reference of CloudFormation (`{{resolve:`)",
    ),
    (
        "${AWS::",
        "a pseudo parameter of CloudFormation (`${AWS::`)",
    ),
    ("Fn::", "an intrinsic function of CloudFormation (`Fn::`)"),
    ("!Ref ", "an intrinsic function of CloudFormation (`!Ref`)"),
    ("!Sub ", "an intrinsic function of CloudFormation (`!Sub`)"),
    (
        "!GetAtt ",
        "an intrinsic function of CloudFormation (`!GetAtt`)",
    ),
    (
        "!ImportValue ",
        "an intrinsic function of CloudFormation (`!ImportValue`)",
    ),
    ("\0", "a NUL character"),
];

/// Every string of `document`, keys too, that holds something CloudFormation would act upon.
pub fn find(document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(document, "", &mut problems);
    problems
}

fn walk(value: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    match value {
        Value::String(text) => check(text, pointer, problems),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), problems);
            }
        }
        Value::Object(fields) => {
            for (key, item) in fields {
                let pointer = join(pointer, key);
                check(key, &pointer, problems);
                walk(item, &pointer, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn check(text: &str, pointer: &str, problems: &mut Vec<Problem>) {
    if let Some((_, what)) = MARKS.iter().find(|(mark, _)| text.contains(mark)) {
        problems.push(Problem::new(
            pointer,
            format!("holds {what}; values are plain data: write the value itself, or name a secret under `secrets`"),
        ));
    }
}
