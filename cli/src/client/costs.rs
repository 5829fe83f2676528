//! Calls about what services and the platform cost.

use slipway_control::costs::{PlatformCostsView, ServiceCostsView};
use slipway_domain::ServiceName;

use super::{Call, Client, Result, paged};

impl Client {
    /// What a service costs in a month, with these assumptions by name.
    pub fn costs(&self, name: &ServiceName, assumed: &[(&str, u64)]) -> Result<ServiceCostsView> {
        let call = assuming(Call::get(format!("/services/{name}/costs")), assumed);
        self.send(&call)?.read()
    }

    /// What the platform costs in a month, and every service, page by page.
    pub fn platform_costs(&self, assumed: &[(&str, u64)]) -> Result<PlatformCostsView> {
        let first = assuming(Call::get("/platform/costs"), assumed);
        let page = |cursor: Option<&str>| -> Result<PlatformCostsView> {
            self.send(&paged(first.clone(), cursor, None))?.read()
        };
        let mut costs = page(None)?;
        while let Some(cursor) = costs.next.take() {
            let more = page(Some(&cursor))?;
            costs.services.extend(more.services);
            costs.next = more.next;
        }
        Ok(costs)
    }
}

fn assuming(call: Call, assumed: &[(&str, u64)]) -> Call {
    let add = |call: Call, (name, value): &(&str, u64)| call.query(name, &value.to_string());
    assumed.iter().fold(call, add)
}
