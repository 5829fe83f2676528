//! Where the scaling of an environment stands, in sentences; and what a person did.

use jiff::Timestamp;
use slipway_domain::Scaling;
use slipway_domain::scaling::ScaledBy;
use slipway_scaling::{Bounds, Decision, Paused, Reason, State, Verdict};

use crate::ports::{Live, Ordered, ScalerRecord};

/// Where it stands. `nothing` says why nothing runs, where nothing does.
pub(super) fn summary(
    policy: &Scaling,
    live: Option<&Live>,
    record: &ScalerRecord,
    nothing: Option<&str>,
    now: Timestamp,
) -> String {
    let mut said = Vec::new();
    match (live, nothing) {
        (Some(live), _) => said.push(runs(live, record)),
        (None, Some(why)) => said.push(format!("There is nothing to scale yet: {why}")),
        (None, None) => said.push("What runs cannot be read just now.".to_owned()),
    }
    if policy.by == ScaledBy::TargetTracking {
        said.push(
            "AWS's own target tracking changes the number of tasks; the platform's scaler keeps its hands off.".to_owned(),
        );
    }
    if let Some(held) = record.held.as_ref().filter(|held| now < held.until) {
        said.push(format!(
            "The bounds {} are {}'s and hold until {}; then the manifest's come back.",
            between(held.bounds),
            short_name(&held.by),
            minute(held.until)
        ));
    }
    said.extend(live.and_then(|live| paused(live.paused)));
    if live.is_some_and(|live| live.deploying) {
        said.push("A deployment runs: no task is taken away meanwhile.".to_owned());
    }
    said.join(" ")
}

fn runs(live: &Live, record: &ScalerRecord) -> String {
    if let Some(since) = record.asleep_since.filter(|_| live.desired == 0) {
        return format!("It sleeps since {}: no task runs.", minute(since));
    }
    let bounds = live.bounds.map(|(min, max)| Bounds { min, max });
    let bounds = bounds.map_or_else(String::new, |it| format!(", and may run {}", between(it)));
    format!(
        "It runs {} of {}{bounds}.",
        live.running,
        tasks(live.desired)
    )
}

fn paused(paused: Paused) -> Option<String> {
    let what = match (paused.out, paused.inwards) {
        (true, true) => "the number of tasks stays as it is",
        (true, false) => "no task is added",
        (false, true) => "no task is taken away",
        (false, false) => return None,
    };
    Some(format!("It is paused: {what}, until somebody resumes it."))
}

/// The directions, as the audit log and refusals name them.
pub(super) fn directions(chosen: Paused) -> &'static str {
    match (chosen.out, chosen.inwards) {
        (true, true) => "out and in",
        (true, false) => "out",
        (false, true) => "in",
        (false, false) => "nothing",
    }
}

pub(super) fn between(Bounds { min, max }: Bounds) -> String {
    if min == max {
        format!("exactly {}", tasks(min))
    } else {
        format!("{min} to {}", tasks(max))
    }
}

fn tasks(count: u32) -> String {
    if count == 1 {
        "1 task".to_owned()
    } else {
        format!("{count} tasks")
    }
}

/// A count that somebody set, as a decision. What comes next waits as it does behind the scaler's
/// own changes.
pub(super) fn by_hand(
    actor: &str,
    live: &Live,
    count: u32,
    before: &State,
    goes_on: &str,
    now: Timestamp,
) -> Decision {
    let mut state = before.clone();
    let verdict = match count.cmp(&live.desired) {
        std::cmp::Ordering::Greater => {
            state.out_at = Some(now);
            Verdict::Out
        }
        std::cmp::Ordering::Less => {
            state.in_at = Some(now);
            Verdict::In
        }
        std::cmp::Ordering::Equal => Verdict::Hold,
    };
    let says = format!("{} set {} by hand.", short_name(actor), tasks(count));
    Decision {
        at: now,
        verdict,
        from: live.desired,
        to: count,
        summary: format!("{says} {goes_on}"),
        reasons: vec![Reason {
            signal: "by-hand".to_owned(),
            wants: Some(count),
            says,
        }],
        attention: true,
        look_again: None,
        state,
    }
}

/// The number as an order, which the scaler repeats until ECS has heard of it. One that ECS has
/// already is one, too: another may have been ordered that ECS hears of later.
pub(super) fn ordered(decision: &Decision, before: &State, policy: &Scaling) -> Option<Ordered> {
    let is_ours = policy.by == ScaledBy::Alarms;
    is_ours.then(|| Ordered {
        from: decision.from,
        to: decision.to,
        at: decision.at,
        before: before.clone(),
        by_hand: true,
    })
}

/// Who goes on from a number that was set by hand.
pub(super) fn goes_on(policy: &Scaling, paused: Paused) -> &'static str {
    match (policy.by, paused.out && paused.inwards) {
        (_, true) => "It stays so while scaling is paused.",
        (ScaledBy::Alarms, false) => "The scaler goes on from there.",
        (ScaledBy::TargetTracking, false) => "AWS's target tracking goes on from there.",
    }
}

/// The last part of an ARN: a user, or the session of a role.
fn short_name(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
