//! Passwords of databases. AWS's RDS makes one where a cluster says so, keeps it in Secrets Manager
//! and answers with the secret's ARN; the emulator knows neither. So a secret of the stack's own
//! stands beside the cluster, with a name and keys as RDS gives them, and comes and goes with it.
//! Nobody changes it by itself: rotation is `PutSecretValue`, or `RotateSecret`, of whoever tries it.

use serde_json::{Value, json};

use crate::stand_ins::{Place, fill};

/// The attribute that answers with the secret.
const ATTRIBUTE: &str = "MasterUserSecret.SecretArn";

/// Puts a secret beside every cluster whose password is RDS's to make.
pub(crate) fn provide(template: &mut Value, place: Place<'_>) {
    let clusters: Vec<(String, Value)> = template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, it)| it["Type"] == "AWS::RDS::DBCluster")
        .filter(|(_, it)| it["Properties"]["ManageMasterUserPassword"] == true)
        .map(|(id, it)| (id.clone(), it["Properties"]["MasterUsername"].clone()))
        .collect();
    for (id, user) in clusters {
        let secret = format!("{id}MasterUserSecret");
        point(template, &id, &secret);
        let value = json!({"username": user, "password": fill("{id}", &secret, place)});
        let cluster = json!({"Ref": id});
        template["Resources"][secret] = json!({
            "Type": "AWS::SecretsManager::Secret",
            "Properties": {
                "Name": fill("rds!cluster-{id}", &id, place),
                "SecretString": value.to_string(),
                "Tags": [{"Key": "aws:rds:primaryDBClusterArn", "Value": cluster}],
            },
        });
    }
}

/// Lets what asks a cluster for its secret ask the secret.
fn point(value: &mut Value, cluster: &str, secret: &str) {
    if value["Fn::GetAtt"] == json!([cluster, ATTRIBUTE]) {
        *value = json!({"Ref": secret});
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|it| point(it, cluster, secret)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|it| point(it, cluster, secret)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_beside_a_cluster_whose_password_rds_makes() {
        let place = Place {
            stack: "s",
            region: "us-east-1",
            account: "000000000000",
        };
        let cluster = |managed: bool| {
            json!({"Type": "AWS::RDS::DBCluster", "Properties": {
                "ManageMasterUserPassword": managed, "MasterUsername": "slipway"}})
        };
        let mut template = json!({
            "Resources": {"Own": cluster(true), "Other": cluster(false)},
            "Outputs": {"Secret": {"Value": {"Fn::GetAtt": ["Own", ATTRIBUTE]}}},
        });
        provide(&mut template, place);
        assert_eq!(
            template["Outputs"]["Secret"]["Value"],
            json!({"Ref": "OwnMasterUserSecret"})
        );
        assert_eq!(template["Resources"].as_object().unwrap().len(), 3);
        let secret = &template["Resources"]["OwnMasterUserSecret"]["Properties"];
        let value: Value = serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
        assert_eq!(value["username"], "slipway");
        assert!(secret["Name"].as_str().unwrap().starts_with("rds!cluster-"));
    }
}
