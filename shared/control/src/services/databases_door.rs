//! The databases among the services: the same use cases, of what is a database alone.
//!
//! A name that is a service's is no database's here, and the other way round nothing is hidden: a
//! database is registered as services are, and shows among them.

use serde_json::Value;
use slipway_domain::manifest::Kind;
use slipway_domain::{Problem, Problems, ServiceName, TeamName};

use super::{Caller, Precondition, Services, Written};
use crate::databases::view::DatabaseView;
use crate::error::ServiceError;
use crate::ports::{
    ChangeWriter, DatabaseLister, HistoryReader, LiveReader, RouteReader, ServiceReader,
};
use crate::preflight::Checks;
use crate::view::{DeletionView, PageView, ServiceView};

/// What a write did to a database, and what it is then.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenDatabase {
    /// Whether it is new.
    pub created: bool,
    /// The database.
    pub view: DatabaseView,
}

impl<R, L, G, C> Services<R, L, G, C>
where
    R: ServiceReader + DatabaseLister + HistoryReader + ChangeWriter,
    L: LiveReader,
    G: RouteReader,
    C: Checks,
{
    /// Databases by team and name. One call for the page, and two for each of it.
    pub async fn databases(
        &self,
        team: Option<&TeamName>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<PageView<DatabaseView>, ServiceError> {
        let page = self.registry.databases(team, after, limit).await?;
        let mut items = Vec::new();
        for name in &page.items {
            match self.database(name).await {
                Ok(view) => items.push(view),
                // It went since: the index is a moment late.
                Err(ServiceError::NoDatabase(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PageView {
            items,
            next: page.next,
        })
    }

    /// A database with its users. Two calls.
    ///
    /// # Errors
    /// [`ServiceError::NoDatabase`], also for a service.
    pub async fn database(&self, name: &ServiceName) -> Result<DatabaseView, ServiceError> {
        let found = self.registry.service(name).await?;
        let state = found.filter(|it| it.service.manifest.settings.kind == Kind::Database);
        let state = state.ok_or_else(|| ServiceError::NoDatabase(name.clone()))?;
        self.shown(ServiceView::new(&state, &self.platform)).await
    }

    /// Registers a database: a manifest whose kind may be left out.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for another kind, and what registering a service is refused for.
    pub async fn register_database(
        &self,
        document: &Value,
        caller: &Caller,
    ) -> Result<DatabaseView, ServiceError> {
        let document = as_database(document)?;
        // Nobody uses what is new.
        let view = self.register(&document, caller).await?;
        Ok(DatabaseView::new(view, &<_>::default(), &self.platform))
    }

    /// Brings a database to a manifest, or registers it.
    pub async fn put_database(
        &self,
        name: &ServiceName,
        document: &Value,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<WrittenDatabase, ServiceError> {
        let document = as_database(document)?;
        let found = self.registry.service(name).await?;
        if found.is_some_and(|it| it.service.manifest.settings.kind != Kind::Database) {
            return Err(ServiceError::NoDatabase(name.clone()));
        }
        let written = self.put(name, &document, precondition, caller).await?;
        self.written(written).await
    }

    /// Changes some fields of a database's manifest.
    pub async fn patch_database(
        &self,
        name: &ServiceName,
        patch: &Value,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<WrittenDatabase, ServiceError> {
        self.database(name).await?;
        let written = self.patch(name, patch, precondition, caller).await?;
        self.written(written).await
    }

    /// Deletes a database that nobody uses.
    pub async fn delete_database(
        &self,
        name: &ServiceName,
        precondition: Option<&Precondition>,
        caller: &Caller,
    ) -> Result<DeletionView, ServiceError> {
        self.database(name).await?;
        self.delete(name, precondition, caller).await
    }

    async fn written(&self, written: Written) -> Result<WrittenDatabase, ServiceError> {
        let (created, view) = match written {
            Written::Created(view) => (true, view),
            Written::Updated(view) | Written::Unchanged(view) => (false, view),
        };
        let view = self.shown(*view).await?;
        Ok(WrittenDatabase { created, view })
    }

    async fn shown(&self, view: ServiceView) -> Result<DatabaseView, ServiceError> {
        let users = self.registry.users(&view.name).await?;
        Ok(DatabaseView::new(view, &users, &self.platform))
    }
}

/// The manifest with its kind set.
fn as_database(document: &Value) -> Result<Value, ServiceError> {
    let own = Kind::Database.name();
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        let kind = fields.entry("kind").or_insert_with(|| Value::from(own));
        if kind != own {
            let detail = format!(
                "is not `{own}`: leave it out here, or register a service under `/services`"
            );
            return Err(ServiceError::Invalid(Problems {
                problems: vec![Problem::new("/kind", detail)],
                schema: false,
            }));
        }
    }
    Ok(document)
}
