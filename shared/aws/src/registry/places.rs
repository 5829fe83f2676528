//! Claims on the load balancers that services share: one item for each, with two sets.
//!
//! `rules` holds the priorities that are taken, `groups` the target groups behind them and whose
//! they are. Sets, because a claim then needs no version: it holds as long as nobody has the
//! priority and there is room, and giving one back twice is giving it back once.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use slipway_control::places::{PlaceClaims, Taken};
use slipway_control::ports::PortResult;
use slipway_control::record::PathOwner;
use slipway_domain::{EnvironmentName, Place, ServiceName};

use super::Registry;
use super::item::{Item, keyed, number, text};
use super::key;
use super::transaction::{built, updates};

/// A rule, as it stands in `rules`.
fn rule(place: &Place) -> String {
    format!("{:05}", place.priority)
}

/// A target group, as it stands in `groups`.
fn group(place: &Place, service: &ServiceName, environment: &EnvironmentName) -> String {
    format!("{} {} {service}/{environment}", rule(place), place.group)
}

/// What an item says is taken.
pub(super) fn taken(item: &Item) -> Taken {
    let set = |name: &str| item.get(name).and_then(|set| set.as_ss().ok());
    let rules = set("rules").into_iter().flatten();
    Taken {
        rules: rules.filter_map(|rule| rule.parse().ok()).collect(),
        groups: set("groups").map_or(0, |groups| u32::try_from(groups.len()).unwrap_or(u32::MAX)),
    }
}

impl Registry {
    /// Claims places, one item for each load balancer.
    pub(super) fn claim_places(&self, claims: &PlaceClaims) -> PortResult<Vec<TransactWriteItem>> {
        let limits = claims.limits;
        let claim = |(name, claims): (&str, Vec<&(Place, PathOwner)>)| {
            let rules: Vec<String> = claims
                .iter()
                .filter(|(place, _)| place.group == 1)
                .map(|(place, _)| rule(place))
                .collect();
            let groups: Vec<String> = claims
                .iter()
                .map(|(place, owner)| group(place, &owner.service, &owner.environment))
                .collect();
            let room = |limit: u32, new: usize| {
                number(limit.saturating_sub(u32::try_from(new).unwrap_or(u32::MAX)))
            };
            let mut conditions = vec![
                "(attribute_not_exists(#groups) OR size(#groups) <= :groups_before)".to_owned(),
            ];
            let mut add = "ADD #groups :groups".to_owned();
            let mut update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keyed(key::balancer(name, &self.region))))
                .expression_attribute_names("#groups", "groups")
                .expression_attribute_values(":groups_before", room(limits.groups, groups.len()))
                .expression_attribute_values(":groups", AttributeValue::Ss(groups));
            if !rules.is_empty() {
                conditions.push(
                    "(attribute_not_exists(#rules) OR size(#rules) <= :rules_before)".to_owned(),
                );
                update = update
                    .expression_attribute_names("#rules", "rules")
                    .expression_attribute_values(":rules_before", room(limits.rules, rules.len()));
                for (place, rule) in rules.iter().enumerate() {
                    conditions.push(format!("NOT contains(#rules, :rule{place})"));
                    update =
                        update.expression_attribute_values(format!(":rule{place}"), text(rule));
                }
                add.push_str(", #rules :rules");
                update = update.expression_attribute_values(":rules", AttributeValue::Ss(rules));
            }
            let update = update
                .condition_expression(conditions.join(" AND "))
                .update_expression(add);
            Ok(updates(update.build().map_err(built)?))
        };
        claims.by_balancer().into_iter().map(claim).collect()
    }

    /// Gives places back, one item for each load balancer. A rule goes with its first target group.
    pub(super) fn release_places<'a>(
        &self,
        places: impl IntoIterator<Item = &'a Place>,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<Vec<TransactWriteItem>> {
        let owner = PathOwner {
            service: service.clone(),
            environment: environment.clone(),
        };
        let places = places.into_iter().map(|it| (it.clone(), owner.clone()));
        let releases = PlaceClaims {
            places: places.collect(),
            ..PlaceClaims::default()
        };
        let release = |(name, releases): (&str, Vec<&(Place, PathOwner)>)| {
            let groups = releases.iter();
            let groups = groups.map(|(place, _)| group(place, service, environment));
            let rules: Vec<String> = releases
                .iter()
                .filter(|(place, _)| place.group == 1)
                .map(|(place, _)| rule(place))
                .collect();
            let mut delete = "DELETE #groups :groups".to_owned();
            let mut update = Update::builder()
                .table_name(&self.table)
                .set_key(Some(keyed(key::balancer(name, &self.region))))
                .expression_attribute_names("#groups", "groups")
                .expression_attribute_values(":groups", AttributeValue::Ss(groups.collect()));
            if !rules.is_empty() {
                delete.push_str(", #rules :rules");
                update = update
                    .expression_attribute_names("#rules", "rules")
                    .expression_attribute_values(":rules", AttributeValue::Ss(rules));
            }
            let update = update.update_expression(delete);
            Ok(updates(update.build().map_err(built)?))
        };
        releases.by_balancer().into_iter().map(release).collect()
    }
}
