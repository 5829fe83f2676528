//! Every fault at every call of every scenario, then in pairs: the end is always the one that the
//! run without faults came to.
//!
//! The form is Sieve's (OSDI 2022): a process that dies in between, an event that is missed, a
//! read that is late.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::oracle::{Run, run};
use super::scenarios::{ALL, Scenario};
use super::world::{Delivery, ORDERS, World};
use crate::fake::Fault;

/// What became of many runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tried: AtomicUsize,
    injected: AtomicUsize,
    violations: Mutex<Vec<String>>,
}

impl Tally {
    fn run(&self, scenario: Scenario, faults: &[(usize, Fault)], delivery: Delivery, right: &Run) {
        let case = format!("{}, {delivery:?}, {faults:?}", scenario.0);
        // A late read may have an update made again that changes nothing.
        let late = faults.iter().any(|(_, fault)| *fault == Fault::Stale);
        self.judge(scenario, &case, late, right, |world| {
            world.delivery = delivery;
            for (number, fault) in faults {
                world.tape.at(*number, *fault);
            }
        });
    }

    fn judge(
        &self,
        scenario: Scenario,
        case: &str,
        late: bool,
        right: &Run,
        prepare: impl FnOnce(&mut World) + std::panic::UnwindSafe,
    ) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        let ran = std::panic::catch_unwind(|| run(scenario.1, prepare));
        let violation = match ran {
            Err(_) => Some("it panics".to_owned()),
            Ok(Err(why)) => Some(why),
            Ok(Ok(ran)) => {
                self.injected.fetch_add(ran.injected, Ordering::Relaxed);
                if ran.end != right.end {
                    Some(format!(
                        "another end: {:#?}\ninstead of {:#?}",
                        ran.end, right.end
                    ))
                } else if !late && ran.does_more_than(right) {
                    Some(format!(
                        "more operations: {:?} instead of {:?}",
                        ran.operations, right.operations
                    ))
                } else {
                    None
                }
            }
        };
        if let Some(violation) = violation {
            self.violations
                .lock()
                .unwrap()
                .push(format!("{case}: {violation}"));
        }
    }

    /// Counts a run that judges itself.
    pub(super) fn count(
        &self,
        case: &str,
        run: impl FnOnce() -> Option<String> + std::panic::UnwindSafe,
    ) {
        self.tried.fetch_add(1, Ordering::Relaxed);
        let violation =
            std::panic::catch_unwind(run).unwrap_or_else(|_| Some("it panics".to_owned()));
        if let Some(violation) = violation {
            let mut violations = self.violations.lock().unwrap();
            violations.push(format!("{case}: {violation}"));
        }
    }

    pub(super) fn report(&self, what: &str) {
        let violations = self.violations.lock().unwrap();
        // Past the capture of a test's output: these counts are to be seen.
        let _ = writeln!(
            std::io::stdout(),
            "{what}: {} runs, {} faults injected, {} violations",
            self.tried.load(Ordering::Relaxed),
            self.injected.load(Ordering::Relaxed),
            violations.len()
        );
        let first: Vec<&str> = violations.iter().take(200).map(String::as_str).collect();
        assert!(violations.is_empty(), "{}", first.join("\n\n"));
    }
}

/// Shares work among the processors.
pub(super) fn in_parallel<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}

#[test]
fn every_fault_at_every_call_of_every_scenario_leads_to_the_same_end() {
    let tally = Tally::default();
    let mut cases = Vec::new();
    let right: Vec<Run> = ALL
        .iter()
        .map(|(what, scenario)| {
            run(*scenario, |_| {}).unwrap_or_else(|why| panic!("{what}, without faults: {why}"))
        })
        .collect();
    for (n, right) in right.iter().enumerate() {
        for call in 0..right.calls.len() {
            for fault in Fault::ALL {
                if right.calls[call].may_meet(fault) {
                    cases.push((n, call, fault));
                }
            }
        }
    }
    in_parallel(&cases, |(n, call, fault)| {
        tally.run(ALL[*n], &[(*call, *fault)], Delivery::Once, &right[*n]);
    });
    tally.report("One fault at every call");
}

#[test]
fn events_that_come_thrice_or_never_or_of_which_one_is_lost_lead_to_the_same_end() {
    let tally = Tally::default();
    for scenario in ALL {
        let right = run(scenario.1, |_| {}).unwrap();
        let each_lost = (0..right.told).map(Delivery::Without);
        for delivery in each_lost.chain([Delivery::Thrice, Delivery::Never]) {
            tally.run(scenario, &[], delivery, &right);
        }
    }
    tally.report("Events thrice, never, and each of them lost");
}

#[test]
fn five_events_in_any_order_lead_to_the_same_end() {
    let tally = Tally::default();
    let right: Vec<Run> = ALL
        .iter()
        .map(|(_, scenario)| run(*scenario, |_| {}).unwrap())
        .collect();
    let mut cases = Vec::new();
    for (n, right) in right.iter().enumerate() {
        // Fives that overlap, so that no two neighbours are always apart.
        for first in (0..right.told).step_by(2) {
            cases.extend((0..ORDERS).map(|order| (n, first, order)));
        }
    }
    // Prime to the number of orders, so that a part of all has every order in it.
    let cases: Vec<_> = cases.into_iter().step_by(share(1, 23)).collect();
    in_parallel(&cases, |(n, first, order)| {
        let shuffled = Delivery::Shuffled(*first, *order);
        tally.run(ALL[*n], &[], shuffled, &right[*n]);
    });
    tally.report("Five events in any order");
}

/// How much of what takes long is tried: all of it when `SLIPWAY_FULL_TESTS` is set, as
/// `cargo xtask test --full` does.
pub(super) fn share(full: usize, usual: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of the tests, read by nothing else"
    )]
    let is_full = std::env::var_os("SLIPWAY_FULL_TESTS").is_some();
    if is_full { full } else { usual }
}

#[test]
fn pairs_of_faults_lead_to_the_same_end() {
    let tally = Tally::default();
    let mut chance = fastrand::Rng::with_seed(20_261_121);
    let right: Vec<Run> = ALL
        .iter()
        .map(|(_, scenario)| run(*scenario, |_| {}).unwrap())
        .collect();
    let cases: Vec<_> = (0..share(10_000, 1_000))
        .map(|_| {
            let n = chance.usize(..ALL.len());
            let mut fault = || loop {
                let call = chance.usize(..right[n].calls.len());
                let fault = Fault::ALL[chance.usize(..Fault::ALL.len())];
                if right[n].calls[call].may_meet(fault) {
                    return (call, fault);
                }
            };
            (n, [fault(), fault()])
        })
        .collect();
    in_parallel(&cases, |(n, faults)| {
        tally.run(ALL[*n], faults, Delivery::Once, &right[*n]);
    });
    tally.report("Two faults at once");
}

#[test]
fn two_processes_that_look_at_once_do_nothing_twice() {
    let tally = Tally::default();
    let right: Vec<Run> = ALL
        .iter()
        .map(|(_, scenario)| run(*scenario, |_| {}).unwrap())
        .collect();
    let mut cases = Vec::new();
    for (n, right) in right.iter().enumerate() {
        for look in 0..right.looks {
            // No look makes more calls.
            for calls in 0..16 {
                cases.push((n, look, calls));
            }
        }
    }
    let every = share(1, 4);
    let cases: Vec<_> = cases.into_iter().step_by(every).collect();
    in_parallel(&cases, |(n, look, calls)| {
        let case = format!("{}, look {look} held up behind call {calls}", ALL[*n].0);
        tally.judge(ALL[*n], &case, false, &right[*n], |world| {
            world.twins = Some((*look, *calls));
        });
    });
    tally.report("Two processes at once");
}
