//! What a deployment deploys: an image, or the archive of a function's code.
//!
//! A manifest names one of them at most; which of the two it takes is for its kind and its
//! settings to say, and what is deployed later is of the same sort.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::archive::Archive;
use crate::effective::Effective;
use crate::image::Image;
use crate::manifest::{Kind, Manifest, Settings};
use crate::name::EnvironmentName;
use crate::text::InvalidText;

/// What is deployed. Its field in JSON says which it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Artifact {
    /// A container image; with its digest, once that was looked up.
    Image(Image),
    /// An archive of a function's code; with its version or ETag, once that was looked up.
    Code(Archive),
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reference to S3 is an archive, and any other text an image: no image begins with `s3://`.
impl FromStr for Artifact {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("s3://") {
            text.parse().map(Self::Code)
        } else {
            text.parse().map(Self::Image)
        }
    }
}

impl Artifact {
    /// The reference's text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Image(image) => image.as_str(),
            Self::Code(archive) => archive.as_str(),
        }
    }

    /// What it is, for people.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Image(_) => "image",
            Self::Code(_) => "archive",
        }
    }

    /// How what runs it is to be told of it.
    pub fn pinned(&self) -> String {
        match self {
            Self::Image(image) => image.pinned(),
            Self::Code(archive) => archive.to_string(),
        }
    }

    /// The image, where it is one.
    pub fn image(&self) -> Option<&Image> {
        match self {
            Self::Image(image) => Some(image),
            Self::Code(_) => None,
        }
    }

    /// The archive, where it is one.
    pub fn archive(&self) -> Option<&Archive> {
        match self {
            Self::Image(_) => None,
            Self::Code(archive) => Some(archive),
        }
    }

    /// Whether it is known which bytes it is: by a digest, a version or an ETag.
    pub fn is_pinned(&self) -> bool {
        match self {
            Self::Image(image) => image.digest().is_some(),
            Self::Code(archive) => archive.is_pinned(),
        }
    }

    /// Whether this may be what `named` was found to be: the same name, whatever was under it
    /// at the time.
    pub fn is_of(&self, named: &Self) -> bool {
        match (self, named) {
            (Self::Image(one), Self::Image(other)) => {
                one.repository() == other.repository() && one.tag() == other.tag()
            }
            (Self::Code(one), Self::Code(other)) => {
                one.is_beside(other) && (!other.is_pinned() || one == other)
            }
            (Self::Image(_), Self::Code(_)) | (Self::Code(_), Self::Image(_)) => false,
        }
    }

    /// Where manifests name it.
    fn path(&self) -> &'static [&'static str] {
        match self {
            Self::Image(_) => &["image"],
            Self::Code(_) => &["function", "code"],
        }
    }
}

impl Settings {
    /// Whether it runs from an archive of its code: a function that says with what.
    pub fn takes_archive(&self) -> bool {
        self.kind == Kind::Function && self.function.is_from_archive()
    }

    /// Whether what it runs may be this.
    pub fn takes(&self, artifact: &Artifact) -> bool {
        self.takes_archive() == artifact.archive().is_some()
    }

    /// What is to run; nothing while it waits for the first.
    pub fn artifact(&self) -> Option<Artifact> {
        if self.takes_archive() {
            self.function.code.clone().map(Artifact::Code)
        } else {
            self.image.clone().map(Artifact::Image)
        }
    }

    /// Lets it run this.
    pub fn set_artifact(&mut self, artifact: Artifact) {
        match artifact {
            Artifact::Image(image) => self.image = Some(image),
            Artifact::Code(archive) => self.function.code = Some(archive),
        }
    }
}

impl Manifest {
    /// Lets `environment` run this, and every other environment what it ran before.
    ///
    /// It is set at the top level when no other environment inherits it from there, and in the
    /// environment's overrides otherwise.
    pub fn set_artifact(
        &mut self,
        environment: &EnvironmentName,
        default: &EnvironmentName,
        artifact: Artifact,
    ) {
        let path = artifact.path();
        let others_inherit = self
            .environments(default)
            .iter()
            .filter(|name| *name != environment)
            .any(|name| {
                let overrides = self.environments.get(name);
                !overrides.is_some_and(|overrides| has(&overrides.0, path))
            });
        if environment == default && !others_inherit {
            if let Some(overrides) = self.environments.get_mut(environment) {
                remove(&mut overrides.0, path);
            }
            self.settings.set_artifact(artifact);
        } else {
            let overrides = self.environments.entry(environment.clone()).or_default();
            set(&mut overrides.0, path, artifact.as_str().into());
        }
    }

    /// Keeps what every environment runs in `previous` and for which this manifest names nothing:
    /// who leaves it out lets pushes and deployments decide.
    pub fn keep_artifacts_of(&mut self, previous: &Self, default: &EnvironmentName) {
        for environment in self.environments(default) {
            let Some(Effective { settings, .. }) = self.effective(&environment, default) else {
                continue;
            };
            let before = previous.effective(&environment, default);
            if settings.artifact().is_none()
                && let Some(running) = before.and_then(|it| it.settings.artifact())
                && settings.takes(&running)
            {
                self.set_artifact(&environment, default, running);
            }
        }
    }
}

fn has(fields: &Map<String, Value>, path: &[&str]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match fields.get(*first) {
        Some(Value::Object(inner)) => has(inner, rest),
        Some(_) => rest.is_empty(),
        None => false,
    }
}

/// Sets a field, and makes the objects around it where they are not there.
fn set(fields: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [last] => {
            fields.insert((*last).to_owned(), value);
        }
        [first, rest @ ..] => {
            let inner = fields.entry(*first).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// Takes a field away, and the objects around it that are then empty.
fn remove(fields: &mut Map<String, Value>, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if rest.is_empty() {
        fields.remove(*first);
    } else if let Some(Value::Object(inner)) = fields.get_mut(*first) {
        remove(inner, rest);
        if inner.is_empty() {
            fields.remove(*first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn function(fields: &Value) -> Manifest {
        let mut document = json!({"service": "genai", "kind": "function"});
        json_patch::merge(&mut document, fields);
        Manifest::read(&document).unwrap()
    }

    fn code(text: &str) -> Artifact {
        Artifact::Code(text.parse().unwrap())
    }

    #[test]
    fn the_field_says_what_is_deployed() {
        let image = Artifact::Image("nginx:1".parse().unwrap());
        assert_eq!(
            serde_json::to_value(image).unwrap(),
            json!({"image": "nginx:1"})
        );
        let archive = code("s3://shop-code/a.zip");
        assert_eq!(
            serde_json::to_value(archive).unwrap(),
            json!({"code": "s3://shop-code/a.zip"})
        );
    }

    #[test]
    fn an_archive_is_deployed_in_one_environment_and_no_other_changes() {
        let prod: EnvironmentName = "prod".parse().unwrap();
        let qa: EnvironmentName = "qa".parse().unwrap();
        let runs = |manifest: &Manifest, at| {
            let settings = manifest.effective(at, &prod).unwrap().settings;
            settings.artifact().map(|it| it.to_string())
        };
        let some = |text: &str| Some(text.to_owned());
        let how = json!({"function": {"runtime": "python3.13", "handler": "app.handler"}});
        let mut alone = function(&how);
        assert_eq!(runs(&alone, &prod), None, "it waits for its first archive");
        alone.set_artifact(&prod, &prod, code("s3://shop-code/1.zip"));
        assert!(alone.environments.is_empty());
        assert_eq!(runs(&alone, &prod), some("s3://shop-code/1.zip"));

        let mut both = alone.clone();
        both.environments
            .insert(qa.clone(), crate::manifest::Overrides::default());
        both.set_artifact(&prod, &prod, code("s3://shop-code/2.zip"));
        assert_eq!(runs(&both, &prod), some("s3://shop-code/2.zip"));
        assert_eq!(runs(&both, &qa), some("s3://shop-code/1.zip"));
        both.set_artifact(&qa, &prod, code("s3://shop-code/3.zip"));
        assert_eq!(runs(&both, &qa), some("s3://shop-code/3.zip"));
        both.set_artifact(&prod, &prod, code("s3://shop-code/4.zip"));
        assert!(!both.environments.contains_key(&prod) || both.environments[&prod].0.is_empty());
        assert_eq!(runs(&both, &prod), some("s3://shop-code/4.zip"));
        assert_eq!(runs(&both, &qa), some("s3://shop-code/3.zip"));

        let mut said_again = function(&how);
        said_again.keep_artifacts_of(&alone, &prod);
        assert_eq!(said_again, alone);
        let mut by_image = function(&json!({}));
        by_image.keep_artifacts_of(&alone, &prod);
        assert_eq!(runs(&by_image, &prod), None, "an archive is no image");
    }

    #[test]
    fn what_was_found_is_told_from_what_is_named_now() {
        let named = code("s3://shop-code/a.zip");
        let found = code("s3://shop-code/a.zip?versionId=1");
        assert!(found.is_of(&named) && found.is_of(&found));
        assert!(!found.is_of(&code("s3://shop-code/a.zip?versionId=2")));
        assert!(!found.is_of(&code("s3://shop-code/b.zip")));
        assert!(!found.is_of(&Artifact::Image("nginx:1".parse().unwrap())));
    }
}
