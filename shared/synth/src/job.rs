//! A job: what starts a task now and then, waits for its end, and tries again.
//!
//! EventBridge Scheduler starts a state machine of Step Functions, which has one state: run the
//! task, wait until it has stopped, and fail when a container did. Its executions are the job's
//! runs, and Step Functions remembers them for 90 days: there is no record of ours. No service of
//! ECS keeps a task running; a deployment of a job is that the next run is the new one.
//!
//! The definition is a text, into which CloudFormation puts the names that it knows first
//! (`DefinitionSubstitutions`): what a template has as an object may reach Step Functions with its
//! numbers as texts.

use serde_json::{Value, json};
use slipway_domain::manifest::Capacity;

use crate::environment_stack::{INSTANCE_TYPE_OUTPUT, Resources, Site};
use crate::intrinsic::{attribute, reference};
use crate::roles::Role;
use crate::{capacity, cluster, names, network, roles, task};

pub(crate) const MACHINE: &str = "StateMachine";
const MACHINE_ROLE: &str = "StateMachineRole";
const SCHEDULE: &str = "Schedule";
const SCHEDULE_ROLE: &str = "ScheduleRole";

/// The output that names the state machine: its ARN.
pub const MACHINE_OUTPUT: &str = "StateMachine";

/// What a run's input says of who started it: `{"by": "schedule"}`, or a person's or program's ARN.
pub const STARTED_BY: &str = "by";

/// What [`STARTED_BY`] says of a run that nobody started.
pub const BY_SCHEDULE: &str = "schedule";

/// The rule by which Step Functions hears that tasks have stopped. It makes the rule itself, in
/// the name of the state machine's role, one for all of an account and region ("IAM policies for
/// Amazon ECS", Step Functions).
const EVENTS_RULE: &str = "rule/StepFunctionsGetEventsForECSTaskRule";

/// How long, and how often, Scheduler tries to start a run. Later than this it is another one's turn.
const START_SECONDS: u32 = 900;
const START_TRIES: u32 = 10;

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    to.add(MACHINE_ROLE, machine_role(site));
    to.add(MACHINE, machine(site));
    if let Some(expression) = &site.effective.settings.job.schedule {
        to.add(SCHEDULE_ROLE, schedule_role(site));
        to.add(SCHEDULE, schedule(site, expression));
    }
}

pub(crate) fn outputs(site: &Site<'_>) -> Value {
    let output = |value: Value| json!({"Value": value});
    let mut outputs = json!({
        "Cluster": output(cluster::reference(site)),
        "TaskDefinition": output(reference(task::DEFINITION)),
        "LogGroup": output(reference(crate::logs::GROUP)),
        MACHINE_OUTPUT: output(reference(MACHINE)),
    });
    let settings = &site.effective.settings;
    if let (Capacity::Ec2, Some(ec2)) = (settings.capacity, &site.platform.ec2) {
        outputs[INSTANCE_TYPE_OUTPUT] = output(ec2.instance_type.as_str().into());
    }
    outputs
}

fn machine(site: &Site<'_>) -> Value {
    let effective = site.effective;
    let name = names::state_machine(site.platform, &effective.service, &effective.environment);
    let mut machine = json!({"Type": "AWS::StepFunctions::StateMachine"});
    if let Some(associations) = capacity::association(site) {
        // ECS refuses a provider that the cluster does not have.
        machine["DependsOn"] = json!([associations]);
    }
    let mut substitutions = json!({
        "Cluster": cluster::reference(site),
        "TaskDefinition": reference(task::DEFINITION),
    });
    for (name, group) in made_groups(site) {
        substitutions[name] = group;
    }
    machine["Properties"] = json!({
        "StateMachineName": name,
        "StateMachineType": "STANDARD",
        "RoleArn": attribute(MACHINE_ROLE, "Arn"),
        "DefinitionString": definition(site).to_string(),
        "DefinitionSubstitutions": substitutions,
    });
    machine
}

/// What it does, in the Amazon States Language.
fn definition(site: &Site<'_>) -> Value {
    let job = &site.effective.settings.job;
    let mut run = json!({
        "Type": "Task",
        "Resource": format!("arn:{}:states:::ecs:runTask.sync", site.platform.partition),
        "TimeoutSeconds": job.timeout,
        "Parameters": task_parameters(site),
        "End": true,
    });
    if job.attempts > 1 {
        run["Retry"] = json!([{
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": job.backoff,
            "BackoffRate": 2,
            "MaxAttempts": job.attempts - 1,
        }]);
    }
    json!({
        "Comment": format!("A run of the job {}", site.family()),
        "StartAt": "Run",
        "States": {"Run": run},
    })
}

/// What ECS is asked for. `${…}` is for CloudFormation to fill in.
fn task_parameters(site: &Site<'_>) -> Value {
    let mut parameters = json!({
        "Cluster": "${Cluster}",
        "TaskDefinition": "${TaskDefinition}",
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "Subnets": site.platform.private_subnets,
                "SecurityGroups": groups(site),
            },
        },
        "EnableECSManagedTags": true,
        "PropagateTags": "TASK_DEFINITION",
    });
    match site.effective.settings.capacity {
        Capacity::Fargate => parameters["LaunchType"] = "FARGATE".into(),
        Capacity::FargateSpot => {
            parameters["CapacityProviderStrategy"] =
                json!([{"CapacityProvider": capacity::SPOT, "Weight": 1}]);
        }
        Capacity::Ec2 => {
            let ec2 = site.platform.ec2.as_ref();
            let provider = ec2.map_or("", |ec2| ec2.provider.as_str());
            parameters["CapacityProviderStrategy"] =
                json!([{"CapacityProvider": provider, "Weight": 1}]);
        }
    }
    parameters
}

/// The security groups of a task that CloudFormation knows first, by the names that the definition
/// has for them.
fn made_groups(site: &Site<'_>) -> impl Iterator<Item = (String, Value)> {
    let made = network::groups(site).into_iter();
    let made = made.filter(|group| !group.is_string()).enumerate();
    made.map(|(number, group)| match number {
        0 => ("SecurityGroup".to_owned(), group),
        _ => (format!("SecurityGroup{}", number + 1), group),
    })
}

/// The security groups of a task, as the definition says them: those whose ids are known as they
/// are.
fn groups(site: &Site<'_>) -> Vec<Value> {
    let known = network::groups(site).into_iter();
    let made = made_groups(site).map(|(name, _)| format!("${{{name}}}").into());
    made.chain(known.filter(Value::is_string)).collect()
}

fn schedule(site: &Site<'_>, expression: &str) -> Value {
    let job = &site.effective.settings.job;
    json!({
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Description": format!("Starts the job {}", site.family()),
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": job.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": {
                "Arn": reference(MACHINE),
                "RoleArn": attribute(SCHEDULE_ROLE, "Arn"),
                "Input": json!({STARTED_BY: BY_SCHEDULE}).to_string(),
                "RetryPolicy": {
                    "MaximumEventAgeInSeconds": START_SECONDS,
                    "MaximumRetryAttempts": START_TRIES,
                },
            },
        },
    })
}

/// What Step Functions does with ECS, as "IAM policies for Amazon ECS" has it, on the job's own
/// task definition and cluster.
fn machine_role(site: &Site<'_>) -> Value {
    let cluster = cluster_name(site);
    let tasks = site.arn("ecs", &format!("task/{cluster}/*"));
    let statements = [
        json!({
            "Sid": "Start",
            "Effect": "Allow",
            "Action": "ecs:RunTask",
            // Any version of it: one that has just come is known to ECS before it is to IAM.
            "Resource": site.arn("ecs", &format!("task-definition/{}:*", site.family())),
            "Condition": {
                "ArnEquals": {"ecs:cluster": site.arn("ecs", &format!("cluster/{cluster}"))},
            },
        }),
        json!({
            "Sid": "Follow",
            "Effect": "Allow",
            "Action": ["ecs:DescribeTasks", "ecs:StopTask"],
            "Resource": &tasks,
        }),
        json!({
            // The task gets the tags of its definition.
            "Sid": "Tag",
            "Effect": "Allow",
            "Action": "ecs:TagResource",
            "Resource": &tasks,
            "Condition": {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        }),
        json!({
            "Sid": "HandOverRoles",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": [attribute(roles::EXECUTION, "Arn"), attribute(roles::TASK, "Arn")],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        }),
        json!({
            "Sid": "Hear",
            "Effect": "Allow",
            "Action": ["events:DescribeRule", "events:PutRule", "events:PutTargets"],
            "Resource": site.arn("events", EVENTS_RULE),
        }),
    ];
    let name = names::state_machine(
        site.platform,
        &site.effective.service,
        &site.effective.environment,
    );
    let source = site.arn("states", &format!("stateMachine:{name}"));
    role(site, "Runs the tasks of", "states", source, &statements)
}

fn schedule_role(site: &Site<'_>) -> Value {
    let statements = [json!({
        "Sid": "Start",
        "Effect": "Allow",
        "Action": "states:StartExecution",
        "Resource": reference(MACHINE),
    })];
    // Scheduler names the group, not the schedule ("Confused deputy prevention in EventBridge
    // Scheduler").
    let source = site.arn("scheduler", "schedule-group/default");
    role(site, "Starts the job", "scheduler", source, &statements)
}

/// Its boundary is not that of tasks, which start no others.
fn role(site: &Site<'_>, what: &str, service: &str, source: String, statements: &[Value]) -> Value {
    Role {
        what,
        service,
        source,
        always_says: true,
        boundary: &site.platform.job_boundary,
    }
    .with(site, "job", statements)
}

fn cluster_name(site: &Site<'_>) -> String {
    if cluster::is_own(site) {
        site.cluster_name()
    } else {
        site.platform.shared_cluster.clone()
    }
}
