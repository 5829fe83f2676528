//! Reading services and what happened to them. One call each; a page is one call.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use slipway_control::databases::Users;
use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::places::AllTaken;
use slipway_control::ports::{HistoryReader, Page, PortResult, ServiceReader};
use slipway_control::record::{AuditEntry, PathOwner, ServiceRecord, ServiceState};
use slipway_control::view::{EnvironmentSummary, ServiceSummary};
use slipway_domain::{
    Deployment, DeploymentId, EnvironmentName, Phase, RoutePath, Scope, ServiceName, TeamName,
};

use super::Registry;
use super::item::{Item, damaged, document, get, get_number, keyed, stack, text};
use super::key;
use super::places::taken;
use crate::error::port_error;

const QUERY: &str = "dynamodb:Query";
const GET: &str = "dynamodb:GetItem";
/// Index entries that are read for one service of a page: the service, its own stack and,
/// mostly, its one environment. Services with more make a page shorter, never wrong.
const ENTRIES_PER_SERVICE: usize = 4;
/// The most index entries of one service: itself, its own stack and 11 environments.
const MAX_ENTRIES: usize = 13;

impl ServiceReader for Registry {
    async fn service(&self, name: &ServiceName) -> PortResult<Option<ServiceState>> {
        // `SPEC` and `STACK#…` are neighbours: one query reads the service and its stacks.
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("PK = :pk AND SK BETWEEN :spec AND :stacks")
            .expression_attribute_values(":pk", text(key::service(name)))
            .expression_attribute_values(":spec", text(key::SPEC))
            .expression_attribute_values(":stacks", text("STACK#~"))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        state_of(answer.items(), &self.region)
    }

    async fn services(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceSummary>> {
        let (first, last) = match team {
            Some(team) => (format!("{team}#"), format!("{team}#~")),
            None => (" ".to_owned(), "~".to_owned()),
        };
        // Behind the last service shown, and all of its environments.
        let first = after.map_or(first, |after| format!("{}#~", after.replace('/', "#")));
        if first > last {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let entries = (limit * ENTRIES_PER_SERVICE).max(MAX_ENTRIES + 1);
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-team")
            .key_condition_expression("GSI1PK = :pk AND GSI1SK BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(key::SERVICES))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .limit(i32::try_from(entries).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let mut items = summaries(answer.items())?;
        // The last service of a full answer may have more environments than were read.
        let cut = answer.last_evaluated_key().is_some();
        if cut && items.len() > 1 {
            items.pop();
        }
        let more = cut || items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| format!("{}/{}", last.team, last.name));
        Ok(Page { items, next })
    }

    async fn path_owner(&self, path: &RoutePath) -> PortResult<Option<PathOwner>> {
        let Some(item) = self.get(key::path(path)).await? else {
            return Ok(None);
        };
        let part = |name| get(&item, name).ok_or_else(|| damaged(GET, &item, name));
        let invalid = |_| damaged(GET, &item, "its owner");
        Ok(Some(PathOwner {
            service: part("service")?.parse().map_err(invalid)?,
            environment: part("env")?.parse().map_err(invalid)?,
        }))
    }

    async fn taken(&self, names: &[String]) -> PortResult<AllTaken> {
        let mut all = AllTaken::new();
        for name in names {
            if let Some(item) = self.get(key::places(name, &self.region)).await? {
                all.insert(name.clone(), taken(&item));
            }
        }
        Ok(all)
    }

    async fn users(&self, database: &ServiceName) -> PortResult<Users> {
        self.users_of(database).await
    }
}

impl HistoryReader for Registry {
    async fn deployments(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<Deployment>> {
        self.newest_first(service, &key::deployments(environment), after, limit)
            .await
    }

    async fn deployment(
        &self,
        service: &ServiceName,
        environment: &EnvironmentName,
        id: DeploymentId,
    ) -> PortResult<Option<Deployment>> {
        let item = self.get(key::deployment(service, environment, id)).await?;
        item.map(|item| document(GET, &item, "body")).transpose()
    }

    async fn generations(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceRecord>> {
        self.newest_first(service, "GENERATION#", after, limit)
            .await
    }

    async fn events(
        &self,
        service: &ServiceName,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<AuditEntry>> {
        self.newest_first(service, "AUDIT#", after, limit).await
    }
}

impl Registry {
    pub(super) async fn get(&self, key: key::Key) -> PortResult<Option<Item>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(keyed(key)))
            .send()
            .await
            .map_err(|error| port_error(GET, error))?;
        Ok(answer.item)
    }

    /// A service's items whose sort keys begin with `prefix`, newest first. The cursor is the
    /// rest of the last sort key.
    pub(super) async fn newest_first<T: DeserializeOwned>(
        &self,
        service: &ServiceName,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<T>> {
        let start = after.map(|after| keyed((key::service(service), format!("{prefix}{after}"))));
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .key_condition_expression("PK = :pk AND begins_with(SK, :prefix)")
            .expression_attribute_values(":pk", text(key::service(service)))
            .expression_attribute_values(":prefix", text(prefix))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let items = answer
            .items()
            .iter()
            .map(|item| document(QUERY, item, "body"))
            .collect::<Result<_, _>>()?;
        let next = answer
            .last_evaluated_key()
            .and_then(|key| get(key, "SK"))
            .and_then(|sk| sk.strip_prefix(prefix))
            .map(str::to_owned);
        Ok(Page { items, next })
    }
}

/// The service and its stacks among these items.
pub(super) fn state_of(items: &[Item], region: &str) -> PortResult<Option<ServiceState>> {
    let mut service = None;
    let mut stacks = BTreeMap::new();
    for item in items {
        if get(item, "SK") == Some(key::SPEC) {
            service = Some(document::<ServiceRecord>(QUERY, item, "body")?);
        } else if let Some(record) = stack(QUERY, item, region)? {
            stacks.insert(record.scope.clone(), record);
        }
    }
    Ok(service.map(|service| ServiceState { service, stacks }))
}

fn is_set(item: &HashMap<String, AttributeValue>, name: &str) -> bool {
    let value = item.get(name).and_then(|value| value.as_bool().ok());
    value.copied().unwrap_or_default()
}

/// Index entries in their order, a service before its environments, as summaries.
fn summaries(entries: &[HashMap<String, AttributeValue>]) -> PortResult<Vec<ServiceSummary>> {
    let mut found: Vec<ServiceSummary> = Vec::new();
    for item in entries {
        let invalid = |_| damaged(QUERY, item, "its names");
        let part = |name| get(item, name).ok_or_else(|| damaged(QUERY, item, name));
        let name: ServiceName = part("name")?.parse().map_err(invalid)?;
        match get(item, "env") {
            None => found.push(ServiceSummary {
                name,
                team: part("team")?.parse().map_err(invalid)?,
                generation: get_number(item, "generation").unwrap_or(0),
                deleting: is_set(item, "deleting"),
                follows: is_set(item, "follows"),
                service_stack: None,
                environments: BTreeMap::new(),
            }),
            // A stack whose service is not in the page came late to the index.
            Some(scope) => {
                let scope: Scope = scope.parse().map_err(invalid)?;
                let Some(last) = found.last_mut().filter(|last| last.name == name) else {
                    continue;
                };
                let summary = summary(item)?;
                match scope {
                    Scope::Environment(environment) => {
                        last.environments.insert(environment, summary);
                    }
                    Scope::Service => last.service_stack = summary.into(),
                }
            }
        }
    }
    Ok(found)
}

fn summary(item: &Item) -> PortResult<EnvironmentSummary> {
    let phase = get(item, "phase").unwrap_or("pending");
    let phase: Phase = serde_json::from_value(phase.into()).map_err(|error| PortError {
        operation: QUERY,
        message: error.to_string(),
        kind: PortErrorKind::Refused,
        source: None,
    })?;
    Ok(EnvironmentSummary {
        phase,
        message: get(item, "message").unwrap_or_default().to_owned(),
        advice: get(item, "advice").map(str::to_owned),
        url: get(item, "url").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(parts: &[(&str, &str)]) -> Item {
        let all = [("name", "orders"), ("team", "shop"), ("message", "M.")];
        all.iter()
            .chain(parts)
            .map(|(name, value)| ((*name).to_owned(), text(*value)))
            .collect()
    }

    #[test]
    fn a_services_own_stack_shows_only_while_it_needs_a_person() {
        let listed = |own: &[(&str, &str)]| {
            let entries = [
                entry(&[]),
                entry(own),
                entry(&[("env", "prod"), ("phase", "failed"), ("advice", "A.")]),
            ];
            summaries(&entries).unwrap().remove(0)
        };
        let fine = listed(&[("env", "-"), ("phase", "ready")]);
        assert_eq!(fine.service_stack, None);
        assert_eq!(fine.environments.len(), 1);
        let prod = &fine.environments[&"prod".parse().unwrap()];
        assert_eq!(
            (prod.phase, prod.advice.as_deref()),
            (Phase::Failed, Some("A."))
        );
        let stalled = listed(&[("env", "-"), ("phase", "failed"), ("advice", "B.")]);
        assert_eq!(stalled.service_stack.unwrap().advice, "B.");
    }
}
