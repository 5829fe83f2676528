//! From what stacks have to what that costs.

use std::collections::BTreeMap;

use super::assumptions::Assumptions;
use super::census::{Census, Function, Tasks};
use super::money::{Quantity, Usd};
use super::prices::{self, Name};
use super::{CostLine, CostView, NOT_ESTIMATED, VariesWith, capacity, database, jobs};
use crate::template::Template;

/// Hours of a month, as AWS's own calculator has it: 365 days by 24 hours by 12 months.
pub(super) const HOURS: u64 = 730;

/// Days of a month, where days of retention are compared with it.
const DAYS: u64 = 30;

/// Thousandths of a GB that Container Insights writes about a task in a month: two events a
/// minute (the task's and its container's), of about a kilobyte each.
const INSIGHTS_LOG: u64 = 100;

/// Thousands of requests in a month of which each million costs the first price.
const FIRST_REQUESTS: u64 = 300_000;

/// What the stacks of one service, by their names, cost in a month on a platform in `region`.
pub fn estimate(stacks: &BTreeMap<String, Template>, region: &str) -> CostView {
    estimate_with(stacks, region, &Assumptions::default())
}

/// The same, with assumptions of the caller's.
pub fn estimate_with(
    stacks: &BTreeMap<String, Template>,
    region: &str,
    assumed: &Assumptions,
) -> CostView {
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
            let items = items(census, &running, assumed).into_iter();
            items
                .map(|item| item.line(name))
                .chain(unknown(name, census))
        })
        .collect();
    view(lines, region, assumed)
}

/// The lines with their sums.
pub(super) fn view(lines: Vec<CostLine>, region: &str, assumed: &Assumptions) -> CostView {
    CostView {
        monthly_usd: lines.iter().map(|line| line.monthly_usd).sum(),
        at_most_usd: lines
            .iter()
            .map(|line| line.at_most_usd.unwrap_or(line.monthly_usd))
            .sum(),
        difference_usd: None,
        lines,
        prices_of: prices::provenance(region),
        assumed: *assumed,
    }
}

/// Something to pay for.
pub(super) struct Item {
    component: &'static str,
    price: Name,
    quantity: Quantity,
    /// The quantity with the most tasks.
    at_most: Quantity,
    varies_with: VariesWith,
    assumption: Option<String>,
}

impl Item {
    pub(super) fn new(component: &'static str, price: Name, quantity: Quantity) -> Self {
        Self {
            component,
            price,
            quantity,
            at_most: quantity,
            varies_with: VariesWith::Nothing,
            assumption: None,
        }
    }

    /// The quantity with the most tasks, where these make it.
    pub(super) fn at_most(mut self, quantity: Quantity) -> Self {
        self.at_most = quantity;
        self.varying_with(VariesWith::Tasks)
    }

    pub(super) fn varying_with(mut self, what: VariesWith) -> Self {
        self.varies_with = what;
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
            varies_with: self.varies_with,
            assumption: self.assumption,
        }
    }
}

fn items(census: &Census<'_>, running: &[&str], assumed: &Assumptions) -> Vec<Item> {
    let tasks = census.services.iter();
    let mut items: Vec<Item> = tasks
        .flat_map(|tasks| capacity::items(tasks, usual(tasks, assumed)))
        .collect();
    items.extend(balancers(census, assumed));
    if census.is_served {
        items.extend(requests(assumed));
    }
    if census.looks_up {
        items.push(look_ups(assumed));
    }
    if census.is_filtered {
        let thousands = assumed.thousands_of_requests();
        items.push(
            Item::new(
                "web ACL, requests",
                Name::WebAclRequests,
                Quantity::thousandths(thousands),
            )
            .varying_with(VariesWith::Use)
            .assuming(assumed.of_requests()),
        );
    }
    items.extend(census.functions.iter().flat_map(|it| function(it, assumed)));
    items.extend(census.jobs.iter().flat_map(jobs::items));
    let databases = census.databases.iter();
    items.extend(databases.flat_map(|it| database::items(it, assumed)));
    items.extend(queues(census, assumed));
    items.extend(counted(census));
    items.extend(logs(census, assumed));
    let repositories = census.repositories.iter();
    items.extend(repositories.map(|name| images(running.contains(name), assumed)));
    items
}

/// A load balancer costs for being there, and for the traffic.
fn balancers(census: &Census<'_>, assumed: &Assumptions) -> Vec<Item> {
    if census.load_balancers == 0 {
        return Vec::new();
    }
    let hours = census.load_balancers * HOURS;
    let units = Quantity::whole(hours * assumed.capacity_units);
    vec![
        Item::new("load balancer", Name::LoadBalancer, Quantity::whole(hours)),
        Item::new("load balancer, traffic", Name::LoadBalancerCapacity, units)
            .varying_with(VariesWith::Use)
            .assuming(assumed.of_capacity()),
    ]
}

/// Requests through the HTTP API: beyond a number of them, each is cheaper.
fn requests(assumed: &Assumptions) -> Vec<Item> {
    let thousands = assumed.thousands_of_requests();
    let first = thousands.min(FIRST_REQUESTS);
    let item = |component, price, thousands| {
        Item::new(component, price, Quantity::thousandths(thousands))
            .varying_with(VariesWith::Use)
            .assuming(assumed.of_requests())
    };
    let mut items = vec![item("HTTP API", Name::HttpRequests, first)];
    if thousands > first {
        let beyond = thousands - first;
        let component = "HTTP API, beyond 300 million";
        items.push(item(component, Name::HttpRequestsBeyond, beyond));
    }
    items
}

/// Where there is no load balancer, the HTTP API asks Cloud Map for the tasks.
fn look_ups(assumed: &Assumptions) -> Item {
    let thousands = assumed.thousands_of_requests();
    Item::new("Cloud Map", Name::LookUps, Quantity::thousandths(thousands))
        .varying_with(VariesWith::Use)
        .assuming(format!(
            "{}, and as many look-ups: AWS does not say for how long an answer is kept",
            assumed.of_requests()
        ))
}

/// What costs by its number.
fn counted(census: &Census<'_>) -> Vec<Item> {
    let counts = [
        ("alarms", Name::Alarm, census.alarms),
        (
            "alarms, high resolution",
            Name::AlarmHighResolution,
            census.fast_alarms,
        ),
        ("Container Insights", Name::Metric, census.metrics),
        ("KMS keys", Name::KmsKey, census.keys),
        ("dashboards", Name::Dashboard, census.dashboards),
    ];
    let counts = counts.into_iter().filter(|(_, _, count)| *count > 0);
    let mut items: Vec<Item> = counts
        .map(|(component, price, count)| Item::new(component, price, Quantity::whole(count)))
        .collect();
    if census.fast_metrics > 0 {
        let count = Quantity::whole(census.fast_metrics);
        items.push(
            Item::new("metrics every 20 seconds", Name::Metric, count)
                .assuming("billed as custom metrics are; AWS says only that they cost extra"),
        );
    }
    items
}

/// The tasks that are taken to run at all hours.
fn usual(tasks: &Tasks, assumed: &Assumptions) -> u64 {
    let said = assumed.tasks.unwrap_or(tasks.min);
    said.min(tasks.max).max(tasks.min)
}

/// How many tasks of one kind run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    /// At all hours, as is assumed.
    pub(super) usual: u64,
    /// At most.
    pub(super) max: u64,
}

impl Running {
    /// In words.
    pub(super) fn at_all_hours(self) -> String {
        let many = |count: u64| format!("{count} task{}", if count == 1 { "" } else { "s" });
        if self.usual == self.max {
            format!("{} at all hours", many(self.usual))
        } else {
            format!("{} at all hours, at most {}", many(self.usual), self.max)
        }
    }
}

/// Tasks on Fargate, on demand.
pub(super) fn fargate(tasks: &Tasks, running: Running) -> Vec<Item> {
    let parts = if tasks.arm64 {
        [
            ("Fargate vCPU, arm64", Name::FargateArm64Vcpu),
            ("Fargate memory, arm64", Name::FargateArm64Memory),
        ]
    } else {
        [
            ("Fargate vCPU, x86_64", Name::FargateX86Vcpu),
            ("Fargate memory, x86_64", Name::FargateX86Memory),
        ]
    };
    by_size(tasks, running, parts, &running.at_all_hours())
}

/// The CPU, the memory and the larger disk of tasks, each with its component and price.
pub(super) fn by_size(
    tasks: &Tasks,
    running: Running,
    parts: [(&'static str, Name); 2],
    assumption: &str,
) -> Vec<Item> {
    // CPU units are 1/1024 of a vCPU, and a GB of Fargate's is 1024 MiB. Multiplied before it
    // is divided: every size that Fargate has comes out exact.
    let hours = |count: u64, size: u64| Quantity::thousandths(count * size * HOURS * 1000 / 1024);
    let item = |(component, price), size: u64| {
        Item::new(component, price, hours(running.usual, size))
            .at_most(hours(running.max, size))
            .assuming(assumption)
    };
    let [cpu, memory] = parts;
    let mut items = vec![item(cpu, tasks.cpu), item(memory, tasks.memory)];
    if tasks.disk > 0 {
        // In GiB already.
        let disk = ("Fargate disk", Name::FargateDisk);
        items.push(item(disk, tasks.disk * 1024));
    }
    items
}

/// A queue costs by what is asked of it, and its dead letters nothing.
fn queues(census: &Census<'_>, assumed: &Assumptions) -> Option<Item> {
    let thousands = assumed.thousands_of_requests();
    let requests = Quantity::thousandths(thousands.saturating_mul(census.queues));
    (census.queues > 0).then(|| {
        Item::new("queue", Name::QueueRequests, requests)
            .varying_with(VariesWith::Use)
            .assuming(format!(
                "{}, of which a message takes three",
                assumed.of_requests()
            ))
    })
}

/// A function costs nothing while nobody calls it.
fn function(function: &Function, assumed: &Assumptions) -> [Item; 2] {
    let (component, price) = if function.arm64 {
        ("function, arm64", Name::LambdaArm64)
    } else {
        ("function, x86_64", Name::LambdaX86)
    };
    // A GB of Lambda's is 1024 MiB, and ten calls of a tenth of a second are one second.
    let thousandths = assumed.requests.saturating_mul(100);
    let gigabyte_seconds = thousandths.saturating_mul(function.memory) / 1024;
    let calls = Quantity::thousandths(assumed.thousands_of_requests());
    let item = |component, price, quantity, assumption: String| {
        Item::new(component, price, quantity)
            .varying_with(VariesWith::Use)
            .assuming(assumption)
    };
    let each = "a tenth of a second for each request".to_owned();
    let all = assumed.of_requests();
    [
        item("function, requests", Name::LambdaRequests, calls, all),
        item(
            component,
            price,
            Quantity::thousandths(gigabyte_seconds),
            each,
        ),
    ]
}

/// Logs cost when they are written, and as long as they are kept.
fn logs(census: &Census<'_>, assumed: &Assumptions) -> Vec<Item> {
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
            // A GB has a thousand MB here.
            assumed.log_mb
        };
        written += monthly;
        kept += monthly * group.days;
    }
    // A function writes as much as a task, and a database too, for want of a better guess; so does
    // a job, in all its runs.
    let others = census.functions.len() + census.databases.len() + census.jobs.len();
    let functions = u64::try_from(others).unwrap_or(u64::MAX);
    let services = census.services.iter();
    let min = functions + services.map(|tasks| usual(tasks, assumed)).sum::<u64>();
    let max = functions + census.services.iter().map(|tasks| tasks.max).sum::<u64>();
    let item = |component, price, per_task: u64, days: u64| {
        Item::new(
            component,
            price,
            Quantity::thousandths(min * per_task / days),
        )
        .at_most(Quantity::thousandths(max * per_task / days))
    };
    vec![
        item("logs, written", Name::LogIngestion, written, 1).assuming(assumed.of_logs()),
        item("logs, kept", Name::LogStorage, kept, DAYS)
            .assuming("as much as the retention keeps, not compressed"),
    ]
}

fn images(in_use: bool, assumed: &Assumptions) -> Item {
    let (quantity, assumption) = if in_use {
        let quantity = Quantity::thousandths(assumed.image_mb);
        (quantity, format!("{quantity} GB of images"))
    } else {
        let nothing = "empty, because nothing runs from it";
        (Quantity::default(), nothing.to_owned())
    };
    Item::new("images", Name::ImageStorage, quantity)
        .varying_with(VariesWith::Use)
        .assuming(assumption)
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
        varies_with: VariesWith::Nothing,
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
