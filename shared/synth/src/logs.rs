//! Log groups: the containers', and the one that Container Insights would otherwise make
//! itself, without retention.
//!
//! Both outlive the stack, because the reason of a failure is in them; a stack that fails
//! while it is created takes them along. Their names are fixed, so that a stack that is made
//! again can import them. They are encrypted with CloudWatch Logs' own key: a key of the
//! customer costs a dollar a month for each service.

use serde_json::{Value, json};

use crate::environment_stack::{Resources, Site};
use crate::names;

pub(crate) const GROUP: &str = "LogGroup";
pub(crate) const INSIGHTS: &str = "InsightsLogGroup";

pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    to.add(GROUP, group(site, &site.log_group_name()));
    to.add(
        INSIGHTS,
        group(site, &names::insights_log_group(&site.cluster_name())),
    );
}

pub(crate) fn group(site: &Site<'_>, name: &str) -> Value {
    json!({
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "LogGroupName": name,
            "RetentionInDays": site.effective.settings.logs.retention,
        },
    })
}
