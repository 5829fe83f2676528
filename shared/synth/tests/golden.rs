//! The golden templates: `tests/golden/<case>/manifest.yaml` and what is rendered from it.
//!
//! They are the specification of this crate. A change of rendering shows as a change of
//! these files; `UPDATE_EXPECT=1 cargo test -p slipway-synth` rewrites them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
#[path = "house_rules/mod.rs"]
mod house_rules;

use std::collections::BTreeSet;

use cases::{Case, cases};
use expect_test::expect_file;
use slipway_synth::{RunState, environment_stack, service_stack};

#[test]
fn every_case_renders_as_it_did() {
    for case in cases() {
        for (file, template) in case.stacks() {
            expect_file![case.folder.join(file)].assert_eq(&template.to_pretty());
        }
    }
}

#[test]
fn no_case_has_a_file_that_nothing_renders() {
    for case in cases() {
        let mut expected: BTreeSet<String> = case.stacks().into_iter().map(|(f, _)| f).collect();
        expected.insert("manifest.yaml".to_owned());
        let found: BTreeSet<String> = std::fs::read_dir(&case.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|file| file != "platform.json")
            .collect();
        assert_eq!(found, expected, "{}", case.folder.display());
    }
}

#[test]
fn every_case_keeps_the_house_rules() {
    for Case {
        manifest,
        platform,
        folder,
    } in &cases()
    {
        let broken = house_rules::broken(manifest, platform);
        assert!(broken.is_empty(), "{}: {broken:#?}", folder.display());
    }
}

#[test]
fn without_an_image_there_is_no_environment_stack() {
    let waiting = cases()
        .into_iter()
        .find(|c| c.folder.ends_with("waiting"))
        .unwrap();
    let prod = &waiting.platform.environment;
    let effective = waiting.manifest.effective(prod, prod).unwrap();
    assert_eq!(
        environment_stack(&effective, &waiting.platform, &RunState::default()),
        None
    );
    assert_eq!(
        service_stack(&waiting.manifest, &waiting.platform)
            .resources()
            .count(),
        1
    );
}
