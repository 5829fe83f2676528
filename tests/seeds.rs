//! Every box of the five drawings is in what is rendered for the example of it.
//!
//! `tests/seeds/*.yaml` lists the boxes, each with what a resource must have: its type, port,
//! addresses, count, and who may reach it. What is not built yet is listed as well, and marked: a
//! mark on a box that is there is a failure too, so that the list stays true.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use slipway_domain::{Manifest, Platform, balancer};
use slipway_synth::{RunState, Template, environment_stack, service_stack};
use slipway_tests::local_platform::root;
use slipway_tests::platform_template::PlatformTemplate;

/// A drawing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    /// The folder below `examples`.
    example: String,
    /// The services that run.
    services: Vec<String>,
    /// Those that wait for their first image.
    #[serde(default)]
    waiting: Vec<String>,
    /// What the first deployment brings to some of those that wait: they are rendered with it.
    #[serde(default)]
    artifacts: BTreeMap<String, String>,
    /// The parameters of `template.yaml` that the drawing asks for.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// What the platform's values differ in from the sample's.
    #[serde(default)]
    values: serde_json::Map<String, Value>,
    boxes: Vec<Drawn>,
}

/// A box of a drawing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Drawn {
    /// As the drawing has it.
    r#box: String,
    /// The row of the product's list that asks for it.
    row: String,
    of: Place,
    /// Parameters beside the seed's.
    #[serde(default)]
    with: BTreeMap<String, String>,
    r#type: String,
    #[serde(default)]
    has: Value,
    /// How many; one or more when left out.
    count: Option<usize>,
    /// Why it is not there yet.
    not_yet: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Place {
    /// `platform`, `all`, `service stack of NAME`, or `shared load balancer`.
    Said(String),
    /// The environment stacks of these services.
    Services(Vec<String>),
}

/// A seed with what is rendered for its example.
struct Rendered {
    template: PlatformTemplate,
    environments: BTreeMap<String, Template>,
    services: BTreeMap<String, Template>,
}

fn seeds() -> Result<Vec<(String, Seed)>> {
    let folder = root().join("tests/seeds");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let seed = serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?;
        seeds.push((path.display().to_string(), seed));
    }
    Ok(seeds)
}

fn manifest(path: &Path) -> Result<Manifest> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let document: Value = serde_saphyr::from_str(&text)?;
    Manifest::read(&document).with_context(|| path.display().to_string())
}

impl Seed {
    fn platform(&self) -> Result<Platform> {
        let mut values = serde_json::to_value(Platform::sample())?;
        for (name, value) in &self.values {
            values[name] = value.clone();
        }
        Ok(serde_json::from_value(values)?)
    }

    fn rendered(&self) -> Result<Rendered> {
        let platform = self.platform()?;
        let folder = root().join("examples").join(&self.example);
        let mut rendered = Rendered {
            template: PlatformTemplate::read()?,
            environments: BTreeMap::new(),
            services: BTreeMap::new(),
        };
        for name in self.services.iter().chain(&self.waiting) {
            let mut manifest = manifest(&folder.join(format!("{name}.yaml")))?;
            let runs =
                !manifest.settings.kind.has_repository() || manifest.settings.artifact().is_some();
            ensure!(runs != self.waiting.contains(name), "{name} waits?");
            if let Some(artifact) = self.artifacts.get(name) {
                manifest.settings.set_artifact(artifact.parse()?);
            }
            manifest.check_on(&platform)?;
            if manifest.settings.kind.has_repository() {
                let stack = service_stack(&manifest, &platform);
                rendered.services.insert(name.clone(), stack);
            }
            let default = &platform.environment;
            let effective = manifest
                .effective(default, default)
                .context("it is there")?;
            let stack = environment_stack(&effective, &platform, &RunState::default());
            rendered
                .environments
                .extend(stack.map(|it| (name.clone(), it)));
        }
        Ok(rendered)
    }

    /// What is wrong with a box, if something is.
    fn judged(&self, drawn: &Drawn, rendered: &Rendered) -> Result<Option<String>> {
        for (place, resources) in self.resources(drawn, rendered)? {
            let is_it = |resource: &&Value| {
                resource["Type"] == *drawn.r#type && holds(&drawn.has, &resource["Properties"])
            };
            let found = resources.iter().filter(is_it).count();
            let is_there = drawn.count.map_or(found > 0, |count| found == count);
            let what = format!("{} (row {}) of {place}", drawn.r#box, drawn.row);
            match &drawn.not_yet {
                Some(_) if is_there => return Ok(Some(format!("{what}: is there by now"))),
                None if !is_there => return Ok(Some(format!("{what}: {found} {}", drawn.r#type))),
                Some(_) | None => {}
            }
        }
        Ok(None)
    }

    /// The resources of each place that a box speaks of.
    fn resources(&self, drawn: &Drawn, rendered: &Rendered) -> Result<Vec<(String, Vec<Value>)>> {
        let all = |template: &Template| -> Vec<Value> {
            template.resources().map(|(_, it)| it.clone()).collect()
        };
        let of = |names: &[String]| -> Result<Vec<(String, Vec<Value>)>> {
            let names = names.iter();
            let found = names.map(|name| {
                let stack = rendered.environments.get(name);
                Ok((
                    name.clone(),
                    all(stack.with_context(|| format!("no {name}"))?),
                ))
            });
            found.collect()
        };
        match &drawn.of {
            Place::Services(names) => of(names),
            Place::Said(said) if said == "all" => {
                let runs = |it: &&String| rendered.services.contains_key(*it);
                of(&self
                    .services
                    .iter()
                    .filter(runs)
                    .cloned()
                    .collect::<Vec<_>>())
            }
            Place::Said(said) if said == "platform" => {
                let mut parameters = self.parameters.clone();
                parameters.extend(drawn.with.clone());
                let made = rendered.template.made(&parameters)?;
                Ok(vec![(said.clone(), made.resources.into_values().collect())])
            }
            Place::Said(said) if said == "shared load balancer" => {
                let platform = self.platform()?;
                let first = balancer::shared(&platform).next().context("none")?;
                let manifest = balancer::manifest(first.parse()?);
                let default = &platform.environment;
                let effective = manifest.effective(default, default).context("there")?;
                let stack = environment_stack(&effective, &platform, &RunState::default());
                Ok(vec![(said.clone(), all(&stack.context("a stack")?))])
            }
            Place::Said(said) => {
                let name = said.strip_prefix("service stack of ");
                let stack = name.and_then(|name| rendered.services.get(name));
                Ok(vec![(said.clone(), all(stack.context("no such place")?))])
            }
        }
    }
}

/// Whether all that is wanted is found: fields of an object, elements of a list in any order, a
/// text behind `~` anywhere in what there is.
fn holds(wanted: &Value, found: &Value) -> bool {
    match wanted {
        Value::Null => true,
        Value::Object(fields) => fields.iter().all(|(key, it)| holds(it, &found[key])),
        Value::Array(list) => {
            let all = || found.as_array().into_iter().flatten();
            list.iter()
                .all(|it| all().any(|element| holds(it, element)))
        }
        Value::String(text) => match text.strip_prefix('~') {
            Some(part) => found
                .as_str()
                .map_or_else(|| found.to_string().contains(part), |it| it.contains(part)),
            None => found.as_str() == Some(text),
        },
        // Parameters of a template are texts.
        Value::Number(number) => found == wanted || found.as_str() == Some(&*number.to_string()),
        Value::Bool(_) => found == wanted,
    }
}

#[test]
fn every_box_of_the_drawings_is_in_what_is_rendered() -> Result<()> {
    let mut wrong = Vec::new();
    for (path, seed) in seeds()? {
        let rendered = seed.rendered().with_context(|| path.clone())?;
        for drawn in &seed.boxes {
            let judged = seed.judged(drawn, &rendered);
            wrong.extend(judged.with_context(|| format!("{path}: {}", drawn.r#box))?);
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("{}", wrong.join("\n"))
    }
}

#[test]
fn a_box_is_not_found_in_what_lacks_one_of_its_properties() {
    use serde_json::json;
    let listener = json!({"Port": 80, "Actions": [{"Type": "forward"}, {"Type": "redirect"}]});
    assert!(holds(
        &json!({"Port": 80, "Actions": [{"Type": "redirect"}]}),
        &listener
    ));
    assert!(holds(&json!({"Actions": "~forw"}), &listener));
    for other in [
        json!({"Port": 81}),
        json!({"Scheme": "internal"}),
        json!({"Actions": [{"Type": "authenticate"}]}),
        json!({"Actions": "~authenticate"}),
    ] {
        assert!(!holds(&other, &listener), "{other}");
    }
}
