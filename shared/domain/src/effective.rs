//! One environment of a manifest: the top level with the environment's overrides merged in.

use serde_json::Value;

use crate::manifest::{Kind, Manifest, Overrides, Settings};
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
    /// The path prefix under which this environment is reached; none where nothing leads to it.
    pub path: Option<RoutePath>,
    /// Whether the database in it refuses to be deleted; false where there is none.
    pub protected: bool,
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
            path: settings.is_reached().then_some(path),
            protected: self.deletion_protection && settings.kind == Kind::Database,
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

    /// Brings `environment` back to what it was in an older generation of the same service, and
    /// leaves every other environment as it is: the top level where nobody else inherits from
    /// it, and the environment's overrides otherwise.
    ///
    /// # Errors
    /// The fields (JSON pointers) that the top level has by now and the older generation had not:
    /// overrides can change what they inherit, and cannot take it away.
    pub fn bring_back(
        &mut self,
        environment: &EnvironmentName,
        default: &EnvironmentName,
        to: &Effective,
    ) -> Result<(), Vec<String>> {
        let is_alone = self.environments(default).len() == 1;
        if environment == default && is_alone {
            self.environments.clear();
            self.settings = to.settings.clone();
        } else {
            let json = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
            let mut taken_away = Vec::new();
            let (from, to) = (json(&self.settings), json(&to.settings));
            let mut overrides = difference(&from, &to, "", &mut taken_away);
            // Without a path of its own it has the one that is made from its name.
            taken_away.retain(|pointer| pointer != "/path");
            if !taken_away.is_empty() {
                return Err(taken_away);
            }
            overrides.remove("path");
            self.environments
                .insert(environment.clone(), Overrides(overrides));
        }
        // A path of its own holds as it is; an inherited one would get the environment before it.
        let path = self
            .effective(environment, default)
            .and_then(|now| now.path);
        if let Some(wanted) = &to.path
            && path.as_ref() != Some(wanted)
        {
            let overrides = self.environments.entry(environment.clone()).or_default();
            let path = Value::String(wanted.clone().into());
            overrides.0.insert("path".to_owned(), path);
        }
        Ok(())
    }

    /// Whether an environment deploys what is pushed under a tag that it follows.
    pub fn follows(&self) -> bool {
        let overrides = self.environments.values().any(|overrides| {
            let triggers = overrides.0.get("triggers");
            triggers.is_some_and(|it| it.get("follow").is_some_and(Value::is_string))
        });
        overrides || self.settings.triggers.follow.is_some()
    }
}

/// What to merge over `from` (RFC 7396) to get `to`; where a field would have to be taken away
/// is put into `taken_away`.
fn difference(
    from: &Value,
    to: &Value,
    at: &str,
    taken_away: &mut Vec<String>,
) -> serde_json::Map<String, Value> {
    let none = serde_json::Map::new();
    let from = from.as_object().unwrap_or(&none);
    let to = to.as_object().unwrap_or(&none);
    let mut patch = serde_json::Map::new();
    for (key, wanted) in to {
        match from.get(key) {
            Some(there) if there == wanted => {}
            Some(there @ Value::Object(_)) if wanted.is_object() => {
                let inner = difference(there, wanted, &format!("{at}/{key}"), taken_away);
                patch.insert(key.clone(), Value::Object(inner));
            }
            Some(_) | None => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    taken_away.extend(gone.map(|key| format!("{at}/{key}")));
    patch
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest(document: &Value) -> Manifest {
        Manifest::read(document).unwrap()
    }

    fn name(text: &str) -> EnvironmentName {
        text.parse().unwrap()
    }

    /// Brings an environment of `now` back to what it was in `then`; what it is afterwards, and
    /// what all others are.
    fn brought_back(now: &Value, then: &Value, environment: &str) {
        let (prod, environment) = (name("prod"), name(environment));
        let (mut now, then) = (manifest(now), manifest(then));
        let others: Vec<_> = now
            .environments(&prod)
            .into_iter()
            .filter(|it| *it != environment)
            .collect();
        let before: Vec<_> = others.iter().map(|it| now.effective(it, &prod)).collect();
        let to = then.effective(&environment, &prod).unwrap();
        now.bring_back(&environment, &prod, &to).unwrap();
        let effective = now.effective(&environment, &prod).unwrap();
        assert_eq!(effective.path, to.path);
        let settings = Settings {
            path: to.settings.path.clone(),
            ..effective.settings
        };
        assert_eq!(settings, to.settings);
        let after: Vec<_> = others.iter().map(|it| now.effective(it, &prod)).collect();
        assert_eq!(before, after, "no other environment changes");
        // It can be stored, and read again.
        let document = serde_json::to_value(&now).unwrap();
        assert_eq!(Manifest::read(&document).unwrap(), now);
    }

    #[test]
    fn what_all_environments_share_by_now_is_not_taken_away_from_one() {
        let prod = name("prod");
        let then = manifest(&json!({"service": "orders", "image": "a:1"}));
        let to = then.effective(&prod, &prod).unwrap();
        let mut now = json!({"service": "orders", "image": "a:2", "environment": {"B": "2"}});
        manifest(&now).bring_back(&prod, &prod, &to).unwrap();
        now["environments"] = json!({"qa": {}});
        let mut shared = manifest(&now);
        let before = shared.clone();
        let refused = shared.bring_back(&prod, &prod, &to).unwrap_err();
        assert_eq!(refused, ["/environment"]);
        assert_eq!(shared, before);
    }

    #[test]
    fn an_environment_goes_back_and_no_other_changes() {
        let one = json!({"service": "orders", "image": "a:1", "cpu": 256, "environment": {"A": "1", "C": "2"}});
        let two = json!({"service": "orders", "image": "a:2", "cpu": 512, "memory": 1024, "path": "/x", "environment": {"A": "1", "C": "3"}});
        brought_back(&two, &one, "prod");
        brought_back(&one, &two, "prod");
        let with_qa = |document: &Value, qa: Value| {
            let mut document = document.clone();
            document["environments"] = json!({"qa": qa});
            document
        };
        for (now, then) in [(&one, &two), (&two, &one)] {
            let now = with_qa(now, json!({"image": "a:3"}));
            for qa in [json!({}), json!({"image": "a:4", "path": "/qa-of-its-own"})] {
                let then = with_qa(then, qa);
                brought_back(&now, &then, "prod");
                brought_back(&now, &then, "qa");
            }
        }
    }
}
