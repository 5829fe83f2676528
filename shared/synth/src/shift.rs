//! How a function's traffic moves from one version to the next: CodeDeploy moves the alias, by the
//! steps that the manifest says, and takes it back when an alarm speaks.
//!
//! CloudFormation starts the deployment itself, when the alias is to have another version
//! (`CodeDeployLambdaAliasUpdate`, `UpdatePolicy` in its user guide), and the update of the stack
//! takes as long as that. Where it fails, the alias is where it was, and the stack goes back. Nothing
//! moves when an alias is made: there is no version before it.
//!
//! An account has room for 50 configurations of its own and no more ("CodeDeploy quotas"), so that
//! AWS's own are taken where the manifest's steps are the same.

use serde_json::{Value, json};
use slipway_domain::{Deploy, Strategy};

use crate::alarms;
use crate::environment_stack::{Resources, Site};
use crate::intrinsic::reference;

const APPLICATION: &str = "ShiftApplication";
const CONFIGURATION: &str = "ShiftConfiguration";
const GROUP: &str = "ShiftGroup";

/// Adds who moves the traffic, and the alarms that it looks at.
pub(crate) fn add(to: &mut Resources, site: &Site<'_>) {
    let deploy = &site.effective.settings.deploy;
    let alarms: Vec<Value> = alarms::add_of_version(to, site)
        .iter()
        .map(|id| json!({"Name": reference(id)}))
        .collect();
    to.add(
        APPLICATION,
        json!({
            "Type": "AWS::CodeDeploy::Application",
            "Properties": {"ComputePlatform": "Lambda"},
        }),
    );
    let configuration = if let Some(name) = of_aws(deploy) {
        json!(name)
    } else {
        to.add(CONFIGURATION, configuration(deploy));
        reference(CONFIGURATION)
    };
    to.add(GROUP, group(site, &configuration, &alarms));
}

fn group(site: &Site<'_>, configuration: &Value, alarms: &[Value]) -> Value {
    json!({
        "Type": "AWS::CodeDeploy::DeploymentGroup",
        "Properties": {
            "ApplicationName": reference(APPLICATION),
            "DeploymentConfigName": configuration,
            "DeploymentStyle": {
                "DeploymentOption": "WITH_TRAFFIC_CONTROL",
                "DeploymentType": "BLUE_GREEN",
            },
            "ServiceRoleArn": role(site),
            "AlarmConfiguration": {"Enabled": !alarms.is_empty(), "Alarms": alarms},
            "AutoRollbackConfiguration": {
                "Enabled": true,
                "Events": [
                    "DEPLOYMENT_FAILURE",
                    "DEPLOYMENT_STOP_ON_ALARM",
                    "DEPLOYMENT_STOP_ON_REQUEST",
                ],
            },
        },
    })
}

/// What the alias says, so that CloudFormation has it moved.
pub(crate) fn policy() -> Value {
    json!({
        "CodeDeployLambdaAliasUpdate": {
            "ApplicationName": reference(APPLICATION),
            "DeploymentGroupName": reference(GROUP),
        },
    })
}

/// One for all functions of the platform, in `template.yaml`: what it may do is the same for each,
/// and a role in a service's stack is one that the service's template writes.
fn role(site: &Site<'_>) -> String {
    let platform = site.platform;
    format!(
        "arn:{}:iam::{}:role/{}",
        platform.partition, platform.account, platform.shift_role
    )
}

/// The configuration of AWS's own with the same steps ("Working with deployment configurations in
/// CodeDeploy", on an AWS Lambda compute platform).
fn of_aws(deploy: &Deploy) -> Option<&'static str> {
    let (canary, linear) = (&deploy.canary, &deploy.linear);
    match deploy.strategy {
        Strategy::Canary if canary.percent == 10 => match canary.bake {
            5 => Some("CodeDeployDefault.LambdaCanary10Percent5Minutes"),
            10 => Some("CodeDeployDefault.LambdaCanary10Percent10Minutes"),
            15 => Some("CodeDeployDefault.LambdaCanary10Percent15Minutes"),
            30 => Some("CodeDeployDefault.LambdaCanary10Percent30Minutes"),
            _ => None,
        },
        Strategy::Linear if linear.percent == 10 => match linear.bake {
            1 => Some("CodeDeployDefault.LambdaLinear10PercentEvery1Minute"),
            2 => Some("CodeDeployDefault.LambdaLinear10PercentEvery2Minutes"),
            3 => Some("CodeDeployDefault.LambdaLinear10PercentEvery3Minutes"),
            10 => Some("CodeDeployDefault.LambdaLinear10PercentEvery10Minutes"),
            _ => None,
        },
        Strategy::Rolling | Strategy::BlueGreen | Strategy::Canary | Strategy::Linear => None,
    }
}

fn configuration(deploy: &Deploy) -> Value {
    let routing = match deploy.strategy {
        Strategy::Rolling | Strategy::BlueGreen => json!({"Type": "AllAtOnce"}),
        Strategy::Canary => json!({
            "Type": "TimeBasedCanary",
            "TimeBasedCanary": {
                "CanaryInterval": deploy.canary.bake,
                "CanaryPercentage": deploy.canary.percent,
            },
        }),
        Strategy::Linear => json!({
            "Type": "TimeBasedLinear",
            "TimeBasedLinear": {
                "LinearInterval": deploy.linear.bake,
                "LinearPercentage": deploy.linear.percent,
            },
        }),
    };
    json!({
        "Type": "AWS::CodeDeploy::DeploymentConfig",
        "Properties": {"ComputePlatform": "Lambda", "TrafficRoutingConfig": routing},
    })
}
