//! CloudFormation and ECS in memory: operations take their time and end as a script says.
//!
//! Strict where AWS is strict: a stack is known by its id, names are unique, a token begins one
//! operation, every operation passes through its statuses in progress, and what a status does not
//! allow is refused.

mod read;
mod stack;
mod traffic;
mod write;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::checks::FakeChecks;
use super::tape::Tape;
use crate::reconcile::observed::CloudFormationStatus;
use stack::Stack;

/// How the next operation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// It succeeds.
    Succeeds,
    /// It fails, with this reason, and is taken back.
    Fails(String),
    /// It fails, with this reason, and so does taking it back.
    FailsTwice(String),
    /// It does not end by itself.
    Hangs,
    /// It succeeds, and then ECS goes back to what ran before.
    EcsGoesBack,
    /// The change set, or the call, is refused.
    Refused(String),
    /// The call is lost on the way; nothing happens.
    Throttled,
    /// The call is done, and its answer is lost.
    AnswerLost,
}

/// The time of a fake cloud. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    now: Arc<Mutex<Timestamp>>,
}

impl Clock {
    /// A clock that shows `now` until it is set.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now: Arc::new(Mutex::new(now)),
        }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it; it never goes back.
    pub fn set(&self, now: Timestamp) {
        let mut shown = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = now.max(*shown);
    }

    /// Sets it forward.
    pub fn advance(&self, by: SignedDuration) {
        self.set(self.now() + by);
    }
}

/// An operation that took effect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationSeen {
    /// The stack's name.
    pub stack: String,
    /// What was begun, such as `update`.
    pub kind: &'static str,
}

/// CloudFormation and ECS in memory. Clones are the same cloud.
#[derive(Debug, Clone)]
pub struct FakeCloud {
    inner: Arc<Mutex<Inner>>,
    tape: Tape,
    clock: Clock,
    /// Whether each look at a stack lets some time pass.
    looks_take_time: bool,
}

#[derive(Debug, Clone, Default)]
struct Inner {
    /// By id; a deleted stack stays, as it does on AWS.
    stacks: BTreeMap<String, Stack>,
    /// The same before the last change, for reads that are late.
    before: BTreeMap<String, Stack>,
    next_id: u32,
    scripts: VecDeque<Script>,
    /// How operations with such a template end.
    rules: Vec<(String, Script)>,
    /// Why no drift can be undone.
    no_repairs: Option<String>,
    /// How many deletions of a stack fail.
    stuck: BTreeMap<String, usize>,
    calls: Vec<String>,
    operations: Vec<OperationSeen>,
    events: Vec<String>,
    left_behind: BTreeSet<String>,
}

impl Default for FakeCloud {
    /// A cloud whose time passes with looks at it.
    fn default() -> Self {
        Self {
            looks_take_time: true,
            ..Self::at(Clock::new(Timestamp::UNIX_EPOCH), Tape::default())
        }
    }
}

impl FakeCloud {
    /// A cloud with a clock, whose calls pass a tape.
    pub fn at(clock: Clock, tape: Tape) -> Self {
        Self {
            inner: Arc::default(),
            tape,
            clock,
            looks_take_time: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets what is due happen.
    fn ticked(&self) -> MutexGuard<'_, Inner> {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.tick(now, self.tape.has_late_reads());
        inner
    }

    /// The next operations end so, one each.
    pub fn script(&self, scripts: impl IntoIterator<Item = Script>) {
        self.lock().scripts.extend(scripts);
    }

    /// Every operation whose template holds `mark`, or the image of that name by its digest, ends
    /// so: like a broken image, not like luck.
    pub fn rule(&self, mark: &str, script: Script) {
        let pinned = mark
            .parse::<slipway_domain::Image>()
            .ok()
            .and_then(|image| {
                let image = image.at(&FakeChecks::digest_of(mark)).ok()?;
                Some((image.pinned(), script.clone()))
            });
        let mut inner = self.lock();
        inner.rules.push((mark.to_owned(), script));
        inner.rules.extend(pinned);
    }

    /// No drift can be undone, for this reason.
    pub fn refuse_repairs(&self, reason: &str) {
        self.lock().no_repairs = Some(reason.to_owned());
    }

    /// The next `times` deletions of the stack fail.
    pub fn stick(&self, stack: &str, times: usize) {
        self.lock().stuck.insert(stack.to_owned(), times);
    }

    /// The calls that change something, in order, and forgets them.
    pub fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().calls)
    }

    /// The operations that took effect so far.
    pub fn operations(&self) -> Vec<OperationSeen> {
        self.lock().operations.clone()
    }

    /// The names of stacks of which something was to be told since the last time.
    pub fn take_events(&self) -> Vec<String> {
        std::mem::take(&mut self.ticked().events)
    }

    /// When something happens next, if anything does.
    pub fn next_change(&self) -> Option<Timestamp> {
        let inner = self.ticked();
        inner.stacks.values().filter_map(Stack::next_change).min()
    }

    /// The stacks that are there, with their statuses.
    pub fn stacks(&self) -> BTreeMap<String, CloudFormationStatus> {
        let inner = self.ticked();
        let living = inner.stacks.values().filter(|stack| stack.lives());
        living
            .map(|stack| (stack.name.clone(), stack.status))
            .collect()
    }

    /// What runs: of each stack the digest of its template, and the task definition of its ECS
    /// service.
    pub fn runs(&self) -> BTreeMap<String, (String, Option<String>)> {
        let inner = self.ticked();
        let living = inner.stacks.values().filter(|stack| stack.lives());
        living
            .map(|stack| (stack.name.clone(), stack.runs()))
            .collect()
    }

    /// The template of a stack that is there.
    pub fn template(&self, name: &str) -> Option<serde_json::Value> {
        let mut inner = self.ticked();
        inner.find(name).map(|stack| stack.template.value())
    }

    /// Resources that deletions left behind.
    pub fn left_behind(&self) -> Vec<String> {
        self.lock().left_behind.iter().cloned().collect()
    }

    /// The number of tasks that the template applied last says, if it says one.
    pub fn desired_count(&self, name: &str) -> Option<u64> {
        self.ticked().find(name)?.template.desired_count()
    }

    /// How many stacks were ever made under a name.
    pub fn made(&self, name: &str) -> usize {
        let inner = self.lock();
        inner
            .operations
            .iter()
            .filter(|it| it.stack == name && it.kind == "execute")
            .count()
    }

    /// Somebody deletes a stack by hand.
    pub fn delete_by_hand(&self, name: &str) {
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(name) {
            stack.vanish();
        }
    }

    /// Somebody deletes the ECS service of a stack by hand.
    pub fn delete_service_by_hand(&self, name: &str) {
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(name) {
            stack.service = None;
        }
    }

    /// Somebody has ECS run another task definition by hand.
    pub fn change_service_by_hand(&self, name: &str, task_definition: &str) {
        let mut inner = self.ticked();
        if let Some(service) = inner.find(name).and_then(|stack| stack.service.as_mut()) {
            task_definition.clone_into(&mut service.task_definition);
        }
    }

    /// Somebody updates a stack by hand, to a template whose outputs are none of ours.
    pub fn update_by_hand(&self, name: &str) {
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(name) {
            stack.template = stack::Applied::new("{}");
            stack.status = CloudFormationStatus::UpdateComplete;
        }
    }

    /// Puts a stack into a status, as if it had come there by itself.
    pub fn force(&self, name: &str, status: CloudFormationStatus) {
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(name) {
            stack.force(status);
        }
    }

    /// A check found that this resource of a stack was changed by hand.
    pub fn find_drift(&self, name: &str, drift: crate::reconcile::observed::ResourceDrift) {
        let now = self.clock.now();
        let mut inner = self.ticked();
        if let Some(stack) = inner.find(name) {
            stack.checked = Some((now, true));
            stack.drift = vec![drift];
        }
    }
}

impl Inner {
    fn tick(&mut self, now: Timestamp, keeps: bool) {
        let is_due = |stack: &Stack| stack.next_change().is_some_and(|at| at <= now);
        if keeps && self.stacks.values().any(is_due) {
            self.before = self.stacks.clone();
        }
        for stack in self.stacks.values_mut() {
            stack.tick(now, &mut self.events);
        }
    }

    /// How a deletion of this stack ends.
    fn fate_of_deletion(&mut self, name: &str, script: Script) -> Script {
        match self.stuck.get_mut(name).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                Script::Fails("SecurityGroup: it is in use".to_owned())
            }
            None => script,
        }
    }

    fn find(&mut self, id_or_name: &str) -> Option<&mut Stack> {
        let by_id = self.stacks.contains_key(id_or_name);
        self.stacks
            .iter_mut()
            .filter(|(id, stack)| {
                if by_id {
                    *id == id_or_name
                } else {
                    stack.name == id_or_name && stack.lives()
                }
            })
            .map(|(_, stack)| stack)
            .next_back()
    }
}

/// How an operation with this template ends: by the rules, or else as the script says.
fn fate(rules: &[(String, Script)], template: &stack::Applied, script: Script) -> Script {
    let rule = rules.iter().find(|(mark, _)| template.holds(mark));
    rule.map_or(script, |(_, fate)| fate.clone())
}
