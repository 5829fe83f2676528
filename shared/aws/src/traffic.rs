//! Where a rule sends traffic: its weights over two target groups.

use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Rule};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{PortResult, TrafficReader, TrafficRule};
use slipway_synth::Weights;

use crate::cloudformation::CloudFormation;
use crate::error::port_error;

/// Stacks and the traffic of what runs in them are asked of one.
impl TrafficReader for CloudFormation {
    async fn weights(&self, rule: TrafficRule<'_>) -> PortResult<Option<Weights>> {
        let call = self.balancing.describe_rules().rule_arns(rule.rule).send();
        match call.await {
            Ok(answer) => Ok(answer
                .rules()
                .first()
                .and_then(|found| weights_of(found, rule))),
            Err(error) if error.code() == Some("RuleNotFound") => Ok(None),
            Err(error) => Err(port_error("elasticloadbalancing:DescribeRules", error)),
        }
    }

    async fn awaits_promotion(&self, cluster: &str, service: &str) -> PortResult<bool> {
        let pause = self.ecs.pause(cluster, service).await?;
        Ok(pause.is_some())
    }
}

fn weights_of(rule: &Rule, groups: TrafficRule<'_>) -> Option<Weights> {
    let shares: Vec<(&str, u16)> = rule.actions().iter().flat_map(shares_of).collect();
    let is_ours = |group: &str| group == groups.first || group == groups.second;
    let weight = |group: &str| -> u16 {
        let shares = shares.iter().filter(|(it, _)| *it == group);
        shares.map(|(_, weight)| weight).sum()
    };
    let is_known = !shares.is_empty() && shares.iter().all(|(group, _)| is_ours(group));
    is_known.then(|| Weights {
        first: weight(groups.first),
        second: weight(groups.second),
    })
}

/// The groups of a forwarding action. One alone has all of the traffic, whatever its weight.
fn shares_of(action: &Action) -> Vec<(&str, u16)> {
    if action.r#type() != Some(&ActionTypeEnum::Forward) {
        return Vec::new();
    }
    let config = action.forward_config();
    let shares: Vec<(&str, u16)> = config
        .into_iter()
        .flat_map(aws_sdk_elasticloadbalancingv2::types::ForwardActionConfig::target_groups)
        .filter_map(|tuple| {
            let weight = u16::try_from(tuple.weight().unwrap_or(1)).unwrap_or(0);
            Some((tuple.target_group_arn()?, weight))
        })
        .collect();
    match (shares.as_slice(), action.target_group_arn()) {
        ([(group, _)], _) => vec![(*group, 100)],
        ([], Some(group)) => vec![(group, 100)],
        _ => shares,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{ForwardActionConfig, TargetGroupTuple};

    use super::*;

    const GROUPS: TrafficRule<'_> = TrafficRule {
        rule: "rule",
        first: "first",
        second: "second",
    };

    fn rule(shares: &[(&str, i32)]) -> Rule {
        let tuples = shares.iter().map(|(group, weight)| {
            TargetGroupTuple::builder()
                .target_group_arn(*group)
                .weight(*weight)
                .build()
        });
        let config = ForwardActionConfig::builder()
            .set_target_groups(Some(tuples.collect()))
            .build();
        let action = Action::builder().r#type(ActionTypeEnum::Forward);
        Rule::builder()
            .actions(action.forward_config(config).build())
            .build()
    }

    #[test]
    fn weights_are_told_by_group_whatever_their_order() {
        let found = weights_of(&rule(&[("second", 95), ("first", 5)]), GROUPS);
        assert_eq!(
            found,
            Some(Weights {
                first: 5,
                second: 95
            })
        );
    }

    #[test]
    fn a_group_that_is_alone_has_all_of_the_traffic() {
        let found = weights_of(&rule(&[("second", 1)]), GROUPS);
        assert_eq!(found, Some(Weights::SECOND));
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn("first");
        let plain = Rule::builder().actions(action.build()).build();
        assert_eq!(weights_of(&plain, GROUPS), Some(Weights::FIRST));
    }

    #[test]
    fn traffic_that_goes_elsewhere_has_no_weights() {
        assert_eq!(
            weights_of(&rule(&[("first", 1), ("third", 1)]), GROUPS),
            None
        );
        let action = Action::builder().r#type(ActionTypeEnum::FixedResponse);
        let fixed = Rule::builder().actions(action.build()).build();
        assert_eq!(weights_of(&fixed, GROUPS), None);
    }
}
