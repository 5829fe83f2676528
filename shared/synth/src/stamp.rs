//! The stamp: two hashes in one resource's metadata.
//!
//! A change of outputs or of deletion policies alone is "no updates" to CloudFormation. The
//! stamp changes with them, on a resource that is updated without interruption, and so lets
//! them through. It holds no version and no time: a release of Slipway that renders the same
//! template does not touch the stack.

use serde_json::{Value, json};

use crate::template::{Template, sha256};

/// Stamps `logical_id` with the hashes of what the template was rendered from, and of the
/// template itself before the stamp.
pub(crate) fn put(template: &mut Template, logical_id: &str, manifest: &Value) {
    let stamp = json!({
        "Slipway": {
            "Manifest": sha256(manifest.to_string().as_bytes()),
            "Template": template.hash(),
        },
    });
    if let Some(resource) = template.resource_mut(logical_id) {
        resource.insert("Metadata".to_owned(), stamp);
    }
}
