//! The stack of a database: a cluster of Aurora Serverless v2 in the platform's database subnets,
//! and two security groups, the cluster's and the one that its clients carry.
//!
//! Who may use it is told by two things: its port is heard from the clients' group alone, and its
//! password is read by the roles of services that use it. Both are exported, with its address, and
//! imported by their stacks: `CloudFormation` itself refuses to delete what somebody imports.
//!
//! The cluster has a fixed name. Its log group must be there before it, or RDS makes one that is
//! kept for ever; and what would replace the cluster by an empty one fails instead, because a name
//! of ours cannot be had twice.

use serde_json::{Value, json};
use slipway_domain::database::{Database, Engine};
use slipway_domain::stack::Scope;
use slipway_domain::{Effective, Platform, ServiceName, StackName};

use crate::environment_stack::{Resources, manifest};
use crate::intrinsic::{attribute, reference};
use crate::template::Template;
use crate::{names, stamp, tags};

pub(crate) mod client;
mod watch;

const CLUSTER: &str = "Cluster";
const PARAMETERS: &str = "Parameters";
const SUBNETS: &str = "Subnets";
const GROUP: &str = "SecurityGroup";
const CLIENTS: &str = "Clients";
const WRITER: &str = "Writer";

/// The output by which a stack says that RDS refuses to delete its cluster. CloudFormation would
/// delete the instances first.
pub const PROTECTED_OUTPUT: &str = "Protected";

/// The name of the user that RDS makes. Both engines take it.
const USER: &str = "slipway";

/// The stack of one environment of a database.
pub(crate) fn stack(effective: &Effective, database: &Database, platform: &Platform) -> Template {
    let site = Site {
        effective,
        database,
        platform,
        name: names::database(platform, &effective.service, &effective.environment),
    };
    let mut resources = Resources::default();
    resources.add(LogGroup::ID, LogGroup::of(&site));
    site.add_network(&mut resources);
    resources.add(PARAMETERS, site.parameters());
    resources.add(CLUSTER, site.cluster());
    resources.add(WRITER, site.instance(0));
    for number in 1..=database.readers {
        resources.add(&format!("Reader{number}"), site.instance(number));
    }
    watch::add(&mut resources, &site);
    let description = format!(
        "Slipway: {} of the database {} on {}",
        effective.environment, effective.service, platform.name
    );
    let mut template = Template::new(&description, resources.0, site.outputs());
    stamp::put(&mut template, CLUSTER, &manifest(effective));
    template
}

/// What a database's stack exports, by the end of the export's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Export {
    /// The id of the security group that clients carry.
    Clients,
    /// The address of the instance that writes.
    Host,
    /// The address of those that read.
    ReaderHost,
    /// The port.
    Port,
    /// The name of the first database.
    Name,
    /// The ARN of the secret.
    Secret,
}

impl Export {
    const ALL: [Self; 6] = [
        Self::Clients,
        Self::Host,
        Self::ReaderHost,
        Self::Port,
        Self::Name,
        Self::Secret,
    ];

    fn id(self) -> &'static str {
        match self {
            Self::Clients => "Clients",
            Self::Host => "Host",
            Self::ReaderHost => "ReaderHost",
            Self::Port => "Port",
            Self::Name => "Name",
            Self::Secret => "Secret",
        }
    }

    /// The export's name, of the stack `stack`.
    fn name(self, stack: &StackName) -> String {
        format!("{stack}-{}", self.id())
    }
}

/// What the stack of a database is rendered from.
struct Site<'a> {
    effective: &'a Effective,
    database: &'a Database,
    platform: &'a Platform,
    /// The cluster's.
    name: String,
}

impl Site<'_> {
    fn add_network(&self, to: &mut Resources) {
        let clients = json!({
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": format!("Clients of {}", self.name),
                "VpcId": self.platform.vpc,
                // They carry it beside a group of their own, which says where else they go.
                "SecurityGroupEgress": [nowhere()],
                "Tags": tags::lifeline(self.platform),
            },
        });
        to.add(CLIENTS, clients);
        let port = self.database.engine.port();
        let group = json!({
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": format!("The database {}", self.name),
                "VpcId": self.platform.vpc,
                "SecurityGroupIngress": [{
                    "Description": "Its clients",
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    "SourceSecurityGroupId": attribute(CLIENTS, "GroupId"),
                }],
                "SecurityGroupEgress": [nowhere()],
            },
        });
        to.add(GROUP, group);
        let subnets = json!({
            "Type": "AWS::RDS::DBSubnetGroup",
            "Properties": {
                "DBSubnetGroupDescription": format!("Of {}", self.name),
                "SubnetIds": self.platform.database_subnets,
            },
        });
        to.add(SUBNETS, subnets);
    }

    /// Connections without TLS are refused, as both engines allow them otherwise.
    fn parameters(&self) -> Value {
        let parameters = match self.database.engine {
            Engine::AuroraMysql => json!({"require_secure_transport": "ON"}),
            Engine::AuroraPostgresql => json!({"rds.force_ssl": "1"}),
        };
        json!({
            "Type": "AWS::RDS::DBClusterParameterGroup",
            "Properties": {
                "Description": format!("Of {}", self.name),
                "Family": self.database.version().family(),
                "Parameters": parameters,
            },
        })
    }

    fn cluster(&self) -> Value {
        let database = self.database;
        let mut cluster = json!({
            "Type": "AWS::RDS::DBCluster",
            "DependsOn": [LogGroup::ID],
            "DeletionPolicy": "Snapshot",
            "UpdateReplacePolicy": "Snapshot",
            "Properties": {
                "DBClusterIdentifier": self.name,
                "Engine": database.engine.name(),
                "EngineVersion": database.version().as_str(),
            },
        });
        let begins = self.beginning();
        let properties = [
            begins,
            json!({
                "DBSubnetGroupName": reference(SUBNETS),
                "VpcSecurityGroupIds": [attribute(GROUP, "GroupId")],
                "DBClusterParameterGroupName": reference(PARAMETERS),
                "EnableCloudwatchLogsExports": [LogGroup::export(database.engine)],
                "BackupRetentionPeriod": database.backups,
                "CopyTagsToSnapshot": true,
                "DeletionProtection": self.effective.protected,
            }),
        ];
        for (name, value) in properties.iter().filter_map(Value::as_object).flatten() {
            cluster["Properties"][name] = value.clone();
        }
        cluster
    }

    /// What the cluster begins with. One that is made from a snapshot has its databases, its first
    /// user and its encryption, and nothing is to be said of them (`AWS::RDS::DBCluster` in the
    /// CloudFormation Template Reference Guide); RDS makes a new password for that user (pull request
    /// 393 of `aws-cloudformation-resource-providers-rds`).
    fn beginning(&self) -> Value {
        let database = self.database;
        let mut begins = json!({});
        let restore = database.restore.as_ref();
        if restore.is_none() {
            begins["DatabaseName"] = database.name(&self.effective.service).into();
        }
        begins["Port"] = database.engine.port().into();
        begins["ServerlessV2ScalingConfiguration"] =
            json!({"MinCapacity": database.min, "MaxCapacity": database.max});
        if restore.is_none() {
            begins["MasterUsername"] = USER.into();
        }
        // RDS makes it, keeps it in Secrets Manager and changes it every 7 days.
        begins["ManageMasterUserPassword"] = true.into();
        match restore {
            None => begins["StorageEncrypted"] = true.into(),
            Some(restore) => begins["SnapshotIdentifier"] = restore.snapshot.name().into(),
        }
        begins
    }

    /// An instance of the cluster: the first one writes, until it fails.
    fn instance(&self, number: u32) -> Value {
        let mut instance = json!({
            "Type": "AWS::RDS::DBInstance",
            "DeletionPolicy": "Delete",
            "UpdateReplacePolicy": "Delete",
            "Properties": {
                "DBClusterIdentifier": reference(CLUSTER),
                "Engine": self.database.engine.name(),
                "DBInstanceClass": "db.serverless",
                "PubliclyAccessible": false,
                // A version is said, and a newer one is said by the manifest or by Slipway.
                "AutoMinorVersionUpgrade": false,
                // The first reader grows and shrinks with the writer, whose place it takes.
                "PromotionTier": number.min(15),
            },
        });
        if number > 0 {
            // Whoever is first in an empty cluster writes.
            instance["DependsOn"] = json!([WRITER]);
        }
        instance
    }

    fn outputs(&self) -> Value {
        let stack = StackName {
            platform: self.platform.name.clone(),
            service: self.effective.service.clone(),
            scope: Scope::Environment(self.effective.environment.clone()),
        };
        let mut outputs = json!({});
        for export in Export::ALL {
            outputs[export.id()] = json!({
                "Value": self.value(export),
                "Export": {"Name": export.name(&stack)},
            });
        }
        outputs["Database"] = json!({"Value": reference(CLUSTER)});
        outputs["LogGroup"] = json!({"Value": reference(LogGroup::ID)});
        if self.effective.protected {
            outputs[PROTECTED_OUTPUT] = json!({"Value": "true"});
        }
        outputs
    }

    fn value(&self, export: Export) -> Value {
        match export {
            Export::Clients => attribute(CLIENTS, "GroupId"),
            Export::Host => attribute(CLUSTER, "Endpoint.Address"),
            Export::ReaderHost => attribute(CLUSTER, "ReadEndpoint.Address"),
            Export::Port => attribute(CLUSTER, "Endpoint.Port"),
            Export::Name => self.database.name(&self.effective.service).into(),
            Export::Secret => attribute(CLUSTER, "MasterUserSecret.SecretArn"),
        }
    }
}

/// A rule that lets nothing out, in the form that EC2 has for it: without any rule EC2 adds one
/// that lets everything out.
fn nowhere() -> Value {
    json!({
        "Description": "Nowhere",
        "IpProtocol": "icmp",
        "FromPort": 252,
        "ToPort": 86,
        "CidrIp": "255.255.255.255/32",
    })
}

/// The log group of what the engine says. RDS would make it without an end.
struct LogGroup;

impl LogGroup {
    const ID: &'static str = "LogGroup";

    /// What is exported: errors of MySQL, everything that PostgreSQL says.
    fn export(engine: Engine) -> &'static str {
        match engine {
            Engine::AuroraMysql => "error",
            Engine::AuroraPostgresql => "postgresql",
        }
    }

    fn of(site: &Site<'_>) -> Value {
        let export = Self::export(site.database.engine);
        json!({
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "LogGroupName": format!("/aws/rds/cluster/{}/{export}", site.name),
                "RetentionInDays": site.effective.settings.logs.retention,
            },
        })
    }
}

/// The stack of the database `name`, in its environment `environment`.
fn stack_of(
    platform: &Platform,
    name: ServiceName,
    environment: slipway_domain::EnvironmentName,
) -> StackName {
    StackName {
        platform: platform.name.clone(),
        service: name,
        scope: Scope::Environment(environment),
    }
}
