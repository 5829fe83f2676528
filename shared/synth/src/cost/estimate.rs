//! From what stacks have to what that costs.

use std::collections::BTreeMap;

use super::census::{Census, Tasks};
use super::money::{Quantity, Usd};
use super::prices::{self, Name};
use super::{CostLine, CostView, NOT_ESTIMATED, capacity};
use crate::template::Template;

/// Hours of a month, as AWS's own calculator has it: 365 days by 24 hours by 12 months.
pub(super) const HOURS: u64 = 730;

/// Days of a month, where days of retention are compared with it.
const DAYS: u64 = 30;

/// Thousandths of a GB that the containers of a task write to their log in a month.
const TASK_LOG: u64 = 500;

/// Thousandths of a GB that Container Insights writes about a task in a month: two events a
/// minute (the task's and its container's), of about a kilobyte each.
const INSIGHTS_LOG: u64 = 100;

/// Thousandths of a GB of images in a repository from which something runs: ten of 200 MB,
/// the layers that they share counted once.
const IMAGES: u64 = 2000;

/// Millions of requests in a month that reach one environment.
const REQUESTS: u64 = 1;

/// What the stacks of one service, by their names, cost in a month on a platform in `region`.
pub fn estimate(stacks: &BTreeMap<String, Template>, region: &str) -> CostView {
    let counted: Vec<(&str, Census<'_>)> = stacks
        .iter()
        .map(|(name, template)| (name.as_str(), Census::of(template)))
        .collect();
    let running: Vec<&str> = counted
        .iter()
        .flat_map(|(_, census)| &census.images)
        .filter_map(|image| Some(image.ecr()?.repository))
        .collect();
    let lines: Vec<CostLine> = counted
        .iter()
        .flat_map(|(name, census)| {
            let items = items(census, &running).into_iter();
            items
                .map(|item| item.line(name))
                .chain(unknown(name, census))
        })
        .collect();
    CostView {
        monthly_usd: lines.iter().map(|line| line.monthly_usd).sum(),
        at_most_usd: lines
            .iter()
            .map(|line| line.at_most_usd.unwrap_or(line.monthly_usd))
            .sum(),
        difference_usd: None,
        lines,
        prices_of: prices::provenance(region),
    }
}

/// Something to pay for.
pub(super) struct Item {
    component: &'static str,
    price: Name,
    quantity: Quantity,
    /// The quantity with the most tasks.
    at_most: Quantity,
    assumption: Option<String>,
}

impl Item {
    pub(super) fn new(component: &'static str, price: Name, quantity: Quantity) -> Self {
        Self {
            component,
            price,
            quantity,
            at_most: quantity,
            assumption: None,
        }
    }

    pub(super) fn at_most(mut self, quantity: Quantity) -> Self {
        self.at_most = quantity;
        self
    }

    pub(super) fn assuming(mut self, assumption: impl Into<String>) -> Self {
        self.assumption = Some(assumption.into());
        self
    }

    pub(super) fn line(self, stack: &str) -> CostLine {
        let price = prices::of(self.price).and_then(|price| Some((price, price.per_unit()?)));
        let Some((price, per_unit)) = price else {
            return not_estimated(stack, self.component, self.quantity);
        };
        let monthly_usd = per_unit.times(self.quantity);
        let at_most_usd = per_unit.times(self.at_most);
        CostLine {
            component: self.component.to_owned(),
            stack: stack.to_owned(),
            quantity: self.quantity.to_string(),
            unit: price.unit.clone(),
            monthly_usd,
            at_most_usd: (at_most_usd != monthly_usd).then_some(at_most_usd),
            assumption: self.assumption,
        }
    }
}

fn items(census: &Census<'_>, running: &[&str]) -> Vec<Item> {
    let mut items: Vec<Item> = census.services.iter().flat_map(capacity::items).collect();
    if census.load_balancers > 0 {
        let hours = Quantity::whole(census.load_balancers * HOURS);
        items.push(Item::new("load balancer", Name::LoadBalancer, hours));
        items.push(
            Item::new("load balancer, traffic", Name::LoadBalancerCapacity, hours)
                .assuming("one capacity unit at all hours"),
        );
    }
    if census.is_served {
        items.push(
            Item::new("HTTP API", Name::HttpRequests, Quantity::whole(REQUESTS))
                .assuming("a million requests a month"),
        );
    }
    let counts = [
        ("alarms", Name::Alarm, census.alarms),
        (
            "alarms, high resolution",
            Name::AlarmHighResolution,
            census.fast_alarms,
        ),
        ("Container Insights", Name::Metric, census.metrics),
        ("KMS keys", Name::KmsKey, census.keys),
    ];
    let counts = counts.into_iter().filter(|(_, _, count)| *count > 0);
    items.extend(
        counts.map(|(component, price, count)| Item::new(component, price, Quantity::whole(count))),
    );
    if census.fast_metrics > 0 {
        let count = Quantity::whole(census.fast_metrics);
        items.push(
            Item::new("metrics every 20 seconds", Name::Metric, count)
                .assuming("billed as custom metrics are; AWS says only that they cost extra"),
        );
    }
    items.extend(logs(census));
    items.extend(
        census
            .repositories
            .iter()
            .map(|name| images(running.contains(name))),
    );
    items
}

/// Tasks on Fargate, on demand.
pub(super) fn fargate(tasks: &Tasks) -> [Item; 2] {
    let (cpu, memory) = if tasks.arm64 {
        (
            ("Fargate vCPU, arm64", Name::FargateArm64Vcpu),
            ("Fargate memory, arm64", Name::FargateArm64Memory),
        )
    } else {
        (
            ("Fargate vCPU, x86_64", Name::FargateX86Vcpu),
            ("Fargate memory, x86_64", Name::FargateX86Memory),
        )
    };
    by_size(tasks, [cpu, memory], &at_all_hours(tasks))
}

/// How many tasks are taken to run.
pub(super) fn at_all_hours(tasks: &Tasks) -> String {
    let many = |count: u64| format!("{count} task{}", if count == 1 { "" } else { "s" });
    if tasks.min == tasks.max {
        format!("{} at all hours", many(tasks.min))
    } else {
        format!("{} at all hours, at most {}", many(tasks.min), tasks.max)
    }
}

/// The CPU and the memory of tasks at all hours, each with its component and price.
pub(super) fn by_size(
    tasks: &Tasks,
    parts: [(&'static str, Name); 2],
    assumption: &str,
) -> [Item; 2] {
    // CPU units are 1/1024 of a vCPU, and a GB of Fargate's is 1024 MiB. Multiplied before it
    // is divided: every size that Fargate has comes out exact.
    let hours = |count: u64, size: u64| Quantity::thousandths(count * size * HOURS * 1000 / 1024);
    let [cpu, memory] = parts;
    [(cpu, tasks.cpu), (memory, tasks.memory)].map(|((component, price), size)| {
        Item::new(component, price, hours(tasks.min, size))
            .at_most(hours(tasks.max, size))
            .assuming(assumption)
    })
}

/// Logs cost when they are written, and as long as they are kept.
fn logs(census: &Census<'_>) -> Vec<Item> {
    if census.log_groups.is_empty() {
        return Vec::new();
    }
    // Thousandths of a GB for each task: what is written in a month, and, times the days of a
    // month, what lies there once the oldest logs are old enough to go.
    let (mut written, mut kept) = (0, 0);
    for group in &census.log_groups {
        let monthly = if group.insights {
            INSIGHTS_LOG
        } else {
            TASK_LOG
        };
        written += monthly;
        kept += monthly * group.days;
    }
    let min: u64 = census.services.iter().map(|tasks| tasks.min).sum();
    let max: u64 = census.services.iter().map(|tasks| tasks.max).sum();
    let item = |component, price, per_task: u64, days: u64| {
        Item::new(
            component,
            price,
            Quantity::thousandths(min * per_task / days),
        )
        .at_most(Quantity::thousandths(max * per_task / days))
    };
    vec![
        item("logs, written", Name::LogIngestion, written, 1).assuming(
            "half a GB a month from each task, 0.1 GB more about it by Container Insights",
        ),
        item("logs, kept", Name::LogStorage, kept, DAYS)
            .assuming("as much as the retention keeps, not compressed"),
    ]
}

fn images(in_use: bool) -> Item {
    let (thousandths, assumption) = if in_use {
        (IMAGES, "2 GB of images")
    } else {
        (0, "empty, because nothing runs from it")
    };
    let quantity = Quantity::thousandths(thousandths);
    Item::new("images", Name::ImageStorage, quantity).assuming(assumption)
}

fn unknown<'a>(stack: &'a str, census: &'a Census<'_>) -> impl Iterator<Item = CostLine> + 'a {
    census
        .unknown
        .iter()
        .map(move |(kind, count)| not_estimated(stack, kind, Quantity::whole(*count)))
}

/// A line without an amount: the sum is silent about it, and says so.
fn not_estimated(stack: &str, what: &str, quantity: Quantity) -> CostLine {
    CostLine {
        component: NOT_ESTIMATED.to_owned(),
        stack: stack.to_owned(),
        quantity: quantity.to_string(),
        unit: what.to_owned(),
        monthly_usd: Usd::default(),
        at_most_usd: None,
        assumption: Some("its price is not known here; it comes on top".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_no_price_is_named_and_not_summed() {
        let resources = json!({
            "A": {"Type": "AWS::Lambda::Function"},
            "B": {"Type": "AWS::Lambda::Function"},
            "Key": {"Type": "AWS::KMS::Key"},
        });
        let template = Template::new("", resources.as_object().unwrap().clone(), json!({}));
        let view = estimate(&BTreeMap::from([("s".to_owned(), template)]), "us-east-1");
        let [key, functions] = view.lines.as_slice() else {
            panic!("{:#?}", view.lines);
        };
        assert_eq!(
            (key.component.as_str(), key.quantity.as_str()),
            ("KMS keys", "1")
        );
        assert_eq!(functions.component, NOT_ESTIMATED);
        assert_eq!(
            (functions.unit.as_str(), functions.quantity.as_str()),
            ("AWS::Lambda::Function", "2")
        );
        assert!(functions.assumption.as_ref().unwrap().contains("on top"));
        assert_eq!(view.monthly_usd, "1.00".parse().unwrap());
    }
}
