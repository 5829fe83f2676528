//! Runs of jobs, as they can be called.

use axum::routing::{get, post};
use http::Method;
use slipway_control::runs::RunView;
use slipway_control::view::PageView;

use super::{ACCEPTED, Operation, of, read};
use crate::takes::Takes;
use crate::{Ports, handlers};

pub(super) fn all<P: Ports>() -> Vec<Operation<P>> {
    vec![
        Operation {
            takes: Takes::Page,
            ..read(
                "/services/{name}/environments/{environment}/runs",
                "listRuns",
                "Runs of a job in the last 90 days, newest first, at most 25 at once",
                get(handlers::list_runs::<P>),
                of::<PageView<RunView>>,
            )
        },
        Operation {
            method: Method::POST,
            takes: Takes::Key,
            success: ACCEPTED,
            ..read(
                "/services/{name}/environments/{environment}/runs",
                "startRun",
                "Starts a run of a job now",
                post(handlers::start_run::<P>),
                of::<RunView>,
            )
        },
        read(
            "/services/{name}/environments/{environment}/runs/{run}",
            "getRun",
            "One run of a job",
            get(handlers::get_run::<P>),
            of::<RunView>,
        ),
        Operation {
            method: Method::POST,
            ..read(
                "/services/{name}/environments/{environment}/runs/{run}/cancel",
                "cancelRun",
                "Ends a run of a job that is under way",
                post(handlers::cancel_run::<P>),
                of::<RunView>,
            )
        },
    ]
}
