//! The wake queue in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use slipway_domain::{Scope, ServiceName};

use super::transient;
use crate::ports::{PortResult, Waker};

/// What was asked for: a stack, and after which delay.
pub type Wakeup = (ServiceName, Scope, Duration);

/// The wake queue in memory. Clones are the same queue.
#[derive(Debug, Clone, Default)]
pub struct FakeWaker {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    wakeups: Vec<Wakeup>,
    broken: bool,
}

impl FakeWaker {
    /// From now on no message can be sent.
    pub fn break_down(&self) {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .broken = true;
    }

    /// What was asked for so far, and forgets it.
    pub fn take(&self) -> Vec<Wakeup> {
        std::mem::take(
            &mut self
                .inner
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .wakeups,
        )
    }
}

impl Waker for FakeWaker {
    async fn wake(&self, service: &ServiceName, scope: &Scope, delay: Duration) -> PortResult<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.broken {
            return Err(transient("wake"));
        }
        inner.wakeups.push((service.clone(), scope.clone(), delay));
        Ok(())
    }
}
