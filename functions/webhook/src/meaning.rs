//! What a push means for an environment: pure, and the manifest's choice.

use slipway_domain::triggers::{OnPush, Triggers};
use slipway_domain::{Image, Trigger};

use crate::payload::{CodePush, ImagePush, Reference, Told};

/// The most characters of an image's tag, by the OCI distribution specification.
const MAX_TAG: usize = 128;

/// What is known of the environment.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What its manifest says of pushes.
    pub triggers: &'a Triggers,
    /// The service's own repository, without a tag.
    pub own: &'a str,
    /// The image that it is to run; nothing while it waits for its first one.
    pub image: Option<&'a Image>,
}

/// What a push means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// This image is to be deployed.
    Deploy {
        /// The image.
        image: Image,
        /// Minutes for which the deployment may wait until it is pushed; it must be there, if
        /// absent.
        waits: Option<u32>,
        /// What was pushed.
        cause: Pushed<'a>,
    },
    /// The service's pipeline is to be started.
    Pipeline(&'a CodePush),
    /// Nothing: why, for people.
    Ignore(String),
}

/// What was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed<'a> {
    /// Code.
    Code(&'a CodePush),
    /// An image.
    Image(&'a ImagePush),
}

impl Pushed<'_> {
    /// Whether commits that were there are not any more.
    pub fn is_forced(self) -> bool {
        match self {
            Self::Code(push) => push.forced,
            Self::Image(_) => false,
        }
    }
}

/// What is kept of a push with the deployment that it causes; who told of it, the caller adds.
pub fn trigger(pushed: Pushed<'_>) -> Trigger {
    let trigger = Trigger {
        provider: String::new(),
        delivery: String::new(),
        reference: None,
        commit: None,
        committed_at: None,
        title: None,
        sender: None,
    };
    match pushed {
        Pushed::Code(push) => Trigger {
            reference: Some(push.reference.name().to_owned()),
            commit: push.commit.clone(),
            committed_at: push.committed_at,
            title: push.title.clone(),
            sender: push.sender.clone(),
            ..trigger
        },
        Pushed::Image(push) => Trigger {
            reference: push.image.tag().map(str::to_owned),
            sender: push.sender.clone(),
            ..trigger
        },
    }
}

/// What it means for an environment that somebody told this. Of several branches, tags or images
/// the first that means something counts.
pub fn means<'a>(told: &'a Told, situation: &Situation<'_>) -> Meaning<'a> {
    match told {
        Told::Ping => Meaning::Ignore("the webhook works".to_owned()),
        Told::Ignored(why) => Meaning::Ignore(why.clone()),
        Told::CodePushed(pushes) => first(pushes.iter().map(|push| code(push, situation))),
        Told::ImagePushed(pushes) => first(pushes.iter().map(|push| image(push, situation))),
    }
}

/// The first that is not ignored, or all reasons.
fn first<'a>(meanings: impl Iterator<Item = Meaning<'a>>) -> Meaning<'a> {
    let mut reasons: Vec<String> = Vec::new();
    for meaning in meanings {
        match meaning {
            Meaning::Ignore(why) if !reasons.contains(&why) => reasons.push(why),
            Meaning::Ignore(_) => {}
            found => return found,
        }
    }
    Meaning::Ignore(reasons.join("; "))
}

fn code<'a>(push: &'a CodePush, situation: &Situation<'_>) -> Meaning<'a> {
    let triggers = situation.triggers;
    if triggers.push == OnPush::Image {
        return ignore("`triggers.push` is `image`: pushes of code start nothing");
    }
    if let Reference::Branch(branch) = &push.reference
        && !triggers.wants_branch(branch)
    {
        return ignore(format!(
            "`triggers.branches` has no `{}`",
            branch.escape_default()
        ));
    }
    if triggers.push == OnPush::Pipeline {
        return Meaning::Pipeline(push);
    }
    let image = tag(&triggers.tag, push).and_then(|tag| {
        let image = format!("{}:{tag}", situation.own).parse();
        image.map_err(|_| format!("`{}` and `{tag}` make no image", situation.own))
    });
    match image {
        Ok(image) => Meaning::Deploy {
            image,
            waits: Some(triggers.wait),
            cause: Pushed::Code(push),
        },
        Err(why) => Meaning::Ignore(why),
    }
}

/// The tag of the image that is built from what was pushed, or why there is none.
///
/// Whether branches or tags of git are deployed, the template says: one with `{tag}` is for tags.
fn tag(template: &str, push: &CodePush) -> Result<String, String> {
    let (branch, tag) = match &push.reference {
        Reference::Branch(name) => (Some(name.as_str()), None),
        Reference::Tag(name) => (None, Some(name.as_str())),
    };
    let for_tags = template.contains("{tag}");
    match (for_tags, tag.is_some()) {
        (true, false) => {
            return Err("`triggers.tag` has `{tag}` in it: only pushes of tags count".to_owned());
        }
        (false, true) => {
            return Err(
                "`triggers.tag` has no `{tag}` in it: pushes of tags do not count".to_owned(),
            );
        }
        _ => {}
    }
    let short = push.commit.as_deref().and_then(|commit| commit.get(..7));
    let mut text = template.to_owned();
    for (field, value) in [
        ("{sha}", push.commit.as_deref()),
        ("{short}", short),
        ("{branch}", branch),
        ("{tag}", tag),
    ] {
        if text.contains(field) {
            let Some(value) = value else {
                return Err(format!(
                    "`triggers.tag` has `{field}` in it, which this push does not name"
                ));
            };
            text = text.replace(field, &of_a_tag(value));
        }
    }
    // A tag begins with a letter, a digit or `_`.
    let text: String = text
        .trim_start_matches(['.', '-'])
        .chars()
        .take(MAX_TAG)
        .collect();
    if text.is_empty() {
        return Err("nothing is left of `triggers.tag` that an image's tag may have".to_owned());
    }
    Ok(text)
}

/// The same with `-` for every character that an image's tag cannot have.
fn of_a_tag(name: &str) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.chars()
        .map(|c| if valid(c) { c } else { '-' })
        .collect()
}

fn image<'a>(push: &'a ImagePush, situation: &Situation<'_>) -> Meaning<'a> {
    let (triggers, pushed) = (situation.triggers, &push.image);
    if pushed.tag().is_some_and(is_attachment) {
        return ignore("it is a signature or attestation of an image");
    }
    if let Some(runs) = situation.image {
        if triggers.push != OnPush::Image {
            return ignore(
                "`triggers.push` is not `image`: images that webhooks name start nothing",
            );
        }
        let expected = [runs.repository(), situation.own];
        if !expected.iter().any(|it| same(it, pushed.repository())) {
            return ignore(format!(
                "`{}` is not the repository that the service runs images of, `{}`",
                pushed.repository(),
                runs.repository()
            ));
        }
        if let (Some(pattern), Some(tag)) = (&triggers.follow, pushed.tag())
            && !triggers.follows(tag)
        {
            return ignore(format!(
                "`triggers.follow` is `{pattern}`, and the tag `{tag}`"
            ));
        }
    }
    Meaning::Deploy {
        image: pushed.clone(),
        waits: None,
        cause: Pushed::Image(push),
    }
}

/// Whether a tag is one under which signatures and attestations are kept beside an image, as
/// cosign makes them: `sha256-`, the image's digest, and perhaps `.sig` or `.att`.
pub fn is_attachment(tag: &str) -> bool {
    let digest = tag.strip_prefix("sha256-").and_then(|rest| rest.get(..64));
    digest.is_some_and(|digest| digest.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether two repositories are the same, Docker Hub's with or without what may be left out.
fn same(one: &str, other: &str) -> bool {
    fn short(name: &str) -> &str {
        let name = name
            .strip_prefix("docker.io/")
            .or_else(|| name.strip_prefix("index.docker.io/"))
            .unwrap_or(name);
        name.strip_prefix("library/").unwrap_or(name)
    }
    short(one) == short(other)
}

fn ignore<'a>(why: impl Into<String>) -> Meaning<'a> {
    Meaning::Ignore(why.into())
}
