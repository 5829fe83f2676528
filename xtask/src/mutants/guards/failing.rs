//! Guards of the decision: what fails, how often it is tried, and whose failure it is.

use super::Guard;

pub(super) const GUARDS: &[Guard] = &[
    Guard {
        name: "a creation is tried so often",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: "(!failure.transient || attempt >= MAX_ATTEMPTS)",
        without: "!failure.transient",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_creation_that_fails_for_a_reason_that_passes_is_made_so_often",
    },
    Guard {
        name: "a creation that failed for good is not repeated",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: "(!failure.transient || attempt >= MAX_ATTEMPTS)",
        without: "attempt >= MAX_ATTEMPTS",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_creation_that_fails_for_a_reason_that_lasts_is_made_once",
    },
    Guard {
        name: "updates in vain come to an end",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: r"if self.progress.attempt >= MAX_ATTEMPTS
",
        without: r"if self.progress.attempt == u32::MAX
",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::updates_that_succeed_and_change_nothing_come_to_an_end",
    },
    Guard {
        name: "what failed is not applied again",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: "if let Some(failure) = &self.progress.failure {",
        without: "if let Some(failure) = self.progress.failure.as_ref().filter(|_| false) {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_template_that_failed_is_not_applied_again",
    },
    Guard {
        name: "a creation that takes too long is removed",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: "it.kind)) && self.is_overdue(1) {",
        without: "it.kind)) && self.is_overdue(1000) {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_creation_that_takes_too_long_is_removed_and_counts_only_for_its_own_generation",
    },
    Guard {
        name: "an older generation's creation is not the newest one's failure",
        file: "shared/control/src/reconcile/plan/present.rs",
        text: "if self.progress.attempt == 0 {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_creation_that_takes_too_long_is_removed_and_counts_only_for_its_own_generation",
    },
    Guard {
        name: "an update is tried so often",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "&& (!failure.transient || attempt >= MAX_ATTEMPTS)",
        without: "&& !failure.transient",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::an_update_that_fails_for_a_reason_that_passes_is_made_so_often",
    },
    Guard {
        name: "an update that failed for good is not repeated",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "&& (!failure.transient || attempt >= MAX_ATTEMPTS)",
        without: "&& attempt >= MAX_ATTEMPTS",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::an_update_that_fails_for_a_reason_that_lasts_is_made_once",
    },
    Guard {
        name: "a try that is made again is not told as the end",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "let is_final = !failure.transient || self.progress.attempt >= MAX_ATTEMPTS;",
        without: "let is_final = true;",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_try_that_is_made_again_is_not_told_as_the_end",
    },
    Guard {
        name: "what failed for an older generation is not held against the newest",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "if self.progress.attempt == 0 {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::what_failed_for_an_older_generation_is_removed_and_not_held_against_the_newest",
    },
    Guard {
        name: "an update is judged by its own generation",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: r"it.generation == self.progress.generation
                    && it.kind",
        without: "it.kind",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::an_update_that_was_taken_back_is_judged_by_its_own_generation",
    },
    Guard {
        name: "an update whose call may be lost is not judged",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "&& !it.is_open()",
        without: "",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::an_update_whose_call_may_be_lost_is_not_judged_by_what_failed_before",
    },
    Guard {
        name: "a deletion is tried so often before a person is asked",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "if deletions >= 2 * MAX_DELETIONS && !is_open {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_deletion_leaves_behind_what_is_stuck_and_only_after_some_tries",
    },
    Guard {
        name: "nothing is left behind before some tries",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "if deletions < MAX_DELETIONS || stuck.is_empty() {",
        without: "if stuck.is_empty() {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_deletion_leaves_behind_what_is_stuck_and_only_after_some_tries",
    },
    Guard {
        name: "only what is stuck is left behind",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "let retain = stuck.iter().map(|it| it.logical_id.clone()).collect();",
        without: r#"let retain = vec!["Service".to_owned()];"#,
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_deletion_leaves_behind_what_is_stuck_and_only_after_some_tries",
    },
    Guard {
        name: "a rollback is continued so often",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "if recoveries >= MAX_RECOVERIES && !is_open {",
        without: "if false {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_rollback_is_continued_so_often",
    },
    Guard {
        name: "the first reason of a failure stays",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: r"let transient = is_transient(&reason);
        self.progress
            .failure
            .get_or_insert(Failure {",
        without: r"let transient = is_transient(&reason);
        self.progress
            .failure
            .insert(Failure {",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::the_first_reason_of_a_failure_stays",
    },
    Guard {
        name: "what is there already does not pass by itself",
        file: "shared/control/src/reconcile/plan/failing.rs",
        text: "&& !LASTING.iter().any(|mark| reason.contains(mark))",
        without: "",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_conflict_with_what_is_there_does_not_pass_by_itself",
    },
    Guard {
        name: "a rest is kept",
        file: "shared/control/src/reconcile/plan/decide.rs",
        text: r"if self.at.now >= until {
            return ControlFlow",
        without: r"if true {
            return ControlFlow",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_rest_is_decided_once_and_kept",
    },
    Guard {
        name: "a rest is decided once",
        file: "shared/control/src/reconcile/plan/decide.rs",
        text: "*failure.not_before.get_or_insert(self.at.now + rest)",
        without: "*failure.not_before.insert(self.at.now + rest)",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::a_rest_is_decided_once_and_kept",
    },
    Guard {
        name: "a status waits for its events",
        file: "shared/control/src/reconcile/plan/decide.rs",
        text: "self.observed.failure.is_none() && !self.is_overdue(1)",
        without: "false",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::nothing_is_decided_on_a_status_that_the_events_do_not_bear_out_yet",
    },
    Guard {
        name: "events that never come are not waited for",
        file: "shared/control/src/reconcile/plan/decide.rs",
        text: "self.observed.failure.is_none() && !self.is_overdue(1)",
        without: "self.observed.failure.is_none()",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::nothing_is_decided_on_a_status_that_the_events_do_not_bear_out_yet",
    },
    Guard {
        name: "what takes far too long is shown to a person",
        file: "shared/control/src/reconcile/plan/decide.rs",
        text: "let stuck = self.is_overdue(2);",
        without: "let stuck = false;",
        package: "slipway-control",
        test: "reconcile::tests::guards::failing::what_takes_far_too_long_is_shown_to_a_person",
    },
];
