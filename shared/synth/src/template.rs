//! A rendered template: ordered JSON and what can be asked of it.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::stamp::DIGEST_OUTPUT;

/// The most bytes that `CreateStack`, `UpdateStack` and `CreateChangeSet` take as
/// `TemplateBody`; a larger template goes through a bucket (at most 1 MB).
pub const INLINE_LIMIT: usize = 51_200;

/// A rendered CloudFormation template. Its keys keep the order in which they were rendered.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Template(Value);

impl Template {
    pub(crate) fn new(description: &str, resources: Map<String, Value>, outputs: Value) -> Self {
        let parts = [
            ("AWSTemplateFormatVersion", "2010-09-09".into()),
            ("Description", description.into()),
            ("Resources", Value::Object(resources)),
            ("Outputs", outputs),
        ];
        let parts = parts.map(|(key, part)| (key.to_owned(), part));
        Self(parts.into_iter().collect())
    }

    /// A template of nothing: what a stack that is to go is compared with.
    pub fn empty() -> Self {
        Self::new("", Map::new(), Value::Object(Map::new()))
    }

    /// The compact form, which is what CloudFormation is sent.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// The form that people read, with a newline at its end.
    pub fn to_pretty(&self) -> String {
        format!("{:#}\n", self.0)
    }

    /// Lower-case hexadecimal SHA-256 of [`Self::to_json`].
    ///
    /// A desired count is part of the bytes. To know whether a stack is up to date, compare
    /// templates that were rendered without one: the count is the scaler's once it runs.
    pub fn hash(&self) -> String {
        sha256(self.to_json().as_bytes())
    }

    /// The template as JSON.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// The resources by logical id, in the order of the template.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["Resources"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, resource)| (id.as_str(), resource))
    }

    /// The resource of a logical id.
    pub fn resource(&self, logical_id: &str) -> Option<&Value> {
        self.0["Resources"].get(logical_id)
    }

    /// The hash of the template before its stamp, which the stack carries as an output: a
    /// stack with this output is up to date. It does not depend on a desired count.
    pub fn digest(&self) -> &str {
        self.0["Outputs"][DIGEST_OUTPUT]["Value"]
            .as_str()
            .unwrap_or_default()
    }

    pub(crate) fn set_output(&mut self, name: &str, output: Value) {
        if let Some(outputs) = self.0["Outputs"].as_object_mut() {
            outputs.insert(name.to_owned(), output);
        }
    }

    /// What `change` makes of the template.
    pub(crate) fn rewritten(self, change: impl FnOnce(Value) -> Value) -> Self {
        Self(change(self.0))
    }

    pub(crate) fn set_metadata(&mut self, logical_id: &str, metadata: Value) {
        if let Some(resource) = self.resource_mut(logical_id) {
            resource.insert("Metadata".to_owned(), metadata);
        }
    }

    pub(crate) fn resource_mut(&mut self, logical_id: &str) -> Option<&mut Map<String, Value>> {
        self.0["Resources"].get_mut(logical_id)?.as_object_mut()
    }
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a `String` does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_is_the_sha_256_of_the_bytes_that_are_sent() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let template = Template::new("a", Map::new(), json!({}));
        assert_eq!(template.hash(), sha256(template.to_json().as_bytes()));
        assert_eq!(
            template.to_json(),
            r#"{"AWSTemplateFormatVersion":"2010-09-09","Description":"a","Resources":{},"Outputs":{}}"#
        );
    }
}
