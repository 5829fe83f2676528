//! Evidence in words for people.

use std::fmt::Write;

use aws_sdk_cloudwatchlogs::types::OutputLogEvent;
use aws_sdk_ecs::types::{Container, Task, TaskStopCode};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// Which tasks of a cluster are an environment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whose<'a> {
    /// The cluster.
    pub(super) cluster: &'a str,
    /// The family of the tasks; all of the cluster where there is none.
    pub(super) family: Option<&'a str>,
}

/// All tasks of an environment's own cluster; in a shared one, where its service's ARN says which
/// it is (`…:service/CLUSTER/NAME`), those of its task definition's family
/// (`…:task-definition/FAMILY:REVISION`).
pub(super) fn whose<'a>(
    cluster: Option<&'a str>,
    service: Option<&'a str>,
    task_definition: Option<&'a str>,
) -> Option<Whose<'a>> {
    if let Some(cluster) = cluster {
        return Some(Whose {
            cluster,
            family: None,
        });
    }
    let cluster = service?.split('/').nth(1)?;
    let (family, _) = task_definition?.rsplit('/').next()?.split_once(':')?;
    Some(Whose {
        cluster,
        family: Some(family),
    })
}

/// The stopped tasks that failed, of those that were made since `since`; the newest first.
pub(super) fn failed(tasks: Vec<Task>, since: Option<Timestamp>) -> Vec<Task> {
    let made = |task: &Task| task.created_at().map(DateTime::secs);
    let since = since.map(Timestamp::as_second);
    let mut failed: Vec<Task> = tasks
        .into_iter()
        .filter(|task| !was_told_to_stop(task) && made(task) >= since)
        .collect();
    failed.sort_by_key(|task| std::cmp::Reverse(task.stopped_at().map(DateTime::secs)));
    failed
}

/// Whether a task stopped because it was not needed any more, or because somebody stopped it.
fn was_told_to_stop(task: &Task) -> bool {
    task.stop_code() == Some(&TaskStopCode::UserInitiated)
        || task
            .stopped_reason()
            .is_some_and(|reason| reason.starts_with("Scaling activity initiated by"))
}

/// Why tasks stopped, each reason once.
pub(super) fn of_tasks(tasks: &[Task]) -> Vec<String> {
    tally(tasks.iter().map(of_task), "tasks")
}

fn of_task(task: &Task) -> String {
    let reason = task.stopped_reason().unwrap_or("ECS gives no reason");
    let containers: Vec<String> = task
        .containers()
        .iter()
        .filter_map(|container| of_container(container, reason))
        .collect();
    if containers.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason} ({})", containers.join("; "))
    }
}

/// What a container tells beside its task's reason, if anything.
fn of_container(container: &Container, told: &str) -> Option<String> {
    let mut words = Vec::new();
    if let Some(code) = container.exit_code() {
        let mut text = format!("exit code {code}");
        if let Some(meaning) = meaning(code) {
            // Writing to a `String` does not fail.
            let _ = write!(text, ", {meaning}");
        }
        words.push(text);
    }
    // ECS often says the same of the task and of its container.
    if let Some(reason) = container.reason().filter(|reason| *reason != told) {
        words.push(reason.to_owned());
    }
    let name = container.name().unwrap_or("a container");
    (!words.is_empty()).then(|| format!("{name}: {}", words.join(", ")))
}

/// What shells and kernels mean by an exit code.
fn meaning(code: i32) -> Option<&'static str> {
    match code {
        126 => Some("the command cannot be executed"),
        127 => Some("the command was not found"),
        137 => Some("killed: no memory left, or too slow to stop"),
        139 => Some("crashed: segmentation fault"),
        _ => None,
    }
}

/// Why targets are unhealthy, each reason once.
pub(super) fn of_targets(targets: &[TargetHealthDescription]) -> Vec<String> {
    let words = targets.iter().filter_map(|target| {
        let health = target.target_health()?;
        let unhealthy = matches!(
            health.state(),
            Some(
                TargetHealthStateEnum::Unhealthy
                    | TargetHealthStateEnum::UnhealthyDraining
                    | TargetHealthStateEnum::Unavailable
            )
        );
        let description = health.description().unwrap_or("no description");
        let reason = health
            .reason()
            .map_or("no reason", |reason| reason.as_str());
        unhealthy.then(|| format!("{description} ({reason})"))
    });
    tally(words, "targets")
}

/// The log stream of the newest task that got as far as running: `prefix/container/task`, where
/// the prefix of our templates is the container's name.
pub(super) fn stream(tasks: &[Task]) -> Option<String> {
    tasks.iter().find_map(|task| {
        let container = task.containers().iter().find(|container| {
            container.exit_code().is_some()
                || task.started_at().is_some() && container.runtime_id().is_some()
        })?;
        let name = container.name()?;
        let id = task.task_arn()?.rsplit('/').next()?;
        Some(format!("{name}/{name}/{id}"))
    })
}

/// The lines as they were written, but for what would move a terminal's cursor or colour it:
/// they are shown where people work.
pub(super) fn of_log(events: &[OutputLogEvent]) -> Vec<String> {
    let lines = events.iter().filter_map(OutputLogEvent::message);
    let readable = |line: &str| -> String {
        let spaced = line.trim_end().chars();
        spaced
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect()
    };
    lines
        .map(readable)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Each sentence once, in the order of their first, with how often it was said.
fn tally(sentences: impl Iterator<Item = String>, of: &str) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for sentence in sentences {
        match counted.iter_mut().find(|(known, _)| *known == sentence) {
            Some((_, count)) => *count += 1,
            None => counted.push((sentence, 1)),
        }
    }
    counted
        .into_iter()
        .map(|(sentence, count)| match count {
            1 => sentence,
            _ => format!("{sentence} – {count} {of}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::builders::TaskBuilder;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealth;

    use super::*;

    fn task(reason: &str, stopped: i64) -> TaskBuilder {
        Task::builder()
            .task_arn(format!(
                "arn:aws:ecs:us-east-1:1:task/p-orders-cluster-prod/{stopped}"
            ))
            .stopped_reason(reason)
            .created_at(DateTime::from_secs(stopped - 10))
            .stopped_at(DateTime::from_secs(stopped))
    }

    fn container(exit: Option<i32>, reason: Option<&str>) -> Container {
        Container::builder()
            .name("app")
            .set_exit_code(exit)
            .set_reason(reason.map(str::to_owned))
            .build()
    }

    #[test]
    fn in_a_shared_cluster_only_the_environments_own_tasks_are_looked_at() {
        let service = Some("arn:aws:ecs:r:1:service/p-shared/p--orders--prod-Service-a1");
        let task_definition = Some("arn:aws:ecs:r:1:task-definition/p-orders-prod:7");
        assert_eq!(
            whose(None, service, task_definition),
            Some(Whose {
                cluster: "p-shared",
                family: Some("p-orders-prod")
            })
        );
        assert_eq!(
            whose(Some("own"), service, task_definition),
            Some(Whose {
                cluster: "own",
                family: None
            })
        );
        // Never those of all others, for want of a name.
        assert_eq!(whose(None, service, None), None);
        assert_eq!(whose(None, None, task_definition), None);
    }

    #[test]
    fn a_crash_loop_is_one_sentence_with_its_exit_code() {
        let crash = |at| {
            task("Essential container in task exited", at)
                .containers(container(Some(137), Some("OutOfMemoryError: killed")))
                .build()
        };
        assert_eq!(
            of_tasks(&[crash(30), crash(20), crash(10)]),
            [
                "Essential container in task exited (app: exit code 137, killed: no memory left, \
                 or too slow to stop, OutOfMemoryError: killed) – 3 tasks"
            ]
        );
    }

    #[test]
    fn what_a_container_only_repeats_is_said_once() {
        let reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s)";
        let task = task(reason, 10)
            .containers(container(None, Some(reason)))
            .build();
        assert_eq!(of_tasks(&[task]), [reason]);
    }

    #[test]
    fn tasks_that_were_told_to_stop_or_are_older_than_the_operation_did_not_fail() {
        let tasks = vec![
            task("Scaling activity initiated by (deployment ecs-svc/1)", 100).build(),
            task("Task stopped by user", 100)
                .stop_code(TaskStopCode::UserInitiated)
                .build(),
            task("Essential container in task exited", 40).build(),
            task("Task failed ELB health checks in (target-group x)", 80).build(),
            task("Essential container in task exited", 90).build(),
        ];
        let since = Timestamp::from_second(50).ok();
        let reasons: Vec<_> = failed(tasks.clone(), since)
            .iter()
            .map(|task| task.stopped_reason().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(
            reasons,
            [
                "Essential container in task exited",
                "Task failed ELB health checks in (target-group x)"
            ]
        );
        assert_eq!(
            failed(tasks, None).len(),
            3,
            "without a beginning all count"
        );
    }

    #[test]
    fn the_log_is_that_of_the_newest_task_that_ran() {
        let not_started = task("CannotPullContainerError", 30)
            .containers(container(None, None))
            .build();
        let ran = task("Essential container in task exited", 20)
            .containers(container(Some(1), None))
            .build();
        assert_eq!(
            stream(&[not_started.clone(), ran]).as_deref(),
            Some("app/app/20")
        );
        assert_eq!(stream(&[not_started]), None);
    }

    #[test]
    fn only_unhealthy_targets_are_told() {
        let target = |state: &str, description: &str| {
            TargetHealthDescription::builder()
                .target_health(
                    TargetHealth::builder()
                        .state(state.into())
                        .reason("Target.ResponseCodeMismatch".into())
                        .description(description)
                        .build(),
                )
                .build()
        };
        assert_eq!(
            of_targets(&[
                target("healthy", ""),
                target("initial", "Target registration is in progress"),
                target("unhealthy", "Health checks failed with these codes: [404]"),
                target("unhealthy", "Health checks failed with these codes: [404]"),
                target("draining", "Target deregistration is in progress"),
            ]),
            [
                "Health checks failed with these codes: [404] (Target.ResponseCodeMismatch) – 2 targets"
            ]
        );
    }

    #[test]
    fn log_lines_are_kept_as_written_but_for_what_moves_a_terminal() {
        let event = |text: &str| OutputLogEvent::builder().message(text).build();
        assert_eq!(
            of_log(&[
                event("panicked at src/main.rs:1\n"),
                event(""),
                event("\u{1b}[31mpassword\tis \u{7}wrong\u{1b}[0m\r\n"),
            ]),
            ["panicked at src/main.rs:1", "[31mpassword is wrong[0m"]
        );
    }
}
