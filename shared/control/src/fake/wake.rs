//! Rules that lead to the waker, the health of targets, and queues, in memory.

use slipway_domain::PlatformName;

use super::FakeTasks;
use crate::ports::{Owner, PortResult, QueueReader, WakeRules};

impl FakeTasks {
    /// Targets of a group are healthy, or are not any more.
    pub fn answers(&self, group: &str, healthy: bool) {
        let mut inner = self.lock();
        inner.healthy.retain(|it| it != group);
        if healthy {
            inner.healthy.push(group.to_owned());
        }
    }

    /// A target group is an environment's.
    pub fn belongs(&self, group: &str, owner: Owner) {
        self.lock().owners.insert(group.to_owned(), owner);
    }

    /// So many messages wait in a queue.
    pub fn enqueue(&self, queue: &str, messages: u64) {
        self.lock().queues.insert(queue.to_owned(), messages);
    }

    /// Where the wake rule of a listener leads to, past the port.
    pub fn wake_rule(&self, listener: &str) -> Option<String> {
        self.lock().wake_rules.get(listener).cloned()
    }
}

impl WakeRules for FakeTasks {
    async fn put_wake_rule(
        &self,
        listener: &str,
        group: &str,
        _platform: &PlatformName,
    ) -> PortResult<bool> {
        let pass = self.tape.enter("put_wake_rule", true).await?;
        let (listener, group) = (listener.to_owned(), group.to_owned());
        self.lock().wake_rules.insert(listener, group);
        pass.leave(true)
    }

    async fn remove_wake_rule(&self, listener: &str) -> PortResult<()> {
        let pass = self.tape.enter("remove_wake_rule", true).await?;
        self.lock().wake_rules.remove(listener);
        pass.leave(())
    }

    async fn is_answered(&self, groups: &[String]) -> PortResult<bool> {
        let pass = self.tape.enter("is_answered", false).await?;
        let answer = {
            let inner = self.lock();
            groups.iter().any(|group| inner.healthy.contains(group))
        };
        pass.leave(answer)
    }

    async fn owner(&self, group: &str) -> PortResult<Option<Owner>> {
        let pass = self.tape.enter("owner", false).await?;
        let answer = self.lock().owners.get(group).cloned();
        pass.leave(answer)
    }
}

impl QueueReader for FakeTasks {
    async fn waiting(&self, queue: &str) -> PortResult<Option<u64>> {
        let pass = self.tape.enter("waiting", false).await?;
        let answer = self.lock().queues.get(queue).copied();
        pass.leave(answer)
    }
}
