//! Places on the load balancers that services share: which a manifest needs, and which it gets.
//!
//! Pure. A place is chosen from what the registry says is taken, and claimed in the transaction
//! that needs it, under conditions that hold only while it is free and within AWS's limits: two
//! changes that choose the same at once do not both get it, and the other one chooses again.
//!
//! A place stays for as long as its environment has that path on that load balancer, whatever else
//! changes. Leaving a load balancer for another is not decided here: who is on one stays there.

use std::collections::{BTreeMap, BTreeSet};

use slipway_domain::balancer::priorities;
use slipway_domain::manifest::Ingress;
use slipway_domain::{
    Balancer, Effective, EnvironmentName, Manifest, Place, Platform, RoutePath, Scope,
};

use crate::change::Change;
use crate::ports::BalancerLimits;
use crate::record::{PathOwner, ServiceState, StackRecord};

/// What is taken of one load balancer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The priorities of the rules on its listener.
    pub rules: BTreeSet<u32>,
    /// How many target groups are behind them.
    pub groups: u32,
}

/// What is taken, by the names of load balancers. One of which nothing is taken may be missing.
pub type AllTaken = BTreeMap<String, Taken>;

/// The places that a change claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceClaims {
    /// Each, and whose it is.
    pub places: Vec<(Place, PathOwner)>,
    /// What each load balancer has room for.
    pub limits: BalancerLimits,
}

impl PlaceClaims {
    /// The claims by load balancer: the priorities of new rules, and the target groups.
    pub fn by_balancer(&self) -> BTreeMap<&str, Vec<&(Place, PathOwner)>> {
        let mut by_balancer: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for claim in &self.places {
            by_balancer
                .entry(&claim.0.balancer)
                .or_default()
                .push(claim);
        }
        by_balancer
    }
}

/// What an environment needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    owner: PathOwner,
    ingress: Ingress,
    path: RoutePath,
    /// The place that it has for its path, if only the second target group is missing.
    held: Option<Place>,
    /// The load balancer that it is on already, under another path.
    is_on: Option<String>,
    /// How many target groups it needs, with those it has.
    groups: u8,
}

/// No load balancer has room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// The environment that needs it.
    pub environment: EnvironmentName,
    /// What is exhausted and what would help: a sentence without its subject, the ingress.
    pub detail: String,
}

/// Where an environment's rule is, if its place is held and the platform has that load balancer.
pub fn place_of(effective: &Effective, stack: &StackRecord, platform: &Platform) -> Option<Place> {
    let path = effective.path.as_ref()?;
    let balancers = effective.settings.way_in().balancers(platform);
    stack
        .places
        .iter()
        .find(|place| place.group == 1 && place.path == *path && has(balancers, place))
        .cloned()
}

/// Whether an environment is to keep a place.
pub fn is_wanted(place: &Place, effective: Option<&Effective>, platform: &Platform) -> bool {
    effective.is_some_and(|effective| {
        let settings = &effective.settings;
        has(settings.way_in().balancers(platform), place)
            && effective.path.as_ref() == Some(&place.path)
            && place.group <= groups(effective)
    })
}

fn has(balancers: &[Balancer], place: &Place) -> bool {
    balancers.iter().any(|it| it.name == place.balancer)
}

fn groups(effective: &Effective) -> u8 {
    1 + u8::from(effective.settings.deploy.strategy.shifts())
}

/// What the manifest's environments need and do not have.
pub fn wanted(
    manifest: &Manifest,
    before: Option<&ServiceState>,
    platform: &Platform,
) -> Vec<Wanted> {
    let environments = manifest.environments(&platform.environment).into_iter();
    environments
        .filter_map(|environment| {
            let effective = manifest.effective(&environment, &platform.environment)?;
            let scope = Scope::Environment(environment);
            let stack = before.and_then(|state| state.stacks.get(&scope));
            wanted_of(effective, stack, platform)
        })
        .collect()
}

fn wanted_of(
    effective: Effective,
    stack: Option<&StackRecord>,
    platform: &Platform,
) -> Option<Wanted> {
    let ingress = effective.settings.way_in();
    if !ingress.is_platforms() {
        return None;
    }
    let groups = groups(&effective);
    let held = stack.and_then(|stack| place_of(&effective, stack, platform));
    if let (Some(held), Some(stack)) = (&held, stack)
        && (1..=groups).all(|group| {
            let place = Place {
                group,
                ..held.clone()
            };
            stack.places.contains(&place)
        })
    {
        return None;
    }
    let mut mine = stack.into_iter().flat_map(|stack| &stack.places);
    let is_on = mine.find(|place| has(ingress.balancers(platform), place));
    Some(Wanted {
        is_on: is_on.map(|place| place.balancer.clone()),
        owner: PathOwner {
            service: effective.service,
            environment: effective.environment,
        },
        ingress,
        path: effective.path?,
        held,
        groups,
    })
}

/// The names of the load balancers that what is wanted may be on.
pub fn names(wanted: &[Wanted], platform: &Platform) -> Vec<String> {
    let balancers = wanted.iter().flat_map(|it| it.ingress.balancers(platform));
    let names: BTreeSet<String> = balancers.map(|it| it.name.clone()).collect();
    names.into_iter().collect()
}

/// Chooses places for all that is wanted.
///
/// # Errors
/// The first environment for which no load balancer has room.
pub fn choose(
    wanted: &[Wanted],
    mut taken: AllTaken,
    limits: BalancerLimits,
    platform: &Platform,
) -> Result<PlaceClaims, NoRoom> {
    let mut places = Vec::new();
    for it in wanted {
        let chosen = it.choose(&taken, limits, platform)?;
        for place in chosen {
            let taken = taken.entry(place.balancer.clone()).or_default();
            taken.rules.insert(place.priority);
            taken.groups += 1;
            places.push((place, it.owner.clone()));
        }
    }
    Ok(PlaceClaims { places, limits })
}

/// Adds the claims to a change, and to the stacks that hold them from then on.
pub fn add(change: &mut Change, claims: PlaceClaims) {
    for (place, owner) in &claims.places {
        let scope = Scope::Environment(owner.environment.clone());
        if let Some(stack) = change.stacks.get_mut(&scope) {
            stack.places.insert(place.clone());
        }
    }
    change.places = claims;
}

impl Wanted {
    fn choose(
        &self,
        taken: &AllTaken,
        limits: BalancerLimits,
        platform: &Platform,
    ) -> Result<Vec<Place>, NoRoom> {
        let nothing = Taken::default();
        let of = |name: &str| taken.get(name).unwrap_or(&nothing);
        if let Some(held) = &self.held {
            let place = Place {
                group: 2,
                ..held.clone()
            };
            return if of(&held.balancer).groups < limits.groups {
                Ok(vec![place])
            } else {
                Err(self.no_room(limits, Quota::Groups, 1))
            };
        }
        let balancers = self.ingress.balancers(platform);
        let mut full = Quota::Rules;
        for balancer in balancers {
            let is_here = self.is_on.as_ref() == Some(&balancer.name);
            // Its target groups would have to move with it.
            if self.is_on.is_some() && !is_here {
                continue;
            }
            let margin = |limit: u32| if is_here { limit } else { limit - limit / 10 };
            let taken = of(&balancer.name);
            let rules = u32::try_from(taken.rules.len()).unwrap_or(u32::MAX);
            if rules >= margin(limits.rules) {
                full = Quota::Rules;
            } else if taken.groups + u32::from(self.groups) > margin(limits.groups) {
                full = Quota::Groups;
            } else if let Some(priority) = self.priority(taken) {
                let place = |group| Place {
                    balancer: balancer.name.clone(),
                    priority,
                    group,
                    path: self.path.clone(),
                };
                return Ok((1..=self.groups).map(place).collect());
            }
        }
        Err(self.no_room(limits, full, balancers.len()))
    }

    /// A free priority of the path's depth. Each begins to look at another one, so that changes
    /// which come at once seldom want the same.
    fn priority(&self, taken: &Taken) -> Option<u32> {
        let band = priorities(&self.path);
        let width = band.end() - band.start() + 1;
        let hash = slipway_synth::sha256(format!("{} {}", self.owner, self.path).as_bytes());
        let first = u32::from_str_radix(&hash[..7], 16).unwrap_or_default();
        (0..width)
            .map(|step| band.start() + (first % width + step) % width)
            .find(|priority| !taken.rules.contains(priority))
    }

    fn no_room(&self, limits: BalancerLimits, full: Quota, count: usize) -> NoRoom {
        let (quota, limit) = match full {
            Quota::Rules => ("rules-per-application-load-balancer", limits.rules),
            Quota::Groups => ("target-groups-per-application-load-balancer", limits.groups),
        };
        let ingress = self.ingress;
        let where_else = match ingress.parameter().filter(|_| ingress == Ingress::Shared) {
            Some(parameter) if self.is_on.is_none() => {
                format!(" `{parameter}` of the platform makes up to three;")
            }
            Some(_) | None => String::new(),
        };
        NoRoom {
            environment: self.owner.environment.clone(),
            detail: format!(
                "is `{}`, and the quota `{quota}` ({limit}) leaves no room on the {count} such load balancers where `{}` could be:{where_else} `dedicated` has one of its own, or remove a service there",
                ingress.name(),
                self.path
            ),
        }
    }
}

/// What is exhausted, as `DescribeAccountLimits` of Elastic Load Balancing calls it.
#[derive(Clone, Copy)]
enum Quota {
    Rules,
    Groups,
}
