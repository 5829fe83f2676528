//! Guards of the scaler: who may tell ECS a number, and when.

use super::Guard;

pub(super) const GUARDS: &[Guard] = &[
    Guard {
        name: "what is remembered of scaling is written under its version",
        file: "shared/aws/src/registry/scaler.rs",
        text: r#"            version => update
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(version)),"#,
        without: "            _ => update,",
        package: "slipway-aws",
        test: "registry::scaler::tests::a_record_is_written_at_its_version_and_only_while_its_stack_is_there",
    },
    Guard {
        name: "nothing is remembered of a stack that is gone",
        file: "shared/aws/src/registry/scaler.rs",
        text: "vec![self.write_scaler(write)?, self.stack_is_there(write)?]",
        without: "vec![self.write_scaler(write)?]",
        package: "slipway-aws",
        test: "registry::scaler::tests::a_record_is_written_at_its_version_and_only_while_its_stack_is_there",
    },
    Guard {
        name: "what is remembered of scaling goes with its stack",
        file: "shared/aws/src/registry/save.rs",
        text: "        items.push(self.remove_scaler(service, environment)?);",
        without: "",
        package: "slipway-aws",
        test: "registry::tests::an_environment_is_forgotten_under_its_version_and_wakes_its_services_own_stack",
    },
    Guard {
        name: "who was overtaken tells ECS nothing",
        file: "shared/control/src/scaler/mod.rs",
        text: "&& !self.save(named, plan.record.clone(), kept).await?",
        without: "&& !self.save(named, plan.record.clone(), kept).await? && false",
        package: "slipway-control",
        test: "scaler::tests::together::of_two_looks_at_once_one_decides_and_ecs_has_one_number",
    },
    Guard {
        name: "a number that ECS has not heard is told again",
        file: "shared/control/src/scaler/plan.rs",
        text: "let unheard = ordered.from == live.desired;",
        without: "let unheard = false;",
        package: "slipway-control",
        test: "scaler::tests::looks::a_number_that_was_not_told_is_told_again_and_decided_once",
    },
    Guard {
        name: "while a look may still tell a number nobody decides on another",
        file: "shared/control/src/scaler/plan.rs",
        text: "} else if now < ordered.at + TOLD_AGAIN + LIFE {",
        without: "} else if false {",
        package: "slipway-control",
        test: "scaler::tests::looks::between_the_last_telling_and_the_next_decision_nothing_is_done",
    },
    Guard {
        name: "a number that somebody set by hand holds against one that is told late",
        file: "shared/control/src/scaler/plan.rs",
        text: "    if ordered.by_hand {
        return hearing_by_hand(ordered, bounds, live, now);
    }",
        without: "",
        package: "slipway-control",
        test: "scaler::tests::together::a_number_that_is_set_by_hand_wins_over_a_look_that_is_slow",
    },
    Guard {
        name: "a number that was set by hand is not taken as heard while another may come",
        file: "shared/control/src/scaler/plan.rs",
        text: "(true, false) => Hearing::Wait,",
        without: "(true, false) => Hearing::Heard,",
        package: "slipway-control",
        test: "scaler::tests::together::a_number_that_is_set_by_hand_wins_over_a_look_that_is_slow",
    },
    Guard {
        name: "bounds are left alone where they would move the number against a pause",
        file: "shared/control/src/scaler/plan.rs",
        text: "    if adds || takes {
        return (there, false);
    }",
        without: "",
        package: "slipway-control",
        test: "scaler::tests::looks::a_pause_holds_the_number_and_the_bounds",
    },
    Guard {
        name: "one message at a time asks for another look",
        file: "shared/control/src/scaler/plan.rs",
        text: "    if record.again_at.is_some_and(|at| now < at && at <= due) {
        return None;
    }",
        without: "",
        package: "slipway-control",
        test: "scaler::tests::looks::of_many_looks_one_asks_for_another",
    },
    Guard {
        name: "an alarm over foreign metrics is not ours",
        file: "shared/control/src/scaler/mod.rs",
        text: "if !site.is_measured_by(&named.measures)",
        without: "if false",
        package: "slipway-control",
        test: "scaler::tests::looks::an_alarm_over_somebody_elses_metrics_costs_one_query",
    },
];
