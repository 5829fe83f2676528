//! Services as tables.

use std::collections::BTreeMap;

use slipway_control::view::{EnvironmentView, LiveView, ServiceSummary, ServiceView};
use slipway_domain::status::{ConditionStatus, ConditionType, StackStatus};
use slipway_domain::{Deployment, EnvironmentName, Outcome, Phase};

use super::sheet::Sheet;
use super::table::{Cell, breadth, plain, table};
use super::time::moment;
use super::tone::Tone;
use super::trouble;

const LISTED: [&str; 6] = ["SERVICE", "TEAM", "GEN", "ENVIRONMENT", "PHASE", "URL"];

/// A stack of a listing.
struct Listed<'a> {
    service: &'a ServiceSummary,
    environment: &'a str,
    phase: Phase,
    message: &'a str,
    advice: Option<&'a str>,
    url: Option<&'a str>,
}

/// A row for each environment of each service; below it what needs a person, and what to do.
pub(crate) fn listing(services: &[ServiceSummary], sheet: Sheet) -> String {
    let stacks: Vec<Listed<'_>> = services.iter().flat_map(stacks).collect();
    let mut rows: Vec<Vec<Cell>> = stacks
        .iter()
        .map(|it| {
            vec![
                plain(it.service.name.as_str()),
                plain(it.service.team.as_str()),
                plain(it.service.generation.to_string()),
                plain(it.environment),
                phase(it.phase, it.advice.is_some()),
            ]
        })
        .collect();
    let used = breadth(&LISTED[..LISTED.len() - 1], &rows);
    for (row, it) in rows.iter_mut().zip(&stacks) {
        // An address is never cut: it is there to be copied.
        row.push(plain(match (it.url, it.advice) {
            (Some(url), _) => url.to_owned(),
            (None, Some(_)) => "see below".to_owned(),
            (None, None) => sheet.cut(it.message, used),
        }));
    }
    let mut out = table(&LISTED, &rows, sheet.paint);
    let needy: Vec<&Listed<'_>> = stacks.iter().filter(|it| it.advice.is_some()).collect();
    match needy.len() {
        0 => {}
        1 => out.push_str("\n1 needs a person:\n"),
        many => out.push_str(&["\n", &many.to_string(), " need a person:\n"].concat()),
    }
    for it in needy {
        let scope = match it.environment {
            OWN => format!("{} (service stack):", it.service.name),
            environment => format!("{}/{environment}:", it.service.name),
        };
        out.push_str(&sheet.paragraph(0, (Tone::Plain, &scope), it.message));
        out.push_str(&trouble::advice(it.advice.unwrap_or_default(), sheet));
    }
    out
}

/// What stands for the environment where a service's own stack is meant.
const OWN: &str = "-";

fn stacks(service: &ServiceSummary) -> Vec<Listed<'_>> {
    let listed = |environment| Listed {
        service,
        environment,
        phase: if service.deleting {
            Phase::Deleting
        } else {
            Phase::Pending
        },
        message: "",
        advice: None,
        url: None,
    };
    let mut found = Vec::new();
    match &service.service_stack {
        Some(stack) => found.push(Listed {
            phase: stack.phase,
            message: &stack.message,
            advice: Some(&stack.advice),
            ..listed(OWN)
        }),
        None if service.environments.is_empty() => found.push(listed(OWN)),
        None => {}
    }
    for (name, environment) in &service.environments {
        found.push(Listed {
            phase: environment.phase,
            message: &environment.message,
            advice: environment.advice.as_deref(),
            url: environment.url.as_deref(),
            ..listed(name.as_str())
        });
    }
    found
}

/// A phase, marked where it does not go on without a person.
pub(super) fn phase(phase: Phase, needs_person: bool) -> Cell {
    if needs_person {
        (Tone::Bad, format!("{phase} !"))
    } else {
        (Tone::of(phase), phase.to_string())
    }
}

/// What is known of a service beside its view.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// What runs of its environments.
    pub(crate) live: BTreeMap<EnvironmentName, LiveView>,
    /// The newest deployments of those that are not as wanted.
    pub(crate) deployments: BTreeMap<EnvironmentName, Deployment>,
}

/// One service: who and when, then a row for each of its stacks, then what they say.
pub(crate) fn service(service: &ServiceView, beside: &Beside, sheet: Sheet) -> String {
    let mut out = vec![format!(
        "{}{}\nteam        {}\ngeneration  {}, {} by {}\nregistered  {}\n\n",
        service.name,
        if service.deleting {
            " (being deleted)"
        } else {
            ""
        },
        service.team,
        service.generation,
        moment(service.updated_at),
        service.updated_by,
        moment(service.created_at),
    )];
    let rows: Vec<Vec<Cell>> = service
        .environments
        .iter()
        .map(|(name, environment)| row(name, environment, beside.live.get(name)))
        .collect();
    out.push(table(
        &["ENVIRONMENT", "PHASE", "TASKS", "OF", "IMAGE", "URL"],
        &rows,
        sheet.paint,
    ));
    out.push("\n".to_owned());
    for (name, environment) in &service.environments {
        let deployment = beside.deployments.get(name);
        out.push(told(name.as_str(), &environment.stack, deployment, sheet));
    }
    let stack = &service.service_stack;
    let repository = stack.outputs.get("RepositoryUri");
    if let Some(repository) = repository {
        out.push(format!("repository: {repository}\n"));
    }
    if repository.is_none() || stack.advice.is_some() {
        out.push(told("service stack", stack, None, sheet));
    }
    out.concat()
}

fn row(
    name: &EnvironmentName,
    environment: &EnvironmentView,
    live: Option<&LiveView>,
) -> Vec<Cell> {
    let stack = &environment.stack;
    let tasks = live.map_or_else(String::new, |it| format!("{}/{}", it.running, it.desired));
    let bounds = live
        .and_then(|live| live.min.zip(live.max))
        .map_or_else(String::new, |(min, max)| format!("{min}-{max}"));
    let image = environment.image.as_ref().map(AsRef::as_ref);
    let code = environment.code.as_ref().map(AsRef::as_ref);
    vec![
        plain(name.as_str()),
        phase(stack.phase, stack.advice.is_some()),
        plain(tasks),
        plain(bounds),
        plain(image.or(code).unwrap_or("-")),
        plain(stack.url.as_deref().unwrap_or_default()),
    ]
}

/// What a stack says: how it is, what somebody changed, what was found, what to do.
fn told(name: &str, stack: &StackStatus, deployment: Option<&Deployment>, sheet: Sheet) -> String {
    let mut out = sheet.paragraph(0, (Tone::Plain, &format!("{name}:")), &stack.message);
    let drift = stack
        .conditions
        .iter()
        .find(|it| it.r#type == ConditionType::InSync && it.status == ConditionStatus::False);
    if let Some(drift) = drift.filter(|it| !stack.message.contains(&it.message)) {
        out.push_str(&sheet.paragraph(2, (Tone::Bad, "drift:"), &drift.message));
    }
    if let Some(deployment) = deployment {
        if let Some(Outcome::Failed { reason, .. }) = &deployment.outcome
            && !stack.message.contains(reason)
        {
            let label = format!("deployment {} failed:", deployment.id);
            out.push_str(&sheet.paragraph(2, (Tone::Bad, &label), reason));
        }
        if !deployment.has_succeeded() {
            out.push_str(&trouble::evidence(&deployment.evidence, sheet));
        }
    }
    if let Some(advice) = &stack.advice {
        out.push_str(&trouble::advice(advice, sheet));
    }
    out
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::{Value, json};

    const PIPE: Sheet = Sheet {
        paint: Paint(false),
        width: None,
    };

    fn stack(rest: &Value) -> Value {
        let mut stack = json!({"phase": "ready", "message": "Runs with 2 of 2 tasks.", "conditions": [],
            "observed_generation": 3, "since": "2026-01-02T03:04:05Z", "url": "https://a.example/orders"});
        stack
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        stack
    }

    fn view(own: &Value, prod: &Value) -> ServiceView {
        serde_json::from_value(json!({
            "name": "orders", "team": "shop", "generation": 3, "uid": "01JZZZZZZZZZZZZZZZZZZZZZZZ",
            "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-03T03:04:05Z", "updated_by": "arn:aws:iam::111122223333:user/ada",
            "deleting": false, "manifest": {"service": "orders"}, "service_stack": own,
            "environments": {"prod": {"path": "/orders", "image": "nginx:1", "stack": prod}},
        }))
        .unwrap()
    }

    #[test]
    fn a_listing_has_a_row_for_each_environment() {
        let services: Vec<ServiceSummary> = serde_json::from_value(json!([
            {"name": "orders", "team": "shop", "generation": 12, "deleting": false, "environments": {
                "prod": {"phase": "ready", "message": "Runs.", "url": "https://a.example/orders"},
                "staging": {"phase": "rolling-out", "message": "ECS replaces tasks: 1 of 2 run."},
            }},
            {"name": "share", "team": "default", "generation": 1, "deleting": true, "environments": {}},
        ]))
        .unwrap();
        expect![[r#"
            SERVICE  TEAM     GEN  ENVIRONMENT  PHASE        URL
            orders   shop     12   prod         ready        https://a.example/orders
            orders   shop     12   staging      rolling-out  ECS replaces tasks: 1 of 2 run.
            share    default  1    -            deleting
        "#]]
        .assert_eq(&listing(&services, PIPE));
    }

    #[test]
    fn a_service_is_shown_with_what_runs() {
        let own = stack(&json!({"outputs": {"RepositoryUri": "1.dkr.ecr/orders"}}));
        let view = view(&own, &stack(&json!({})));
        let live = LiveView {
            desired: 2,
            running: 2,
            pending: 0,
            min: Some(2),
            max: Some(10),
        };
        let beside = Beside {
            live: BTreeMap::from([("prod".parse().unwrap(), live)]),
            ..Beside::default()
        };
        expect![[r#"
            orders
            team        shop
            generation  3, 2026-01-03 03:04:05Z by arn:aws:iam::111122223333:user/ada
            registered  2026-01-02 03:04:05Z

            ENVIRONMENT  PHASE  TASKS  OF    IMAGE    URL
            prod         ready  2/2    2-10  nginx:1  https://a.example/orders

            prod: Runs with 2 of 2 tasks.
            repository: 1.dkr.ecr/orders
        "#]]
        .assert_eq(&service(&view, &beside, PIPE));
    }

    #[test]
    fn what_needs_a_person_is_marked_and_told_below_the_table() {
        let services: Vec<ServiceSummary> = serde_json::from_value(json!([
            {"name": "cart", "team": "shop", "generation": 2, "deleting": false, "environments": {
                "prod": {"phase": "ready", "message": "Somebody changed what runs: Task differs in /Cpu.",
                    "advice": "Put it right by hand.", "url": "https://a.example/cart"},
            }},
            {"name": "orders", "team": "shop", "generation": 12, "deleting": false,
                "service_stack": {"phase": "failed", "message": "CloudFormation refuses: no.", "advice": "Change it."},
                "environments": {
                    "prod": {"phase": "failed", "message": "ECS gave the new tasks up: tasks failed to start.", "advice": "Put the cause right."},
                    "staging": {"phase": "pending", "message": "Waits for its turn: the platform runs as many stack operations as it may."},
            }},
        ]))
        .unwrap();
        expect![[r#"
            SERVICE  TEAM  GEN  ENVIRONMENT  PHASE     URL
            cart     shop  2    prod         ready !   https://a.example/cart
            orders   shop  12   -            failed !  see below
            orders   shop  12   prod         failed !  see below
            orders   shop  12   staging      pending   Waits for its turn: the platform runs as many stack operations as it may.

            3 need a person:
            cart/prod: Somebody changed what runs: Task differs in /Cpu.
              what to do: Put it right by hand.
            orders (service stack): CloudFormation refuses: no.
              what to do: Change it.
            orders/prod: ECS gave the new tasks up: tasks failed to start.
              what to do: Put the cause right.
        "#]]
        .assert_eq(&listing(&services, PIPE));
        let narrow = Sheet {
            width: Some(72),
            ..PIPE
        };
        expect![[r#"
            SERVICE  TEAM  GEN  ENVIRONMENT  PHASE     URL
            cart     shop  2    prod         ready !   https://a.example/cart
            orders   shop  12   -            failed !  see below
            orders   shop  12   prod         failed !  see below
            orders   shop  12   staging      pending   Waits for its turn: the plat…

            3 need a person:
            cart/prod: Somebody changed what runs: Task differs in /Cpu.
              what to do: Put it right by hand.
            orders (service stack): CloudFormation refuses: no.
              what to do: Change it.
            orders/prod: ECS gave the new tasks up: tasks failed to start.
              what to do: Put the cause right.
        "#]]
        .assert_eq(&listing(&services, narrow));
    }

    #[test]
    fn a_service_that_needs_a_person_shows_why_and_what_to_do() {
        let own = stack(
            &json!({"phase": "failed", "message": "CloudFormation refuses: no.", "advice": "Change it.",
                "outputs": {"RepositoryUri": "1.dkr.ecr/orders"}}),
        );
        let drifted = json!([{"type": "InSync", "status": "False", "reason": "Drifted", "observedGeneration": 3,
            "message": "Somebody changed what runs: Task differs in /Cpu.", "lastTransitionTime": "2026-01-02T03:04:05Z"}]);
        let prod = stack(
            &json!({"phase": "failed", "message": "The update failed and was taken back; what ran before runs on: Service: no.",
                "advice": "Put the cause right.", "conditions": drifted}),
        );
        let deployment: Deployment = serde_json::from_value(json!({
            "id": "01JZZZZZZZZZZZZZZZZZZZZZZZ", "service": "orders", "environment": "prod", "generation": 3,
            "cause": "deploy", "actor": "me", "image": "nginx:1", "created_at": "2026-01-02T03:04:05Z", "steps": [],
            "evidence": {"tasks": ["Essential container in task exited; app: exit code 1"], "log": ["listening", "boom"]},
            "outcome": {"result": "failed", "at": "2026-01-02T03:05:00Z", "reason": "Service: no."},
        }))
        .unwrap();
        let beside = Beside {
            deployments: BTreeMap::from([("prod".parse().unwrap(), deployment)]),
            ..Beside::default()
        };
        let narrow = Sheet {
            width: Some(60),
            ..PIPE
        };
        expect![[r#"
            orders
            team        shop
            generation  3, 2026-01-03 03:04:05Z by arn:aws:iam::111122223333:user/ada
            registered  2026-01-02 03:04:05Z

            ENVIRONMENT  PHASE     TASKS  OF  IMAGE    URL
            prod         failed !             nginx:1  https://a.example/orders

            prod: The update failed and was taken back; what ran before
              runs on: Service: no.
              drift: Somebody changed what runs: Task differs in /Cpu.
              tasks that stopped:
                Essential container in task exited; app: exit code 1
              the last lines of a task's log:
                listening
                boom
              what to do: Put the cause right.
            repository: 1.dkr.ecr/orders
            service stack: CloudFormation refuses: no.
              what to do: Change it.
        "#]]
        .assert_eq(&service(&view(&own, &prod), &beside, narrow));
    }
}
