//! The account's quotas, and how much of each is used.
//!
//! Whoever counts most exactly is asked: the service itself for what exists, Service Quotas and
//! CloudWatch where it does not tell. Everything is asked at the same time, and with little
//! patience: a quota that cannot be read is left out, and the log says why.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client as StackClient;
use aws_sdk_cloudwatch::Client as MetricClient;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, ScanBy};
use aws_sdk_elasticloadbalancingv2::Client as BalancingClient;
use aws_sdk_elasticloadbalancingv2::types::{Limit, LoadBalancerTypeEnum};
use aws_sdk_iam::Client as RoleClient;
use aws_sdk_iam::types::SummaryKeyType;
use aws_sdk_servicequotas::Client as QuotaClient;
use aws_sdk_servicequotas::types::ServiceQuota;
use aws_smithy_types::DateTime;
use futures_util::future::{join, join3, join5};
use jiff::Timestamp;
use slipway_control::error::PortError;
use slipway_control::places::Limits;
use slipway_control::ports::{PortResult, Quota, QuotaKind, QuotaReader, Room, RouteReader};

use crate::HttpApi;
use crate::cloudformation::list::existing;
use crate::config::with_less_patience;
use crate::error::{port_error, unreadable};

/// Integrations of an HTTP API, which Service Quotas does not know and AWS does not raise.
const INTEGRATIONS: u32 = Room::HTTP_API.groups;

/// "Routes per API". It is the account's value: an increase for one API is not told.
const ROUTES: (&str, &str) = ("apigateway", "L-65B5C802");

/// "Fargate On-Demand vCPU resource count".
const FARGATE_VCPUS: (&str, &str) = ("fargate", "L-3032A538");

/// The metric that goes with it, in the namespace `AWS/Usage` ("Usage metrics" in the developer
/// guide of ECS).
const FARGATE_USAGE: [(&str, &str); 4] = [
    ("Service", "Fargate"),
    ("Type", "Resource"),
    ("Resource", "vCPU"),
    ("Class", "Standard/OnDemand"),
];

/// How far back that metric is looked at.
const LATELY: Duration = Duration::from_hours(1);

/// The largest page of load balancers and target groups.
const PAGE: i32 = 400;

/// Reads the quotas of one account and region.
#[derive(Debug, Clone)]
pub struct Quotas {
    stacks: StackClient,
    balancing: BalancingClient,
    api: HttpApi,
    roles: RoleClient,
    limits: QuotaClient,
    metrics: MetricClient,
    now: fn() -> Timestamp,
}

impl Quotas {
    /// Over the services that tell; `api` is the id of the platform's HTTP API. CloudWatch wants
    /// to know `now`.
    pub fn new(config: &SdkConfig, api: impl Into<String>, now: fn() -> Timestamp) -> Self {
        let config = with_less_patience(config);
        Self {
            stacks: StackClient::new(&config),
            balancing: BalancingClient::new(&config),
            api: HttpApi::new(&config, api),
            roles: RoleClient::new(&config),
            limits: QuotaClient::new(&config),
            metrics: MetricClient::new(&config),
            now,
        }
    }

    async fn stack_limit(&self) -> PortResult<u32> {
        const CALL: &str = "cloudformation:DescribeAccountLimits";
        let mut pages = self
            .stacks
            .describe_account_limits()
            .into_paginator()
            .items()
            .send();
        while let Some(limit) = pages.next().await {
            let limit = limit.map_err(|error| port_error(CALL, error))?;
            if limit.name() == Some("StackLimit") {
                return limit
                    .value()
                    .and_then(|value| u32::try_from(value).ok())
                    .ok_or_else(|| unreadable(CALL, "StackLimit is no number"));
            }
        }
        Err(unreadable(CALL, "there is no StackLimit"))
    }

    async fn stacks(&self) -> PortResult<u32> {
        let mut pages = self
            .stacks
            .list_stacks()
            .set_stack_status_filter(Some(existing()))
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error("cloudformation:ListStacks", error))?;
            count += page.stack_summaries().len();
        }
        Ok(number(count))
    }

    async fn balancing_limits(&self) -> PortResult<Vec<Limit>> {
        let mut pages = self
            .balancing
            .describe_account_limits()
            .into_paginator()
            .send();
        let mut limits = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| port_error("elasticloadbalancing:DescribeAccountLimits", error))?;
            limits.extend(page.limits.unwrap_or_default());
        }
        Ok(limits)
    }

    /// Application Load Balancers: those of other types have limits of their own.
    async fn load_balancers(&self) -> PortResult<u32> {
        let mut pages = self
            .balancing
            .describe_load_balancers()
            .page_size(PAGE)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| port_error("elasticloadbalancing:DescribeLoadBalancers", error))?;
            let balancers = page.load_balancers().iter();
            count += balancers
                .filter(|it| it.r#type() == Some(&LoadBalancerTypeEnum::Application))
                .count();
        }
        Ok(number(count))
    }

    async fn target_groups(&self) -> PortResult<u32> {
        let mut pages = self
            .balancing
            .describe_target_groups()
            .page_size(PAGE)
            .into_paginator()
            .send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page
                .map_err(|error| port_error("elasticloadbalancing:DescribeTargetGroups", error))?;
            count += page.target_groups().len();
        }
        Ok(number(count))
    }

    /// Roles, and how many there may be.
    async fn roles(&self) -> PortResult<(u32, u32)> {
        const CALL: &str = "iam:GetAccountSummary";
        let answer = self.roles.get_account_summary().send().await;
        let summary = answer
            .map_err(|error| port_error(CALL, error))?
            .summary_map
            .unwrap_or_default();
        let read = |key| {
            let value = summary.get(&key).copied();
            value.and_then(|value| u32::try_from(value).ok())
        };
        read(SummaryKeyType::Roles)
            .zip(read(SummaryKeyType::RolesQuota))
            .ok_or_else(|| unreadable(CALL, "there is no number of roles"))
    }

    /// vCPUs that ran or were about to on demand, of the last five minutes that CloudWatch knows
    /// of. It knows of none where nothing ran.
    async fn vcpus(&self) -> PortResult<u32> {
        let metric = Metric::builder()
            .namespace("AWS/Usage")
            .metric_name("ResourceCount")
            .set_dimensions(Some(FARGATE_USAGE.map(dimension).to_vec()))
            .build();
        let stat = MetricStat::builder()
            .metric(metric)
            .period(300)
            .stat("Maximum")
            .build();
        let query = MetricDataQuery::builder()
            .id("vcpus")
            .metric_stat(stat)
            .build();
        let now = (self.now)().as_second();
        let lately = now.saturating_sub(LATELY.as_secs().cast_signed());
        let answer = self
            .metrics
            .get_metric_data()
            .metric_data_queries(query)
            .start_time(DateTime::from_secs(lately))
            .end_time(DateTime::from_secs(now))
            .scan_by(ScanBy::TimestampDescending)
            .send()
            .await
            .map_err(|error| port_error("cloudwatch:GetMetricData", error))?;
        let results = answer.metric_data_results().first();
        let newest = results.and_then(|results| results.values().first().copied());
        Ok(whole(newest.unwrap_or_default().ceil()))
    }

    async fn applied(&self, (service, quota): (&str, &str)) -> PortResult<u32> {
        const CALL: &str = "servicequotas:GetServiceQuota";
        let answer = self
            .limits
            .get_service_quota()
            .service_code(service)
            .quota_code(quota)
            .send()
            .await
            .map_err(|error| port_error(CALL, error))?;
        let value = answer.quota().and_then(ServiceQuota::value);
        let value = value.ok_or_else(|| unreadable(CALL, format!("{quota} has no value")))?;
        Ok(whole(value))
    }
}

impl QuotaReader for Quotas {
    async fn quotas(&self) -> PortResult<Vec<Quota>> {
        // Boxed: with all calls in it, it is too large to be moved about.
        let (stacks, balancing, api, roles, vcpus) = Box::pin(join5(
            join(self.stacks(), self.stack_limit()),
            join3(
                self.load_balancers(),
                self.target_groups(),
                self.balancing_limits(),
            ),
            join3(
                self.api.route_keys(),
                self.applied(ROUTES),
                self.api.integrations(),
            ),
            self.roles(),
            join(self.vcpus(), self.applied(FARGATE_VCPUS)),
        ))
        .await;
        let (load_balancers, target_groups, limits) = balancing;
        let limits = told(QuotaKind::LoadBalancers, limits);
        let limit = |kind, name| told(kind, limit(limits.as_deref()?, name));
        let (routes, route_limit, integrations) = api;
        let quotas = [
            both(QuotaKind::Stacks, stacks.0, stacks.1),
            with(
                QuotaKind::LoadBalancers,
                load_balancers,
                limit(QuotaKind::LoadBalancers, "application-load-balancers"),
            ),
            with(
                QuotaKind::TargetGroups,
                target_groups,
                limit(QuotaKind::TargetGroups, "target-groups"),
            ),
            both(
                QuotaKind::Routes,
                routes.map(|routes| number(routes.len())),
                route_limit,
            ),
            with(
                QuotaKind::Integrations,
                integrations.map(number),
                Some(INTEGRATIONS),
            ),
            told(QuotaKind::Roles, roles).map(|(used, limit)| Quota {
                kind: QuotaKind::Roles,
                used,
                limit,
            }),
            both(QuotaKind::FargateVcpus, vcpus.0, vcpus.1),
        ];
        Ok(quotas.into_iter().flatten().collect())
    }

    async fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let (balancing, routes) = join(self.balancing_limits(), self.applied(ROUTES)).await;
        let unread = |error: &PortError| {
            tracing::warn!(error = %error, "a quota of what services share cannot be read; AWS's default holds");
        };
        let balancing = balancing.inspect_err(unread).unwrap_or_default();
        let of = |name, default| limit(&balancing, name).unwrap_or(default);
        Limits {
            balancer: Room {
                rules: of(
                    "rules-per-application-load-balancer",
                    defaults.balancer.rules,
                ),
                groups: of(
                    "target-groups-per-application-load-balancer",
                    defaults.balancer.groups,
                ),
            },
            api: Room {
                rules: routes.inspect_err(unread).unwrap_or(defaults.api.rules),
                groups: INTEGRATIONS,
            },
            ..defaults
        }
    }
}

/// A quota of which both numbers were read.
fn both(kind: QuotaKind, used: PortResult<u32>, limit: PortResult<u32>) -> Option<Quota> {
    let limit = told(kind, limit);
    with(kind, used, limit)
}

/// A quota whose use was read.
fn with(kind: QuotaKind, used: PortResult<u32>, limit: Option<u32>) -> Option<Quota> {
    let used = told(kind, used)?;
    let limit = limit?;
    Some(Quota { kind, used, limit })
}

/// An answer, or a line in the log that says why there is none.
fn told<T>(kind: QuotaKind, answer: PortResult<T>) -> Option<T> {
    answer
        .inspect_err(|error| {
            tracing::warn!(?kind, error = %error, "a quota cannot be read and is not checked");
        })
        .ok()
}

/// A limit of Elastic Load Balancing; the names are in its API reference, at `Limit`.
fn limit(limits: &[Limit], name: &str) -> PortResult<u32> {
    let found = limits.iter().find(|limit| limit.name() == Some(name));
    let max = found.and_then(|limit| limit.max()?.parse().ok());
    let call = "elasticloadbalancing:DescribeAccountLimits";
    max.ok_or_else(|| unreadable(call, format!("there is no number for {name}")))
}

fn dimension((name, value): (&str, &str)) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The whole number of a metric or quota, without what is behind the point.
fn whole(value: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a float ends at the bounds, which is what is wanted"
    )]
    let whole = value as u32;
    whole
}

#[cfg(test)]
mod tests;
