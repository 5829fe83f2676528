//! What a look comes to, pure: what is remembered from now on, and what is told to whom.
//!
//! The number of tasks is written down before ECS is told (as in docs/decisions/0014). So a look
//! that was overtaken tells nothing, and a process that dies in between leaves word. Until ECS is
//! seen to have it, later looks tell the same number again, for a minute. When the last of those
//! can live no more it is taken as never told, and decided anew on what was remembered before. A
//! number that somebody set by hand is told whatever else ECS has, until nobody lives who may still
//! tell a number from before: it is not the scaler's to overrule by being slow.
//! Bounds are written down in the same way, and put in place until they are seen there.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use slipway_domain::Scaling;
use slipway_scaling::{Bounds, Decision, Observation, State, Verdict, bounds_at, next_boundary};

use super::observe;
use super::site::Site;
use crate::ports::{Live, Ordered, Placed, ScalerRecord};

/// How long a number that was decided is told again.
const TOLD_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// How long the last look that tells it may live: the function's timeout.
const LIFE: SignedDuration = SignedDuration::from_secs(30);

/// What is to be written and done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) record: ScalerRecord,
    /// What was decided; absent where an earlier decision is carried out.
    pub(super) decision: Option<Decision>,
    /// Whether the decision is worth keeping.
    pub(super) is_news: bool,
    /// Bounds to put in place.
    pub(super) place: Option<Bounds>,
    /// The number to tell ECS.
    pub(super) count: Option<u32>,
    /// After what time to look again without the tick.
    pub(super) again: Option<Duration>,
}

/// How a look begins, before any metric is read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Opening {
    /// What was decided is carried out, or waited for.
    Carry(Box<Plan>),
    /// It is to be decided.
    Decide {
        /// What is remembered.
        record: Box<ScalerRecord>,
        /// The bounds that hold.
        bounds: Bounds,
        /// Whether they are to be put in place.
        place: bool,
    },
}

/// Says what holds now, of what is remembered.
pub(super) fn open(site: &Site, found: &ScalerRecord, live: &Live, now: Timestamp) -> Opening {
    let mut record = found.clone();
    if record.held.as_ref().is_some_and(|held| held.until <= now) {
        record.held = None;
    }
    let (bounds, place) = settle_bounds(&mut record, site, live, now);
    let Some(ordered) = record.ordered.take() else {
        return Opening::Decide {
            record: Box::new(record),
            bounds,
            place,
        };
    };
    let heard = hearing(&ordered, bounds, live, now);
    match heard {
        Hearing::Heard => {}
        Hearing::Never => record.state = ordered.before,
        Hearing::Tell | Hearing::Wait => {
            let again = heard == Hearing::Tell && still_fits(&ordered, bounds, site, live);
            let count = again.then_some(ordered.to);
            if again {
                changes_now(&mut record.state, &ordered, live, now);
            }
            record.ordered = Some(ordered);
            return Opening::Carry(Box::new(Plan {
                record,
                decision: None,
                is_news: false,
                place: place.then_some(bounds),
                count,
                again: None,
            }));
        }
    }
    Opening::Decide {
        record: Box::new(record),
        bounds,
        place,
    }
}

/// What has become of a number that was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// ECS heard of it, or of somebody else since.
    Heard,
    /// It is to be told again.
    Tell,
    /// Somebody may still tell it, or another.
    Wait,
    /// ECS never heard of it, and will not.
    Never,
}

fn hearing(ordered: &Ordered, bounds: Bounds, live: &Live, now: Timestamp) -> Hearing {
    if ordered.by_hand {
        return hearing_by_hand(ordered, bounds, live, now);
    }
    // Whatever else ECS has, it heard: of us, or of somebody else since.
    let unheard = ordered.from == live.desired;
    if !unheard {
        Hearing::Heard
    } else if now < ordered.at + TOLD_AGAIN {
        Hearing::Tell
    } else if now < ordered.at + TOLD_AGAIN + LIFE {
        Hearing::Wait
    } else {
        Hearing::Never
    }
}

/// A number from before may come last, of somebody who was slow: while such a one may live, what
/// ECS has proves nothing. The tick after that sees what it came to, a minute later at most.
fn hearing_by_hand(
    ordered: &Ordered,
    Bounds { min, max }: Bounds,
    live: &Live,
    now: Timestamp,
) -> Hearing {
    let others_are_over = now >= ordered.at + LIFE;
    let too_late = now >= ordered.at + LIFE + TOLD_AGAIN;
    if !(min..=max).contains(&ordered.to) {
        // Bounds that came since have the last word.
        return Hearing::Heard;
    }
    match (live.desired == ordered.to, others_are_over) {
        (true, true) => Hearing::Heard,
        (true, false) => Hearing::Wait,
        (false, _) if !too_late => Hearing::Tell,
        (false, _) if live.desired != ordered.from => Hearing::Heard,
        (false, _) if now < ordered.at + LIFE + TOLD_AGAIN + LIFE => Hearing::Wait,
        (false, _) => Hearing::Never,
    }
}

/// The number changes now: a cooldown begins now.
fn changes_now(state: &mut State, ordered: &Ordered, live: &Live, now: Timestamp) {
    let changed_at = if ordered.to > live.desired {
        &mut state.out_at
    } else {
        &mut state.in_at
    };
    *changed_at = Some(now);
}

/// The bounds that hold, and whether they are to be put in place. Whoever put others there holds
/// the truth, until something else begins or ends: a window of the schedule, an override, or
/// another manifest. Where that would move the number in a direction that is paused, nothing is put
/// there.
fn settle_bounds(
    record: &mut ScalerRecord,
    site: &Site,
    live: &Live,
    now: Timestamp,
) -> (Bounds, bool) {
    let there = observe::bounds(live);
    let held = record.held.as_ref().map(|held| held.bounds);
    let wanted = held.unwrap_or_else(|| bounds_at(&site.policy, now));
    let adds = live.desired < wanted.min && live.paused.out;
    let takes = live.desired > wanted.max && live.paused.inwards;
    if adds || takes {
        return (there, false);
    }
    let own = site.own_bounds();
    let before = record.placed.clone().unwrap_or(Placed {
        bounds: own,
        seen: true,
        generation: site.generation,
    });
    // CloudFormation puts the manifest's bounds in place when they change.
    let lasts = wanted == own || before.generation == site.generation;
    let seen = there == wanted || (before.seen && before.bounds == wanted && lasts);
    let placed = Placed {
        bounds: wanted,
        seen,
        generation: if lasts {
            before.generation
        } else {
            site.generation
        },
    };
    if placed != before {
        record.placed = Some(placed);
    }
    if seen { (there, false) } else { (wanted, true) }
}

/// Whether a number that was decided may still be told.
fn still_fits(ordered: &Ordered, bounds: Bounds, site: &Site, live: &Live) -> bool {
    let inside = bounds.min <= ordered.to && ordered.to <= bounds.max;
    let held_back = if ordered.to > ordered.from {
        live.paused.out
    } else {
        live.paused.inwards || live.deploying || site.changes
    };
    // By hand, it was told in spite of them.
    inside && (ordered.by_hand || !held_back)
}

/// Decides on what is seen.
pub(super) fn decide(site: &Site, opening: Opening, mut seen: Observation, now: Timestamp) -> Plan {
    let (mut record, bounds, place) = match opening {
        Opening::Carry(plan) => return *plan,
        Opening::Decide {
            record,
            bounds,
            place,
        } => (*record, bounds, place),
    };
    let wanted = bounds;
    let least = u32::from(!site.can_be_woken());
    let bounds = Bounds {
        min: wanted.min.max(least),
        ..wanted
    };
    seen.bounds = bounds;
    let policy = policy_within(site, wanted, least, now);
    let mut decision = slipway_scaling::decide(&policy, &seen, &record.state, now);
    hold_within(&mut decision, bounds);
    let before = std::mem::replace(&mut record.state, decision.state.clone());
    let count = order(&mut record, &decision, before, now);
    let is_news = is_news(record.last.as_ref(), &decision);
    if is_news {
        record.last = Some(decision.clone());
    }
    let unsettled =
        record.ordered.is_some() || place || site.changes || is_drowsy(&record, &decision, site);
    record.attention = attention(&record, site, decision.attention || unsettled, now);
    let again = again(&mut record, decision.look_again, now);
    Plan {
        record,
        is_news,
        place: place.then_some(wanted),
        count,
        again,
        decision: Some(decision),
    }
}

/// Whether what sleeps is to be looked at each minute: it wakes up, or messages may come, of which
/// nobody tells.
fn is_drowsy(record: &ScalerRecord, decision: &Decision, site: &Site) -> bool {
    match decision.to {
        0 => site.policy.queue.is_some(),
        _ => record.asleep_since.is_some(),
    }
}

/// The manifest's policy with the bounds that hold, of which none is below `least`.
fn policy_within(site: &Site, bounds: Bounds, least: u32, now: Timestamp) -> Scaling {
    let mut policy = site.policy.clone();
    if bounds != bounds_at(&policy, now) {
        // Somebody set others: the hours of the week do not count.
        policy.schedule.clear();
        (policy.min, policy.max) = (bounds.min, bounds.max);
    }
    policy.min = policy.min.max(least);
    for window in &mut policy.schedule {
        window.min = window.min.map(|min| min.max(least));
    }
    policy
}

/// The bounds hold, whatever is decided.
fn hold_within(decision: &mut Decision, bounds: Bounds) {
    let to = decision.to.max(bounds.min).min(bounds.max);
    if to != decision.to {
        decision.to = to;
        decision.verdict = match to.cmp(&decision.from) {
            Ordering::Less => Verdict::In,
            Ordering::Equal => Verdict::Hold,
            Ordering::Greater => Verdict::Out,
        };
    }
}

/// Writes the number down, if it is another.
fn order(
    record: &mut ScalerRecord,
    decision: &Decision,
    before: State,
    now: Timestamp,
) -> Option<u32> {
    let (from, to) = (decision.from, decision.to);
    if to == 0 {
        record.asleep_since = record.asleep_since.or(Some(now));
    }
    if from == to {
        return None;
    }
    record.ordered = Some(Ordered {
        from,
        to,
        at: now,
        before,
        by_hand: false,
    });
    Some(to)
}

/// Whether a decision is worth keeping: the number changes, or somebody else changed it, or what
/// a signal asks for is held back for the first time since. A service that rests is told of once.
fn is_news(last: Option<&Decision>, decision: &Decision) -> bool {
    let Some(last) = last else {
        return true;
    };
    decision.from != decision.to
        || decision.to != last.to
        || (is_held_back(decision) && !is_held_back(last))
}

/// Whether a signal asks for more tasks than there are to be.
fn is_held_back(decision: &Decision) -> bool {
    let more = |wants: u32| wants > decision.to;
    decision.from == decision.to && decision.reasons.iter().any(|it| it.wants.is_some_and(more))
}

/// When the tick is to look: with the next one, or when bounds begin or end.
fn attention(
    record: &ScalerRecord,
    site: &Site,
    wanted: bool,
    now: Timestamp,
) -> Option<Timestamp> {
    if wanted {
        // Behind those that wait for longer: the oldest come first.
        return Some(whole(now));
    }
    let boundary = next_boundary(&site.policy, now);
    let ends = record.held.as_ref().map(|held| held.until);
    boundary.into_iter().chain(ends).min().map(whole)
}

/// To the second, which is what the index keeps.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Of an environment one message at most that a look asked for is on its way.
fn again(record: &mut ScalerRecord, seconds: Option<u32>, now: Timestamp) -> Option<Duration> {
    let seconds = seconds?;
    let due = now + SignedDuration::from_secs(i64::from(seconds));
    if record.again_at.is_some_and(|at| now < at && at <= due) {
        return None;
    }
    record.again_at = Some(due);
    Some(Duration::from_secs(seconds.into()))
}
