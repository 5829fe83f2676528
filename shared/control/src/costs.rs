//! What services and the platform cost in a month, as they are registered.
//!
//! Each service pays for its own stacks, and for its share of what all use: the network and the
//! control plane are split evenly over the environments that have something to run. Their number
//! is counted in the listing, at each call; nothing is remembered. A load balancer that services
//! share falls to those that have a rule on it, evenly; while nobody has one on the public one, to
//! all. Internal ones are there only while somebody has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use slipway_domain::{
    Phase, Platform, PlatformName, Scope, ServiceName, StackName, TeamName, balancer,
};
use slipway_synth::Template;
use slipway_synth::cost::{self, Assumptions, CostView, Usd, estimate_with};

use crate::error::ServiceError;
use crate::places::Taken;
use crate::ports::ServiceReader;
use crate::reconcile::desired::render_as_cleared;
use crate::record::ServiceState;
use crate::view::ServiceSummary;

/// How what is shared is split, for people.
const SPLIT: &str = "evenly over the environments of all services, but those that wait for their first image; a load balancer that services share, over those that have a rule on it";

/// The services of a page of the listing.
const PAGE: usize = 100;

/// What a service costs in a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCostsView {
    /// The service's name.
    pub service: ServiceName,
    /// Its own stacks, and its share of what is shared.
    pub monthly_usd: Usd,
    /// The same with the most tasks that scaling allows.
    pub at_most_usd: Usd,
    /// Its own stacks, by component.
    pub own: CostView,
    /// Its share of what the platform costs.
    pub shared: ShareView,
}

/// A service's share of what the platform itself costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShareView {
    /// What falls to the service.
    pub monthly_usd: Usd,
    /// The environments of the service that it is for.
    pub environments: u64,
    /// The environments of all services that have a share.
    pub of: u64,
    /// What is split: what the platform itself costs.
    pub platform_usd: Usd,
    /// Its part in load balancers that services share, which is in `monthly_usd`; absent where it
    /// is on none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<BalancerShareView>,
    /// How it is split.
    pub split: String,
}

/// A service's part in a load balancer that services share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BalancerShareView {
    /// The load balancer, as the platform calls it.
    pub name: String,
    /// What falls to the service.
    pub monthly_usd: Usd,
    /// The rules that the service has on it.
    pub rules: u64,
    /// The rules that all services have on it.
    pub of: u64,
    /// What the load balancer costs.
    pub load_balancer_usd: Usd,
}

/// What the platform costs in a month: itself, and a page of its services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlatformCostsView {
    /// The platform's name.
    pub platform: PlatformName,
    /// What it has of its own, by component.
    pub own: CostView,
    /// The environments over which that is split.
    pub environments: u64,
    /// How it is split.
    pub split: String,
    /// The services of this page, by team and name.
    pub services: Vec<ServiceCostSummary>,
    /// What to send as `cursor` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a service costs, in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCostSummary {
    /// The service's name.
    pub service: ServiceName,
    /// The team that owns it.
    pub team: TeamName,
    /// Its own stacks.
    pub own_usd: Usd,
    /// The same with the most tasks that scaling allows.
    pub own_at_most_usd: Usd,
    /// Its share of what the platform itself costs.
    pub shared_usd: Usd,
    /// The two together.
    pub monthly_usd: Usd,
}

/// What the stacks of a service cost: each that has something to run, at the newest generation.
pub(crate) fn own(state: &ServiceState, platform: &Platform, assumed: &Assumptions) -> CostView {
    let manifest = &state.service.manifest;
    let name = |scope: Scope| {
        let name = StackName {
            platform: platform.name.clone(),
            service: manifest.service.clone(),
            scope,
        };
        name.to_string()
    };
    let mut stacks: BTreeMap<String, Template> = BTreeMap::new();
    if manifest.settings.kind.has_repository() {
        stacks.insert(
            name(Scope::Service),
            slipway_synth::service_stack(manifest, platform),
        );
    }
    for environment in manifest.environments(&platform.environment) {
        let scope = Scope::Environment(environment.clone());
        let template = manifest
            .effective(&environment, &platform.environment)
            .and_then(|effective| {
                render_as_cleared(&effective, state.stacks.get(&scope), platform, None)
            });
        stacks.extend(template.map(|template| (name(scope), template)));
    }
    estimate_with(&stacks, &platform.region, assumed)
}

/// Who has how many shares, in the order of the listing.
#[derive(Debug)]
pub(crate) struct Shares {
    /// The environments that come before the service's, and its own.
    of: BTreeMap<ServiceName, (u64, u64)>,
    all: u64,
    /// What the platform costs, with the load balancers that services share.
    platform: CostView,
    /// The load balancers that somebody has a rule on, with what each costs.
    balancers: BTreeMap<String, (Taken, Usd)>,
}

impl Shares {
    /// Counts all services. A query for each page of the listing, and a call for each load balancer
    /// that services share.
    pub(crate) async fn count(
        registry: &impl ServiceReader,
        platform: &Platform,
        assumed: &Assumptions,
    ) -> Result<Self, ServiceError> {
        let public = platform.public_load_balancers.iter();
        let names = balancer::all_shared().chain(public.map(|it| it.name.clone()));
        let taken = registry.taken(&names.collect::<Vec<_>>()).await?;
        let taken: Vec<(String, Taken)> = taken
            .into_iter()
            .filter(|(_, taken)| !taken.rules.is_empty())
            .collect();
        // Shared ones are there while somebody is on them.
        let there = taken.iter().filter(|(name, _)| balancer::is_shared(name));
        let mut with_them = platform.clone();
        with_them.billed.load_balancers += u64::try_from(there.count()).unwrap_or(u64::MAX);
        let mut shares = Self {
            of: BTreeMap::new(),
            all: 0,
            platform: cost::platform(&with_them, assumed),
            balancers: taken
                .into_iter()
                .map(|(name, taken)| {
                    let usd = cost::balancer(platform, &name);
                    (name, (taken, usd))
                })
                .collect(),
        };
        let mut after = None;
        loop {
            let page = registry.services(None, after.as_deref(), PAGE).await?;
            for summary in &page.items {
                shares.add(summary);
            }
            after = page.next;
            if after.is_none() {
                return Ok(shares);
            }
        }
    }

    fn add(&mut self, summary: &ServiceSummary) {
        // It is in what the platform costs.
        if balancer::is_shared(summary.name.as_str()) {
            return;
        }
        let environments = summary.environments.values();
        let running = environments.filter(|it| it.phase != Phase::Waiting).count();
        let own = u64::try_from(running).unwrap_or(u64::MAX);
        self.of.insert(summary.name.clone(), (self.all, own));
        self.all += own;
    }

    /// What the platform costs.
    pub(crate) fn platform(&self) -> &CostView {
        &self.platform
    }

    pub(crate) fn all(&self) -> u64 {
        self.all
    }

    /// The share of a service. One that was registered after the count has none yet.
    pub(crate) fn of(&self, state: &ServiceState) -> ShareView {
        let counted = self.of.get(state.service.name()).copied();
        let (before, own) = counted.unwrap_or_default();
        let load_balancers = self.on_balancers(state);
        let on_them = load_balancers.iter().map(|it| it.monthly_usd);
        ShareView {
            monthly_usd: on_them
                .chain([cost::share(self.even_usd(), before, own, self.all)])
                .sum(),
            environments: own,
            of: self.all,
            platform_usd: self.platform.monthly_usd,
            load_balancers,
            split: SPLIT.to_owned(),
        }
    }

    /// What falls to all environments.
    fn even_usd(&self) -> Usd {
        let on_balancers: Usd = self.balancers.values().map(|(_, usd)| *usd).sum();
        self.platform.monthly_usd.without(on_balancers)
    }

    fn on_balancers(&self, state: &ServiceState) -> Vec<BalancerShareView> {
        let places = || state.stacks.values().flat_map(|stack| &stack.places);
        let on = |name: &str, (taken, usd): &(Taken, Usd)| {
            let rules = places().filter(|it| it.on == *name && it.is_first());
            let all = u64::try_from(taken.rules.len()).unwrap_or(u64::MAX);
            // By its place among all, so that the shares of all add up to the cent.
            let shares: Vec<Usd> = rules
                .filter(|it| taken.rules.contains(&it.number))
                .map(|it| taken.rules.range(..it.number).count())
                .map(|before| u64::try_from(before).unwrap_or(u64::MAX))
                .map(|before| cost::share(*usd, before, 1, all))
                .collect();
            (!shares.is_empty()).then(|| BalancerShareView {
                name: name.to_owned(),
                rules: u64::try_from(shares.len()).unwrap_or(u64::MAX),
                monthly_usd: shares.into_iter().sum(),
                of: all,
                load_balancer_usd: *usd,
            })
        };
        let each = self.balancers.iter();
        each.filter_map(|(name, taken)| on(name, taken)).collect()
    }
}

impl ServiceCostsView {
    pub(crate) fn new(service: ServiceName, own: CostView, shared: ShareView) -> Self {
        Self {
            service,
            monthly_usd: [own.monthly_usd, shared.monthly_usd].into_iter().sum(),
            at_most_usd: [own.at_most_usd, shared.monthly_usd].into_iter().sum(),
            own,
            shared,
        }
    }

    pub(crate) fn in_list(self, team: TeamName) -> ServiceCostSummary {
        ServiceCostSummary {
            service: self.service,
            team,
            own_usd: self.own.monthly_usd,
            own_at_most_usd: self.own.at_most_usd,
            shared_usd: self.shared.monthly_usd,
            monthly_usd: self.monthly_usd,
        }
    }
}

impl PlatformCostsView {
    pub(crate) fn new(
        platform: PlatformName,
        own: CostView,
        environments: u64,
        services: Vec<ServiceCostSummary>,
        next: Option<String>,
    ) -> Self {
        Self {
            platform,
            own,
            environments,
            split: SPLIT.to_owned(),
            services,
            next,
        }
    }
}
