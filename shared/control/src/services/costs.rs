//! What is paid for: by a service, and by the platform with all of them.

use slipway_domain::{ServiceName, balancer};
use slipway_synth::cost::Assumptions;

use super::Services;
use crate::costs::{self, PlatformCostsView, ServiceCostsView, Shares};
use crate::error::ServiceError;
use crate::ports::{ChangeWriter, HistoryReader, LiveReader, RouteReader, ServiceReader};
use crate::preflight::Checks;

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
{
    /// What a service costs in a month. One call for it, one for each page of the listing, and one
    /// for each load balancer that services share.
    pub async fn costs(
        &self,
        name: &ServiceName,
        assumed: &Assumptions,
    ) -> Result<ServiceCostsView, ServiceError> {
        let state = self.state(name).await?;
        let own = costs::own(&state, &self.platform, assumed);
        let counted = Shares::count(&self.registry, &self.platform, assumed).await?;
        let shared = counted.of(&state);
        Ok(ServiceCostsView::new(name.clone(), own, shared))
    }

    /// What the platform costs in a month, and each service of a page. One call for each page of
    /// the listing, one for each load balancer that services share, and one for each service of the
    /// page.
    pub async fn platform_costs(
        &self,
        assumed: &Assumptions,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PlatformCostsView, ServiceError> {
        let counted = Shares::count(&self.registry, &self.platform, assumed).await?;
        let page = self.registry.services(None, after, limit).await?;
        let mut services = Vec::with_capacity(page.items.len());
        for summary in page.items {
            // What services share is the platform's, and split over them.
            if balancer::is_shared(summary.name.as_str()) {
                continue;
            }
            // It may have gone since the listing was read.
            let Some(state) = self.registry.service(&summary.name).await? else {
                continue;
            };
            let shared = counted.of(&state);
            let cost = costs::own(&state, &self.platform, assumed);
            services.push(ServiceCostsView::new(summary.name, cost, shared).in_list(summary.team));
        }
        let name = self.platform.name.clone();
        Ok(PlatformCostsView::new(
            name,
            counted.platform().clone(),
            counted.all(),
            services,
            page.next,
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_domain::ServiceName;
    use slipway_synth::cost::{Assumptions, Usd};

    use super::super::tests::{api, caller};
    use crate::fake::FakeRegistry;

    #[tokio::test]
    async fn the_shares_of_all_services_are_what_the_platform_costs() {
        let api = api(FakeRegistry::new(5));
        let manifests = [
            json!({"service": "a", "image": "nginx"}),
            json!({"service": "b", "image": "nginx", "environments": {"qa": {}, "dev": {}}}),
            json!({"service": "c", "image": "nginx", "team": "shop"}),
        ];
        for (n, manifest) in (1..).zip(&manifests) {
            api.register(manifest, &caller(n)).await.unwrap();
        }
        let assumed = Assumptions::default();
        let all = api.platform_costs(&assumed, None, 100).await.unwrap();
        assert_eq!((all.environments, all.services.len()), (5, 3));
        let shares: Usd = all.services.iter().map(|it| it.shared_usd).sum();
        assert_eq!(shares, all.own.monthly_usd);
        let b: ServiceName = "b".parse().unwrap();
        let one = api.costs(&b, &assumed).await.unwrap();
        assert_eq!(one.shared.environments, 3);
        let listed = all.services.iter().find(|it| it.service == b).unwrap();
        assert_eq!(listed.monthly_usd, one.monthly_usd);
        let plan = api.plan(&manifests[1]).await.unwrap();
        assert_eq!(one.own.monthly_usd, plan.cost.monthly_usd);
    }

    #[tokio::test]
    async fn a_shared_load_balancer_falls_to_those_who_have_a_rule_on_it() {
        let mut api = api(FakeRegistry::new(5));
        // The public one; the shared one is counted when somebody is on it.
        api.platform.billed.load_balancers = 1;
        for (n, ingress) in (1..).zip(["shared", "shared", "none"]) {
            let manifest = json!({"service": format!("s{n}"), "image": "nginx", "ingress": ingress,
                "environments": {"qa": {"ingress": "none"}}});
            api.register(&manifest, &caller(n)).await.unwrap();
        }
        let assumed = Assumptions::default();
        let all = api.platform_costs(&assumed, None, 100).await.unwrap();
        let shares: Usd = all.services.iter().map(|it| it.shared_usd).sum();
        assert_eq!(shares, all.own.monthly_usd);
        let mut of = Vec::new();
        for name in ["s1", "s2", "s3"] {
            let name: ServiceName = name.parse().unwrap();
            of.push(api.costs(&name, &assumed).await.unwrap().shared);
        }
        // Of 16.43 for shared-1 half each; public-1, where nobody is, falls to all.
        let halves: Vec<String> = of[..2]
            .iter()
            .map(|it| it.load_balancers[0].monthly_usd.to_string())
            .collect();
        assert!(
            halves.iter().all(|it| ["8.21", "8.22"].contains(&&**it)),
            "{halves:?}"
        );
        assert_eq!(
            (of[0].load_balancers[0].rules, of[0].load_balancers[0].of),
            (1, 2)
        );
        assert!(of[2].load_balancers.is_empty());
        assert!(of[2].monthly_usd < of[0].monthly_usd);
    }

    #[tokio::test]
    async fn at_fifty_services_a_shared_way_in_costs_a_twentieth_of_one_of_their_own() {
        let fixed = async |ingress: &str| {
            let mut api = api(FakeRegistry::new(5));
            api.platform.shared_load_balancers = 1;
            for n in 0..50 {
                let service = format!("s{n}");
                let manifest = json!({"service": service, "image": "nginx", "ingress": ingress});
                api.register(&manifest, &caller(n)).await.unwrap();
            }
            let assumed = Assumptions::default();
            let one = api.costs(&"s7".parse().unwrap(), &assumed).await.unwrap();
            let shares = one.shared.load_balancers.iter().map(|it| it.monthly_usd);
            let all: Usd = shares.chain([one.own.fixed_usd()]).sum();
            all.cents()
        };
        // All but the way in is the same.
        let none = fixed("none").await;
        let (own, shared) = (fixed("dedicated").await, fixed("shared").await);
        assert_eq!((own - none, shared - none), (1643, 33));
        assert!((shared - none) * 20 <= own - none);
    }

    #[tokio::test]
    async fn the_listing_is_read_a_page_at_a_time_and_each_service_once() {
        let api = api(FakeRegistry::new(5));
        let manifest = json!({"service": "a", "image": "nginx"});
        api.register(&manifest, &caller(1)).await.unwrap();
        api.registry.take_calls();
        let assumed = Assumptions::default();
        api.costs(&"a".parse().unwrap(), &assumed).await.unwrap();
        let calls = api.registry.take_calls();
        assert_eq!((calls["service"], calls["services"]), (1, 1));
    }
}
