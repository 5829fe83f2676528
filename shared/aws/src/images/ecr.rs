//! Private ECR registries: looking images up, and keeping them by tags of ours.
//!
//! `BatchGetImage` gives manifests as they were pushed, when all their kinds are accepted; the
//! configuration of a single image lies in S3, where `GetDownloadUrlForLayer` points to.

use aws_config::{Region, SdkConfig};
use aws_sdk_ecr::Client;
use aws_sdk_ecr::error::ProvideErrorMetadata as _;
use aws_sdk_ecr::types::{Image as EcrAnswer, ImageFailure, ImageFailureCode, ImageIdentifier};
use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::ports::{FoundImage, ImageLookup, PortResult};
use slipway_domain::Image;
use slipway_domain::image::EcrImage;
use slipway_synth::sha256;

use super::address::reference;
use super::manifest::{self, Content};
use super::registry::CONFIGURATION;
use super::web::{Question, Web};
use super::{LONGEST, Platforms};
use crate::error::{port_error, unreadable};

const GET: &str = "ecr:BatchGetImage";
const PUT: &str = "ecr:PutImage";
const DELETE: &str = "ecr:BatchDeleteImage";

/// The most images that one `BatchDeleteImage` takes.
const AT_ONCE: usize = 100;

/// ECR of any region, with the function's own rights.
#[derive(Debug, Clone)]
pub(super) struct Ecr {
    client: Client,
    region: String,
}

/// What `BatchGetImage` says of one image.
enum Got {
    Image(Box<EcrAnswer>),
    Missing,
    Denied(String),
}

impl Ecr {
    pub(super) fn new(config: &SdkConfig) -> Self {
        let region = config.region().map_or("", Region::as_ref);
        Self {
            client: Client::new(config),
            region: region.to_owned(),
        }
    }

    /// A client of the region; the own one is used again.
    fn client(&self, region: &str) -> Client {
        if region == self.region {
            return self.client.clone();
        }
        let config = self.client.config().to_builder();
        Client::from_conf(config.region(Region::new(region.to_owned())).build())
    }

    pub(super) async fn look_up(
        &self,
        image: &Image,
        at: EcrImage<'_>,
        web: &Web,
        platforms: &Platforms,
    ) -> PortResult<ImageLookup> {
        let client = self.client(at.region);
        let got = match get(&client, at, &identifier(reference(image))).await? {
            Got::Image(got) => got,
            Got::Missing => return Ok(ImageLookup::Missing),
            Got::Denied(why) => return Ok(ImageLookup::Denied(why)),
        };
        let digest = got.image_id().and_then(ImageIdentifier::image_digest);
        let digest = digest
            .ok_or_else(|| unreadable(GET, "an image has no digest"))?
            .to_owned();
        if let Some(platforms) = platforms.of(&digest) {
            return Ok(ImageLookup::Found(FoundImage { digest, platforms }));
        }
        let manifest = got.image_manifest().unwrap_or_default();
        let found = match manifest::read(manifest.as_bytes()) {
            Content::Index(found) => found,
            Content::Image(configuration) => {
                let read = configured(&client, at, &configuration, web);
                // Without it the image is still there; what it runs on is then unsaid.
                let platform = tokio::time::timeout(LONGEST, read).await;
                platform.ok().flatten().into_iter().collect()
            }
            Content::Other => Vec::new(),
        };
        platforms.remember(&digest, &found);
        Ok(ImageLookup::Found(FoundImage {
            digest,
            platforms: found,
        }))
    }

    /// Gives an image, by its digest, a further tag. Tags of the repositories do not move, and so
    /// ECR refuses a tag that is there, on the same image too; one of another image is taken off.
    pub(super) async fn keep(&self, image: &Image, tag: &str) -> PortResult<()> {
        let (Some(at), Some(digest)) = (image.ecr(), image.digest()) else {
            return Err(unreadable(PUT, "only an ECR image with a digest is kept"));
        };
        let client = self.client(at.region);
        let Got::Image(got) = get(&client, at, &identifier(digest)).await? else {
            return Err(unreadable(PUT, format!("{image} is not there")));
        };
        if put(&client, at, &got, tag).await? {
            return Ok(());
        }
        if let Got::Image(tagged) = get(&client, at, &identifier(tag)).await? {
            let has = tagged.image_id().and_then(ImageIdentifier::image_digest);
            if has == Some(digest) {
                return Ok(());
            }
            delete(&client, Some(at.account), at.repository, &[tag.to_owned()]).await?;
        }
        if put(&client, at, &got, tag).await? {
            return Ok(());
        }
        // Somebody else has just given it to another image: a later look sees to it.
        Err(PortError {
            operation: PUT,
            message: format!("the tag {tag} is taken"),
            kind: PortErrorKind::Transient,
            source: None,
        })
    }

    /// Takes tags off. `repository` is a name in the function's account and region, or that of an
    /// image with its registry.
    pub(super) async fn let_go(&self, repository: &str, tags: &[String]) -> PortResult<()> {
        let image = repository.parse::<Image>().ok();
        match image.as_ref().and_then(Image::ecr) {
            Some(at) => {
                let client = self.client(at.region);
                delete(&client, Some(at.account), at.repository, tags).await
            }
            None => delete(&self.client, None, repository, tags).await,
        }
    }
}

/// The identifier of a digest or a tag. With both, ECR wants them to agree, which container
/// runtimes do not: the digest alone says which image it is.
fn identifier(reference: &str) -> ImageIdentifier {
    let identifier = ImageIdentifier::builder();
    if reference.contains(':') {
        identifier.image_digest(reference).build()
    } else {
        identifier.image_tag(reference).build()
    }
}

async fn get(client: &Client, at: EcrImage<'_>, id: &ImageIdentifier) -> PortResult<Got> {
    let answer = client
        .batch_get_image()
        .registry_id(at.account)
        .repository_name(at.repository)
        .image_ids(id.clone())
        .set_accepted_media_types(Some(manifest::KINDS.map(str::to_owned).to_vec()))
        .send()
        .await;
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return match error.code() {
                Some("RepositoryNotFoundException") => Ok(Got::Missing),
                Some("AccessDeniedException") => Ok(Got::Denied(denied(at))),
                _ => Err(port_error(GET, error)),
            };
        }
    };
    match answer.images.take().and_then(|mut images| images.pop()) {
        Some(image) => Ok(Got::Image(Box::new(image))),
        None => failed(answer.failures(), at),
    }
}

fn denied(at: EcrImage<'_>) -> String {
    let EcrImage {
        account,
        region,
        repository,
    } = at;
    format!("account {account} does not let Slipway read the repository {repository} in {region}.")
}

/// Why `BatchGetImage` gave no image.
fn failed(failures: &[ImageFailure], at: EcrImage<'_>) -> PortResult<Got> {
    let failure = failures.first();
    let code = failure.and_then(ImageFailure::failure_code);
    let kind = match code {
        Some(ImageFailureCode::ImageNotFound) => return Ok(Got::Missing),
        // A repository that caches another registry.
        Some(ImageFailureCode::UpstreamAccessDenied) => {
            let repository = at.repository;
            return Ok(Got::Denied(format!(
                "the registry behind the repository {repository} asks for a login."
            )));
        }
        Some(ImageFailureCode::UpstreamTooManyRequests | ImageFailureCode::UpstreamUnavailable) => {
            PortErrorKind::Transient
        }
        _ => PortErrorKind::Refused,
    };
    let code = code.map_or("no image and no failure", ImageFailureCode::as_str);
    let reason = failure.and_then(ImageFailure::failure_reason);
    Err(PortError {
        operation: GET,
        message: format!("{code}: {}", reason.unwrap_or("no reason")),
        kind,
        source: None,
    })
}

/// The platform in a single image's configuration.
async fn configured(
    client: &Client,
    at: EcrImage<'_>,
    configuration: &str,
    web: &Web,
) -> Option<String> {
    let answer = client
        .get_download_url_for_layer()
        .registry_id(at.account)
        .repository_name(at.repository)
        .layer_digest(configuration)
        .send()
        .await
        .ok()?;
    let question = Question {
        method: "GET",
        address: answer.download_url()?,
        accept: "*/*",
        token: None,
        limit: CONFIGURATION,
    };
    let reply = web.ask(question).await.ok()?;
    let whole = reply.status == 200 && configuration == format!("sha256:{}", sha256(&reply.body));
    manifest::of_configuration(&reply.body).filter(|_| whole)
}

/// Puts a manifest that is there once more, under a further tag. False when the tag is taken.
async fn put(client: &Client, at: EcrImage<'_>, got: &EcrAnswer, tag: &str) -> PortResult<bool> {
    let answer = client
        .put_image()
        .registry_id(at.account)
        .repository_name(at.repository)
        .set_image_manifest(got.image_manifest().map(str::to_owned))
        .set_image_manifest_media_type(got.image_manifest_media_type().map(str::to_owned))
        .image_tag(tag)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        Err(error) => match error.code() {
            Some("ImageAlreadyExistsException") => Ok(true),
            Some("ImageTagAlreadyExistsException") => Ok(false),
            _ => Err(port_error(PUT, error)),
        },
    }
}

/// Takes tags off. An image goes with its last tag.
async fn delete(
    client: &Client,
    account: Option<&str>,
    repository: &str,
    tags: &[String],
) -> PortResult<()> {
    for tags in tags.chunks(AT_ONCE) {
        let ids = tags.iter().map(|tag| identifier(tag)).collect();
        let answer = client
            .batch_delete_image()
            .set_registry_id(account.map(str::to_owned))
            .repository_name(repository)
            .set_image_ids(Some(ids))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("RepositoryNotFoundException") => return Ok(()),
            Err(error) => return Err(port_error(DELETE, error)),
        };
        let failure = answer
            .failures()
            .iter()
            .find(|failure| failure.failure_code() != Some(&ImageFailureCode::ImageNotFound));
        if let Some(failure) = failure {
            let code = failure.failure_code().map_or("", ImageFailureCode::as_str);
            let reason = failure.failure_reason().unwrap_or("no reason");
            return Err(unreadable(DELETE, format!("{code}: {reason}")));
        }
    }
    Ok(())
}
