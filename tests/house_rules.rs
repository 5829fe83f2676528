//! Every valid manifest renders to templates that keep the house rules.

#[path = "../shared/synth/tests/house_rules/mod.rs"]
mod rules;

use proptest::prelude::*;
use serde_json::Value;
use slipway_domain::{Manifest, Platform};
use slipway_synth::{RunState, environment_stack, service_stack};
use slipway_tests::manifests::valid_manifest;

fn read(document: &Value) -> Result<Manifest, TestCaseError> {
    let fail = |problems: slipway_domain::Problems| TestCaseError::fail(problems.to_string());
    let manifest = Manifest::read(document).map_err(fail)?;
    manifest.check_on(&Platform::sample()).map_err(fail)?;
    Ok(manifest)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_manifest_is_valid_and_its_stacks_keep_the_house_rules(document in valid_manifest()) {
        let broken = rules::broken(&read(&document)?, &Platform::sample());
        prop_assert!(broken.is_empty(), "{broken:#?}");
    }

    #[test]
    fn a_stored_manifest_renders_as_the_one_that_was_sent(document in valid_manifest()) {
        let platform = Platform::sample();
        let sent = read(&document)?;
        let stored = read(&serde_json::to_value(&sent).map_err(|e| TestCaseError::fail(e.to_string()))?)?;
        prop_assert_eq!(service_stack(&sent, &platform), service_stack(&stored, &platform));
        for name in sent.environments(&platform.environment) {
            let render = |manifest: &Manifest| {
                let effective = manifest.effective(&name, &platform.environment)?;
                environment_stack(&effective, &platform, &RunState::default())
            };
            prop_assert_eq!(render(&sent), render(&stored));
        }
    }
}
