//! What is wrong with a document, each with a pointer to the place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that is wrong.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Problem {
    /// Where: a JSON pointer (RFC 6901) into the document.
    pub pointer: String,
    /// What is wrong and what would be right, as a sentence without its subject.
    pub detail: String,
}

impl Problem {
    /// A problem at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// A rule that settings break, which a schema cannot say. Pointers begin at the settings.
pub(crate) struct Broken {
    pub(crate) pointer: String,
    /// The fields that the rule looked at beside the one that it names.
    pub(crate) others: Vec<String>,
    /// A sentence without its subject.
    pub(crate) detail: String,
    /// Whether the field says nothing here: then it matters only who wrote it.
    pub(crate) unused: bool,
}

impl Broken {
    pub(crate) fn new(pointer: impl Into<String>, others: &[&str], detail: String) -> Self {
        Self {
            pointer: pointer.into(),
            others: others.iter().map(|&other| other.to_owned()).collect(),
            detail,
            unused: false,
        }
    }

    /// About a field that says nothing here.
    pub(crate) fn unused(pointer: &str, others: &[&str], detail: String) -> Self {
        Self {
            unused: true,
            ..Self::new(pointer, others, detail)
        }
    }
}

/// All that is wrong with a document, in the order of their pointers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The problems; at least one.
    pub problems: Vec<Problem>,
    /// Whether the JSON Schema refuses the document already, and not only a rule that a
    /// schema cannot say (two fields that do not go together, the platform's policy).
    pub schema: bool,
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let pointer = if problem.pointer.is_empty() {
                "/"
            } else {
                &problem.pointer
            };
            write!(f, "{pointer}: {}", problem.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A JSON pointer with one more segment, escaped as RFC 6901 says.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    format!(
        "{pointer}/{}",
        segment.replace('~', "~0").replace('/', "~1")
    )
}

/// `document` without the values at the problems' pointers; a missing or refused service
/// name is replaced by one, so that the rest can be read.
pub(crate) fn without(document: &Value, problems: &[Problem]) -> Value {
    let mut document = if document.is_object() {
        document.clone()
    } else {
        Value::Object(serde_json::Map::new())
    };
    for problem in problems {
        let Some((parent, key)) = problem.pointer.rsplit_once('/') else {
            continue;
        };
        let key = key.replace("~1", "/").replace("~0", "~");
        match document.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                fields.remove(&key);
            }
            // Positions of the other problems must stay, so an item is emptied, not removed.
            Some(Value::Array(items)) => {
                if let Some(item) = key
                    .parse::<usize>()
                    .ok()
                    .and_then(|index| items.get_mut(index))
                {
                    *item = Value::String(String::new());
                }
            }
            _ => {}
        }
    }
    if let Some(fields) = document.as_object_mut()
        && !fields.contains_key("service")
    {
        fields.insert("service".to_owned(), "unnamed".into());
    }
    document
}
