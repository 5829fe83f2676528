//! Steps with their times, so that long work shows where it is.

use std::time::Instant;

use crate::cargo::Outcome;

/// Runs one step and says how long it took.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("▶ {name}");
    let began = Instant::now();
    let outcome = work();
    let mark = if outcome.is_ok() { "✔" } else { "✘" };
    println!("{mark} {name} ({:.1} s)", began.elapsed().as_secs_f64());
    outcome
}
