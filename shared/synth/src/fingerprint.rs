//! What this version renders, in one word.
//!
//! Two versions of the control plane that render the same have the same fingerprint, and no
//! stack need be looked at when one replaces the other. It is made from the digests of a fixed
//! set of manifests that together use every field (a test holds that), on the platform's own
//! values: those change templates too.

use slipway_domain::{Manifest, Platform, balancer};

use crate::environment_stack::{RunState, environment_stack};
use crate::service_stack::service_stack;
use crate::template::sha256;

/// The manifests, in JSON.
const SAMPLES: &str = include_str!("fingerprint.samples.json");

/// The fingerprint of what this version renders on `platform`: lower-case hexadecimal SHA-256.
pub fn fingerprint(platform: &Platform) -> String {
    // What the control plane registers by itself no sample can say.
    let own = balancer::all_shared().take(1);
    let own = own.filter_map(|name| balancer::registered(&name).map(balancer::manifest));
    let digests: Vec<String> = samples()
        .into_iter()
        .chain(own)
        .collect::<Vec<_>>()
        .iter()
        .flat_map(|manifest| digests(manifest, platform))
        .collect();
    sha256(digests.join(" ").as_bytes())
}

/// The samples do not pass the manifest's checks on each start of a function; a test does that.
fn samples() -> Vec<Manifest> {
    serde_json::from_str(SAMPLES).unwrap_or_default()
}

fn digests(manifest: &Manifest, platform: &Platform) -> Vec<String> {
    let default = &platform.environment;
    let mut digests = Vec::new();
    if manifest.settings.kind.has_repository() {
        digests.push(service_stack(manifest, platform).digest().to_owned());
    }
    for name in manifest.environments(default) {
        let effective = manifest.effective(&name, default);
        let stack = effective.and_then(|it| environment_stack(&it, platform, &RunState::default()));
        digests.extend(stack.map(|stack| stack.digest().to_owned()));
    }
    digests
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_samples_are_manifests_and_every_one_is_rendered() {
        let documents: Vec<Value> = serde_json::from_str(SAMPLES).unwrap();
        let read: Vec<Manifest> = documents
            .iter()
            .map(|document| Manifest::read(document).unwrap())
            .collect();
        assert_eq!(read, samples());
        let platform = Platform::sample();
        let all: Vec<String> = read.iter().flat_map(|it| digests(it, &platform)).collect();
        let environments: usize = read
            .iter()
            .map(|it| it.environments(&platform.environment).len())
            .sum();
        let repositories = read.iter().filter(|it| it.settings.kind.has_repository());
        assert_eq!(all.len(), repositories.count() + environments);
        assert_eq!(all.len(), all.iter().collect::<BTreeSet<_>>().len());
    }

    /// The pointers of all fields of a schema, and the values of those that have only some.
    fn fields(schema: &Value, root: &Value, at: &str, found: &mut BTreeSet<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let target = root.pointer(name.trim_start_matches('#')).unwrap();
            return fields(target, root, at, found);
        }
        let options = schema["enum"].as_array().into_iter().flatten();
        for option in options.filter(|it| it.is_string()) {
            found.insert(format!("{at}={}", option.as_str().unwrap()));
        }
        for choice in schema["oneOf"].as_array().into_iter().flatten() {
            if let Some(value) = choice["const"].as_str() {
                found.insert(format!("{at}={value}"));
            }
            fields(choice, root, at, found);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            fields(property, root, &at, found);
            found.insert(at);
        }
    }

    /// The pointers of all fields of a document, and their texts.
    fn used(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        if let Some(text) = value.as_str() {
            found.insert(format!("{at}={text}"));
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            let at = format!("{at}/{name}");
            used(value, &at, found);
            found.insert(at);
        }
    }

    #[test]
    fn the_samples_use_every_field_and_every_choice() {
        let schema = slipway_domain::schema::manifest();
        let (mut all, mut seen) = (BTreeSet::new(), BTreeSet::new());
        fields(schema, schema, "", &mut all);
        for document in serde_json::from_str::<Vec<Value>>(SAMPLES).unwrap() {
            used(&document, "", &mut seen);
        }
        assert!(all.len() > 40, "{all:?}");
        let missing: Vec<&String> = all.difference(&seen).collect();
        assert!(
            missing.is_empty(),
            "put into fingerprint.samples.json: {missing:?}"
        );
    }

    #[test]
    fn the_fingerprint_stays_and_moves_with_the_platforms_values() {
        let platform = Platform::sample();
        let fingerprint = fingerprint(&platform);
        assert_eq!(fingerprint, super::fingerprint(&platform));
        assert_eq!(fingerprint.len(), 64);
        let moved = Platform {
            vpc: "vpc-2".to_owned(),
            ..platform
        };
        assert_ne!(fingerprint, super::fingerprint(&moved));
    }
}
