//! How large tasks are, as their definition says.

use serde_json::Value;

use super::capacity::Capacity;
use super::census::Tasks;
use crate::template::Template;

/// GiB of a task's disk that its price holds already (AWS Fargate pricing).
const FREE_DISK: u64 = 20;

/// So many tasks of a definition, which is referred to.
pub(super) fn sized(
    reference: &Value,
    template: &Template,
    (min, max): (u64, u64),
    on: Capacity,
) -> Option<Tasks> {
    let definition = template.resource(reference["Ref"].as_str()?)?;
    let definition = &definition["Properties"];
    let number = |property: &str| definition[property].as_str()?.parse().ok();
    Some(Tasks {
        cpu: number("Cpu")?,
        memory: number("Memory")?,
        arm64: definition["RuntimePlatform"]["CpuArchitecture"] == "ARM64",
        disk: definition["EphemeralStorage"]["SizeInGiB"]
            .as_u64()
            .unwrap_or_default()
            .saturating_sub(FREE_DISK),
        min,
        max,
        on,
    })
}
