//! Databases, as they can be called. Everything below `/services/{name}` holds for them, too.

use axum::routing::{delete, get, patch, post, put};
use http::Method;
use slipway_control::databases::view::DatabaseView;
use slipway_control::view::{DeletionView, PageView};

use super::{ACCEPTED, CREATED, OK_OR_CREATED, Operation, Takes, of, read};
use crate::{Ports, handlers, schema};

pub(super) fn all<P: Ports>() -> Vec<Operation<P>> {
    vec![
        Operation {
            takes: Takes::TeamsPage,
            ..read(
                "/databases",
                "listDatabases",
                "Databases by team and name, with who may use each and who does",
                get(handlers::list_databases::<P>),
                of::<PageView<DatabaseView>>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            body: Some(schema::database),
            success: CREATED,
            ..read(
                "/databases",
                "registerDatabase",
                "Registers a database: a service of the kind `database`",
                post(handlers::register_database::<P>),
                of::<DatabaseView>,
            )
        },
        read(
            "/databases/{name}",
            "getDatabase",
            "A database, where it is reached, who may use it and who does",
            get(handlers::get_database::<P>),
            of::<DatabaseView>,
        ),
        Operation {
            method: Method::PUT,
            takes: Takes::Precondition,
            body: Some(schema::database_replacement),
            success: OK_OR_CREATED,
            ..read(
                "/databases/{name}",
                "putDatabase",
                "Brings a database to a manifest, or registers it",
                put(handlers::put_database::<P>),
                of::<DatabaseView>,
            )
        },
        Operation {
            method: Method::PATCH,
            takes: Takes::Precondition,
            body: Some(schema::patch),
            ..read(
                "/databases/{name}",
                "patchDatabase",
                "Changes some fields of a database's manifest (RFC 7396)",
                patch(handlers::patch_database::<P>),
                of::<DatabaseView>,
            )
        },
        Operation {
            method: Method::DELETE,
            takes: Takes::Precondition,
            success: ACCEPTED,
            ..read(
                "/databases/{name}",
                "deleteDatabase",
                "Deletes a database that nobody uses; says what is kept",
                delete(handlers::delete_database::<P>),
                of::<DeletionView>,
            )
        },
    ]
}
