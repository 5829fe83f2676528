//! CPU and memory that Fargate allows together.
//!
//! Source: Amazon ECS developer guide, "Task size" for Linux on Fargate.

/// Fargate's CPU sizes, in CPU units (1,024 are one vCPU).
pub const CPUS: [u32; 7] = [256, 512, 1024, 2048, 4096, 8192, 16384];

const GIB: u32 = 1024;

/// The memory sizes, in MiB, that Fargate allows with `cpu` units, or `None` for a CPU size
/// that Fargate does not have.
pub fn memory_for(cpu: u32) -> Option<Vec<u32>> {
    let steps = |from: u32, to: u32, step: u32| (from..=to).step_by(step as usize).collect();
    match cpu {
        256 => Some(vec![512, GIB, 2 * GIB]),
        512 => Some(steps(GIB, 4 * GIB, GIB)),
        1024 => Some(steps(2 * GIB, 8 * GIB, GIB)),
        2048 => Some(steps(4 * GIB, 16 * GIB, GIB)),
        4096 => Some(steps(8 * GIB, 30 * GIB, GIB)),
        8192 => Some(steps(16 * GIB, 60 * GIB, 4 * GIB)),
        16384 => Some(steps(32 * GIB, 120 * GIB, 8 * GIB)),
        _ => None,
    }
}

/// What Fargate allows with `cpu`, in words: `512, 1024 or 2048`, or a range with its step.
pub fn describe_memory_for(cpu: u32) -> Option<String> {
    let sizes = memory_for(cpu)?;
    Some(match sizes.as_slice() {
        [a, b, c] => format!("{a}, {b} or {c}"),
        [first, second, .., last] => {
            format!("{first} to {last} in steps of {}", second - first)
        }
        _ => format!("{sizes:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_size_has_its_memory_sizes() {
        for cpu in CPUS {
            assert!(
                memory_for(cpu).is_some_and(|sizes| !sizes.is_empty()),
                "{cpu}"
            );
        }
        assert_eq!(memory_for(300), None);
        assert_eq!(
            describe_memory_for(256).as_deref(),
            Some("512, 1024 or 2048")
        );
        assert_eq!(
            describe_memory_for(16384).as_deref(),
            Some("32768 to 122880 in steps of 8192")
        );
    }
}
