//! Nested stacks: the templates that another template names.
//!
//! `sam deploy` uploads the files that a template names, and puts their addresses in place of the
//! names ([`upload`]). What the emulator lacks is put into each of them as into the template that
//! names them ([`provide`]); the emulator then makes their stacks itself.

use std::path::Path;

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::python::hex;
use crate::stand_ins::{self, Place};
use crate::upstream::Upstream;
use crate::{passwords, template, yaml};

/// A stack within a stack.
const STACK: &str = "AWS::CloudFormation::Stack";

/// Where templates go that are not sent inline.
const BUCKET: &str = "slipway-local-cloud-templates";

/// Uploads the files that a template names, each beside the file that names it.
///
/// # Errors
/// A file that is not there, and one that is no template.
pub(crate) async fn upload(upstream: &Upstream, template: &mut Value, folder: &Path) -> Result<()> {
    for (logical_id, named) in named(template) {
        if named.contains("://") {
            continue;
        }
        let path = folder.join(&named);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{logical_id}: cannot read {}", path.display()))?;
        let mut inner = yaml::parse(&text)
            .with_context(|| format!("{logical_id}: {} is not a template", path.display()))?;
        let beside = path.parent().unwrap_or(folder);
        Box::pin(upload(upstream, &mut inner, beside)).await?;
        point(template, &logical_id, &keep(upstream, &inner).await?);
    }
    Ok(())
}

/// Puts into the templates that a template names what the emulator lacks. An address at which
/// there is none is left to the emulator, which words that itself.
pub(crate) async fn provide(
    upstream: &Upstream,
    template: &mut Value,
    place: Place<'_>,
) -> Result<()> {
    for (logical_id, address) in named(template) {
        let Some(path) = object_path(&address) else {
            continue;
        };
        let answer = upstream
            .rest("s3", Method::GET, &path, &[], Bytes::new())
            .await?;
        let Ok(mut inner) = yaml::parse(&answer.text()) else {
            continue;
        };
        let stack = format!("{}-{logical_id}", place.stack);
        let within = Place {
            stack: &stack,
            ..place
        };
        Box::pin(provide(upstream, &mut inner, within)).await?;
        passwords::provide(&mut inner, within);
        stand_ins::replace(&mut inner, within);
        point(template, &logical_id, &keep(upstream, &inner).await?);
    }
    Ok(())
}

/// The nested stacks of a template, with what each names as its template.
fn named(template: &Value) -> Vec<(String, String)> {
    template::resources(template)
        .filter(|(_, resource)| resource["Type"] == STACK)
        .filter_map(|(logical_id, resource)| {
            let named = resource["Properties"]["TemplateURL"].as_str()?;
            Some((logical_id.clone(), named.to_owned()))
        })
        .collect()
}

fn point(template: &mut Value, logical_id: &str, address: &str) {
    template["Resources"][logical_id]["Properties"]["TemplateURL"] = json!(address);
}

/// Keeps a template in a bucket; answers its address, which is the same for the same template.
pub(crate) async fn keep(upstream: &Upstream, template: &Value) -> Result<String> {
    let body = template.to_string();
    let bucket = format!("/{BUCKET}");
    // It may be there already.
    upstream
        .rest("s3", Method::PUT, &bucket, &[], Bytes::new())
        .await?;
    let path = format!("{bucket}/{}", hex(&Sha256::digest(body.as_bytes())));
    upstream
        .rest("s3", Method::PUT, &path, &[], body.into())
        .await?
        .success()?;
    Ok(format!("http://localhost{path}"))
}

/// `/bucket/key` of an object's address, in path style or virtual-host style.
pub(crate) fn object_path(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let path = path.split('?').next().unwrap_or_default();
    match host.split_once(".s3") {
        Some((bucket, _)) => Some(format!("/{bucket}/{path}")),
        None => Some(format!("/{path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_stacks_are_those_that_name_a_template() {
        let mut template = json!({ "Resources": {
            "Network": { "Type": STACK, "Properties": { "TemplateURL": "platform/network.yaml" } },
            "Topic": { "Type": "AWS::SNS::Topic" },
        } });
        let found = named(&template);
        assert_eq!(
            found,
            [("Network".to_owned(), "platform/network.yaml".to_owned())]
        );
        point(&mut template, "Network", "http://localhost/bucket/key");
        assert_eq!(named(&template)[0].1, "http://localhost/bucket/key");
    }

    #[test]
    fn objects_are_found_by_both_styles_of_address() {
        for url in [
            "https://s3.amazonaws.com/bucket/a/b.json",
            "http://127.0.0.1:4566/bucket/a/b.json?x=1",
            "https://bucket.s3.us-east-1.amazonaws.com/a/b.json",
            // Path style, with a region.
            "https://s3.us-east-1.amazonaws.com/bucket/a/b.json",
        ] {
            assert_eq!(
                object_path(url).as_deref(),
                Some("/bucket/a/b.json"),
                "{url}"
            );
        }
        assert_eq!(object_path("platform/network.yaml"), None);
    }
}
