//! Building the copy, with a guard or without, and running the test that is to see it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::Guard;
use super::copy::Copy;
use crate::cargo::{self, Outcome};

/// The longest that a test may run. Without its guard it may never end.
const LONGEST: Duration = Duration::from_mins(10);

/// What became of a guard that was taken away.
pub(super) enum Verdict {
    /// The test failed.
    Caught,
    /// The test passed.
    Survived,
    /// Nothing was tried: what remains does not compile.
    Broken(String),
}

/// How a test went.
#[derive(PartialEq, Eq)]
enum Ran {
    /// It passed, and so many did.
    Passed(usize),
    /// It failed, or did not end.
    Failed(String),
}

/// Runs the named tests with every guard in its place: they must pass.
pub(super) fn stands_alone(copy: &Copy, guards: &[&Guard]) -> Outcome {
    let mut packages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for guard in guards {
        packages
            .entry(guard.package)
            .or_default()
            .insert(guard.test);
    }
    for (package, tests) in packages {
        let program = build(copy, package)?;
        let tests: Vec<&str> = tests.into_iter().collect();
        match ran(&program, &tests)? {
            Ran::Passed(passed) if passed == tests.len() => {}
            Ran::Passed(passed) => {
                return Err(format!(
                    "{package} has {passed} of the {} named tests: {tests:#?}",
                    tests.len()
                ));
            }
            Ran::Failed(output) => return Err(output),
        }
    }
    Ok(())
}

/// Takes a guard away, sees whether its test fails, and puts it back.
pub(super) fn trial(copy: &Copy, guard: &Guard) -> Result<Verdict, String> {
    let whole = copy.text(guard.file)?;
    let without = whole.replacen(guard.text, guard.without, 1);
    copy.write(guard.file, without.as_bytes())?;
    let verdict = match build(copy, guard.package) {
        Ok(program) => ran(&program, &[guard.test]).map(|ran| match ran {
            Ran::Passed(_) => Verdict::Survived,
            Ran::Failed(_) => Verdict::Caught,
        }),
        Err(error) => Ok(Verdict::Broken(error)),
    };
    copy.write(guard.file, whole.as_bytes())?;
    verdict
}

/// Builds the tests of a package's library, and gives the program.
fn build(copy: &Copy, package: &str) -> Result<PathBuf, String> {
    // What is built again for each guard is built quickly.
    let fast = format!("profile.dev.package.{package}.opt-level=0");
    let mut command = cargo::command(&[
        "test",
        "--locked",
        "--no-run",
        "--lib",
        "--color",
        "never",
        "--config",
        &fast,
        "--package",
        package,
    ]);
    let built = command
        .current_dir(&copy.root)
        .env("CARGO_TARGET_DIR", copy.root.join("target"))
        // Nobody looks into these programs.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .output()
        .map_err(|error| format!("cargo did not start: {error}"))?;
    let said = String::from_utf8_lossy(&built.stderr);
    if !built.status.success() {
        return Err(said.into_owned());
    }
    // `  Executable unittests src/lib.rs (target/debug/deps/slipway_control-…)`
    said.lines()
        .find_map(|line| line.trim().strip_prefix("Executable ")?.rsplit_once('('))
        .map(|(_, path)| copy.root.join(Path::new(path.trim_end_matches(')'))))
        .ok_or_else(|| format!("cargo names no program: {said}"))
}

/// Runs some tests of a program, by their whole names.
fn ran(program: &Path, tests: &[&str]) -> Result<Ran, String> {
    let failed = |error: std::io::Error| format!("{} did not start: {error}", program.display());
    let mut child = Command::new(program)
        .arg("--exact")
        .args(tests)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let Some(mut output) = child.stdout.take() else {
        return Err("no output".to_owned());
    };
    let (send, receive) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        let _ = send.send(text);
    });
    let Ok(text) = receive.recv_timeout(LONGEST) else {
        child.kill().map_err(failed)?;
        child.wait().map_err(failed)?;
        return Ok(Ran::Failed("it does not end".to_owned()));
    };
    let _ = reader.join();
    if !child.wait().map_err(failed)?.success() {
        return Ok(Ran::Failed(text));
    }
    Ok(Ran::Passed(passed(&text)))
}

/// How many tests passed, of `test result: ok. 5 passed; 0 failed; …`.
fn passed(output: &str) -> usize {
    output
        .lines()
        .find_map(|line| line.strip_prefix("test result: ok. ")?.split_once(' '))
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}
