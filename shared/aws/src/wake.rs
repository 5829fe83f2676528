//! The rule that leads to the waker while a service sleeps, and whether a target answers again.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, PathPatternConditionConfig, Rule, RuleCondition,
    Tag, TagDescription, TargetHealthStateEnum,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::ports::{Owner, PortResult, WakeRules};
use slipway_domain::PlatformName;
use slipway_synth::WAKE_PRIORITY;

use crate::ecs::Ecs;
use crate::error::port_error;

/// What Elastic Load Balancing says of what is gone.
const GONE: [&str; 3] = ["ListenerNotFound", "RuleNotFound", "TargetGroupNotFound"];

/// How the names of the waker's target groups begin, in an ARN.
const WAKERS: &str = ":targetgroup/slipway-wake-";

impl WakeRules for Ecs {
    async fn put_wake_rule(
        &self,
        listener: &str,
        group: &str,
        platform: &PlatformName,
    ) -> PortResult<bool> {
        for rule in self.wake_rules(listener).await? {
            if leads_to(&rule).any(|it| it == group) {
                return Ok(true);
            }
            self.delete(&rule).await?;
        }
        let condition = RuleCondition::builder()
            .field("path-pattern")
            .path_pattern_config(PathPatternConditionConfig::builder().values("/*").build());
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn(group);
        let tag = Tag::builder()
            .key("slipway:platform")
            .value(platform.as_str());
        let call = self
            .balancing
            .create_rule()
            .listener_arn(listener)
            .priority(i32::try_from(WAKE_PRIORITY).unwrap_or(1))
            .conditions(condition.build())
            .actions(action.build())
            .tags(tag.build());
        match call.send().await {
            Ok(_) => Ok(true),
            // Somebody else put it at the same moment; or another rule has its place.
            Err(error) if error.code() == Some("PriorityInUse") => {
                let rules = self.wake_rules(listener).await?;
                Ok(rules
                    .iter()
                    .any(|rule| leads_to(rule).any(|it| it == group)))
            }
            Err(error) if error.code().is_some_and(|it| GONE.contains(&it)) => Ok(false),
            Err(error) => Err(port_error(CREATE, error)),
        }
    }

    async fn remove_wake_rule(&self, listener: &str) -> PortResult<()> {
        for rule in self.wake_rules(listener).await? {
            self.delete(&rule).await?;
        }
        Ok(())
    }

    async fn is_answered(&self, groups: &[String]) -> PortResult<bool> {
        for group in groups {
            let call = self
                .balancing
                .describe_target_health()
                .target_group_arn(group);
            let answer = match call.send().await {
                Ok(answer) => answer,
                Err(error) if error.code().is_some_and(|it| GONE.contains(&it)) => continue,
                Err(error) => {
                    return Err(port_error(
                        "elasticloadbalancing:DescribeTargetHealth",
                        error,
                    ));
                }
            };
            let is_healthy = answer.target_health_descriptions().iter().any(|target| {
                let health = target.target_health();
                health.and_then(|it| it.state()) == Some(&TargetHealthStateEnum::Healthy)
            });
            if is_healthy {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn owner(&self, group: &str) -> PortResult<Option<Owner>> {
        let answer = match self
            .balancing
            .describe_tags()
            .resource_arns(group)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(error) if error.code().is_some_and(|it| GONE.contains(&it)) => return Ok(None),
            Err(error) => return Err(port_error("elasticloadbalancing:DescribeTags", error)),
        };
        let tags = answer
            .tag_descriptions()
            .iter()
            .flat_map(TagDescription::tags);
        let tags: Vec<&Tag> = tags.collect();
        let tag = |key: &str| {
            let tag = tags.iter().find(|tag| tag.key() == Some(key))?;
            tag.value()
        };
        Ok(owner_of(
            tag("slipway:platform"),
            tag("slipway:service"),
            tag("slipway:environment"),
        ))
    }
}

const CREATE: &str = "elasticloadbalancing:CreateRule";

fn owner_of(
    platform: Option<&str>,
    service: Option<&str>,
    environment: Option<&str>,
) -> Option<Owner> {
    Some(Owner {
        platform: platform?.parse().ok()?,
        service: service?.parse().ok()?,
        environment: environment?.parse().ok()?,
    })
}

impl Ecs {
    /// The rules of a listener that lead to a waker: one, or none. Never the service's own.
    async fn wake_rules(&self, listener: &str) -> PortResult<Vec<Rule>> {
        let call = self.balancing.describe_rules().listener_arn(listener);
        match call.send().await {
            Ok(answer) => Ok(answer
                .rules
                .unwrap_or_default()
                .into_iter()
                .filter(|rule| leads_to(rule).any(|group| group.contains(WAKERS)))
                .collect()),
            Err(error) if error.code().is_some_and(|it| GONE.contains(&it)) => Ok(Vec::new()),
            Err(error) => Err(port_error("elasticloadbalancing:DescribeRules", error)),
        }
    }

    async fn delete(&self, rule: &Rule) -> PortResult<()> {
        let call = self
            .balancing
            .delete_rule()
            .set_rule_arn(rule.rule_arn.clone());
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code().is_some_and(|it| GONE.contains(&it)) => Ok(()),
            Err(error) => Err(port_error("elasticloadbalancing:DeleteRule", error)),
        }
    }
}

/// The target groups that a rule forwards to.
fn leads_to(rule: &Rule) -> impl Iterator<Item = &str> {
    rule.actions().iter().flat_map(|action| {
        let shares = action
            .forward_config()
            .map(ForwardActionConfig::target_groups);
        let shares = shares.unwrap_or_default().iter();
        let shares = shares.filter_map(|it| it.target_group_arn());
        action.target_group_arn().into_iter().chain(shares)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{Asked, Replay, Reply};

    const LISTENER: &str = "arn:aws:elasticloadbalancing:r:1:listener/app/a/1/2";
    const WAKER: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/slipway-wake-1/3";
    const OWN: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/orders/4";

    fn rule(arn: &str, group: &str) -> String {
        format!(
            "<member><RuleArn>{arn}</RuleArn><Actions><member><Type>forward</Type>\
             <TargetGroupArn>{group}</TargetGroupArn></member></Actions></member>"
        )
    }

    /// A listener with the service's own rule and, if it sleeps, the waker's.
    fn listener(asleep: bool) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
        move |asked| match asked.operation.as_str() {
            "DescribeRules" => {
                let mut rules = rule("own", OWN);
                if asleep {
                    rules.push_str(&rule("waker", WAKER));
                }
                Reply::xml("DescribeRules", &format!("<Rules>{rules}</Rules>"))
            }
            "DescribeTargetHealth" => {
                let state = if asleep { "initial" } else { "healthy" };
                Reply::xml(
                    "DescribeTargetHealth",
                    &format!(
                        "<TargetHealthDescriptions><member><TargetHealth><State>{state}</State>\
                         </TargetHealth></member></TargetHealthDescriptions>"
                    ),
                )
            }
            "DescribeTags" => Reply::xml(
                "DescribeTags",
                "<TagDescriptions><member><Tags>\
                 <member><Key>slipway:platform</Key><Value>devops2-g4</Value></member>\
                 <member><Key>slipway:service</Key><Value>orders</Value></member>\
                 <member><Key>slipway:environment</Key><Value>prod</Value></member>\
                 </Tags></member></TagDescriptions>",
            ),
            other => Reply::xml(other, ""),
        }
    }

    fn platform() -> PlatformName {
        "devops2-g4".parse().unwrap()
    }

    #[tokio::test]
    async fn the_rule_is_put_once_and_bears_the_platforms_tag() {
        let replay = Replay::new(listener(false));
        let ecs = Ecs::new(&replay.config());
        let put = ecs.put_wake_rule(LISTENER, WAKER, &platform()).await;
        assert!(put.unwrap());
        assert_eq!(replay.operations(), ["DescribeRules", "CreateRule"]);
        let asked = &replay.asked()[1].body;
        for part in [
            "Priority=1",
            "Tags.member.1.Value=devops2-g4",
            "slipway-wake-1",
        ] {
            assert!(asked.contains(part), "{part} in {asked}");
        }
        let there = Replay::new(listener(true));
        let ecs = Ecs::new(&there.config());
        let put = ecs.put_wake_rule(LISTENER, WAKER, &platform()).await;
        assert!(put.unwrap());
        assert_eq!(there.operations(), ["DescribeRules"]);
    }

    #[tokio::test]
    async fn only_the_rule_that_leads_to_a_waker_is_taken_away() {
        let replay = Replay::new(listener(true));
        let ecs = Ecs::new(&replay.config());
        ecs.remove_wake_rule(LISTENER).await.unwrap();
        assert_eq!(replay.operations(), ["DescribeRules", "DeleteRule"]);
        assert!(replay.asked()[1].body.contains("RuleArn=waker"));
        let awake = Replay::new(listener(false));
        let ecs = Ecs::new(&awake.config());
        ecs.remove_wake_rule(LISTENER).await.unwrap();
        assert_eq!(awake.operations(), ["DescribeRules"]);
    }

    #[tokio::test]
    async fn a_target_answers_when_it_is_healthy_and_its_group_names_its_owner() {
        for asleep in [true, false] {
            let replay = Replay::new(listener(asleep));
            let ecs = Ecs::new(&replay.config());
            let answered = ecs.is_answered(&[OWN.to_owned()]).await.unwrap();
            assert_eq!(answered, !asleep);
            let owner = ecs.owner(WAKER).await.unwrap().unwrap();
            assert_eq!(owner.platform, platform());
            assert_eq!(owner.service.as_str(), "orders");
            assert_eq!(owner.environment.as_str(), "prod");
        }
    }
}
