//! GitHub: `push`, `release`, `registry_package`, `package` and `ping`, from
//! docs.github.com/webhooks/webhook-events-and-payloads.
//!
//! A webhook sends its payload as JSON, or, which is what GitHub proposes when one is made, as the
//! field `payload` of a form.

use serde_json::Value;

use super::{CodePush, ImagePush, Reference, Told, commit, ignored, image, line, pushed, time};
use crate::request::Request;

/// The payload, in whichever of the two ways it was sent.
pub(super) fn document(request: &Request) -> Option<Value> {
    let form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return serde_json::from_slice(&request.body).ok();
    }
    let body = std::str::from_utf8(&request.body).ok()?;
    let field = body
        .split('&')
        .find_map(|field| field.strip_prefix("payload="))?;
    serde_json::from_slice(&decode(field)?).ok()
}

/// The bytes of a field of a form: `+` is a blank, `%` begins a byte in two digits.
fn decode(field: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    Some(bytes)
}

pub(super) fn told(request: &Request, body: &Value) -> Told {
    match request.header("x-github-event").unwrap_or_default() {
        "push" => push(body),
        "release" => release(body),
        "registry_package" => package(&body["registry_package"], body),
        "package" => package(&body["package"], body),
        "ping" => Told::Ping,
        other => ignored(format!(
            "events of the kind `{}` start nothing",
            other.escape_default().take(40).collect::<String>()
        )),
    }
}

fn push(body: &Value) -> Told {
    let Some(reference) = body["ref"].as_str().and_then(Reference::read) else {
        return ignored("the push is to neither a branch nor a tag");
    };
    if body["deleted"] == true {
        return ignored(format!("`{}` was deleted", reference.name()));
    }
    // `after` of an annotated tag is the tag itself, not its commit.
    let head = &body["head_commit"];
    let commit = commit(&head["id"]).or_else(|| commit(&body["after"]));
    pushed(vec![CodePush {
        reference,
        commit,
        committed_at: time(&head["timestamp"]),
        title: line(&head["message"]),
        sender: line(&body["sender"]["login"]).or_else(|| line(&body["pusher"]["name"])),
        forced: body["forced"] == true,
    }])
}

/// A release is a push of its tag. Of the several events that GitHub sends for one, `published`
/// comes once, when it is there for all to see.
fn release(body: &Value) -> Told {
    if body["action"] != "published" {
        return ignored("a release counts when it is published");
    }
    let release = &body["release"];
    let Some(tag) = release["tag_name"].as_str() else {
        return ignored("the release has no tag");
    };
    pushed(vec![CodePush {
        reference: Reference::Tag(tag.to_owned()),
        // A branch's name, or a commit.
        commit: commit(&release["target_commitish"]),
        committed_at: time(&release["created_at"]),
        title: line(&release["name"]),
        sender: line(&body["sender"]["login"]),
        forced: false,
    }])
}

/// An image in GitHub's container registry. Each image of one for several architectures is told
/// of too, without a tag: those are parts, and only the whole is deployed.
fn package(package: &Value, body: &Value) -> Told {
    if !matches!(body["action"].as_str(), Some("published" | "updated")) {
        return ignored("a package counts when it is published or updated");
    }
    let version = &package["package_version"];
    let tag = &version["container_metadata"]["tag"];
    let Some(name) = tag["name"].as_str() else {
        return ignored("the package is not a container image");
    };
    if name.is_empty() {
        return ignored("the image has no tag");
    }
    let repository = version["package_url"].as_str().and_then(|url| {
        url.strip_suffix(name)
            .and_then(|rest| rest.strip_suffix(':'))
    });
    let found = repository.and_then(|it| image(it, name, tag["digest"].as_str()));
    match found {
        Some(image) => Told::ImagePushed(vec![ImagePush {
            image,
            sender: line(&body["sender"]["login"]),
        }]),
        None => ignored("the image's name cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_form_is_decoded_and_what_is_none_is_not() {
        assert_eq!(decode("%7B%22a%22%3A+1%7d"), Some(b"{\"a\": 1}".to_vec()));
        for wrong in ["%", "%7", "%zz", "%+1"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_parts_of_an_image_for_several_architectures_start_nothing() {
        let metadata = json!({"tag": {"name": "", "digest": "sha256:1"}});
        let version =
            json!({"container_metadata": metadata, "package_url": "ghcr.io/Codertocat/hello:"});
        let body = json!({"action": "published", "package": {"package_version": version}});
        assert_eq!(
            package(&body["package"], &body),
            ignored("the image has no tag")
        );
    }
}
