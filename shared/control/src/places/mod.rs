//! Places on what services share: which a manifest needs, and which it gets.
//!
//! Services share load balancers of the platform's, and its HTTP API. Each has room for so many:
//! rules and target groups there, routes and integrations here. The internal load balancers come and
//! go with the services on them ([`balancers`]).
//!
//! Pure. A place is chosen from what the registry says is taken, and claimed in the transaction
//! that needs it, under conditions that hold only while it is free and within AWS's limits: two
//! changes that choose the same at once do not both get it, and the other one chooses again.
//!
//! A place stays for as long as its environment has that path there, whatever else
//! changes. Leaving a load balancer for another is not decided here: who is on one stays there.

use std::collections::{BTreeMap, BTreeSet};

use slipway_domain::{Effective, Place, Platform, Scope, ServiceName, balancer};

use crate::change::Change;
use crate::ports::Room;
use crate::record::{PathOwner, StackRecord};

pub mod balancers;
mod choose;
mod wanted;

pub use choose::{NoRoom, choose};
pub use wanted::{Wanted, is_wanted, names, wanted};

/// What claims on the platform's HTTP API are called. No load balancer of the platform's has that
/// name.
pub const HTTP_API: &str = "http-api";

/// The routes that the platform's HTTP API has of its own.
pub const OWN_ROUTES: u32 = 4;

/// The most integrations that the platform's HTTP API has of its own: two to its functions, and
/// one to each load balancer that services share.
pub const OWN_INTEGRATIONS: u32 = 5;

/// What is taken of a load balancer, or of the HTTP API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The numbers of the places: priorities of the rules on a listener; for the HTTP API those of
    /// paths, each with its two routes.
    pub rules: BTreeSet<u32>,
    /// How many target groups, or integrations, are behind them.
    pub groups: u32,
}

/// What is taken, by the names of load balancers and [`HTTP_API`]. One of which nothing is taken
/// may be missing.
pub type AllTaken = BTreeMap<String, Taken>;

/// What there is room for. The default is AWS's, and no account has less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of one load balancer.
    pub balancer: Room,
    /// Of the HTTP API, with the platform's own routes and integrations.
    pub api: Room,
    /// Whether what is kept for those that are there already is out of reach.
    pub keeps_a_tenth: bool,
}

impl Limits {
    /// The room of a load balancer, or of the HTTP API, in [`Taken`]'s units.
    pub fn of(&self, name: &str) -> Room {
        let room = if name == HTTP_API {
            Room {
                // A path has two routes: itself, and what is below it.
                rules: self.api.rules.saturating_sub(OWN_ROUTES) / 2,
                groups: self.api.groups.saturating_sub(OWN_INTEGRATIONS),
            }
        } else {
            self.balancer
        };
        if self.keeps_a_tenth {
            room.for_newcomers()
        } else {
            room
        }
    }
}

impl Room {
    /// Without the tenth that is for those that are there already: another path, a second target
    /// group.
    #[must_use]
    pub fn for_newcomers(self) -> Self {
        let nine_tenths = |limit: u32| limit - limit / 10;
        Self {
            rules: nine_tenths(self.rules),
            groups: nine_tenths(self.groups),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            balancer: Room::BALANCER,
            api: Room::HTTP_API,
            keeps_a_tenth: false,
        }
    }
}

/// The places that a change claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceClaims {
    /// Each, and whose it is.
    pub places: Vec<(Place, PathOwner)>,
    /// What there is room for.
    pub limits: Limits,
    /// The shared load balancers on which others have a place already: each claim holds only while
    /// somebody has.
    pub joined: BTreeSet<String>,
}

impl PlaceClaims {
    /// The shared load balancers on which these are the first places.
    pub fn first_on(&self) -> BTreeSet<ServiceName> {
        let names = self.places.iter().map(|(place, _)| &place.on);
        let new = names.filter(|name| !self.joined.contains(*name));
        new.filter_map(|name| balancer::registered(name)).collect()
    }

    /// The claims by load balancer, and those on the HTTP API.
    pub fn by_name(&self) -> BTreeMap<&str, Vec<&(Place, PathOwner)>> {
        let mut by_name: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for claim in &self.places {
            by_name.entry(&claim.0.on).or_default().push(claim);
        }
        by_name
    }
}

/// Where an environment's rule is, if its place is held and the platform has that load balancer.
pub fn place_of(effective: &Effective, stack: &StackRecord, platform: &Platform) -> Option<Place> {
    let path = effective.path.as_ref()?;
    let ingress = effective.settings.way_in();
    let is_here = |place: &Place| ingress.has(&place.on, platform);
    stack
        .places
        .iter()
        .find(|place| place.group == 1 && place.path == *path && is_here(place))
        .cloned()
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
