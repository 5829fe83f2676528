//! Claims on what services share: one item for each load balancer and one for the HTTP API, with
//! two sets.
//!
//! `rules` holds the numbers that are taken, `groups` what is behind them and whose it is. Sets,
//! because a claim then needs no version: it holds as long as nobody has the number and there is
//! room, and giving one back twice is giving it back once.
//!
//! DynamoDB removes a set with its last element: that nobody is on a load balancer is that there is
//! no set.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use slipway_control::places::{PlaceClaims, Taken};
use slipway_control::ports::PortResult;
use slipway_control::record::PathOwner;
use slipway_domain::{EnvironmentName, Place, ServiceName, balancer};

use super::Registry;
use super::item::{Item, keyed, number, text};
use super::key;
use super::transaction::{built, deletes, updates};

/// A number, as it stands in `rules`.
fn rule(place: &Place) -> String {
    format!("{:05}", place.number)
}

/// What is behind it, as it stands in `groups`.
fn group((place, owner): &(Place, PathOwner)) -> String {
    format!("{} {} {owner}", rule(place), place.group)
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

/// What is claimed or given back of one item.
struct Part {
    rules: Vec<String>,
    groups: Vec<String>,
}

impl Part {
    fn of(places: &[&(Place, PathOwner)]) -> Self {
        let first = places.iter().filter(|(place, _)| place.is_first());
        let behind = places.iter().filter(|(place, _)| place.has_group());
        Self {
            rules: first.map(|(place, _)| rule(place)).collect(),
            groups: behind.map(|it| group(it)).collect(),
        }
    }

    /// The sets that are not empty, which DynamoDB would refuse, by their names.
    fn sets(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let all = [("groups", &self.groups), ("rules", &self.rules)];
        all.into_iter().filter(|(_, set)| !set.is_empty())
    }
}

/// An update that does `what`, `ADD` or `DELETE`, with the sets.
fn with_sets(mut update: UpdateBuilder, what: &str, part: &Part) -> UpdateBuilder {
    let mut parts = Vec::new();
    for (name, set) in part.sets() {
        parts.push(format!("#{name} :{name}"));
        update = update
            .expression_attribute_names(format!("#{name}"), name)
            .expression_attribute_values(format!(":{name}"), AttributeValue::Ss(set.clone()));
    }
    update.update_expression(format!("{what} {}", parts.join(", ")))
}

impl Registry {
    /// Claims places, one item for each thing that is shared.
    pub(super) fn claim_places(&self, claims: &PlaceClaims) -> PortResult<Vec<TransactWriteItem>> {
        let claim = |(name, places): (&str, Vec<&(Place, PathOwner)>)| {
            let room = claims.limits.of(name);
            let part = Part::of(&places);
            let mut update = with_sets(self.places(name), "ADD", &part);
            let mut conditions = Vec::new();
            if claims.joined.contains(name) && !part.rules.is_empty() {
                // Otherwise the load balancer may be on its way out.
                conditions.push("attribute_exists(#rules)".to_owned());
            }
            for (name, set) in part.sets() {
                let limit = if name == "rules" {
                    room.rules
                } else {
                    room.groups
                };
                let new = u32::try_from(set.len()).unwrap_or(u32::MAX);
                conditions.push(format!(
                    "(attribute_not_exists(#{name}) OR size(#{name}) <= :{name}_before)"
                ));
                let before = number(limit.saturating_sub(new));
                update = update.expression_attribute_values(format!(":{name}_before"), before);
            }
            for (place, rule) in part.rules.iter().enumerate() {
                conditions.push(format!("NOT contains(#rules, :rule{place})"));
                update = update.expression_attribute_values(format!(":rule{place}"), text(rule));
            }
            let update = update.condition_expression(conditions.join(" AND "));
            Ok(updates(update.build().map_err(built)?))
        };
        claims.by_name().into_iter().map(claim).collect()
    }

    /// Gives places back, one item for each thing that is shared. A number goes with the first
    /// that is behind it. A shared load balancer is looked at then: it goes with the last.
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
        let release = |(name, places): (&str, Vec<&(Place, PathOwner)>)| {
            let update = with_sets(self.places(name), "DELETE", &Part::of(&places));
            Ok(updates(update.build().map_err(built)?))
        };
        let by_name = releases.by_name();
        let mut items: Vec<TransactWriteItem> = Vec::new();
        for (name, places) in by_name {
            items.push(release((name, places))?);
            if let Some(balancer) = balancer::registered(name) {
                // At once: it may be the last place.
                items.push(self.wake_service(&balancer, Timestamp::UNIX_EPOCH)?);
            }
        }
        Ok(items)
    }

    /// Removes the item of a load balancer that services share, on which nobody has a place.
    pub(super) fn left(&self, balancer: &ServiceName) -> PortResult<TransactWriteItem> {
        let key = key::places(balancer.as_str(), &self.region);
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key)))
            .condition_expression("attribute_not_exists(#rules) AND attribute_not_exists(#groups)")
            .expression_attribute_names("#rules", "rules")
            .expression_attribute_names("#groups", "groups");
        Ok(deletes(delete.build().map_err(built)?))
    }

    fn places(&self, name: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::places(name, &self.region))))
    }
}
