//! One environment of a manifest: the top level with the environment's overrides merged in.

use serde_json::Value;

use crate::image::Image;
use crate::manifest::{Manifest, Overrides, Settings};
use crate::name::{EnvironmentName, ServiceName, TeamName};
use crate::path::RoutePath;
use crate::schema;

/// What one environment of a service is to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// The service.
    pub service: ServiceName,
    /// The team that owns it.
    pub team: TeamName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The path prefix under which this environment is reached.
    pub path: RoutePath,
    /// Everything else.
    pub settings: Settings,
}

impl Manifest {
    /// The environments of the service: the platform's default one, and all that the manifest
    /// names, in order.
    pub fn environments(&self, default: &EnvironmentName) -> Vec<EnvironmentName> {
        let mut names = vec![default.clone()];
        names.extend(
            self.environments
                .keys()
                .filter(|name| *name != default)
                .cloned(),
        );
        names
    }

    /// What `environment` is to be, or `None` if the manifest does not have it.
    pub fn effective(
        &self,
        environment: &EnvironmentName,
        default: &EnvironmentName,
    ) -> Option<Effective> {
        let overrides = self.environments.get(environment);
        if overrides.is_none() && environment != default {
            return None;
        }
        let settings = overrides.map_or_else(
            || self.settings.clone(),
            |overrides| self.settings.with(overrides),
        );
        let own_path = overrides.is_some_and(|overrides| overrides.0.contains_key("path"));
        let path = settings
            .path
            .clone()
            .unwrap_or_else(|| schema::literal(&format!("/{}", self.service)));
        let path = if environment == default || own_path {
            path
        } else {
            path.within(environment)
        };
        Some(Effective {
            service: self.service.clone(),
            team: self.team.clone(),
            environment: environment.clone(),
            path,
            settings,
        })
    }

    /// Where the path of `environment` comes from, as a JSON pointer into the manifest.
    pub fn path_pointer(&self, environment: &EnvironmentName) -> String {
        match self.environments.get(environment) {
            Some(overrides) if overrides.0.contains_key("path") => {
                format!("/environments/{environment}/path")
            }
            _ if self.settings.path.is_some() => "/path".to_owned(),
            _ => "/service".to_owned(),
        }
    }

    /// Lets `environment` run `image`, and every other environment what it ran before.
    ///
    /// The image is set at the top level when no other environment inherits it from there,
    /// and in the environment's overrides otherwise.
    pub fn set_image(
        &mut self,
        environment: &EnvironmentName,
        default: &EnvironmentName,
        image: Image,
    ) {
        let others_inherit = self
            .environments(default)
            .iter()
            .filter(|name| *name != environment)
            .any(|name| {
                !self
                    .environments
                    .get(name)
                    .is_some_and(|o| o.0.contains_key("image"))
            });
        let overrides = self.environments.get_mut(environment);
        if environment == default && !others_inherit {
            if let Some(overrides) = overrides {
                overrides.0.remove("image");
            }
            self.settings.image = Some(image);
        } else {
            self.environments
                .entry(environment.clone())
                .or_default()
                .0
                .insert("image".to_owned(), Value::String(image.into()));
        }
    }

    /// Whether an environment deploys what is pushed under a tag that it follows.
    pub fn follows(&self) -> bool {
        let overrides = self.environments.values().any(|overrides| {
            let triggers = overrides.0.get("triggers");
            triggers.is_some_and(|it| it.get("follow").is_some_and(Value::is_string))
        });
        overrides || self.settings.triggers.follow.is_some()
    }

    /// Keeps the image of every environment that runs one in `previous` and for which this
    /// manifest names none: who leaves the image out lets pushes and deployments decide.
    pub fn keep_images_of(&mut self, previous: &Self, default: &EnvironmentName) {
        for environment in self.environments(default) {
            let image = |manifest: &Self| {
                manifest
                    .effective(&environment, default)
                    .and_then(|e| e.settings.image)
            };
            if image(self).is_none()
                && let Some(running) = image(previous)
            {
                self.set_image(&environment, default, running);
            }
        }
    }
}

impl Settings {
    /// These settings with `overrides` merged over them (RFC 7396).
    fn with(&self, overrides: &Overrides) -> Self {
        let mut merged = serde_json::to_value(self).unwrap_or_default();
        json_patch::merge(&mut merged, &Value::Object(overrides.0.clone()));
        // Overrides are checked against the same schema when a manifest is read, and a stored
        // manifest was read; what does not fit can only be one that nothing has checked.
        serde_json::from_value(merged).unwrap_or_else(|_| self.clone())
    }
}
