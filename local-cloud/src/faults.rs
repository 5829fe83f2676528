//! Faults on demand: a rule says which calls fail, how, and how often.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::calls::Call;
use crate::quotas::{Limits, Quota};
use crate::task_failures::{TaskFailure, TaskRules};

/// What CloudFormation reports when API Gateway refuses a route under concurrency.
const CONFLICT: &str = "Resource handler returned message: \"Unable to complete operation due to \
    concurrent modification. Please try again later. (Service: AmazonApiGatewayV2; Status Code: \
    409; Error Code: ConflictException; Request ID: 00000000-0000-4000-8000-000000000000; \
    Proxy: null)\" (RequestToken: 00000000-0000-4000-8000-000000000000, HandlerErrorCode: \
    ResourceConflict)";

/// What happens to a call that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The call has no effect and answers with this error.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error code, `ThrottlingException` for instance.
        code: String,
        /// The text for people.
        message: String,
    },
    /// The call has its effect, and the caller gets a server error instead of the answer.
    LoseAnswer,
    /// The stack that the call creates fails on its first resource of this type, and rolls
    /// back. Only for calls that bring a template, and only for templates with such a resource.
    FailResource {
        /// `AWS::ApiGatewayV2::Route` for instance.
        kind: String,
        /// The reason that the stack's events give.
        message: String,
    },
    /// The creation or update stays in progress at its first resource of this type, until it is
    /// cancelled or deleted. For `CreateStack`, `UpdateStack` and `ExecuteChangeSet`.
    Hang {
        /// `AWS::ECS::Service` for instance.
        kind: String,
    },
    /// An update that is rolled back ends in `UPDATE_ROLLBACK_FAILED`, if a resource of this
    /// type has to be set back. For `UpdateStack`, `ExecuteChangeSet`, `CancelUpdateStack` and
    /// `ContinueUpdateRollback`.
    FailRollback {
        /// `AWS::ECS::Service` for instance.
        kind: String,
        /// The reason that the resource's event gives.
        message: String,
    },
    /// The stack ends in `DELETE_FAILED`, if it has resources of these types: they are not
    /// deleted, nor is what they need. For `DeleteStack`.
    FailDeletion {
        /// `AWS::ECS::Service` for instance.
        kinds: Vec<String>,
        /// The reason that the resources' events give.
        message: String,
    },
}

impl Fault {
    /// The type on which an operation hangs.
    pub(crate) fn hangs_on(&self) -> Option<&str> {
        match self {
            Self::Hang { kind } => Some(kind),
            _ => None,
        }
    }

    /// Whether this fault is why a stack has come to stand like this.
    pub(crate) fn made(&self, status: &str) -> bool {
        match self {
            Self::FailRollback { .. } => status == "UPDATE_ROLLBACK_FAILED",
            Self::FailDeletion { .. } => status == "DELETE_FAILED",
            _ => false,
        }
    }

    /// What tells the emulator to fail (`python/stacks.py`).
    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        let (list, kinds, message) = match self {
            Self::FailRollback { kind, message } => {
                ("SlipwayFailRollback", std::slice::from_ref(kind), message)
            }
            Self::FailDeletion { kinds, message } => {
                ("SlipwayFailDeletion", kinds.as_slice(), message)
            }
            _ => return Vec::new(),
        };
        (1..)
            .zip(kinds)
            .flat_map(|(n, kind)| {
                [
                    (format!("{list}.member.{n}.Type"), kind.clone()),
                    (format!("{list}.member.{n}.Reason"), message.clone()),
                ]
            })
            .collect()
    }
}

/// Which calls are to fail, how, and how often.
#[derive(Clone)]
pub struct Rule {
    service: String,
    operation: String,
    only: Arc<dyn Fn(&Call) -> bool + Send + Sync>,
    fault: Fault,
    times: usize,
}

impl Rule {
    /// The next `times` calls of an operation; the service by its signing name. An operation
    /// that ends with `*` stands for all that begin like it.
    pub fn new(service: &str, operation: &str, fault: Fault, times: usize) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            only: Arc::new(|_| true),
            fault,
            times,
        }
    }

    /// Only those calls that also satisfy a condition.
    #[must_use]
    pub fn only(mut self, condition: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.only = Arc::new(condition);
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let operation = match self.operation.strip_suffix('*') {
            Some(start) => call.operation.starts_with(start),
            None => call.operation == self.operation,
        };
        self.times > 0 && self.service == call.service && operation && (self.only)(call)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rule")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("fault", &self.fault)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// The rules of a local cloud. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    rules: Arc<Mutex<Vec<Rule>>>,
    tasks: Arc<Mutex<TaskRules>>,
    quotas: Arc<Mutex<Limits>>,
}

impl Faults {
    /// Adds a rule; older rules go first.
    pub fn add(&self, rule: Rule) {
        self.rules().push(rule);
    }

    /// The next `times` stacks that are created with a route of an HTTP API fail on it as they do
    /// on AWS under concurrency, and roll back. A stack that is created by a change set counts
    /// when the change set is made.
    pub fn conflict_on_routes(&self, times: usize) {
        let fault = Fault::FailResource {
            kind: "AWS::ApiGatewayV2::Route".to_owned(),
            message: CONFLICT.to_owned(),
        };
        // One budget for both ways to create a stack.
        let rule = Rule::new("cloudformation", "Create*", fault, times);
        self.add(rule);
    }

    /// The next `times` calls of an operation are refused with the service's throttling error.
    pub fn throttle(&self, service: &str, operation: &str, times: usize) {
        let code = if service == "cloudformation" {
            "Throttling"
        } else {
            "ThrottlingException"
        };
        let fault = Fault::Refuse {
            status: 400,
            code: code.to_owned(),
            message: "Rate exceeded".to_owned(),
        };
        self.add(Rule::new(service, operation, fault, times));
    }

    /// The next `times` operations of this name (`CreateStack`, `UpdateStack`,
    /// `ExecuteChangeSet`) stay in progress at their first resource of this type.
    pub fn hang(&self, operation: &str, kind: &str, times: usize) {
        let kind = kind.to_owned();
        self.add(Rule::new(
            "cloudformation",
            operation,
            Fault::Hang { kind },
            times,
        ));
    }

    /// The next `times` rollbacks of updates fail on a resource of this type.
    pub fn fail_rollbacks(&self, kind: &str, times: usize) {
        let fault = Fault::FailRollback {
            kind: kind.to_owned(),
            message: unstable(kind),
        };
        self.add(Rule::new("cloudformation", "*", fault, times));
    }

    /// The next `times` deletions of stacks fail on their resources of these types.
    pub fn fail_deletions(&self, kinds: &[&str], times: usize) {
        let fault = Fault::FailDeletion {
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            message: unstable(kinds.first().unwrap_or(&"")),
        };
        self.add(Rule::new("cloudformation", "DeleteStack", fault, times));
    }

    /// The tasks of the next `times` new deployments fail, of services whose names contain this.
    /// What a service ran before does not fail: a rollback to it succeeds.
    pub fn tasks_fail(&self, service_name_contains: &str, failure: TaskFailure, times: usize) {
        self.tasks(|tasks| tasks.add(service_name_contains, failure, times));
    }

    /// The account's quota becomes this; 0 is one of which nothing is left.
    pub fn set_quota(&self, quota: Quota, limit: u32) {
        self.quotas(|quotas| quotas.set(quota, limit));
    }

    /// Forgets every rule; quotas are as at first again.
    pub fn clear(&self) {
        self.rules().clear();
        self.tasks(TaskRules::clear);
        self.quotas(Limits::clear);
    }

    /// Rules that have not failed all their calls yet.
    pub fn pending(&self) -> usize {
        let tasks = self.tasks(|tasks| tasks.pending());
        self.rules().iter().filter(|rule| rule.times > 0).count() + tasks
    }

    /// Does something with the rules about tasks.
    pub(crate) fn tasks<T>(&self, with: impl FnOnce(&mut TaskRules) -> T) -> T {
        with(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something with the account's quotas.
    pub(crate) fn quotas<T>(&self, with: impl FnOnce(&mut Limits) -> T) -> T {
        with(&mut self.quotas.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The fault of a call as such.
    pub(crate) fn of_call(&self, call: &Call) -> Option<Fault> {
        self.take(|rule| {
            matches!(rule.fault, Fault::Refuse { .. } | Fault::LoseAnswer) && rule.matches(call)
        })
    }

    /// What may happen to the stack operation that a call begins. Whether it does is known at
    /// its end only: then the fault is used up.
    pub(crate) fn of_operation(&self, call: &Call) -> Vec<Fault> {
        let matching = |rule: &&Rule| {
            matches!(
                rule.fault,
                Fault::Hang { .. } | Fault::FailRollback { .. } | Fault::FailDeletion { .. }
            ) && rule.matches(call)
        };
        let rules = self.rules();
        rules
            .iter()
            .filter(matching)
            .map(|rule| rule.fault.clone())
            .collect()
    }

    /// Counts a fault that has happened.
    pub(crate) fn use_up(&self, call: &Call, fault: &Fault) {
        self.take(|rule| rule.fault == *fault && rule.matches(call));
    }

    /// The fault of a template's resource: its type has to be in the template.
    pub(crate) fn of_template(
        &self,
        call: &Call,
        has: impl Fn(&str) -> bool,
    ) -> Option<(String, String)> {
        let fault = self.take(|rule| match &rule.fault {
            Fault::FailResource { kind, .. } => rule.matches(call) && has(kind),
            _ => false,
        })?;
        match fault {
            Fault::FailResource { kind, message } => Some((kind, message)),
            _ => None,
        }
    }

    fn take(&self, matches: impl Fn(&Rule) -> bool) -> Option<Fault> {
        let mut rules = self.rules();
        let rule = rules.iter_mut().find(|rule| matches(rule))?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What CloudFormation reports of a resource that does not come to rest.
fn unstable(kind: &str) -> String {
    format!(
        "Resource handler returned message: \"Exceeded attempts to wait\" (RequestToken: \
         00000000-0000-4000-8000-000000000000, HandlerErrorCode: NotStabilized) on {kind}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            at: jiff::Timestamp::UNIX_EPOCH,
            caller: "slipway-reconciler".to_owned(),
            service: "cloudformation".to_owned(),
            operation: operation.to_owned(),
            region: "us-east-1".to_owned(),
            stack: Some("devops2-g4--a--prod".to_owned()),
        }
    }

    #[test]
    fn a_rule_fails_as_many_calls_as_it_says() {
        let faults = Faults::default();
        faults.throttle("cloudformation", "DescribeStacks", 2);
        assert!(faults.of_call(&call("ListStacks")).is_none());
        assert!(faults.of_call(&call("DescribeStacks")).is_some());
        assert!(faults.of_call(&call("DescribeStacks")).is_some());
        assert!(faults.of_call(&call("DescribeStacks")).is_none());
        assert_eq!(faults.pending(), 0);
    }

    #[test]
    fn a_conflict_waits_for_a_template_with_a_route() {
        let faults = Faults::default();
        faults.conflict_on_routes(1);
        assert!(
            faults
                .of_template(&call("CreateStack"), |_| false)
                .is_none()
        );
        assert!(faults.of_template(&call("UpdateStack"), |_| true).is_none());
        assert!(
            faults
                .of_template(&call("CreateChangeSet"), |_| true)
                .is_some()
        );
        assert!(faults.of_template(&call("CreateStack"), |_| true).is_none());
    }

    #[test]
    fn a_fault_of_an_operation_counts_when_it_has_happened() {
        let faults = Faults::default();
        faults.fail_rollbacks("AWS::ECS::Service", 1);
        assert!(faults.of_call(&call("CancelUpdateStack")).is_none());
        let found = faults.of_operation(&call("CancelUpdateStack"));
        assert_eq!((found.len(), faults.pending()), (1, 1));
        assert!(found[0].made("UPDATE_ROLLBACK_FAILED"));
        faults.use_up(&call("CancelUpdateStack"), &found[0]);
        assert_eq!(faults.pending(), 0);
    }

    #[test]
    fn a_rule_can_be_for_one_stack() {
        let faults = Faults::default();
        let lost = Rule::new("cloudformation", "CreateStack", Fault::LoseAnswer, 1);
        faults.add(lost.only(|call| call.stack.as_deref() == Some("other")));
        assert!(faults.of_call(&call("CreateStack")).is_none());
    }
}
