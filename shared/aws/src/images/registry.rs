//! Looking an image up by the OCI distribution specification.
//!
//! HEAD finds the digest, and costs nothing at Docker Hub, which counts manifests that are read
//! with GET (docs.docker.com, pull limits) and gives an address a hundred in six hours; Lambda's
//! addresses are shared. A manifest is read only for a digest that this process does not know,
//! and a registry that has had enough of that leaves the platforms unsaid.

use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::ports::{FoundImage, ImageLookup, PortResult};
use slipway_domain::Image;
use slipway_synth::sha256;

use super::Platforms;
use super::address::{Mirrors, Place};
use super::challenge::{Challenge, token};
use super::manifest::{self, Content};
use super::web::{NoReply, Question, Reply, Web};

/// The operation, as errors name it.
pub(super) const LOOKUP: &str = "registry:GetManifest";

/// The most bytes of a manifest: the specification's own limit for what a registry must take.
const MANIFEST: usize = 4 << 20;
/// The most bytes of a configuration, here and in ECR.
pub(super) const CONFIGURATION: usize = 1 << 20;
/// The most bytes of a token's answer.
const TOKEN: usize = 64 << 10;

/// What came of a question: a reply, or the lookup's answer.
type Asked = Result<Reply, Ended>;

/// How a lookup ends before its time.
enum Ended {
    Lookup(ImageLookup),
    Failed(PortError),
}

/// What a registry says of an image.
pub(super) async fn look_up(
    web: &Web,
    mirrors: &Mirrors,
    platforms: &Platforms,
    image: &Image,
) -> PortResult<ImageLookup> {
    let mut session = Session {
        web,
        registry: image.registry(),
        place: mirrors.place(image),
        token: None,
    };
    match session.find(platforms).await {
        Ok(found) => Ok(ImageLookup::Found(found)),
        Err(Ended::Lookup(lookup)) => Ok(lookup),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// A conversation with a registry about one repository.
struct Session<'a> {
    web: &'a Web,
    /// The registry's name in the image, for people.
    registry: &'a str,
    place: Place,
    token: Option<String>,
}

impl Session<'_> {
    async fn find(&mut self, known: &Platforms) -> Result<FoundImage, Ended> {
        let reference = self.place.reference.clone();
        let head = self.manifest("HEAD", &reference).await?;
        let digest = match head.status {
            200 => head.digest.filter(|digest| is_digest(digest)),
            // Registries without HEAD say so in one of these ways.
            400 | 405 | 406 | 501 => None,
            _ => return Err(self.refused(&head)),
        };
        if let Some(digest) = digest {
            let platforms = match known.of(&digest) {
                Some(platforms) => platforms,
                None => {
                    let reply = self.manifest("GET", &digest).await?;
                    if reply.status == 429 {
                        Vec::new()
                    } else {
                        self.complete(&reply)?;
                        self.same(&digest, &reply)?;
                        self.platforms(&reply).await
                    }
                }
            };
            known.remember(&digest, &platforms);
            return Ok(FoundImage { digest, platforms });
        }
        let reply = self.manifest("GET", &reference).await?;
        self.complete(&reply)?;
        let digest = format!("sha256:{}", sha256(&reply.body));
        if is_digest(&reference) {
            self.same(&reference, &reply)?;
        }
        let platforms = self.platforms(&reply).await;
        known.remember(&digest, &platforms);
        Ok(FoundImage { digest, platforms })
    }

    /// What an image runs on; nothing when its configuration cannot be read.
    async fn platforms(&mut self, reply: &Reply) -> Vec<String> {
        let configuration = match manifest::read(&reply.body) {
            Content::Index(platforms) => return platforms,
            Content::Image(configuration) if is_digest(&configuration) => configuration,
            Content::Image(_) | Content::Other => return Vec::new(),
        };
        let address = self.place.blob(&configuration);
        let reply = self.ask("GET", &address, "*/*", CONFIGURATION).await;
        // It is remembered by the image's digest: what does not fit that is somebody's invention.
        let fits = |reply: &Reply| configuration == format!("sha256:{}", sha256(&reply.body));
        let read = reply
            .ok()
            .filter(|reply| reply.status == 200 && fits(reply));
        let platform = read.and_then(|reply| manifest::of_configuration(&reply.body));
        platform.into_iter().collect()
    }

    async fn manifest(&mut self, method: &'static str, reference: &str) -> Asked {
        let address = self.place.manifest(reference);
        self.ask(method, &address, &manifest::KINDS.join(", "), MANIFEST)
            .await
    }

    /// Asks, with a token if the registry wants one.
    async fn ask(
        &mut self,
        method: &'static str,
        address: &str,
        accept: &str,
        limit: usize,
    ) -> Asked {
        let asked = self
            .ask_once(method, address, accept, limit, self.token.as_deref())
            .await?;
        if asked.status != 401 || self.token.is_some() {
            return Ok(asked);
        }
        let challenge = asked.challenge.as_deref().and_then(Challenge::read);
        let Some(challenge) = challenge else {
            return Ok(asked);
        };
        let realm = challenge.address(&self.place.repository);
        let reply = self
            .ask_once("GET", &realm, "application/json", TOKEN, None)
            .await?;
        if reply.status != 200 {
            return Err(self.refused(&reply));
        }
        self.token = token(&reply.body);
        if self.token.is_none() {
            return Ok(asked);
        }
        self.ask_once(method, address, accept, limit, self.token.as_deref())
            .await
    }

    async fn ask_once(
        &self,
        method: &'static str,
        address: &str,
        accept: &str,
        limit: usize,
        token: Option<&str>,
    ) -> Asked {
        let question = Question {
            method,
            address,
            accept,
            token,
            limit,
        };
        let registry = self.registry;
        self.web.ask(question).await.map_err(|why| match why {
            NoReply::Forbidden => Ended::Lookup(ImageLookup::Denied(format!(
                "{registry} is not asked: a registry needs HTTPS and a public name."
            ))),
            NoReply::Unreadable(why) => self.failed(PortErrorKind::Refused, why, None),
            NoReply::Lost(error) => {
                let why = "it cannot be reached";
                self.failed(PortErrorKind::Transient, why, Some(error))
            }
        })
    }

    /// What an answer that is no success means.
    fn refused(&self, reply: &Reply) -> Ended {
        let registry = self.registry;
        match reply.status {
            404 => Ended::Lookup(ImageLookup::Missing),
            // Public registries answer so for what is not there, too.
            401 | 403 => Ended::Lookup(ImageLookup::Denied(format!(
                "{registry} asks for a login: the image is private, or not there."
            ))),
            408 | 425 | 429 | 500.. => {
                let why = format!("it answers {}", reply.status);
                self.failed(PortErrorKind::Transient, &why, None)
            }
            status => Ended::Lookup(ImageLookup::Denied(format!("{registry} answers {status}."))),
        }
    }

    fn complete(&self, reply: &Reply) -> Result<(), Ended> {
        match reply.status {
            200 => Ok(()),
            _ => Err(self.refused(reply)),
        }
    }

    fn same(&self, digest: &str, reply: &Reply) -> Result<(), Ended> {
        if digest == format!("sha256:{}", sha256(&reply.body)) {
            return Ok(());
        }
        let why = "what it answers has another digest than it says";
        Err(self.failed(PortErrorKind::Refused, why, None))
    }

    fn failed(
        &self,
        kind: PortErrorKind,
        why: &str,
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Ended {
        Ended::Failed(PortError {
            operation: LOOKUP,
            message: format!("{}: {why}", self.registry),
            kind,
            source,
        })
    }
}

/// Whether a text is a digest as images are rendered with.
fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}
