//! From what the signals ask for to one step: proportional, within bounds, not too often.

use std::cmp::Ordering;

use crate::decision::{Reason, Verdict};
use crate::guards::{self, OUT_COOLDOWN, reason};
use crate::opinion::{Opinion, Scene};
use crate::sleep::{self, Quiet};
use crate::state::{State, Wanted};
use crate::whole::{later, seconds};

/// Seconds whose highest wish counts when tasks are taken away.
const STABLE: f64 = 60.0;
/// Seconds after a rush in which none is taken away.
const PANIC: i64 = 180;
/// The most wishes that are remembered.
const MOST: usize = 32;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) verdict: Verdict,
    pub(crate) to: u32,
    pub(crate) summary: String,
    /// What was in the way, and what else mattered beside the signals.
    pub(crate) reasons: Vec<Reason>,
}

impl Step {
    fn hold(scene: &Scene<'_>, summary: String, reasons: Vec<Reason>) -> Self {
        Self {
            verdict: Verdict::Hold,
            to: scene.seen.tasks.desired,
            summary,
            reasons,
        }
    }

    fn to(scene: &Scene<'_>, to: u32, summary: String) -> Self {
        let verdict = match to.cmp(&scene.seen.tasks.desired) {
            Ordering::Less if to == 0 => Verdict::Sleep,
            Ordering::Less => Verdict::In,
            Ordering::Equal => Verdict::Hold,
            Ordering::Greater => Verdict::Out,
        };
        Self {
            verdict,
            to,
            summary,
            reasons: Vec::new(),
        }
    }
}

/// The step, and what of it is remembered.
pub(crate) fn step(scene: &Scene<'_>, state: &mut State, opinions: &[Opinion]) -> Step {
    let quiet = sleep::quiet(scene, state);
    let wish = wish(scene, opinions);
    let stable = remember(scene, state, wish);
    let desired = scene.seen.tasks.desired;
    let bounds = scene.bounds;
    if !(bounds.min..=bounds.max).contains(&desired) {
        // To the nearest bound, and no farther than is needed: what is above may not be known.
        let to = wish.needs.max(desired).clamp(bounds.min, bounds.max);
        let says = format!(
            "{desired} tasks are not within {} to {}",
            bounds.min, bounds.max
        );
        let mut step = Step::to(
            scene,
            to,
            format!("{} to {to}: {says}.", direction(to, desired)),
        );
        step.reasons.push(reason("bounds", says));
        return step;
    }
    if desired == 0 {
        return asleep(scene, wish);
    }
    let awake = match to_sleep(scene, opinions, &quiet) {
        Ok(step) => return step,
        Err(why) => why,
    };
    let mut step = match wish.needs.cmp(&desired) {
        Ordering::Greater => outwards(scene, state, opinions, wish),
        _ => inwards(scene, state, opinions, wish, stable),
    };
    if let Some(why) = awake.filter(|why| !step.reasons.contains(why)) {
        if step.to == 1 && step.verdict == Verdict::Hold && wish.needs == 1 {
            step.summary = format!("Stays awake with 1: {}.", why.says);
        }
        step.reasons.push(why);
    }
    step
}

/// What all signals together wish.
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// The tasks that are needed, within the bounds; at least one.
    needs: u32,
    /// The same, whatever the bounds.
    unbound: u32,
    /// The fewest tasks that all put up with, within the bounds, as far as they know.
    floor: u32,
}

fn wish(scene: &Scene<'_>, opinions: &[Opinion]) -> Wish {
    let bounds = scene.bounds;
    let least = bounds.min.max(1).min(bounds.max);
    let unbound = opinions
        .iter()
        .filter_map(|opinion| opinion.needs)
        .max()
        .unwrap_or(0);
    let floor = opinions
        .iter()
        .filter_map(|opinion| opinion.floor)
        .max()
        .unwrap_or(u32::MAX);
    Wish {
        needs: unbound.clamp(least, bounds.max),
        unbound,
        floor: floor.max(unbound).clamp(least, bounds.max),
    }
}

/// Remembers the wish, and says the highest of the last minute.
fn remember(scene: &Scene<'_>, state: &mut State, wish: Wish) -> u32 {
    let now = scene.now;
    state
        .wanted
        .retain(|wanted| (0.0..=STABLE).contains(&seconds(wanted.at, now)));
    state.wanted.push(Wanted {
        at: now,
        tasks: wish.floor,
    });
    let excess = state.wanted.len().saturating_sub(MOST);
    state.wanted.drain(..excess);
    state
        .wanted
        .iter()
        .map(|wanted| wanted.tasks)
        .max()
        .unwrap_or(wish.floor)
}

/// A service that sleeps: only messages wake it here; who calls wakes it by calling.
fn asleep(scene: &Scene<'_>, wish: Wish) -> Step {
    let Some(waits) = sleep::wakes(scene) else {
        return Step::hold(scene, "Sleeps: nobody calls.".to_owned(), Vec::new());
    };
    if scene.seen.paused.out {
        let says = format!("{waits:.0} messages wait, but adding tasks is paused");
        return Step::hold(
            scene,
            format!("Sleeps on: {says}."),
            vec![reason("paused", says)],
        );
    }
    let to = wish.needs.min(scene.bounds.max);
    Step::to(
        scene,
        to,
        format!("Wakes with {to}: {waits:.0} messages wait."),
    )
}

/// The last step, when it has been quiet for long enough and nothing speaks against it. Else what
/// does, where none may run at all.
fn to_sleep(
    scene: &Scene<'_>,
    opinions: &[Opinion],
    quiet: &Quiet,
) -> Result<Step, Option<Reason>> {
    if scene.bounds.min > 0 {
        return Err(None);
    }
    let after = scene.policy.to_zero.after;
    let minutes = match quiet {
        Quiet::Long(minutes) => minutes,
        Quiet::Short(minutes) => {
            let says = format!("quiet for {minutes:.0} minutes; it sleeps after {after}");
            return Err(Some(reason("quiet", says)));
        }
        Quiet::Unknown(why) => return Err(Some(reason("quiet", *why))),
    };
    let guards = guards::steady(scene, opinions);
    if let Some(first) = guards.into_iter().next() {
        return Err(Some(first));
    }
    let says = format!("nobody has called for {minutes:.0} minutes");
    let mut step = Step::to(scene, 0, format!("Goes to sleep: {says}."));
    step.reasons.push(reason("quiet", says));
    Ok(step)
}

fn outwards(scene: &Scene<'_>, state: &mut State, opinions: &[Opinion], wish: Wish) -> Step {
    let desired = scene.seen.tasks.desired;
    let mut why = loudest(opinions, |opinion| opinion.needs);
    if wish.unbound > wish.needs {
        why = format!("{why}; at most {} are allowed", wish.needs);
    }
    if scene.seen.paused.out {
        let says = "adding tasks is paused";
        let summary = format!(
            "Stays at {desired} although {} are needed: {says}.",
            wish.needs
        );
        return Step::hold(scene, summary, vec![reason("paused", says)]);
    }
    let left = guards::remaining(state.out_at, scene, OUT_COOLDOWN);
    if left > 0.0 {
        let says = format!("tasks were added a moment ago; in {left:.0} s there may be more");
        let summary = format!(
            "Stays at {desired} although {} are needed: {says}.",
            wish.needs
        );
        return Step::hold(scene, summary, vec![reason("cooldown", says)]);
    }
    if opinions.iter().any(|opinion| opinion.rush) {
        state.panic_until = Some(later(scene.now, PANIC));
    }
    Step::to(
        scene,
        wish.needs,
        format!("Out from {desired} to {}: {why}.", wish.needs),
    )
}

fn inwards(
    scene: &Scene<'_>,
    state: &State,
    opinions: &[Opinion],
    wish: Wish,
    stable: u32,
) -> Step {
    let desired = scene.seen.tasks.desired;
    let why = loudest(opinions, |opinion| opinion.floor);
    // Far below the low mark there is no need to wait for a calmer minute.
    let cpu_is_low = opinions
        .iter()
        .any(|opinion| opinion.signal == "cpu" && opinion.below);
    let floor = if cpu_is_low {
        wish.floor
    } else {
        stable.max(wish.floor)
    };
    // Half of them at once, at most: also good numbers may be of a bad moment.
    let to = floor.max(desired.div_ceil(2)).min(desired);
    let guards = guards::inwards(scene, state, opinions);
    if wish.floor >= desired {
        let most = if wish.unbound > desired {
            ", the most that are allowed"
        } else {
            ""
        };
        let summary = format!("Stays at {desired}{most}: {why}.");
        return Step::hold(scene, summary, Vec::new());
    }
    if let Some(first) = guards.first() {
        let summary = format!(
            "Stays at {desired} although {} would do: {}.",
            wish.floor, first.says
        );
        return Step::hold(scene, summary, guards);
    }
    if to >= desired {
        let says = format!("{stable} were wanted within the last minute");
        let summary = format!(
            "Stays at {desired} although {} would do: {says}.",
            wish.floor
        );
        return Step::hold(scene, summary, vec![reason("stable", says)]);
    }
    Step::to(scene, to, format!("In from {desired} to {to}: {why}."))
}

/// What the signal says that asks for most.
fn loudest(opinions: &[Opinion], of: impl Fn(&Opinion) -> Option<u32>) -> String {
    let loudest = opinions.iter().rev().max_by_key(|opinion| of(opinion));
    loudest.map_or_else(|| "no signal".to_owned(), |opinion| opinion.says.clone())
}

fn direction(to: u32, from: u32) -> String {
    format!("{} from {from}", if to > from { "Out" } else { "In" })
}
