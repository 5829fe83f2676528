//! GitLab: `push` and `tag_push`, from
//! <https://docs.gitlab.com/user/project/integrations/webhook_events/>.

use serde_json::Value;

use super::{CodePush, Reference, Told, commit, ignored, line, pushed, time};

pub(super) fn told(body: &Value) -> Told {
    let kind = body["object_kind"].as_str().unwrap_or_default();
    if !matches!(kind, "push" | "tag_push") {
        return ignored("only pushes of branches and tags start something");
    }
    let Some(reference) = body["ref"].as_str().and_then(Reference::read) else {
        return ignored("the push is to neither a branch nor a tag");
    };
    // Nothing is checked out when a branch or a tag is deleted. Of an annotated tag, `after` is
    // the tag itself, and this is its commit.
    let Some(head) = commit(&body["checkout_sha"]) else {
        return ignored(format!("`{}` was deleted", reference.name()));
    };
    // At most the newest 20 commits are listed.
    let listed = body["commits"]
        .as_array()
        .and_then(|commits| commits.iter().find(|commit| commit["id"] == *head))
        .unwrap_or(&Value::Null);
    pushed(vec![CodePush {
        reference,
        committed_at: time(&listed["timestamp"]),
        title: line(&listed["title"]).or_else(|| line(&listed["message"])),
        sender: line(&body["user_username"]).or_else(|| line(&body["user_name"])),
        commit: Some(head),
        // GitLab does not say.
        forced: false,
    }])
}
