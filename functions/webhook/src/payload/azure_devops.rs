//! Azure DevOps service hooks: `git.push`, from
//! learn.microsoft.com/azure/devops/service-hooks/events.
//!
//! One push may change several branches and tags; each is told of. A subscription that sends
//! minimal resource details sends none of them.

use serde_json::Value;

use super::{CodePush, Reference, Told, commit, ignored, line, pushed, time};
use crate::request::Request;

/// The event's id, in the body.
pub(super) fn delivery(request: &Request) -> Option<String> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    body["id"].as_str().map(str::to_owned)
}

pub(super) fn told(body: &Value) -> Told {
    if body["eventType"] != "git.push" {
        return ignored("only events of the kind `git.push` start something");
    }
    let resource = &body["resource"];
    let Some(updates) = resource["refUpdates"].as_array() else {
        return ignored("the event does not say what was pushed: have it send all details");
    };
    let sender = line(&resource["pushedBy"]["displayName"]);
    let read = |update: &Value| {
        let reference = update["name"].as_str().and_then(Reference::read)?;
        // Zeros, where it was deleted.
        let head = commit(&update["newObjectId"])?;
        let listed = resource["commits"]
            .as_array()
            .and_then(|commits| commits.iter().find(|it| it["commitId"] == *head))
            .unwrap_or(&Value::Null);
        Some(CodePush {
            reference,
            committed_at: time(&listed["committer"]["date"]),
            title: line(&listed["comment"]),
            sender: sender.clone(),
            commit: Some(head),
            // Azure DevOps does not say.
            forced: false,
        })
    };
    pushed(updates.iter().filter_map(read).collect())
}
