//! An alarm of CloudWatch on the CPU utilisation of the service.
//!
//! It looks at the newest points that are there, and is in ALARM when every one of them breaches
//! (`EvaluationPeriods` = `DatapointsToAlarm`). Without a point it changes nothing.

use super::delays::Delays;
use super::world::{NOTHING, World};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    Above,
    AtOrAbove,
    AtOrBelow,
    Below,
}

/// An alarm's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlarmState {
    InsufficientData,
    Ok,
    Alarm,
}

/// What an alarm looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rule {
    /// Seconds of a point.
    pub(super) period: u64,
    /// Seconds between two points of the metric, which says how soon they are there.
    pub(super) resolution: u64,
    /// How many points in a row must breach.
    pub(super) points: u64,
    pub(super) breach: Breach,
    /// As a part of 1.
    pub(super) threshold: f64,
}

/// An alarm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alarm {
    rule: Rule,
    delay: u64,
    every: u64,
    state: AlarmState,
    /// When it is looked at next.
    next: u64,
}

impl Alarm {
    pub(super) fn new(rule: Rule, delays: &Delays) -> Self {
        Self {
            rule,
            delay: delays.publication(rule.resolution),
            every: delays.between_evaluations(rule.period),
            state: AlarmState::InsufficientData,
            next: 0,
        }
    }

    pub(super) fn state(&self) -> AlarmState {
        self.state
    }

    /// When it is to be evaluated next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Evaluates it, if it is due; tells whether its state changed.
    pub(super) fn evaluate(&mut self, world: &World<'_>) -> bool {
        if world.now() < self.next {
            return false;
        }
        self.next = world.now() + self.every;
        let Some(breaching) = self.breaching(world) else {
            return false;
        };
        let state = if breaching {
            AlarmState::Alarm
        } else {
            AlarmState::Ok
        };
        let changed = state != self.state;
        self.state = state;
        changed
    }

    /// The newest point: when it began and its value.
    pub(super) fn newest(&self, world: &World<'_>) -> Option<(u64, f64)> {
        let from = world.newest(self.rule.period, self.delay)?;
        Some((from, world.cpu(from, self.rule.period)?))
    }

    /// Whether all points breach; nothing where the newest is missing.
    fn breaching(&self, world: &World<'_>) -> Option<bool> {
        let (newest, value) = self.newest(world)?;
        if !self.breaches(value) {
            return Some(false);
        }
        let earlier = (1..self.rule.points).all(|back| {
            let from = newest.checked_sub(back * self.rule.period);
            let value = from.and_then(|from| world.cpu(from, self.rule.period));
            value.is_some_and(|value| self.breaches(value))
        });
        Some(earlier)
    }

    fn breaches(&self, value: f64) -> bool {
        let over = value - self.rule.threshold;
        match self.rule.breach {
            Breach::Above => over > NOTHING,
            Breach::AtOrAbove => over > -NOTHING,
            Breach::AtOrBelow => over < NOTHING,
            Breach::Below => over < -NOTHING,
        }
    }
}

/// An alarm whose action is one of Auto Scaling: done when the alarm goes off, and again each
/// minute while it stays so.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScalingAlarm {
    pub(super) alarm: Alarm,
    action: u64,
    repetition: u64,
    invoked: Option<u64>,
    due: Option<u64>,
}

impl ScalingAlarm {
    pub(super) fn new(rule: Rule, delays: &Delays) -> Self {
        Self {
            alarm: Alarm::new(rule, delays),
            action: delays.action,
            repetition: delays.repetition,
            invoked: None,
            due: None,
        }
    }

    /// When something is to be done next.
    pub(super) fn next(&self) -> u64 {
        self.alarm.next().min(self.due.unwrap_or(u64::MAX))
    }

    /// Evaluates the alarm and tells whether its action is due now.
    pub(super) fn is_due(&mut self, world: &World<'_>) -> bool {
        let now = world.now();
        let changed = self.alarm.evaluate(world);
        if self.alarm.state() == AlarmState::Alarm {
            let again = self
                .invoked
                .is_none_or(|last| now >= last + self.repetition);
            if changed || again {
                self.invoked = Some(now);
                self.due = Some(now + self.action);
            }
        } else {
            self.invoked = None;
        }
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::Setup;
    use super::super::delays::FROZEN;
    use super::super::trace::Trace;
    use super::*;

    use AlarmState as State;

    /// Seconds at which an alarm changed its state on a demand that rises at 300 s.
    fn changes(rule: Rule) -> Vec<(u64, AlarmState)> {
        let trace = Trace::step(2.0, 9.0, 300, 1200);
        let setup = Setup::with_capacity(10.0);
        let mut world = World::new(&trace, &setup, 1);
        let mut alarm = Alarm::new(rule, &FROZEN);
        let mut seen = Vec::new();
        while alarm.next() < 1200 {
            world.advance(alarm.next());
            if alarm.evaluate(&world) {
                seen.push((world.now(), alarm.state()));
            }
        }
        seen
    }

    #[test]
    fn all_points_must_breach_and_be_there() {
        let rule = |period, resolution, points| Rule {
            period,
            resolution,
            points,
            breach: Breach::Above,
            threshold: 0.5,
        };
        // The third breaching period ends at 480, its point is there at 630.
        assert_eq!(
            changes(rule(60, 60, 3)),
            [(240, State::Ok), (660, State::Alarm)]
        );
        // Ends at 360, there at 375.
        assert_eq!(
            changes(rule(20, 20, 3)),
            [(40, State::Ok), (380, State::Alarm)]
        );
        assert_eq!(
            changes(rule(20, 20, 1)),
            [(40, State::Ok), (340, State::Alarm)]
        );
        // One-minute points of a fine metric are there as soon as its own.
        assert_eq!(
            changes(rule(60, 20, 2)),
            [(120, State::Ok), (480, State::Alarm)]
        );
    }
}
