//! Bitbucket Cloud: `repo:push`, from support.atlassian.com/bitbucket-cloud/docs/event-payloads.
//!
//! One push may change several branches and tags; each is told of.

use serde_json::Value;

use super::{CodePush, Reference, Told, commit, ignored, line, pushed, time};
use crate::request::Request;

pub(super) fn told(request: &Request, body: &Value) -> Told {
    match request.header("x-event-key").unwrap_or_default() {
        "repo:push" => {}
        // What Bitbucket Data Center sends to try a webhook out.
        "diagnostics:ping" => return Told::Ping,
        _ => return ignored("only events of the kind `repo:push` start something"),
    }
    let actor = &body["actor"];
    let sender = line(&actor["nickname"]).or_else(|| line(&actor["display_name"]));
    let changes = body["push"]["changes"].as_array();
    let read = |change| read(change, sender.as_deref());
    pushed(changes.into_iter().flatten().filter_map(read).collect())
}

/// A change whose branch or tag is still there.
fn read(change: &Value, sender: Option<&str>) -> Option<CodePush> {
    let new = &change["new"];
    let name = new["name"].as_str()?.to_owned();
    let reference = match new["type"].as_str()? {
        "branch" => Reference::Branch(name),
        "tag" => Reference::Tag(name),
        _ => return None,
    };
    let target = &new["target"];
    Some(CodePush {
        reference,
        commit: Some(commit(&target["hash"])?),
        committed_at: time(&target["date"]),
        title: line(&target["message"]),
        sender: sender.map(str::to_owned),
        forced: change["forced"] == true,
    })
}
