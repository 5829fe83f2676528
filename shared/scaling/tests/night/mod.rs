//! A night of a service, told in a few words.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]

use jiff::{SignedDuration, Timestamp};
use slipway_domain::Scaling;
use slipway_scaling::{
    Bounds, Decision, Load, Observation, Point, State, Targets, Tasks, Verdict, decide,
};

/// When the night begins.
pub fn evening() -> Timestamp {
    "2026-11-20T22:00:00Z".parse().unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    evening() + SignedDuration::from_secs(seconds)
}

/// A service at night: what is seen of it, what is remembered, and the time.
#[derive(Debug, Clone)]
pub struct Night {
    pub policy: Scaling,
    pub seen: Observation,
    pub state: State,
    pub second: i64,
    /// How many tasks ran before the last look, when the newest point was measured.
    pub ran: u32,
}

/// A service of so many tasks, within 1 to 100, with so much CPU for ten minutes.
pub fn service(tasks: u32, cpu: f64) -> Night {
    let mut night = Night {
        policy: Scaling {
            resolution: 20,
            ..Scaling::default()
        },
        seen: Observation {
            tasks: Tasks {
                desired: tasks,
                running: tasks,
            },
            bounds: Bounds { min: 1, max: 100 },
            memory: flat(20.0, 60, -600, 0),
            ..Observation::default()
        },
        state: State::default(),
        second: 0,
        ran: tasks,
    };
    night.seen.cpu = flat(cpu, 20, -600, -15);
    night
}

/// Points of one value, from a second to another.
pub fn flat(value: f64, period: u32, from: i64, to: i64) -> Load {
    let step = i64::from(period);
    let starts = (from / step..).map(|number| number * step);
    let points = starts.take_while(|at| at + step <= to);
    Load(
        points
            .map(|at| Point {
                at: after(at),
                seconds: period,
                value,
            })
            .collect(),
    )
}

impl Night {
    /// What would be decided now.
    pub fn looked(&self) -> Decision {
        decide(&self.policy, &self.seen, &self.state, after(self.second))
    }

    /// What is decided now; it is done, and tasks start at once.
    pub fn look(&mut self) -> Decision {
        let decision = self.looked();
        self.state = decision.state.clone();
        self.ran = self.seen.tasks.running;
        if decision.verdict != Verdict::Hold {
            self.seen.tasks = Tasks {
                desired: decision.to,
                running: decision.to,
            };
        }
        decision
    }

    /// Lets time pass in which CPU and memory stay at a value, and looks each 20 seconds.
    pub fn pass(&mut self, seconds: i64, cpu: f64) -> Vec<Decision> {
        let steps = seconds / 20;
        (0..steps)
            .map(|_| {
                self.second += 20;
                self.point(cpu);
                self.look()
            })
            .collect()
    }

    /// Lets time pass in which there is so much work, in tasks, and looks each 20 seconds.
    pub fn work(&mut self, seconds: i64, tasks: f64) {
        for _ in 0..seconds / 20 {
            self.second += 20;
            self.point(100.0 * tasks / f64::from(self.ran));
            self.look();
        }
    }

    /// The next points of CPU and memory, as they come with 15 seconds' delay.
    pub fn point(&mut self, cpu: f64) {
        let at = after((self.second - 15).div_euclid(20) * 20 - 20);
        self.seen.cpu.0.push(Point {
            at,
            seconds: 20,
            value: cpu,
        });
        let memory = self.seen.memory.0.last().map_or(20.0, |point| point.value);
        self.seen.memory.0.push(Point {
            at,
            seconds: 20,
            value: memory,
        });
    }

    /// With a load balancer, all of whose targets are healthy, and requests per minute.
    pub fn with_requests(mut self, rate: f64) -> Self {
        self.seen.targets = Some(Targets {
            healthy: self.seen.tasks.running,
            unhealthy: 0,
        });
        if rate > 0.0 {
            self.seen.requests = flat(rate, 60, -600, -60);
        }
        self
    }
}

/// The words of a reason.
pub fn says<'a>(decision: &'a Decision, signal: &str) -> &'a str {
    let reason = decision
        .reasons
        .iter()
        .find(|reason| reason.signal == signal);
    reason.map_or("", |reason| reason.says.as_str())
}
