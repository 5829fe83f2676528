//! A database: who reaches it, and what becomes of its data.

use serde_json::{Value, json};
use slipway_domain::{Effective, Platform};
use slipway_synth::Template;

use super::{Rules, of_type};

/// What a dashboard says of databases alone; likewise ours.
pub(super) const TEXTS: [&str; 20] = [
    "AWS/RDS",
    "AuroraReplicaLagMaximum",
    "CPU, percent of the most",
    "Capacity units",
    "CommitLatency",
    "Connections to an instance",
    "DBClusterIdentifier",
    "DatabaseConnections",
    "Deadlocks",
    "Deadlocks a second",
    "Milliseconds that readers are behind",
    "Milliseconds to commit",
    "READER",
    "Role",
    "ServerlessDatabaseCapacity",
    "WRITER",
    "readers",
    "the most",
    "the slowest",
    "writer",
];

/// What each of its resources is when the stack, or the resource, goes.
pub(super) fn policy(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::RDS::DBCluster" => Some("Snapshot"),
        // Of data it has none: that is the cluster's.
        "AWS::RDS::DBInstance" => Some("Delete"),
        _ => None,
    }
}

/// The names of what templates import beside the platform's name: the exports of databases that
/// a service uses.
pub(super) fn imports(effective: &Effective, platform: &Platform) -> Vec<String> {
    let databases = effective.settings.databases.values();
    let stacks = databases.map(|it| {
        let environment = it.environment(&effective.environment);
        format!("{}--{}--{environment}", platform.name, it.database())
    });
    let ends = ["Clients", "Host", "ReaderHost", "Port", "Name", "Secret"];
    stacks
        .flat_map(|stack| ends.map(|end| format!("{stack}-{end}")))
        .collect()
}

/// The ARN of a database's secret with one of its keys, as ECS takes it.
pub(super) fn is_key_of_a_secret(parts: &Value) -> bool {
    let keys = [":username::", ":password::"];
    parts[0]["Fn::ImportValue"]
        .as_str()
        .is_some_and(|it| it.ends_with("-Secret"))
        && keys.iter().any(|key| parts[1] == *key)
        && parts.as_array().is_some_and(|it| it.len() == 2)
}

pub(super) fn hold(
    rules: &mut Rules,
    template: &Template,
    effective: &Effective,
    platform: &Platform,
) {
    let database = effective.settings.as_database().unwrap_or_default();
    let clusters = of_type(template, "AWS::RDS::DBCluster");
    rules.hold(clusters.len() == 1, "a database is one cluster");
    for cluster in clusters {
        let properties = &cluster["Properties"];
        let from = database.restore.as_ref().map(|it| it.snapshot.name());
        rules.hold(
            properties["SnapshotIdentifier"].as_str() == from,
            "it is made from something else than it should be",
        );
        // A snapshot that is not encrypted is refused before.
        rules.hold(
            from.is_some() != (properties["StorageEncrypted"] == true),
            "what is stored is not encrypted",
        );
        rules.hold(
            cluster["UpdateReplacePolicy"] == "Snapshot",
            "a replacement takes the data along",
        );
        rules.hold(
            properties["ManageMasterUserPassword"] == true
                && properties["MasterUserPassword"].is_null(),
            "the password is somebody else's than RDS's",
        );
        rules.hold(
            properties["DeletionProtection"] == effective.protected,
            "it is protected although it should not be, or not although it should",
        );
        let name = properties["DBClusterIdentifier"].as_str().unwrap_or("--");
        rules.hold(
            name.len() <= 63 && !name.contains("--") && !name.ends_with('-'),
            "RDS refuses its name",
        );
    }
    let instances = of_type(template, "AWS::RDS::DBInstance");
    rules.hold(
        instances.len() == database.readers as usize + 1,
        "there are more instances than are asked for, or fewer",
    );
    rules.hold(
        instances
            .iter()
            .all(|it| it["Properties"]["PubliclyAccessible"] == false),
        "an instance is public",
    );
    let subnets = of_type(template, "AWS::RDS::DBSubnetGroup");
    rules.hold(
        subnets.len() == 1
            && subnets[0]["Properties"]["SubnetIds"] == json!(platform.database_subnets),
        "it is in other subnets than the platform's databases",
    );
    doors(rules, template);
    told(rules, template, effective, platform);
    super::dashboard::hold(rules, template, effective, platform);
}

/// What the manifest asks for is told to the platform's topic, when it begins and when it is over;
/// nothing that would always be told, or never.
fn told(rules: &mut Rules, template: &Template, effective: &Effective, platform: &Platform) {
    let database = effective.settings.as_database().unwrap_or_default();
    let alarms = &effective.settings.alarms;
    let wanted = alarms.on.iter().filter(|it| database.tells(**it, alarms));
    let topic = json!([platform.alerts_topic]);
    let made = of_type(template, "AWS::CloudWatch::Alarm");
    rules.hold(
        made.len() == wanted.count(),
        "there are more alarms than can tell anything, or fewer",
    );
    rules.hold(
        made.iter().all(|it| {
            let properties = &it["Properties"];
            properties["AlarmActions"] == topic && properties["OKActions"] == topic
        }),
        "an alarm tells somebody else",
    );
}

/// Its port is heard from those who carry the clients' group, and from nobody else.
fn doors(rules: &mut Rules, template: &Template) {
    let groups = of_type(template, "AWS::EC2::SecurityGroup");
    let doors: Vec<&Value> = groups
        .iter()
        .filter_map(|group| group["Properties"]["SecurityGroupIngress"].as_array())
        .flatten()
        .collect();
    rules.hold(
        doors.len() == 1
            && doors[0]["SourceSecurityGroupId"] == json!({"Fn::GetAtt": ["Clients", "GroupId"]})
            && doors[0]["FromPort"] == doors[0]["ToPort"],
        "somebody else than its clients reaches it",
    );
    rules.hold(
        of_type(template, "AWS::EC2::SecurityGroupIngress").is_empty()
            && of_type(template, "AWS::IAM::Role").is_empty(),
        "there is a further door, or a role",
    );
}
