//! Whoever signs by Standard Webhooks: payloads of our own form, which `docs/WEBHOOKS.md` has.
//!
//! `{"type": "image.pushed", "data": {"image": "…"}}`, or `code.pushed` with `branch` or `tag`,
//! `commit`, and `committed_at`, `title`, `sender` and `forced` where the sender knows them.

use serde_json::Value;
use slipway_domain::Image;

use super::{CodePush, ImagePush, Reference, Told, commit, ignored, line, pushed, time};

pub(super) fn told(body: &Value) -> Told {
    let data = &body["data"];
    match body["type"].as_str() {
        Some("image.pushed") => image_pushed(data),
        Some("code.pushed") => code_pushed(data),
        Some("ping") => Told::Ping,
        _ => ignored("`type` must be `image.pushed`, `code.pushed` or `ping`"),
    }
}

fn image_pushed(data: &Value) -> Told {
    let image = data["image"]
        .as_str()
        .and_then(|it| it.parse::<Image>().ok());
    match image {
        Some(image) if image.tag().is_some() || image.digest().is_some() => {
            Told::ImagePushed(vec![ImagePush {
                image,
                sender: line(&data["sender"]),
            }])
        }
        _ => ignored("`data.image` must be an image with a tag or a digest"),
    }
}

fn code_pushed(data: &Value) -> Told {
    let text = |name: &str| data[name].as_str().map(str::to_owned);
    let reference = match (text("branch"), text("tag")) {
        (Some(branch), None) => Reference::Branch(branch),
        (None, Some(tag)) => Reference::Tag(tag),
        _ => return ignored("`data` must have either a `branch` or a `tag`"),
    };
    let Some(commit) = commit(&data["commit"]) else {
        return ignored("`data.commit` must be a whole commit id in lower case");
    };
    pushed(vec![CodePush {
        reference,
        commit: Some(commit),
        committed_at: time(&data["committed_at"]),
        title: line(&data["title"]),
        sender: line(&data["sender"]),
        forced: data["forced"] == true,
    }])
}
