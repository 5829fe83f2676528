//! Writes templates for the judges: every golden one, those of the examples and of random manifests,
//! and the platform with each set of parameters.
//!
//! `render-for-judges DIR N SEED` gives the same files for the same seed. Each random
//! manifest gives the stack of one of its environments, every other one as it is first created,
//! with a desired count. Service stacks differ in little more than names: every tenth is enough.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use slipway_domain::{Manifest, Platform};
use slipway_synth::{RunState, Template, Weights, environment_stack, service_stack};
use slipway_tests::local_platform::root;
use slipway_tests::manifests::manifest_with_image;
use slipway_tests::platform_template::PlatformTemplate;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(files) => {
            println!("{files} templates");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("render-for-judges: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<usize> {
    let [folder, count, seed] = arguments else {
        bail!("usage: render-for-judges DIR N SEED");
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let count: u32 = count.parse().context("N")?;
    let seed: u64 = seed.parse().context("SEED")?;
    Ok(golden(folder)? + examples(folder)? + random(folder, count, seed)? + platforms(folder)?)
}

/// The platform, pairwise: conditions hide from judges who does not decide them what is made.
fn platforms(folder: &Path) -> Result<usize> {
    let template = PlatformTemplate::read()?;
    let mut sets = template.sets()?;
    for (number, set) in sets.iter_mut().enumerate() {
        // Whoever deploys names zones: in a template, judges rightly warn of names.
        set.insert("AvailabilityZones".to_owned(), String::new());
        let file = folder.join(format!("platform-{number:02}.json"));
        let plain = template.plain(set)?;
        fs::write(&file, format!("{plain:#}\n")).with_context(|| file.display().to_string())?;
    }
    Ok(sets.len())
}

/// Copies the golden templates, which a test holds to what is rendered.
fn golden(folder: &Path) -> Result<usize> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/synth/tests/golden");
    let mut files = 0;
    for case in fs::read_dir(&cases).with_context(|| cases.display().to_string())? {
        let case = case?;
        for file in fs::read_dir(case.path())? {
            let file = file?;
            let is_template = file.path().extension().is_some_and(|it| it == "json");
            // The values of a platform that a case is about.
            if is_template && file.file_name() != "platform.json" {
                let name = format!(
                    "golden-{}-{}",
                    case.file_name().to_string_lossy(),
                    file.file_name().to_string_lossy()
                );
                fs::copy(file.path(), folder.join(name))?;
                files += 1;
            }
        }
    }
    if files == 0 {
        bail!("no golden templates in {}", cases.display());
    }
    Ok(files)
}

/// Renders every stack of every example.
fn examples(folder: &Path) -> Result<usize> {
    let platform = Platform::sample();
    let mut files = 0;
    for case in fs::read_dir(root().join("examples"))? {
        let case = case?.path();
        if !case.is_dir() {
            continue;
        }
        for file in fs::read_dir(&case)? {
            let file = file?.path();
            if file.extension().is_none_or(|it| it != "yaml") {
                continue;
            }
            let document: Value = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
            let manifest = Manifest::read(&document).with_context(|| file.display().to_string())?;
            let name =
                |kind: &str| folder.join(format!("example-{}-{kind}.json", manifest.service));
            if manifest.settings.kind.has_repository() {
                write(&name("service"), &service_stack(&manifest, &platform))?;
                files += 1;
            }
            for environment in manifest.environments(&platform.environment) {
                let effective = manifest.effective(&environment, &platform.environment);
                let effective = effective.context("an environment")?;
                let stack = environment_stack(&effective, &platform, &RunState::default());
                if let Some(stack) = stack {
                    write(&name(environment.as_str()), &stack)?;
                    files += 1;
                }
            }
        }
    }
    Ok(files)
}

fn random(folder: &Path, count: u32, seed: u64) -> Result<usize> {
    let plain = Platform::sample();
    let guarded = Platform {
        web_acl: "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/sample/0a1b".to_owned(),
        ..Platform::sample()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = manifest_with_image();
    let mut files = 0;
    for number in 0..count {
        let document = strategy
            .new_tree(&mut runner)
            .map_err(|reason| anyhow::anyhow!("{reason}"))?
            .current();
        let manifest = Manifest::read(&document)?;
        let platform = if number % 4 == 0 { &guarded } else { &plain };
        manifest.check_on(platform)?;
        let run = RunState {
            desired_count: (number % 2 == 0).then_some(manifest.settings.scaling.min),
            weights: (number % 3 == 0).then_some(Weights::SECOND),
            ..RunState::default()
        };
        // One of its environments, another each time: they differ no more than manifests do.
        let names = manifest.environments(&platform.environment);
        let name = &names[number as usize % names.len()];
        let effective = manifest
            .effective(name, &platform.environment)
            .with_context(|| format!("no environment {name}"))?;
        let file = |kind: &str| folder.join(format!("random-{number:04}-{kind}.json"));
        let stack = environment_stack(&effective, platform, &run);
        let stack = stack.with_context(|| format!("{name} has no image"))?;
        write(&file("environment"), &stack)?;
        files += 1;
        if number % 10 == 0 && manifest.settings.kind.has_repository() {
            write(&file("service"), &service_stack(&manifest, platform))?;
            files += 1;
        }
    }
    Ok(files)
}

fn write(file: &Path, template: &Template) -> Result<()> {
    fs::write(file, template.to_pretty()).with_context(|| file.display().to_string())
}
