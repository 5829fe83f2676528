//! The service stack: what outlives deployments and is shared by a service's environments.

use serde_json::{Value, json};
use slipway_domain::{Manifest, Platform};

use crate::environment_stack::Resources;
use crate::intrinsic::attribute;
use crate::template::Template;
use crate::{repository, stamp};

/// The service stack of `manifest`. It follows the manifest's top level: the repository is
/// no environment's.
pub fn service_stack(manifest: &Manifest, platform: &Platform) -> Template {
    let mut resources = Resources::default();
    repository::add(&mut resources, manifest, platform);
    let mut template = Template::new(
        &format!(
            "Slipway: what the environments of {} share on {}",
            manifest.service, platform.name
        ),
        resources.0,
        outputs(),
    );
    // Only what this stack follows: other changes of the manifest leave it alone.
    let mut followed = json!({
        "service": manifest.service,
        "team": manifest.team,
        "images": manifest.settings.images,
    });
    if repository::feeds_functions(manifest, platform) {
        followed["functions"] = true.into();
    }
    stamp::put(&mut template, repository::REPOSITORY, &followed);
    template
}

fn outputs() -> Value {
    json!({
        "RepositoryUri": {
            "Description": "Where images are pushed",
            "Value": attribute(repository::REPOSITORY, "RepositoryUri"),
        },
        "RepositoryArn": {"Value": attribute(repository::REPOSITORY, "Arn")},
    })
}
