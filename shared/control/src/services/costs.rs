//! What is paid for: by a service, and by the platform with all of them.

use slipway_domain::ServiceName;
use slipway_synth::cost::{self, Assumptions};

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
    /// What a service costs in a month. One call for it, and one for each page of the listing.
    pub async fn costs(
        &self,
        name: &ServiceName,
        assumed: &Assumptions,
    ) -> Result<ServiceCostsView, ServiceError> {
        let state = self.state(name).await?;
        let own = costs::own(&state, &self.platform, assumed);
        let platform = cost::platform(&self.platform, assumed);
        let counted = Shares::count(&self.registry).await?;
        let shared = counted.of(name, platform.monthly_usd);
        Ok(ServiceCostsView::new(name.clone(), own, shared))
    }

    /// What the platform costs in a month, and each service of a page. One call for each page of
    /// the listing, and one for each service of the page.
    pub async fn platform_costs(
        &self,
        assumed: &Assumptions,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PlatformCostsView, ServiceError> {
        let own = cost::platform(&self.platform, assumed);
        let counted = Shares::count(&self.registry).await?;
        let page = self.registry.services(None, after, limit).await?;
        let mut services = Vec::with_capacity(page.items.len());
        for summary in page.items {
            // It may have gone since the listing was read.
            let Some(state) = self.registry.service(&summary.name).await? else {
                continue;
            };
            let shared = counted.of(&summary.name, own.monthly_usd);
            let cost = costs::own(&state, &self.platform, assumed);
            services.push(ServiceCostsView::new(summary.name, cost, shared).in_list(summary.team));
        }
        let name = self.platform.name.clone();
        Ok(PlatformCostsView::new(
            name,
            own,
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
