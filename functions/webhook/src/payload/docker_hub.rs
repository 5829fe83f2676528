//! Docker Hub: a push, the one event that it has, from
//! docs.docker.com/docker-hub/repos/manage/webhooks.
//!
//! The payload is signed by nobody: it is a hint. `callback_url` is never called.

use serde_json::Value;

use super::{ImagePush, Told, ignored, image, line, sha256};
use crate::request::Request;

/// Nothing names a delivery: the time of the push and a digest of the body do.
pub(super) fn delivery(request: &Request) -> Option<String> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    // Seconds, which came as a float once.
    let pushed_at = &body["push_data"]["pushed_at"];
    Some(format!("{pushed_at}-{}", &sha256(&request.body)[..32]))
}

pub(super) fn told(body: &Value) -> Told {
    let push = &body["push_data"];
    let names = (
        body["repository"]["repo_name"].as_str(),
        push["tag"].as_str(),
    );
    let (Some(repository), Some(tag)) = names else {
        return ignored("the payload names no repository and tag");
    };
    match image(repository, tag, None) {
        Some(image) => Told::ImagePushed(vec![ImagePush {
            image,
            sender: line(&push["pusher"]),
        }]),
        None => ignored("the image's name cannot be read"),
    }
}
