//! Events only wake: lost, late, double and out of order, they change nothing of the end.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use slipway_domain::Phase;
use slipway_local_cloud::Delivery;
use slipway_tests::local_platform::{LocalPlatform, root};

use crate::asking::{manifest, name, prod, register};

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn f6_a_service_becomes_ready_by_the_minute_schedule_when_every_event_is_lost() -> Result<()> {
    let platform = LocalPlatform::start("lost-events")?;
    platform.cloud().set_delivery(Delivery {
        dropped: 1.0,
        ..Delivery::default()
    });
    register(&platform.client(), &manifest("deaf"))?;
    let service = platform.settled_within(&name("deaf"), Duration::from_mins(4))?;
    assert_eq!(service.environments[&prod()].stack.phase, Phase::Ready);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn events_that_come_late_and_twice_lead_to_the_same_end() -> Result<()> {
    let platform = LocalPlatform::start("late-events")?;
    platform.cloud().set_delivery(Delivery {
        twice: 0.7,
        late: 0.5,
        late_by: Duration::from_millis(900),
        ..Delivery::default()
    });
    let client = platform.client();
    for n in 0..4 {
        register(&client, &manifest(&format!("late-{n}")))?;
    }
    for n in 0..4 {
        let service = name(&format!("late-{n}"));
        let ready = platform.ready(&service)?;
        assert_eq!(ready.generation, 1);
        assert_eq!(
            client
                .deployments(&service, &prod(), None, None)?
                .items
                .len(),
            1
        );
    }
    let changes = |operation: &str| {
        let calls = platform.cloud().calls();
        calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    };
    assert_eq!(changes("CreateChangeSet"), 8);
    assert_eq!(changes("UpdateStack"), 0);
    assert_eq!(changes("DeleteStack"), 0);
    Ok(())
}

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn an_event_of_any_former_status_changes_nothing_of_a_settled_service() -> Result<()> {
    let platform = LocalPlatform::start("stale-events")?;
    register(&platform.client(), &manifest("orders"))?;
    platform.ready(&name("orders"))?;
    // Its own events may still be on their way, and would be counted.
    platform.quiet()?;
    let before = platform.registry()?;
    let calls = platform.cloud().calls().len();
    let function = platform.resource("ReconcilerFunction")?;
    let template: Value = {
        let file = root().join("events/reconciler/stack-status.json");
        serde_json::from_str(&std::fs::read_to_string(file)?)?
    };
    for stack in [
        "devops2-g4--orders--prod",
        "devops2-g4--orders",
        "devops2-g4--nobody--prod",
    ] {
        for status in [
            "CREATE_IN_PROGRESS",
            "ROLLBACK_COMPLETE",
            "DELETE_COMPLETE",
            "UPDATE_ROLLBACK_FAILED",
        ] {
            let mut event = template.clone();
            // The id of a stack of the same name that was deleted long ago.
            event["detail"]["stack-id"] = json!(format!(
                "arn:aws:cloudformation:us-east-1:000000000000:stack/{stack}/00000000-0000-4000-8000-000000000000"
            ));
            event["detail"]["status-details"]["status"] = status.into();
            for _ in 0..3 {
                platform.aws().invoke(&function, &event)?;
            }
        }
    }
    let changing = [
        "Create", "Execute", "Update", "Delete", "Put", "Transact", "Send",
    ];
    let changes: Vec<String> = platform
        .cloud()
        .calls()
        .into_iter()
        .skip(calls)
        .filter(|call| call.caller == "slipway-reconciler")
        .map(|call| call.operation)
        .filter(|operation| changing.iter().any(|prefix| operation.starts_with(prefix)))
        .collect();
    assert_eq!(changes, Vec::<String>::new());
    assert_eq!(platform.registry()?, before);
    Ok(())
}
