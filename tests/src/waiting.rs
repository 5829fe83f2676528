//! Waiting for a condition, with a deadline: nothing here sleeps for luck.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Asks until there is an answer, or fails after `longest` with what was seen last.
///
/// `ask` gives `Ok` with the answer, or `Err` with what it saw instead.
///
/// # Errors
/// The deadline has passed, or `ask` itself failed.
pub fn wait_for<T>(
    what: &str,
    longest: Duration,
    mut ask: impl FnMut() -> Result<Result<T, String>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        match ask()? {
            Ok(answer) => return Ok(answer),
            Err(seen) if began.elapsed() > longest => {
                bail!(
                    "{what}: not after {} s; last seen: {seen}",
                    longest.as_secs()
                )
            }
            Err(_) => pause(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two looks at a condition that has a deadline"
)]
fn pause() {
    std::thread::sleep(INTERVAL);
}
