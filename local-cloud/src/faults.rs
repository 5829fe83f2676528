//! Faults on demand: a rule says which calls fail, how, and how often.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::calls::Call;

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
    /// The next `times` calls of an operation; the service by its signing name.
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
        self.times > 0
            && self.service == call.service
            && self.operation == call.operation
            && (self.only)(call)
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

    /// Forgets every rule.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// Rules that have not failed all their calls yet.
    pub fn pending(&self) -> usize {
        self.rules().iter().filter(|rule| rule.times > 0).count()
    }

    /// The fault of a call as such.
    pub(crate) fn of_call(&self, call: &Call) -> Option<Fault> {
        self.take(|rule| !matches!(rule.fault, Fault::FailResource { .. }) && rule.matches(call))
    }

    /// The fault of a template's resource: its type has to be in the template.
    pub(crate) fn of_template(
        &self,
        call: &Call,
        has: impl Fn(&str) -> bool,
    ) -> Option<(String, String)> {
        let creates = ["CreateStack", "CreateChangeSet"].contains(&call.operation.as_str());
        let fault = self.take(|rule| match &rule.fault {
            Fault::FailResource { kind, .. } => {
                let any_create = rule.operation == "Create*"
                    && creates
                    && rule.times > 0
                    && rule.service == call.service
                    && (rule.only)(call);
                (any_create || rule.matches(call)) && has(kind)
            }
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
    fn a_rule_can_be_for_one_stack() {
        let faults = Faults::default();
        let lost = Rule::new("cloudformation", "CreateStack", Fault::LoseAnswer, 1);
        faults.add(lost.only(|call| call.stack.as_deref() == Some("other")));
        assert!(faults.of_call(&call("CreateStack")).is_none());
    }
}
