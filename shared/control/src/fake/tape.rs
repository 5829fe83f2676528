//! Every call of a fake port passes here: it is counted, may be made to fail at a chosen point,
//! and lets another process run in between.
//!
//! A fault is chosen by the call's number or by its name. The number is the same in every run
//! with the same faults, because nothing in the core depends on chance or on the clock of the
//! machine: so every point of a scenario can be tried.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::error::{PortError, PortErrorKind};
use crate::ports::PortResult;

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The process dies before the call.
    CrashBefore,
    /// The process dies after the call took effect.
    CrashAfter,
    /// The call is refused for now, without effect.
    Throttled,
    /// The call takes effect, and its answer is lost.
    AnswerLost,
    /// A read answers as things were before the last change.
    Stale,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::Throttled,
        Self::AnswerLost,
        Self::Stale,
    ];
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name, such as `update`.
    pub name: &'static str,
    /// Whether it is to change something.
    pub changes: bool,
}

impl Call {
    /// Whether a fault would be another than a simpler one: nothing that only reads is changed
    /// when its answer is lost, and nothing that changes can be late.
    pub fn may_meet(&self, fault: Fault) -> bool {
        match fault {
            Fault::CrashBefore | Fault::Throttled => true,
            Fault::CrashAfter | Fault::AnswerLost => self.changes,
            Fault::Stale => !self.changes && matches!(self.name, "service" | "stack"),
        }
    }
}

/// The calls of all ports that share it. Clones are the same tape.
#[derive(Debug, Clone, Default)]
pub struct Tape {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<Call>,
    by_number: BTreeMap<usize, Fault>,
    by_name: Vec<(&'static str, Fault, usize)>,
    injected: usize,
    dead: bool,
    yields: bool,
}

impl Tape {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call of this number, from 0, meets a fault.
    pub fn at(&self, number: usize, fault: Fault) {
        self.lock().by_number.insert(number, fault);
    }

    /// The next `times` calls of this name meet a fault.
    pub fn next(&self, name: &'static str, fault: Fault, times: usize) {
        self.lock().by_name.push((name, fault, times));
    }

    /// No further call meets a fault.
    pub fn heal(&self) {
        let mut inner = self.lock();
        inner.by_number.clear();
        inner.by_name.clear();
        inner.dead = false;
    }

    /// A process that died is started again.
    pub fn restart(&self) {
        self.lock().dead = false;
    }

    /// Whether every call lets others run first, so that two processes can be interleaved.
    pub fn yield_at_calls(&self, yields: bool) {
        self.lock().yields = yields;
    }

    /// Whether a read is to be late, so that what was before is worth keeping.
    pub(super) fn has_late_reads(&self) -> bool {
        let inner = self.lock();
        let numbered = inner.by_number.values();
        let named = inner.by_name.iter().map(|(_, fault, _)| fault);
        numbered.chain(named).any(|fault| *fault == Fault::Stale)
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// How many calls there were so far.
    pub fn len(&self) -> usize {
        self.lock().calls.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.lock().calls.is_empty()
    }

    /// How many faults were met.
    pub fn injected(&self) -> usize {
        self.lock().injected
    }

    /// Begins a call: counts it, and says how it goes.
    pub(super) async fn enter(&self, name: &'static str, changes: bool) -> PortResult<Pass> {
        if self.lock().yields {
            Yield::default().await;
        }
        let mut inner = self.lock();
        if inner.dead {
            return Err(failed(name, "the process is dead"));
        }
        let number = inner.calls.len();
        inner.calls.push(Call { name, changes });
        let fault = inner.take(number, name);
        inner.injected += usize::from(fault.is_some());
        match fault {
            Some(Fault::CrashBefore) => {
                inner.dead = true;
                Err(failed(name, "the process dies"))
            }
            Some(Fault::Throttled) => Err(failed(name, "throttled by the test")),
            fault => Ok(Pass {
                tape: self.clone(),
                name,
                fault,
            }),
        }
    }
}

impl Inner {
    fn take(&mut self, number: usize, name: &str) -> Option<Fault> {
        if let Some(fault) = self.by_number.remove(&number) {
            return Some(fault);
        }
        let (_, fault, times) = self
            .by_name
            .iter_mut()
            .find(|(of, _, times)| *of == name && *times > 0)?;
        *times -= 1;
        Some(*fault)
    }
}

/// A call that may go on.
#[derive(Debug)]
pub(super) struct Pass {
    tape: Tape,
    name: &'static str,
    fault: Option<Fault>,
}

impl Pass {
    /// Whether a read is to answer as things were before the last change.
    pub(super) fn is_stale(&self) -> bool {
        self.fault == Some(Fault::Stale)
    }

    /// Ends the call with its answer.
    pub(super) fn leave<T>(self, answer: T) -> PortResult<T> {
        match self.fault {
            Some(Fault::CrashAfter) => {
                self.tape.lock().dead = true;
                Err(failed(self.name, "the process dies"))
            }
            Some(Fault::AnswerLost) => Err(failed(self.name, "the answer is lost")),
            Some(Fault::CrashBefore | Fault::Throttled | Fault::Stale) | None => Ok(answer),
        }
    }
}

fn failed(operation: &'static str, message: &str) -> PortError {
    PortError {
        operation,
        message: message.to_owned(),
        kind: PortErrorKind::Transient,
        source: None,
    }
}

/// Lets whoever polls go on with something else, once.
#[derive(Debug, Default)]
struct Yield {
    done: bool,
}

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.done {
            return Poll::Ready(());
        }
        self.done = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
