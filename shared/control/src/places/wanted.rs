//! What an environment needs of what services share.

use std::collections::BTreeSet;

use slipway_domain::manifest::Ingress;
use slipway_domain::{Effective, Manifest, Place, Platform, RoutePath, Scope};

use super::HTTP_API;
use crate::record::{PathOwner, ServiceState, StackRecord};

/// What an environment needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub(super) owner: PathOwner,
    pub(super) path: RoutePath,
    pub(super) of: Shared,
    /// The place that it has for its path, if only what is behind it is missing.
    pub(super) held: Option<Place>,
    /// Where it is already, under another path.
    pub(super) is_on: Option<String>,
    /// How many target groups or integrations it needs, with those it has.
    pub(super) groups: u8,
}

/// What services share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// One of the platform's load balancers of this kind.
    Balancers(Ingress),
    /// The HTTP API.
    HttpApi,
}

impl Shared {
    /// Where those may be that are nowhere yet.
    fn names(self, platform: &Platform) -> Vec<String> {
        match self {
            Self::Balancers(ingress) => ingress.balancers(platform),
            Self::HttpApi => vec![HTTP_API.to_owned()],
        }
    }

    /// Whether something of this name is such.
    fn has(self, name: &str, platform: &Platform) -> bool {
        match self {
            Self::Balancers(ingress) => ingress.has(name, platform),
            Self::HttpApi => name == HTTP_API,
        }
    }
}

/// What an environment is to have of one thing that services share.
struct Need {
    of: Shared,
    path: RoutePath,
    groups: u8,
}

impl Need {
    fn all(effective: &Effective) -> Vec<Self> {
        let Some(path) = &effective.path else {
            return Vec::new();
        };
        let of = |of, groups| Self {
            of,
            path: path.clone(),
            groups,
        };
        let settings = &effective.settings;
        let ingress = settings.way_in();
        let mut all = Vec::new();
        if ingress.is_platforms() {
            let groups = 1 + u8::from(settings.deploy.strategy.shifts());
            all.push(of(Shared::Balancers(ingress), groups));
        }
        // A function has no other way in than the HTTP API.
        if ingress.is_on_api() || !settings.kind.has_tasks() {
            // To a shared load balancer the platform's own integration leads; where the prefix is
            // taken off, the path itself and what is below it have one each.
            let own = !ingress.is_platforms();
            let groups = u8::from(own) + u8::from(own && settings.strip_path);
            all.push(of(Shared::HttpApi, groups));
        }
        all
    }

    fn has(&self, place: &Place, platform: &Platform) -> bool {
        place.path == self.path
            && self.numbers().contains(&place.group)
            && self.of.has(&place.on, platform)
    }

    /// How its places are numbered: 0 stands for one with nothing behind it.
    fn numbers(&self) -> std::ops::RangeInclusive<u8> {
        self.groups.min(1)..=self.groups
    }

    fn wanted(
        self,
        owner: &PathOwner,
        stack: Option<&StackRecord>,
        platform: &Platform,
    ) -> Option<Wanted> {
        let places = || stack.into_iter().flat_map(|stack| &stack.places);
        let mine: Vec<&Place> = places().filter(|it| self.has(it, platform)).collect();
        if mine.len() == self.numbers().count() {
            return None;
        }
        let is_on = places().find(|place| self.of.has(&place.on, platform));
        Some(Wanted {
            owner: owner.clone(),
            held: mine.first().map(|place| (*place).clone()),
            is_on: is_on.map(|place| place.on.clone()),
            path: self.path,
            of: self.of,
            groups: self.groups,
        })
    }
}

impl Wanted {
    /// Where it may be: its target groups would have to move with it from where it is.
    pub(super) fn names(&self, platform: &Platform) -> Vec<String> {
        match &self.is_on {
            Some(name) => vec![name.clone()],
            None => self.of.names(platform),
        }
    }

    /// The places that it is to have at one number.
    pub(super) fn places(&self, on: &str, number: u32) -> Vec<Place> {
        let place = |group| Place {
            on: on.to_owned(),
            number,
            group,
            path: self.path.clone(),
        };
        (self.groups.min(1)..=self.groups).map(place).collect()
    }
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
            Some(wanted_of(&effective, stack, platform))
        })
        .flatten()
        .collect()
}

fn wanted_of(
    effective: &Effective,
    stack: Option<&StackRecord>,
    platform: &Platform,
) -> Vec<Wanted> {
    let owner = PathOwner {
        service: effective.service.clone(),
        environment: effective.environment.clone(),
    };
    let needs = Need::all(effective).into_iter();
    needs
        .filter_map(|need| need.wanted(&owner, stack, platform))
        .collect()
}

/// Whether an environment is to keep a place.
pub fn is_wanted(place: &Place, effective: Option<&Effective>, platform: &Platform) -> bool {
    effective.is_some_and(|effective| {
        let needs = Need::all(effective);
        needs.iter().any(|need| need.has(place, platform))
    })
}

/// Where what is wanted may be.
pub fn names(wanted: &[Wanted], platform: &Platform) -> Vec<String> {
    let names = wanted.iter().flat_map(|it| it.names(platform));
    let names: BTreeSet<String> = names.collect();
    names.into_iter().collect()
}
