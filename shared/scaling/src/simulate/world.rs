//! The service that is scaled: tasks that start, serve and stop, and what can be measured of them.
//!
//! Time passes from one event to the next, and between two events nothing changes, so that every
//! sum is exact and no policy is served worse by somebody else's clock. There is no queue: a
//! request beyond what the tasks can do is counted and forgotten, and CPU shows 100 % and no
//! more. A task costs from the call that starts it to the call that stops it, and serves only
//! when it has started. Tasks that are not needed are stopped at once, those that still start
//! before those that serve.

use std::collections::VecDeque;

use super::Setup;
use super::run::{Run, Told};
use super::trace::{Trace, whole};

/// Between two readings of the meters, in seconds: every period of a metric is a multiple of it.
const READING: u64 = 5;

/// Utilisation above which a minute is violated.
pub const BOUND: f64 = 0.9;

/// What is too small to be meant.
pub(super) const NOTHING: f64 = 1e-9;

/// The service that is scaled.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) trace: &'a Trace,
    setup: &'a Setup,
    now: u64,
    interval: usize,
    serving: u32,
    /// Tasks that start, with the second when they serve; earliest first.
    starting: VecDeque<(u64, u32)>,
    desired: u32,
    meters: Meters,
    score: Score,
    asked: Vec<(u64, u32)>,
    served: Vec<(u64, u32)>,
}

/// What was used until each reading.
#[derive(Debug, Default)]
struct Meters {
    /// Utilisation, clipped at 1, times seconds.
    busy: Vec<f64>,
    /// The same, times tasks that serve.
    work: Vec<f64>,
    /// Tasks that serve, times seconds.
    tasks: Vec<f64>,
    /// Seconds in which at least one task served.
    up: Vec<f64>,
    running: [f64; 4],
}

impl Meters {
    fn read(&mut self) {
        let [busy, work, tasks, up] = self.running;
        self.busy.push(busy);
        self.work.push(work);
        self.tasks.push(tasks);
        self.up.push(up);
    }
}

/// What is counted.
#[derive(Debug, Default)]
struct Score {
    task_seconds: f64,
    violation_minutes: u64,
    touched_minutes: u64,
    over_capacity: f64,
    minute: Minute,
}

/// The minute that passes.
#[derive(Debug, Default)]
struct Minute {
    requests: f64,
    capacity: f64,
    touched: bool,
}

impl Score {
    fn end_minute(&mut self) {
        let Minute {
            requests,
            capacity,
            touched,
        } = std::mem::take(&mut self.minute);
        self.violation_minutes += u64::from(requests > (BOUND + NOTHING) * capacity);
        self.touched_minutes += u64::from(touched);
    }
}

impl<'a> World<'a> {
    /// A service whose tasks all serve.
    pub(super) fn new(trace: &'a Trace, setup: &'a Setup, tasks: u32) -> Self {
        let mut meters = Meters::default();
        meters.read();
        Self {
            trace,
            setup,
            now: 0,
            interval: 0,
            serving: tasks,
            starting: VecDeque::new(),
            desired: tasks,
            meters,
            score: Score::default(),
            asked: Vec::new(),
            served: vec![(0, tasks)],
        }
    }

    /// Seconds since the trace began.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Under which circumstances.
    pub(super) fn setup(&self) -> &Setup {
        self.setup
    }

    /// How many tasks are to run.
    pub(super) fn desired(&self) -> u32 {
        self.desired
    }

    /// How many tasks serve.
    pub(super) fn serving(&self) -> u32 {
        self.serving
    }

    /// What it came to.
    pub(super) fn into_run(mut self, told: Vec<Told>) -> Run {
        self.score.end_minute();
        Run {
            task_hours: self.score.task_seconds / 3600.0,
            violation_minutes: self.score.violation_minutes,
            touched_minutes: self.score.touched_minutes,
            requests_over_capacity: self.score.over_capacity,
            changes: self.asked.len() as u64,
            asked: self.asked,
            served: self.served,
            told,
        }
    }

    /// CPU utilisation over a period, as a part of 1; nothing where no task served. The period
    /// lies in the past, and is a multiple of 5 seconds, as its beginning is.
    pub(super) fn cpu(&self, from: u64, seconds: u64) -> Option<f64> {
        let up = between(&self.meters.up, from, seconds)?;
        let busy = between(&self.meters.busy, from, seconds)?;
        (up > 0.0).then(|| busy / up)
    }

    /// How many tasks served over a period, on average; see [`Self::cpu`].
    pub(super) fn tasks(&self, from: u64, seconds: u64) -> f64 {
        between(&self.meters.tasks, from, seconds).unwrap_or(0.0) / whole(seconds)
    }

    /// CPU utilisation over a period of each task, on average over the tasks; see [`Self::cpu`].
    pub(super) fn cpu_of_each(&self, from: u64, seconds: u64) -> Option<f64> {
        let tasks = between(&self.meters.tasks, from, seconds)?;
        let work = between(&self.meters.work, from, seconds)?;
        (tasks > 0.0).then(|| work / tasks)
    }

    /// The fewest tasks that served at any time of a period that lies in the past.
    pub(super) fn fewest(&self, from: u64, seconds: u64) -> u32 {
        let mut fewest = u32::MAX;
        for (since, tasks) in self.served.iter().rev() {
            if *since < from + seconds {
                fewest = fewest.min(*tasks);
            }
            if *since <= from {
                break;
            }
        }
        fewest
    }

    /// When the newest period began whose point is there, if there is one.
    pub(super) fn newest(&self, period: u64, delay: u64) -> Option<u64> {
        let ended = self.now.checked_sub(delay)? / period * period;
        ended.checked_sub(period)
    }

    /// Sets how many tasks are to run, within the bounds.
    pub(super) fn set(&mut self, tasks: u32) {
        let tasks = tasks.max(self.setup.min).min(self.setup.max);
        if tasks == self.desired {
            return;
        }
        self.asked.push((self.now, tasks));
        if tasks > self.desired {
            let ready = self.now + self.setup.start_up;
            self.starting.push_back((ready, tasks - self.desired));
        } else {
            self.stop(self.desired - tasks);
        }
        self.desired = tasks;
        self.arrive();
    }

    fn stop(&mut self, mut tasks: u32) {
        while tasks > 0 {
            let Some((_, newest)) = self.starting.back_mut() else {
                break;
            };
            let stopped = tasks.min(*newest);
            *newest -= stopped;
            tasks -= stopped;
            if *newest == 0 {
                self.starting.pop_back();
            }
        }
        if tasks > 0 {
            self.serving -= tasks;
            self.served.push((self.now, self.serving));
        }
    }

    fn arrive(&mut self) {
        while let Some((ready, tasks)) = self.starting.front().copied() {
            if ready > self.now {
                break;
            }
            self.serving += tasks;
            self.served.push((self.now, self.serving));
            self.starting.pop_front();
        }
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, until: u64) {
        while self.now < until {
            let (rate, changes) = self.trace.interval(self.interval);
            if changes <= self.now {
                self.interval += 1;
                continue;
            }
            let ready = self.starting.front().map_or(u64::MAX, |(ready, _)| *ready);
            let reading = (self.now / READING + 1) * READING;
            let next = until.min(changes).min(ready).min(reading);
            self.pass(rate, next - self.now);
            self.now = next;
            if next == reading {
                self.meters.read();
            }
            if next % 60 == 0 {
                self.score.end_minute();
            }
            if next == ready {
                self.arrive();
            }
        }
    }

    fn pass(&mut self, rate: f64, seconds: u64) {
        let time = whole(seconds);
        let tasks = f64::from(self.serving);
        let capacity = tasks * self.setup.capacity;
        let [busy, work, served, up] = &mut self.meters.running;
        if self.serving > 0 {
            let used = (rate / capacity).min(1.0);
            *busy += used * time;
            *work += used * tasks * time;
            *served += tasks * time;
            *up += time;
        }
        self.score.task_seconds += f64::from(self.desired) * time;
        self.score.over_capacity += (rate - capacity).max(0.0) * time;
        // A reading, and so an event, is at the end of each minute.
        let minute = &mut self.score.minute;
        minute.requests += rate * time;
        minute.capacity += capacity * time;
        minute.touched |= rate > (BOUND + NOTHING) * capacity;
    }
}

fn between(meter: &[f64], from: u64, seconds: u64) -> Option<f64> {
    let reading = |at: u64| usize::try_from(at / READING).ok();
    let end = meter.get(reading(from + seconds)?)?;
    Some(end - meter.get(reading(from)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> Setup {
        Setup {
            start_up: 60,
            min: 1,
            max: 100,
            ..Setup::with_capacity(10.0)
        }
    }

    #[test]
    fn a_task_costs_from_its_start_and_serves_after_it() {
        let trace = Trace::step(5.0, 5.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 1);
        world.advance(7);
        world.set(3);
        world.advance(66);
        assert_eq!((world.desired(), world.serving()), (3, 1));
        world.advance(67);
        assert_eq!(world.serving(), 3);
        world.set(1);
        world.advance(100);
        let run = world.into_run(Vec::new());
        assert!((run.task_hours * 3600.0 - (7.0 + 3.0 * 60.0 + 33.0)).abs() < 1e-6);
        assert_eq!(run.changes, 2);
        assert_eq!(run.asked, [(7, 3), (67, 1)]);
        assert_eq!(run.served, [(0, 1), (67, 3), (67, 1)]);
    }

    #[test]
    fn the_fewest_tasks_of_a_period_are_those_at_its_quietest_moment() {
        let trace = Trace::step(5.0, 5.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 4);
        world.advance(70);
        world.set(2);
        world.set(5);
        world.advance(200);
        assert_eq!(
            [0, 60, 120, 180].map(|from| world.fewest(from, 60)),
            [4, 2, 2, 5]
        );
    }

    #[test]
    fn tasks_that_still_start_are_stopped_first() {
        let trace = Trace::step(5.0, 5.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 2);
        world.set(4);
        world.advance(10);
        world.set(3);
        world.advance(60);
        assert_eq!(world.serving(), 3);
        world.set(1);
        assert_eq!(world.serving(), 1);
    }

    #[test]
    fn saturated_cpu_shows_all_it_has_and_hides_the_demand() {
        let trace = Trace::step(5.0, 35.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 1);
        world.advance(120);
        assert_eq!(world.cpu(0, 60), Some(0.5));
        assert_eq!(world.cpu(60, 60), Some(1.0));
        assert!((world.cpu(30, 60).unwrap() - 0.75).abs() < NOTHING);
        let run = world.into_run(Vec::new());
        assert!((run.requests_over_capacity - 25.0 * 60.0).abs() < 1e-6);
        assert_eq!(run.violation_minutes, 1);
    }

    #[test]
    fn where_tasks_came_or_went_the_mean_over_tasks_is_not_that_over_time() {
        let trace = Trace::step(8.0, 8.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 4);
        world.advance(30);
        world.set(1);
        world.advance(60);
        // Half a minute at 20 % of four tasks, and half a minute at 80 % of one.
        assert!((world.cpu(0, 60).unwrap() - 0.5).abs() < NOTHING);
        assert!((world.cpu_of_each(0, 60).unwrap() - 0.32).abs() < NOTHING);
    }

    #[test]
    fn a_minute_is_judged_by_all_of_it_and_touched_by_a_moment() {
        let setup = setup();
        // Two tasks for the last third of a minute in which there is work for one and a fifth.
        for (rate, violated) in [(11.9, 0), (12.1, 1)] {
            let trace = Trace::step(rate, rate, 60, 60);
            let mut world = World::new(&trace, &setup, 1);
            world.advance(40);
            world.serving = 2;
            world.advance(60);
            let run = world.into_run(Vec::new());
            assert_eq!((run.violation_minutes, run.touched_minutes), (violated, 1));
        }
    }

    #[test]
    fn a_minute_is_violated_above_nine_tenths_and_not_at_them() {
        let setup = setup();
        for (rate, violated) in [(9.0, 0), (9.01, 2)] {
            let trace = Trace::step(rate, rate, 60, 120);
            let mut world = World::new(&trace, &setup, 1);
            world.advance(120);
            assert_eq!(
                world.into_run(Vec::new()).violation_minutes,
                violated,
                "{rate}"
            );
        }
    }

    #[test]
    fn where_nothing_serves_nothing_is_measured() {
        let trace = Trace::step(0.0, 0.0, 60, 600);
        let setup = Setup { min: 0, ..setup() };
        let mut world = World::new(&trace, &setup, 0);
        world.advance(120);
        assert_eq!(world.cpu(0, 60), None);
    }

    #[test]
    fn a_point_is_there_when_its_period_and_the_delay_are_over() {
        let trace = Trace::step(0.0, 0.0, 60, 600);
        let setup = setup();
        let mut world = World::new(&trace, &setup, 1);
        world.advance(209);
        assert_eq!(world.newest(60, 150), None);
        world.advance(210);
        assert_eq!(world.newest(60, 150), Some(0));
        world.advance(275);
        assert_eq!(world.newest(20, 15), Some(240));
    }
}
