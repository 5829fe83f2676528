//! The quotas of the local account, as AWS's services tell them: the emulator has none.
//!
//! They are told and not enforced: it is the product that has to look before it makes something.
//! How much is used, the emulator counts; of Fargate's vCPUs it says nothing, which on AWS means
//! that nothing runs.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use crate::companion::{Companion, Incoming};
use crate::upstream::Answer;
use crate::wire::{self, Protocol};

/// A quota of the account, which a test may change with [`Faults::set_quota`](crate::Faults).
/// Integrations of an HTTP API are not among them: their limit is fixed, and no call tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// CloudFormation stacks.
    Stacks,
    /// Application Load Balancers.
    LoadBalancers,
    /// Target groups.
    TargetGroups,
    /// Routes of one HTTP API.
    Routes,
    /// IAM roles.
    Roles,
    /// vCPUs of tasks on Fargate, on demand.
    FargateVcpus,
}

impl Quota {
    /// What an account has at first on AWS, but for load balancers: there it is 50, which tests
    /// that share a platform would use up.
    fn default_limit(self) -> u32 {
        match self {
            Self::Stacks => 2000,
            Self::LoadBalancers => 500,
            Self::TargetGroups => 3000,
            Self::Routes => 300,
            Self::Roles => 1000,
            Self::FargateVcpus => 4000,
        }
    }
}

/// The limits that differ from the first ones.
#[derive(Debug, Default)]
pub(crate) struct Limits(BTreeMap<Quota, u32>);

impl Limits {
    pub(crate) fn set(&mut self, quota: Quota, limit: u32) {
        self.0.insert(quota, limit);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    fn of(&self, quota: Quota) -> u32 {
        let set = self.0.get(&quota).copied();
        set.unwrap_or_else(|| quota.default_limit())
    }
}

impl Companion {
    /// Service Quotas, as far as values that were applied go.
    pub(crate) fn service_quota(&self, incoming: &Incoming) -> Answer {
        if incoming.intent.operation != "GetServiceQuota" {
            return missing(&incoming.intent.operation);
        }
        let ask: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
        let text = |name: &str| ask[name].as_str().unwrap_or_default().to_owned();
        let (service, code) = (text("ServiceCode"), text("QuotaCode"));
        let (quota, name) = match (service.as_str(), code.as_str()) {
            ("apigateway", "L-65B5C802") => (Quota::Routes, "Routes per HTTP API"),
            ("fargate", "L-3032A538") => {
                let name = "Fargate On-Demand vCPU resource count";
                (Quota::FargateVcpus, name)
            }
            _ => {
                let message = "The request failed because the specified quota does not exist.";
                return wire::error(Protocol::Json, 400, "NoSuchResourceException", message);
            }
        };
        wire::json_answer(&json!({
            "Quota": {
                "ServiceCode": service,
                "QuotaCode": code,
                "QuotaName": name,
                "Value": f64::from(self.limit(quota)),
                "Unit": "None",
                "Adjustable": true,
                "GlobalQuota": false,
                "QuotaAppliedAtLevel": "ACCOUNT",
            },
        }))
    }

    /// `DescribeAccountLimits` of CloudFormation.
    pub(crate) fn stack_limits(&self) -> Answer {
        let limits = [
            ("ConcurrentResourcesLimit", 2500),
            ("StackLimit", self.limit(Quota::Stacks)),
            ("StackOutputsLimit", 200),
        ];
        let members: String = limits
            .map(|(name, value)| {
                format!("<member><Name>{name}</Name><Value>{value}</Value></member>")
            })
            .concat();
        let limits = format!("<AccountLimits>{members}</AccountLimits>");
        wire::result("DescribeAccountLimits", &limits)
    }

    /// `DescribeAccountLimits` of Elastic Load Balancing.
    pub(crate) fn balancing_limits(&self) -> Answer {
        let limits = [
            ("target-groups", self.limit(Quota::TargetGroups)),
            ("rules-per-application-load-balancer", 100),
            ("target-groups-per-application-load-balancer", 100),
            (
                "application-load-balancers",
                self.limit(Quota::LoadBalancers),
            ),
            ("network-load-balancers", 50),
        ];
        let members: String = limits
            .map(|(name, max)| format!("<member><Name>{name}</Name><Max>{max}</Max></member>"))
            .concat();
        wire::result(
            "DescribeAccountLimits",
            &format!("<Limits>{members}</Limits>"),
        )
    }

    /// `GetAccountSummary` of IAM: the emulator counts, and the limit of roles is ours.
    pub(crate) async fn account_summary(&self, incoming: &Incoming) -> Result<Answer> {
        const BEFORE: &str = "<key>RolesQuota</key><value>";
        let mut answer = self.forward(incoming).await?;
        let text = answer.text();
        if let Some((before, behind)) = text.split_once(BEFORE)
            && let Some((_, rest)) = behind.split_once('<')
        {
            let limit = self.limit(Quota::Roles);
            answer.body = format!("{before}{BEFORE}{limit}<{rest}").into();
        }
        Ok(answer)
    }

    fn limit(&self, quota: Quota) -> u32 {
        self.faults.quotas(|limits| limits.of(quota))
    }
}

fn missing(operation: &str) -> Answer {
    wire::error(
        Protocol::Json,
        400,
        "UnknownOperationException",
        &format!("The local cloud does not have {operation}."),
    )
}
