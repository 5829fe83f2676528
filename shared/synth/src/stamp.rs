//! The stamp: two hashes in one resource's metadata, and the template's hash as an output.
//!
//! A change of outputs or of deletion policies alone is "no updates" to CloudFormation. The
//! stamp changes with them, on a resource that is updated without interruption, and so lets
//! them through. It holds no version and no time: a release of Slipway that renders the same
//! template does not touch the stack.
//!
//! The output lets a look at a stack tell what was applied to it: an update that is taken
//! back takes its output back too, so nothing need be remembered.

use serde_json::{Value, json};

/// The output that holds the hash of the template that was applied ([`Template::digest`]).
pub const DIGEST_OUTPUT: &str = "Template";

use crate::template::{Template, sha256};

/// Stamps `logical_id` with the hashes of what the template was rendered from, and of the
/// template itself before the stamp.
pub(crate) fn put(template: &mut Template, logical_id: &str, manifest: &Value) {
    let mut stamp = json!({"Slipway": {"Manifest": sha256(manifest.to_string().as_bytes())}});
    template.set_metadata(logical_id, stamp.clone());
    // With the manifest's hash: what changes only the stack's tags, as a team does, is an update.
    let digest = template.hash();
    stamp["Slipway"]["Template"] = digest.as_str().into();
    template.set_metadata(logical_id, stamp);
    template.set_output(DIGEST_OUTPUT, json!({"Value": digest}));
}
