//! Databases and who uses them: one item for each, which lists it and has a set.
//!
//! `users` holds the environments that use it. A claim adds to it while the database is at the
//! generation that allowed the use; `claims` grows with each, so that whoever takes something from
//! users can say which ones were seen. Giving one back twice is giving it back once.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use slipway_control::change::Change;
use slipway_control::databases::{Claims, DatabaseUse, User, Users};
use slipway_control::ports::{DatabaseLister, Page, PortResult};
use slipway_control::record::{PathOwner, ServiceRecord};
use slipway_domain::manifest::Kind;
use slipway_domain::{EnvironmentName, ServiceName, TeamName};

use super::Registry;
use super::item::{Item, damaged, get, get_number, keyed, number, text};
use super::key;
use super::transaction::{built, deletes, updates};
use crate::error::port_error;

const QUERY: &str = "dynamodb:Query";
const GET: &str = "dynamodb:GetItem";

impl DatabaseLister for Registry {
    async fn databases(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> PortResult<Page<ServiceName>> {
        let (first, last) = match team {
            Some(team) => (format!("{team}#"), format!("{team}#~")),
            None => (" ".to_owned(), "~".to_owned()),
        };
        let first = after.map_or(first, |after| format!("{}#", after.replace('/', "#")));
        if first > last {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by-team")
            .key_condition_expression("GSI1PK = :pk AND GSI1SK BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(key::DATABASES))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| port_error(QUERY, error))?;
        let name = |item: &Item| {
            let name = get(item, "name").and_then(|name| name.parse().ok());
            name.ok_or_else(|| damaged(QUERY, item, "its name"))
        };
        let items = answer.items().iter().map(name).collect::<Result<_, _>>()?;
        let last = answer.last_evaluated_key();
        let next = last.and_then(|key| get(key, "GSI1SK"));
        Ok(Page {
            items,
            next: next.map(|next| next.replace('#', "/")),
        })
    }
}

impl Registry {
    pub(super) async fn users_of(&self, database: &ServiceName) -> PortResult<Users> {
        let Some(item) = self.get(key::database(database)).await? else {
            return Ok(Users::default());
        };
        let set = item.get("users").and_then(|users| users.as_ss().ok());
        let users = set.into_iter().flatten().map(|user| user.parse());
        Ok(Users {
            users: users
                .collect::<Result<_, _>>()
                .map_err(|_| damaged(GET, &item, "`users`"))?,
            claims: get_number(&item, "claims").unwrap_or(0),
        })
    }

    /// Keeps the item of a database, which lists it, at the generation that a change makes; under
    /// the condition that nobody claimed it since its users were counted, where they were.
    pub(super) fn keep_database(&self, change: &Change) -> PortResult<Option<TransactWriteItem>> {
        let record = &change.service;
        if record.manifest.settings.kind != Kind::Database {
            return Ok(None);
        }
        let team = &record.manifest.team;
        let mut update = self
            .database(record.name())
            .update_expression(
                "SET GSI1PK = :databases, GSI1SK = :listed, #name = :name, uid = :uid, generation = :generation",
            )
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":databases", text(key::DATABASES))
            .expression_attribute_values(":listed", text(key::listed(team, record.name())))
            .expression_attribute_values(":name", text(record.name().as_str()))
            .expression_attribute_values(":uid", text(record.uid.to_string()))
            .expression_attribute_values(":generation", number(record.generation));
        if let Some(counted) = change.databases.counted {
            let condition = match counted {
                0 => "attribute_not_exists(claims) OR claims = :counted",
                _ => "claims = :counted",
            };
            update = update
                .condition_expression(condition)
                .expression_attribute_values(":counted", number(counted));
        }
        Ok(Some(updates(update.build().map_err(built)?)))
    }

    /// Claims uses, one item for each database, while it is at the generation that allowed them.
    pub(super) fn claim_databases(&self, claims: &Claims) -> PortResult<Vec<TransactWriteItem>> {
        let by_database = claims.by_database().into_iter();
        by_database
            .map(|(database, claims)| {
                let users = claims.iter().map(|claim| claim.user().to_string());
                let mut update = self
                    .database(database)
                    .condition_expression("generation = :generation AND uid = :uid")
                    .update_expression("ADD #users :users, claims :one")
                    .expression_attribute_names("#users", "users")
                    .expression_attribute_values(":users", AttributeValue::Ss(users.collect()))
                    .expression_attribute_values(":one", number(1));
                if let Some(claim) = claims.first() {
                    update = update
                        .expression_attribute_values(":generation", number(claim.generation))
                        .expression_attribute_values(":uid", text(claim.uid.to_string()));
                }
                Ok(updates(update.build().map_err(built)?))
            })
            .collect()
    }

    /// Gives uses back, one item for each database.
    pub(super) fn release_databases<'a>(
        &self,
        databases: impl IntoIterator<Item = &'a DatabaseUse>,
        service: &ServiceName,
        environment: &EnvironmentName,
    ) -> PortResult<Vec<TransactWriteItem>> {
        let mut by_database: BTreeMap<&ServiceName, Vec<String>> = BTreeMap::new();
        for it in databases {
            let user = User {
                environment: it.environment.clone(),
                owner: PathOwner {
                    service: service.clone(),
                    environment: environment.clone(),
                },
            };
            let users = by_database.entry(&it.database).or_default();
            users.push(user.to_string());
        }
        let releases = by_database.into_iter();
        releases
            .map(|(database, users)| {
                let update = self
                    .database(database)
                    .update_expression("DELETE #users :users")
                    .expression_attribute_names("#users", "users")
                    .expression_attribute_values(":users", AttributeValue::Ss(users));
                Ok(updates(update.build().map_err(built)?))
            })
            .collect()
    }

    /// Removes the item of a database that is gone, if the service was one.
    pub(super) fn remove_database(
        &self,
        service: &ServiceRecord,
    ) -> PortResult<Option<TransactWriteItem>> {
        if service.manifest.settings.kind != Kind::Database {
            return Ok(None);
        }
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::database(service.name()))))
            .condition_expression("attribute_not_exists(PK) OR uid = :uid")
            .expression_attribute_values(":uid", text(service.uid.to_string()));
        Ok(Some(deletes(delete.build().map_err(built)?)))
    }

    fn database(&self, name: &ServiceName) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(keyed(key::database(name))))
    }
}
