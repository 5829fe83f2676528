//! Which place an environment gets.

use slipway_domain::balancer::{LAST_PRIORITY, priorities};
use slipway_domain::manifest::Ingress;
use slipway_domain::{EnvironmentName, Place, Platform, balancer};

use super::wanted::Shared;
use super::{AllTaken, Limits, PlaceClaims, Taken, Wanted};
use crate::ports::Room;

/// There is no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// The environment that needs it.
    pub environment: EnvironmentName,
    /// The field that asks for it.
    pub field: &'static str,
    /// What is exhausted and what would help: a sentence without its subject, the field.
    pub detail: String,
}

/// Chooses places for all that is wanted.
///
/// # Errors
/// The first environment for which there is no room.
pub fn choose(
    wanted: &[Wanted],
    mut taken: AllTaken,
    limits: Limits,
    platform: &Platform,
) -> Result<PlaceClaims, NoRoom> {
    let mut places = Vec::new();
    let others = taken.iter().filter(|(_, taken)| !taken.rules.is_empty());
    let joined = others.map(|(name, _)| name.clone());
    let joined = joined.filter(|name| balancer::is_shared(name)).collect();
    for it in wanted {
        let chosen = it.choose(&taken, limits, platform)?;
        for place in chosen {
            let taken = taken.entry(place.on.clone()).or_default();
            taken.add(&place);
            places.push((place, it.owner.clone()));
        }
    }
    Ok(PlaceClaims {
        places,
        limits,
        joined,
    })
}

impl Taken {
    /// With one place more.
    pub fn add(&mut self, place: &Place) {
        self.rules.insert(place.number);
        self.groups += u32::from(place.has_group());
    }
}

impl Wanted {
    fn choose(
        &self,
        taken: &AllTaken,
        limits: Limits,
        platform: &Platform,
    ) -> Result<Vec<Place>, NoRoom> {
        let nothing = Taken::default();
        let of = |name: &str| taken.get(name).unwrap_or(&nothing);
        if let Some(held) = &self.held {
            let place = Place {
                group: self.groups,
                ..held.clone()
            };
            return if of(&held.on).groups < limits.of(&held.on).groups {
                Ok(vec![place])
            } else {
                Err(self.no_room(limits, Quota::Groups, 1))
            };
        }
        let names = self.names(platform);
        let mut full = Quota::Rules;
        for name in &names {
            let is_here = self.is_on.is_some();
            let room = limits.of(name);
            let Room { rules, groups } = if is_here { room } else { room.for_newcomers() };
            let taken = of(name);
            if taken.rules.len() >= rules as usize {
                full = Quota::Rules;
            } else if self.groups > 0 && taken.groups + u32::from(self.groups) > groups {
                full = Quota::Groups;
            } else if let Some(number) = self.number(taken) {
                return Ok(self.places(name, number));
            }
        }
        Err(self.no_room(limits, full, names.len()))
    }

    /// A free number: a priority of the path's depth, or any of the HTTP API's, which has no
    /// order. Each begins to look at another one, so that changes which come at once seldom want
    /// the same.
    fn number(&self, taken: &Taken) -> Option<u32> {
        let band = match self.of {
            Shared::Balancers(_) => priorities(&self.path),
            Shared::HttpApi => 1..=LAST_PRIORITY,
        };
        let width = band.end() - band.start() + 1;
        let hash = slipway_synth::sha256(format!("{} {}", self.owner, self.path).as_bytes());
        let first = u32::from_str_radix(&hash[..7], 16).unwrap_or_default();
        (0..width)
            .map(|step| band.start() + (first % width + step) % width)
            .find(|number| !taken.rules.contains(number))
    }

    fn no_room(&self, limits: Limits, full: Quota, count: usize) -> NoRoom {
        let (field, detail) = match self.of {
            Shared::Balancers(ingress) => {
                ("ingress", self.no_balancer(ingress, limits, full, count))
            }
            Shared::HttpApi => ("path", no_routes(limits, full)),
        };
        NoRoom {
            environment: self.owner.environment.clone(),
            field,
            detail,
        }
    }

    fn no_balancer(&self, ingress: Ingress, limits: Limits, full: Quota, count: usize) -> String {
        // As DescribeAccountLimits of Elastic Load Balancing calls them.
        let (quota, limit) = match full {
            Quota::Rules => ("rules-per-application-load-balancer", limits.balancer.rules),
            Quota::Groups => (
                "target-groups-per-application-load-balancer",
                limits.balancer.groups,
            ),
        };
        let where_else = match ingress.parameter().filter(|_| ingress == Ingress::Shared) {
            Some(parameter) if self.is_on.is_none() => {
                format!(" `{parameter}` of the platform allows up to three;")
            }
            Some(_) | None => String::new(),
        };
        format!(
            "is `{}`, and the quota `{quota}` ({limit}) leaves no room on the {count} such load balancers where `{}` could be:{where_else} `dedicated` has one of its own, or remove a service there",
            ingress.name(),
            self.path
        )
    }
}

/// "HTTP API quotas" in the developer guide of API Gateway.
fn no_routes(limits: Limits, full: Quota) -> String {
    match full {
        Quota::Rules => format!(
            "takes two routes of the platform's HTTP API, and the quota `Routes per API` (L-65B5C802, {}) leaves no room for them: ask AWS for more in Service Quotas, or remove a service",
            limits.api.rules
        ),
        Quota::Groups => format!(
            "needs integrations of the platform's HTTP API, and the quota `Integrations per API` ({}, which AWS does not raise) leaves no room for them: `ingress: shared` needs none, one with `strip_path: false` one instead of two, or remove a service",
            limits.api.groups
        ),
    }
}

/// What is exhausted: what the numbers are of, or what is behind them.
#[derive(Clone, Copy)]
enum Quota {
    Rules,
    Groups,
}
