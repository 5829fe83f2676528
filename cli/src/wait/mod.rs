//! Waiting for a platform, and showing what happens meanwhile.
//!
//! Three parts: what was seen becomes a [`Look`] ([`settled`], [`gone`], [`newest`],
//! [`several`]), looks become lines or a picture ([`progress`], pure), and this module looks again until the end. Nothing is
//! changed by waiting, and whoever stops waiting stops nothing.

pub(crate) mod gone;
pub(crate) mod interrupt;
pub(crate) mod newest;
pub(crate) mod progress;
pub(crate) mod settled;
pub(crate) mod several;

use std::time::{Duration, SystemTime};

use crate::client::ClientError;
use crate::clock::Clock;
use crate::environment;
use crate::exit::{Exit, Failure};
use crate::output::console::Console;
use crate::output::time::short;
use crate::output::tone::Tone;
use progress::{Look, Progress};

/// How many looks in a row may fail.
const MISSES: u32 = 5;

/// How to wait.
pub(crate) struct Wait<'a> {
    pub(crate) clock: &'a dyn Clock,
    /// When what is waited for began; times are shown from here.
    pub(crate) began: SystemTime,
    /// After which time to give up.
    pub(crate) timeout: Duration,
    /// How to see later what became of it.
    pub(crate) later: String,
}

impl Wait<'_> {
    /// Looks until a look is the last one, and hands that back.
    pub(crate) fn until_end(
        &self,
        console: &mut Console,
        mut look: impl FnMut(Duration) -> Result<Look, ClientError>,
    ) -> Result<Look, Failure> {
        let mut progress = Progress::default();
        console.start_drawing();
        self.until(console, |console, elapsed| {
            let seen = look(elapsed)?;
            show(&mut progress, &seen, elapsed, console);
            Ok(seen.end.then_some(seen))
        })
    }

    /// Looks until a look finds something, and shows nothing meanwhile.
    pub(crate) fn until_found(
        &self,
        console: &mut Console,
        mut look: impl FnMut() -> Result<bool, ClientError>,
    ) -> Result<(), Failure> {
        self.until(console, |_, _| Ok(look()?.then_some(())))
    }

    fn until<T>(
        &self,
        console: &mut Console,
        mut look: impl FnMut(&mut Console, Duration) -> Result<Option<T>, ClientError>,
    ) -> Result<T, Failure> {
        let mut misses = 0;
        loop {
            let elapsed = self.elapsed();
            match look(console, elapsed) {
                Ok(Some(end)) => return Ok(end),
                Ok(None) => misses = 0,
                Err(error) if misses < MISSES && may_pass(&error) => {
                    misses += 1;
                    // A picture stands still meanwhile.
                    if !console.redraws() {
                        console.note(&format!("{:>8}  no look just now: {error}", short(elapsed)));
                    }
                }
                Err(error) => return Err(error.into()),
            }
            if self.elapsed() >= self.timeout {
                let message = format!(
                    "not there after {}; the platform goes on, see it with: {}",
                    short(self.timeout),
                    self.later
                );
                return Err(Failure::new(Exit::TimedOut, message));
            }
            self.clock.pause(interval(elapsed));
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock
            .now()
            .duration_since(self.began)
            .unwrap_or_default()
    }
}

fn show(progress: &mut Progress, seen: &Look, elapsed: Duration, console: &mut Console) {
    let lines = progress.see(seen, elapsed);
    if console.redraws() {
        let picture = progress.picture(elapsed, environment::size(), console.notes);
        console.draw(&picture);
        return;
    }
    for line in lines {
        let at = console
            .notes
            .on(Tone::Faint, &format!("{:>8}", short(line.at)));
        console.note(&format!(
            "{at}  {}  {}",
            line.scope,
            console.notes.on(line.tone, &line.text)
        ));
    }
}

fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } | ClientError::Unexpected { .. } => true,
        ClientError::Refused(refusal) => refusal.status == 429 || refusal.status >= 500,
        ClientError::Request(_) | ClientError::Credentials(_) => false,
    }
}

/// Often while people look, seldom for what takes long anyway.
fn interval(elapsed: Duration) -> Duration {
    Duration::from_secs(match elapsed.as_secs() {
        0..60 => 1,
        60..300 => 2,
        _ => 5,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::UNIX_EPOCH;

    use super::*;

    /// A clock that moves by pauses alone.
    #[derive(Debug, Default)]
    struct Paused(Mutex<Duration>);

    impl Clock for Paused {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH + *self.0.lock().unwrap()
        }

        fn pause(&self, duration: Duration) {
            *self.0.lock().unwrap() += duration;
        }
    }

    fn wait(clock: &Paused) -> Wait<'_> {
        Wait {
            clock,
            began: UNIX_EPOCH,
            timeout: Duration::from_mins(10),
            later: "slipway get orders".to_owned(),
        }
    }

    fn lost() -> ClientError {
        ClientError::Unreachable {
            url: "u".to_owned(),
            detail: "gone".to_owned(),
            passing: true,
        }
    }

    #[test]
    fn waiting_ends_with_the_last_look() {
        let clock = Paused::default();
        let mut looks = 0;
        let end = wait(&clock).until_end(&mut Console::new(), |_| {
            looks += 1;
            Ok(Look {
                end: looks == 3,
                ..Look::default()
            })
        });
        assert!(end.unwrap().end);
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(2));
    }

    #[test]
    fn waiting_times_out_and_says_how_to_look_later() {
        let clock = Paused::default();
        let failure = wait(&clock)
            .until_end(&mut Console::new(), |_| Ok(Look::default()))
            .unwrap_err();
        assert_eq!(failure.exit, Exit::TimedOut);
        assert!(
            failure
                .message
                .unwrap()
                .ends_with("see it with: slipway get orders")
        );
        assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_mins(10));
    }

    #[test]
    fn some_looks_may_fail_but_not_many_in_a_row() {
        let clock = Paused::default();
        let mut looks = 0;
        let end = wait(&clock).until_end(&mut Console::new(), |_| {
            looks += 1;
            if looks % 4 == 0 {
                Ok(Look {
                    end: looks > 8,
                    ..Look::default()
                })
            } else {
                Err(lost())
            }
        });
        assert!(end.is_ok());
        let failure = wait(&clock)
            .until_end(&mut Console::new(), |_| Err(lost()))
            .unwrap_err();
        assert_eq!(failure.exit, Exit::Unreachable);
    }
}
