//! What a job costs: its task while it runs, and Step Functions for starting it.
//!
//! How long a run takes, no template says. It is assumed that all of a month's take an hour a day
//! together, and that there are as many runs as a job has that runs every hour.

use serde_json::Value;

use super::VariesWith;
use super::capacity::Capacity;
use super::census::Tasks;
use super::estimate::{HOURS, Item};
use super::money::Quantity;
use super::prices::Name;
use super::size::sized;
use crate::template::Template;

/// The parts of a day in which the task runs: an hour of 24.
const PART: u64 = 24;

/// State transitions of a run: into its one state, and to its end.
const TRANSITIONS: u64 = 2;

/// The task that a state machine runs; `None` where it is none of a job, or runs on what has no
/// price here.
pub(super) fn task(machine: &Value, template: &Template) -> Option<Tasks> {
    let definition = machine["DefinitionString"].as_str()?;
    let definition: Value = serde_json::from_str(definition).ok()?;
    let parameters = &definition["States"]["Run"]["Parameters"];
    let on = Capacity::of(parameters, template)?;
    let reference = &machine["DefinitionSubstitutions"]["TaskDefinition"];
    sized(reference, template, (1, 1), on)
}

pub(super) fn items(task: &Tasks) -> Vec<Item> {
    let parts = match (task.on, task.arm64) {
        (Capacity::OnDemand, false) => [
            ("Fargate vCPU, x86_64", Name::FargateX86Vcpu),
            ("Fargate memory, x86_64", Name::FargateX86Memory),
        ],
        (Capacity::OnDemand, true) => [
            ("Fargate vCPU, arm64", Name::FargateArm64Vcpu),
            ("Fargate memory, arm64", Name::FargateArm64Memory),
        ],
        (Capacity::Spot { .. }, _) => [
            ("Fargate Spot vCPU", Name::FargateSpotVcpu),
            ("Fargate Spot memory", Name::FargateSpotMemory),
        ],
        // Instances are there whether a job runs on them or not.
        (Capacity::Instances(_), _) => return vec![transitions()],
    };
    let hours = |size: u64| Quantity::thousandths(size * HOURS * 1000 / PART / 1024);
    let item = |(component, price), size: u64| {
        Item::new(component, price, hours(size))
            .varying_with(VariesWith::Use)
            .assuming("an hour of a task a day")
    };
    let [cpu, memory] = parts;
    let mut items = vec![item(cpu, task.cpu), item(memory, task.memory)];
    if task.disk > 0 {
        // In GiB already.
        let disk = ("Fargate disk", Name::FargateDisk);
        items.push(item(disk, task.disk * 1024));
    }
    items.push(transitions());
    items
}

fn transitions() -> Item {
    Item::new(
        "runs, state transitions",
        Name::StateTransitions,
        Quantity::thousandths(HOURS * TRANSITIONS),
    )
    .varying_with(VariesWith::Use)
    .assuming("a run an hour")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use slipway_domain::{Manifest, Platform};

    use crate::cost::estimate;
    use crate::environment_stack::{RunState, environment_stack};

    fn lines(capacity: &str, cluster: &str) -> Vec<(String, String)> {
        let platform = Platform::sample();
        let document = json!({
            "service": "a", "kind": "job", "image": "nginx:1", "cpu": 1024, "memory": 2048,
            "capacity": capacity, "cluster": cluster,
        });
        let manifest = Manifest::read(&document).unwrap();
        let prod = &platform.environment;
        let effective = manifest.effective(prod, prod).unwrap();
        let stack = environment_stack(&effective, &platform, &RunState::default()).unwrap();
        let stacks = [("a".to_owned(), stack)].into();
        let lines = estimate(&stacks, &platform.region).lines;
        let of_runs = |it: &&crate::cost::CostLine| {
            it.component.contains("Fargate") || it.component.contains("runs")
        };
        let lines = lines.iter().filter(of_runs);
        lines
            .map(|it| (it.component.clone(), it.quantity.clone()))
            .collect()
    }

    #[test]
    fn a_task_costs_while_it_runs_and_a_run_its_transitions() {
        let found = lines("fargate", "dedicated");
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Fargate vCPU, x86_64",
                "Fargate memory, x86_64",
                "runs, state transitions"
            ]
        );
        assert_eq!(found[0].1, "30.416");
        assert_eq!(found[1].1, "60.833");
        assert_eq!(found[2].1, "1.46");
    }

    #[test]
    fn a_job_on_spot_has_its_price_and_one_on_instances_none_of_its_own() {
        assert_eq!(lines("fargate-spot", "shared")[0].0, "Fargate Spot vCPU");
        assert_eq!(lines("ec2", "shared").len(), 1);
    }
}
