//! Reading a manifest: everything that is wrong with it, at once.
//!
//! The schema is asked first. What it refuses is taken out of a copy, so that the rules that
//! a schema cannot say still see the rest, and all findings come in one answer.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::effective::Effective;
use crate::manifest::{Kind, Manifest, Overrides, Settings};
use crate::name::EnvironmentName;
use crate::path::RESERVED;
use crate::platform::Platform;
use crate::problem::{Broken, Problem, Problems, without};
use crate::{
    alarms, authorization, balancer, capacity, container, database, discovery, forbidden, function,
    ingress, job, kind, permission, scaling, schema, size, strategy,
};

/// The most bytes of environment variables and command together. ECS allows 64 KiB for a
/// whole task definition (Amazon ECS developer guide, service quotas).
const MAX_CONTAINER_BYTES: usize = 48 * 1024;

impl Manifest {
    /// Reads a manifest, with its defaults filled in.
    ///
    /// # Errors
    /// Everything that is wrong with it: what the schema refuses, and what a schema cannot
    /// say. What depends on a platform is [`Self::read_on`]'s.
    pub fn read(document: &Value) -> Result<Self, Problems> {
        Self::examine(document, None)
    }

    /// Reads a manifest for a platform, with its defaults filled in.
    ///
    /// # Errors
    /// All of [`Self::read`]'s and all of [`Self::check_on`]'s, at once.
    pub fn read_on(document: &Value, platform: &Platform) -> Result<Self, Problems> {
        Self::examine(document, Some(platform))
    }

    fn examine(document: &Value, platform: Option<&Platform>) -> Result<Self, Problems> {
        let document = &whole_numbers(document);
        let refused = schema::check(document);
        let manifest = serde_json::from_value::<Self>(without(document, &refused));
        let manifest = manifest.map(database::filled_in);
        let mut rules = Vec::new();
        if let Ok(manifest) = &manifest {
            rules.extend(manifest.rules());
            // What the platform allows depends on the service's name.
            let on_platform = platform.and_then(|platform| manifest.check_on(platform).err());
            rules.extend(
                on_platform
                    .into_iter()
                    .flat_map(|found| found.problems)
                    .map(|problem| Rule {
                        fields: vec![problem.pointer.clone(), "/service".to_owned()],
                        problem,
                        unused: false,
                    }),
            );
        }
        rules.retain(|rule| !rule.rests_on(&refused));
        let schema = !refused.is_empty();
        let mut all: BTreeSet<Problem> = refused.into_iter().collect();
        all.extend(forbidden::find(document));
        all.extend(rules.into_iter().map(|rule| rule.problem));
        match manifest {
            Ok(manifest) if all.is_empty() => Ok(manifest),
            Ok(_) => Err(Problems {
                problems: all.into_iter().collect(),
                schema,
            }),
            Err(error) => {
                if all.is_empty() {
                    all.insert(Problem::new("", error.to_string()));
                }
                Err(Problems {
                    problems: all.into_iter().collect(),
                    schema: true,
                })
            }
        }
    }

    /// Everything that is wrong with the manifest on this platform.
    ///
    /// # Errors
    /// Secrets and names outside the allowed prefixes, images from registries that are not allowed,
    /// and two environments at one path.
    pub fn check_on(&self, platform: &Platform) -> Result<(), Problems> {
        let mut problems = BTreeSet::new();
        let mut paths = std::collections::BTreeMap::new();
        for environment in self.environments(&platform.environment) {
            let Some(effective) = self.effective(&environment, &platform.environment) else {
                continue;
            };
            problems.extend(self.policy(&effective, platform));
            if let Some(path) = effective.path
                && let Some(other) = paths.insert(path.clone(), environment.clone())
            {
                problems.insert(Problem::new(
                    self.pointer(&environment, "path"),
                    format!("is `{path}`, as in the environment `{other}`: give each its own"),
                ));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Problems {
                problems: problems.into_iter().collect(),
                schema: false,
            })
        }
    }

    fn policy(&self, effective: &Effective, platform: &Platform) -> Vec<Problem> {
        let mut problems = Vec::new();
        let environment = &effective.environment;
        // Pointers begin with the field, which may be an environment's own.
        let written = |pointer: &str| {
            let field = pointer.split('/').nth(1).unwrap_or_default();
            let base = self.pointer(environment, field);
            format!("{base}{}", &pointer[1 + field.len()..])
        };
        for (pointer, secret) in effective.settings.all_secrets() {
            if !platform.allows_secret(&self.service, secret) {
                let prefixes = platform.secret_prefixes_of(&self.service).join("` or `");
                problems.push(Problem::new(
                    written(&pointer),
                    format!("is outside what this service may read: a secret must lie under `{prefixes}`"),
                ));
            }
        }
        for (pointer, image) in effective.settings.all_images() {
            if !platform.allows_registry(image) {
                problems.push(Problem::new(
                    written(&pointer),
                    format!(
                        "comes from `{}`; this platform allows images from `{}`",
                        image.registry(),
                        platform.allowed_registries.join("`, `")
                    ),
                ));
            }
        }
        let settings = &effective.settings;
        if let Some(detail) = ingress::missing(settings.way_in(), platform) {
            let pointer = self.pointer(environment, "ingress");
            problems.push(Problem::new(pointer, detail));
        }
        if settings.kind == Kind::Function
            && let Some((pointer, detail)) = function::refused_on(effective, platform)
        {
            problems.push(Problem::new(written(pointer), detail));
        }
        if let Some(detail) = function::shifting::missing(settings, platform) {
            problems.push(Problem::new(self.pointer(environment, "deploy"), detail));
        }
        if settings.kind == Kind::Job
            && let Some(detail) = job::missing(platform)
        {
            problems.push(Problem::new(self.pointer(environment, "kind"), detail));
        }
        if platform.waker.is_empty()
            && settings.way_in().has_load_balancer()
            && settings.scaling.may_sleep()
        {
            problems.push(Problem::new(
                self.pointer(environment, "scaling"),
                "lets the service sleep, and this platform has nobody yet who wakes it: a `min` of 1 or more would be right until the platform is updated",
            ));
        }
        if let Some(detail) = database::missing(settings, platform) {
            problems.push(Problem::new(self.pointer(environment, "kind"), detail));
        }
        if let Some(detail) = database::elsewhere(settings, platform) {
            let pointer = format!("{}/restore/snapshot", self.pointer(environment, "database"));
            problems.push(Problem::new(pointer, detail));
        }
        problems.extend(
            capacity::missing(&effective.settings, platform)
                .into_iter()
                .chain(discovery::missing(effective, platform))
                .chain(authorization::missing(&effective.settings, platform))
                .map(|(field, detail)| Problem::new(self.pointer(environment, field), detail)),
        );
        problems.extend(self.names(effective, platform));
        problems
    }

    /// The things that an environment's permissions name, and that are not this service's.
    fn names(&self, effective: &Effective, platform: &Platform) -> Vec<Problem> {
        let pointer = self.pointer(&effective.environment, "permissions");
        let mut problems = Vec::new();
        for (place, permission) in effective.settings.permissions.iter().enumerate() {
            for (index, name) in permission.on.iter().enumerate() {
                let is_owned = permission.allow.thing().is_owned();
                if is_owned && !platform.allows_name(&self.service, name) {
                    let prefixes = platform.resource_prefixes_of(&self.service);
                    let detail = if prefixes.is_empty() {
                        "is named on a platform that lets services name nothing yet: update the platform first".to_owned()
                    } else {
                        let prefixes = prefixes.join("` or `");
                        format!(
                            "is outside what this service may name: it must begin with `{prefixes}`"
                        )
                    };
                    problems.push(Problem::new(
                        format!("{pointer}/{place}/on/{index}"),
                        detail,
                    ));
                }
            }
        }
        problems
    }

    /// Where a field of `environment` is written: in its overrides, or else at the top level.
    pub fn pointer(&self, environment: &EnvironmentName, field: &str) -> String {
        match self.environments.get(environment) {
            Some(overrides) if overrides.0.contains_key(field) => {
                format!("/environments/{environment}/{field}")
            }
            _ => format!("/{field}"),
        }
    }

    fn rules(&self) -> Vec<Rule> {
        let mut rules = self.settings.rules("");
        rules.extend(all("", database::across(self)));
        if balancer::is_shared(self.service.as_str()) {
            let detail = "is the name of a load balancer that services share: choose another";
            rules.push(Rule::new("/service", &[], detail.to_owned()));
        }
        let reserved = |path: &crate::RoutePath, pointer: String| {
            path.is_reserved().then(|| {
                Rule::new(
                    &pointer,
                    &[],
                    format!(
                        "begins with a path of the platform itself (`/{}`): choose another",
                        RESERVED.join("`, `/")
                    ),
                )
            })
        };
        match &self.settings.path {
            Some(path) => rules.extend(reserved(path, "/path".to_owned())),
            None => rules.extend(
                schema::literal::<crate::RoutePath>(&format!("/{}", self.service))
                    .is_reserved()
                    .then(|| {
                        Rule::new(
                            "/service",
                            &["/path"],
                            format!("is reserved: its path `/{}` is the platform's own; choose another name, or set `path`", self.service),
                        )
                    }),
            ),
        }
        for (place, webhook) in self.notify.webhooks.iter().enumerate() {
            if webhook.url.is_inside() {
                rules.push(Rule::new(
                    &format!("/notify/webhooks/{place}/url"),
                    &[],
                    format!(
                        "leads to `{}`, which is no host of the internet: notices go nowhere else",
                        webhook.url.host()
                    ),
                ));
            }
        }
        for (name, overrides) in &self.environments {
            let base = format!("/environments/{name}");
            if let Some(Ok(path)) = overrides
                .0
                .get("path")
                .map(|p| serde_json::from_value(p.clone()))
            {
                rules.extend(reserved(&path, format!("{base}/path")));
            }
            if RESERVED.contains(&name.as_str()) {
                rules.push(Rule::new(
                    &base,
                    &[],
                    "is a name that the platform uses itself in paths: choose another".to_owned(),
                ));
            }
            // An environment's own name as the "default" one merges the same way.
            if let Some(effective) = self.effective(name, name) {
                rules.extend(
                    effective
                        .settings
                        .rules(&base)
                        .into_iter()
                        // What is inherited whole is reported at the top level.
                        .filter(|rule| {
                            rule.is_written_in(overrides, &base)
                                && rule.fields.iter().any(|field| {
                                    let field = field
                                        .trim_start_matches(&base)
                                        .split('/')
                                        .nth(1)
                                        .unwrap_or_default();
                                    overrides.0.contains_key(field)
                                })
                        }),
                );
            }
        }
        rules
    }
}

/// A rule that was broken, and the fields it looked at.
struct Rule {
    problem: Problem,
    fields: Vec<String>,
    /// Whether the rule is about a field that says nothing here, so that an environment that
    /// only inherits the field does not break it.
    unused: bool,
}

impl Rule {
    fn new(pointer: &str, others: &[&str], detail: String) -> Self {
        let mut fields = vec![pointer.to_owned()];
        fields.extend(others.iter().map(|&other| other.to_owned()));
        Self {
            problem: Problem::new(pointer, detail),
            fields,
            unused: false,
        }
    }

    /// Whether an environment's overrides say what the rule is about, where that counts; `base`
    /// is their pointer.
    fn is_written_in(&self, overrides: &Overrides, base: &str) -> bool {
        let mut steps = self.problem.pointer.trim_start_matches(base).split('/');
        let first = steps.nth(1).and_then(|name| overrides.0.get(name));
        let written = steps.fold(first, |value, name| value.and_then(|it| it.get(name)));
        !self.unused || written.is_some()
    }

    /// Whether a field that the rule looked at was refused already, so that it saw a default.
    fn rests_on(&self, refused: &[Problem]) -> bool {
        let within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        refused.iter().any(|problem| {
            self.fields
                .iter()
                .any(|field| within(field, &problem.pointer) || within(&problem.pointer, field))
        })
    }
}

impl Settings {
    /// Rules between fields; `base` is the pointer of the settings' object.
    fn rules(&self, base: &str) -> Vec<Rule> {
        let mut rules = Vec::new();
        if self.kind == Kind::Database {
            return all(base, database::broken(self));
        }
        let mut broken = |pointer: &str, other: &str, detail: String| {
            rules.push(Rule::new(
                &format!("{base}{pointer}"),
                &[&format!("{base}{other}")],
                detail,
            ));
        };
        if let (Some(allowed), Some(words)) = (
            size::memory_for(self.cpu),
            size::describe_memory_for(self.cpu),
        ) && !allowed.contains(&self.memory)
        {
            broken(
                "/memory",
                "/cpu",
                format!(
                    "is {} MiB, which Fargate does not allow with {} CPU units: with these it allows {words}",
                    self.memory, self.cpu
                ),
            );
        }
        if self.health.timeout >= self.health.interval {
            broken(
                "/health/timeout",
                "/health/interval",
                format!(
                    "is {}, not less than `interval`, {}",
                    self.health.timeout, self.health.interval
                ),
            );
        }
        for name in self
            .secrets
            .keys()
            .filter(|name| self.environment.contains_key(*name))
        {
            broken(
                &format!("/secrets/{name}"),
                &format!("/environment/{name}"),
                "is in `environment` too: a variable has one value".to_owned(),
            );
        }
        let pairs = |name: &String, value: &str| name.len() + value.len();
        let texts = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let variables = |all: &std::collections::BTreeMap<String, String>| {
            all.iter()
                .map(|(name, value)| pairs(name, value))
                .sum::<usize>()
        };
        let beside = self.sidecars.values();
        let beside = beside.map(|it| texts(&it.command) + variables(&it.environment) + 500);
        let bytes = texts(&self.command) + variables(&self.environment) + beside.sum::<usize>()
            // A reference becomes an ARN, which is about this much longer.
            + self.all_secrets().map(|(name, secret)| pairs(&name, secret.as_str()) + 60).sum::<usize>();
        if bytes > MAX_CONTAINER_BYTES {
            broken(
                "/environment",
                "/command",
                format!(
                    "holds, with `command` and `secrets`, {bytes} bytes; ECS has room for {MAX_CONTAINER_BYTES}: put large values into Parameter Store or S3"
                ),
            );
        }
        let broken = [
            strategy::broken(self),
            scaling::broken(self),
            alarms::broken(self),
            capacity::broken(self),
            permission::broken(self),
            container::broken(self),
            ingress::broken(self),
            discovery::broken(self),
            authorization::broken(self).into_iter().collect(),
            kind::broken(self),
        ];
        rules.extend(all(base, broken.into_iter().flatten()));
        rules
    }
}

/// What is broken, as rules of the settings at `base`.
fn all(base: &str, broken: impl IntoIterator<Item = Broken>) -> Vec<Rule> {
    let rule = |broken: Broken| Rule {
        problem: Problem::new(format!("{base}{}", broken.pointer), broken.detail),
        fields: [broken.pointer]
            .iter()
            .chain(&broken.others)
            .map(|field| format!("{base}{field}"))
            .collect(),
        unused: broken.unused,
    };
    broken.into_iter().map(rule).collect()
}

/// `document` with numbers such as `80.0` written as `80`: JSON Schema calls them integers.
pub fn whole_numbers(document: &Value) -> Value {
    match document {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                (float as i64).into()
            }
            _ => document.clone(),
        },
        Value::Array(items) => items.iter().map(whole_numbers).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), whole_numbers(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::String(_) => document.clone(),
    }
}
