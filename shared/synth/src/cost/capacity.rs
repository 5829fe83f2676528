//! What tasks cost by what they run on: on demand, on Spot, or on the platform's instances.
//!
//! An instance is paid for whether it is full or not, and by the platform, not by a service. What
//! a service is told is the share that its tasks take of instances, which is what it would cost
//! were they full; what is left empty comes on top, for all together.

use serde_json::Value;

use super::census::Tasks;
use super::estimate::{HOURS, Item, Running, by_size, fargate};
use super::money::Quantity;
use super::prices::Name;
use crate::environment_stack::INSTANCE_TYPE_OUTPUT;
use crate::template::Template;

/// What tasks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Capacity {
    /// Fargate, on demand.
    OnDemand,
    /// Fargate Spot, but for the first tasks.
    Spot {
        /// How many of them are on demand.
        base: u64,
    },
    /// EC2 instances of a type whose price is known.
    Instances(&'static Instance),
}

/// An instance type with a price.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instance {
    name: &'static str,
    /// CPU units: 1024 are a vCPU.
    cpu: u64,
    /// MiB.
    memory: u64,
    /// For how many tasks it has network interfaces, with trunking where it has that.
    tasks: u64,
    price: Name,
}

/// Their sizes and numbers of network interfaces are those of "Specifications for Amazon EC2
/// general purpose instances"; how many tasks a trunk has room for, those of "Supported instances
/// for increased Amazon ECS container network interfaces".
const INSTANCES: [Instance; 3] = [
    Instance {
        name: "t3.medium",
        cpu: 2048,
        memory: 4096,
        tasks: 2,
        price: Name::InstanceT3Medium,
    },
    Instance {
        name: "t3.large",
        cpu: 2048,
        memory: 8192,
        tasks: 2,
        price: Name::InstanceT3Large,
    },
    Instance {
        name: "m5.large",
        cpu: 2048,
        memory: 8192,
        tasks: 10,
        price: Name::InstanceM5Large,
    },
];

impl Capacity {
    /// What a service's tasks run on; `None` where that has no price here.
    pub(super) fn of(service: &Value, template: &Template) -> Option<Self> {
        if service["LaunchType"] == "FARGATE" {
            return Some(Self::OnDemand);
        }
        let strategy = service["CapacityProviderStrategy"].as_array()?;
        let provider = |name: &str| strategy.iter().find(|it| it["CapacityProvider"] == name);
        if provider("FARGATE_SPOT").is_some() {
            let base = provider("FARGATE").and_then(|it| it["Base"].as_u64());
            return Some(Self::Spot {
                base: base.unwrap_or_default(),
            });
        }
        let kind = template.as_value()["Outputs"][INSTANCE_TYPE_OUTPUT]["Value"].as_str()?;
        let instance = INSTANCES.iter().find(|it| it.name == kind)?;
        Some(Self::Instances(instance))
    }
}

/// What the tasks of a service cost, of which `usual` are taken to run at all hours.
pub(super) fn items(tasks: &Tasks, usual: u64) -> Vec<Item> {
    let max = tasks.max;
    let running = Running { usual, max };
    match tasks.on {
        Capacity::OnDemand => fargate(tasks, running),
        Capacity::Spot { base } => on_spot(tasks, running, base),
        Capacity::Instances(instance) => vec![on_instances(tasks, running, instance)],
    }
}

fn on_spot(tasks: &Tasks, running: Running, base: u64) -> Vec<Item> {
    let on_demand = Running {
        usual: running.usual.min(base),
        max: running.max.min(base),
    };
    let spot = Running {
        usual: running.usual - on_demand.usual,
        max: running.max - on_demand.max,
    };
    let mut items = Vec::new();
    if on_demand.max > 0 {
        items.extend(fargate(tasks, on_demand));
    }
    if spot.max > 0 {
        let parts = [
            ("Fargate Spot vCPU", Name::FargateSpotVcpu),
            ("Fargate Spot memory", Name::FargateSpotMemory),
        ];
        let of_x86 = if tasks.arm64 {
            ", and is x86_64's here: arm64 costs less"
        } else {
            ""
        };
        let assumption = format!("{}; the price floats{of_x86}", spot.at_all_hours());
        items.extend(by_size(tasks, spot, parts, &assumption));
    }
    items
}

/// A task takes of an instance the largest of its shares of CPU, memory and network interfaces.
fn on_instances(tasks: &Tasks, running: Running, instance: &Instance) -> Item {
    let larger = |one: (u64, u64), other: (u64, u64)| {
        if one.0 * other.1 >= other.0 * one.1 {
            one
        } else {
            other
        }
    };
    let by_size = larger((tasks.cpu, instance.cpu), (tasks.memory, instance.memory));
    let (size, whole) = larger(by_size, (1, instance.tasks));
    let hours = |count: u64| Quantity::thousandths(count * size * HOURS * 1000 / whole);
    let assumption = format!(
        "{}, and instances ({}) as full as these fill them: what stays empty comes on top",
        running.at_all_hours(),
        instance.name
    );
    Item::new("share of instances", instance.price, hours(running.usual))
        .at_most(hours(running.max))
        .assuming(assumption)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(service: &Value, kind: Option<&str>) -> Option<Capacity> {
        let outputs = kind.map_or_else(
            || json!({}),
            |kind| json!({INSTANCE_TYPE_OUTPUT: {"Value": kind}}),
        );
        let template = Template::new("", serde_json::Map::new(), outputs);
        Capacity::of(service, &template)
    }

    #[test]
    fn what_tasks_run_on_is_read_from_the_service() {
        let spot = |base: Value| {
            json!({"CapacityProviderStrategy": [
                {"CapacityProvider": "FARGATE", "Base": base, "Weight": 0},
                {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
            ]})
        };
        assert_eq!(
            of(&json!({"LaunchType": "FARGATE"}), None),
            Some(Capacity::OnDemand)
        );
        assert_eq!(of(&spot(2.into()), None), Some(Capacity::Spot { base: 2 }));
        let instances = || json!({"CapacityProviderStrategy": [{"CapacityProvider": "p"}]});
        let large = Capacity::Instances(&INSTANCES[1]);
        assert_eq!(of(&instances(), Some("t3.large")), Some(large));
        // What has no price here is not taken for free.
        assert_eq!(of(&instances(), Some("x9.huge")), None);
        assert_eq!(of(&instances(), None), None);
        assert_eq!(of(&json!({"LaunchType": "EC2"}), None), None);
    }

    fn tasks(cpu: u64, memory: u64, min: u64, max: u64, on: Capacity) -> Vec<(String, String)> {
        let tasks = Tasks {
            cpu,
            memory,
            arm64: false,
            min,
            max,
            disk: 0,
            on,
        };
        items(&tasks, min)
            .into_iter()
            .map(|item| item.line("s"))
            .map(|line| (line.component, line.quantity))
            .collect()
    }

    fn named(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned =
            |&(component, quantity): &(&str, &str)| (component.to_owned(), quantity.to_owned());
        lines.iter().map(owned).collect()
    }

    #[test]
    fn the_first_tasks_are_on_demand_and_all_further_ones_on_spot() {
        assert_eq!(
            tasks(1024, 2048, 3, 10, Capacity::Spot { base: 1 }),
            named(&[
                ("Fargate vCPU, x86_64", "730"),
                ("Fargate memory, x86_64", "1460"),
                ("Fargate Spot vCPU", "1460"),
                ("Fargate Spot memory", "2920"),
            ])
        );
        assert_eq!(tasks(1024, 2048, 1, 2, Capacity::Spot { base: 0 }).len(), 2);
        assert_eq!(tasks(1024, 2048, 1, 2, Capacity::Spot { base: 2 }).len(), 2);
    }

    #[test]
    fn a_task_takes_the_largest_of_its_shares_of_an_instance() {
        let [_, t3, m5] = &INSTANCES;
        let hours = |cpu: u64, memory: u64, instance| {
            tasks(cpu, memory, 2, 2, Capacity::Instances(instance))
        };
        let share = |hours: &str| named(&[("share of instances", hours)]);
        // A quarter of the CPU, an eighth of the memory.
        assert_eq!(hours(512, 1024, m5), share("365"));
        // An eighth of the CPU, half of the memory.
        assert_eq!(hours(256, 4096, m5), share("730"));
        // An eighth of the CPU, and one of two network interfaces.
        assert_eq!(hours(256, 512, t3), share("730"));
    }
}
