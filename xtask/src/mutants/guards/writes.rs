//! Guards of what is written: the conditions of the registry in memory, which mirror the real
//! one's, and the numbers that they rest on.

use super::Guard;

pub(super) const GUARDS: &[Guard] = &[
    Guard {
        name: "in memory: a stack is written under its version",
        file: "shared/control/src/fake/registry/work.rs",
        text: "if self.version(&write.service, scope) != Some(write.record.version) {",
        without: "if self.version(&write.service, scope).is_none() {",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_stack_is_written_under_the_version_that_was_read",
    },
    Guard {
        name: "in memory: an environment is forgotten under its version",
        file: "shared/control/src/fake/registry/work.rs",
        text: "if self.version(service, &scope) != Some(record.version) {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::an_environment_is_forgotten_under_the_version_that_was_read",
    },
    Guard {
        name: "in memory: a service is forgotten under its stack's version",
        file: "shared/control/src/fake/registry/work.rs",
        text: r"if self.version(name, &Scope::Service) != Some(record.version)
            || generation",
        without: "if generation",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_service_is_forgotten_at_the_generation_and_the_version_that_were_read",
    },
    Guard {
        name: "in memory: a service is forgotten at its generation",
        file: "shared/control/src/fake/registry/work.rs",
        text: r"
            || generation != Some(service.generation)",
        without: "",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_service_is_forgotten_at_the_generation_and_the_version_that_were_read",
    },
    Guard {
        name: "in memory: a change is committed at its generation",
        file: "shared/control/src/fake/registry/work.rs",
        text: "if state.map(|state| state.service.generation) != change.from || !stacks_fit {",
        without: "if !stacks_fit {",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_change_is_committed_at_the_generation_that_was_read",
    },
    Guard {
        name: "in memory: a change is committed while its stacks are there",
        file: "shared/control/src/fake/registry/work.rs",
        text: "!= change.from || !stacks_fit {",
        without: "!= change.from {",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_change_is_committed_only_while_its_stacks_are_there",
    },
    Guard {
        name: "in memory: a path has one owner",
        file: "shared/control/src/fake/registry/work.rs",
        text: ".filter(|holder| *holder != owner)",
        without: ".filter(|_| false)",
        package: "slipway-control",
        test: "services::tests::a_name_and_a_path_have_one_owner_and_a_loser_leaves_nothing",
    },
    Guard {
        name: "in memory: a key is answered once",
        file: "shared/control/src/fake/registry/work.rs",
        text: "&& earlier.expires_at >= change.at",
        without: "&& earlier.expires_at < change.at",
        package: "slipway-control",
        test: "services::tests::the_same_key_gives_the_same_answer_and_another_request_under_it_is_refused",
    },
    Guard {
        name: "in memory: so many slots",
        file: "shared/control/src/fake/registry/work.rs",
        text: "if !self.holders.contains(stack) && self.holders.len() >= max_operations {",
        without: "if max_operations == 0 {",
        package: "slipway-control",
        test: "reconcile::tests::journeys::never_more_stack_operations_than_slots_and_all_come_to_their_turn",
    },
    Guard {
        name: "a record that is made again bears no version of an earlier life",
        file: "shared/control/src/change.rs",
        text: "u64::try_from(at.as_millisecond()).unwrap_or(1).max(1)",
        without: "u64::try_from(at.as_millisecond()).unwrap_or(1).min(1)",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::a_record_that_is_made_again_bears_no_version_of_an_earlier_life",
    },
    Guard {
        name: "deployments are in order whatever clocks say",
        file: "shared/control/src/change.rs",
        text: "Some(before) if before >= id =>",
        without: "Some(before) if before == id =>",
        package: "slipway-control",
        test: "reconcile::tests::guards::writes::deployments_are_in_order_whatever_the_callers_clocks_say",
    },
    Guard {
        name: "in memory: an upgrade is written under its version",
        file: "shared/control/src/fake/upgrade.rs",
        text: "if version != record.version {",
        without: "if false {",
        package: "slipway-control",
        test: "upgrade::tests::faults::of_two_sweeps_at_once_one_wins",
    },
];
