//! The judges of templates: cfn-lint, checkov and SAM over `template.yaml` and what it nests, and
//! the first two over every golden template and those of the examples and of 1,000 random
//! manifests; and whether each of them still finds the faults that are planted for it.
//!
//! Their Python environments are made from lock files, once. The last line adds up as a test
//! binary's does, so that `cargo xtask test` can count it; the exit code is that of the worst.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use slipway_local_cloud::Venv;
use slipway_tests::local_platform::root;
use slipway_tests::platform_template::PlatformTemplate;
use tokio::process::Command;

/// Random manifests, and the seed that they are made from: the same templates at every run.
const MANIFESTS: (&str, &str) = ("1000", "2026");

/// A judge: its name, the environment it lives in with its lock file, and whether it judges the
/// templates of services beside the platform's.
struct Judge {
    name: &'static str,
    venv: &'static str,
    lock: &'static str,
    script: &'static str,
    rendered: bool,
}

const JUDGES: [Judge; 3] = [
    Judge {
        name: "cfn-lint",
        venv: "templates",
        lock: include_str!("../../judges/templates.lock"),
        script: "judge_cfn_lint.py",
        rendered: true,
    },
    Judge {
        name: "checkov",
        venv: "checkov",
        lock: include_str!("../../judges/checkov.lock"),
        script: "judge_checkov.py",
        rendered: true,
    },
    Judge {
        name: "sam",
        venv: "sam",
        lock: include_str!("../../judges/sam.lock"),
        script: "judge_sam.py",
        rendered: false,
    },
];

/// What a judge said.
struct Verdict {
    name: String,
    passed: bool,
    text: String,
    took: Duration,
}

fn main() -> ExitCode {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let verdicts = runtime
        .context("no runtime")
        .and_then(|runtime| runtime.block_on(judge_all()));
    match verdicts {
        Ok(verdicts) => conclude(&verdicts, began.elapsed()),
        Err(error) => {
            eprintln!("slipway-judges: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn conclude(verdicts: &[Verdict], took: Duration) -> ExitCode {
    let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        verdicts.len() - failed,
        took.as_secs_f64()
    );
    ExitCode::from(u8::from(failed > 0))
}

/// Renders the templates and asks every judge, two at a time: cfn-lint and checkov each take
/// most of a minute.
async fn judge_all() -> Result<Vec<Verdict>> {
    let rendered = root().join("target/judge/rendered");
    render(&rendered).await?;
    let [cfn_lint, checkov, sam] = &JUDGES;
    let (first, second) = tokio::join!(both(cfn_lint, &rendered), async {
        let mut verdicts = both(checkov, &rendered).await?;
        verdicts.extend(both(sam, &rendered).await?);
        anyhow::Ok(verdicts)
    });
    let mut verdicts = first?;
    verdicts.extend(second?);
    Ok(verdicts)
}

/// Writes the templates anew, by the program beside this one.
async fn render(folder: &Path) -> Result<()> {
    let began = Instant::now();
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let program = std::env::current_exe()?.with_file_name("render-for-judges");
    let (count, seed) = MANIFESTS;
    let output = Command::new(&program)
        .arg(folder)
        .args([count, seed])
        .output()
        .await
        .with_context(|| format!("{} does not start", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "rendering: {errors}");
    println!(
        "rendered {} ({:.1} s)",
        said.trim(),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The judge's verdict, and whether it still bites.
async fn both(judge: &Judge, rendered: &Path) -> Result<Vec<Verdict>> {
    let report = |line: &str| println!("{line}");
    let folder = root().join("target/venvs").join(judge.venv);
    let venv = Venv::ensure(&folder, judge.lock, &report).await?;
    let platform = PlatformTemplate::read()?;
    let files = platform.files().into_iter();
    let mut templates: Vec<PathBuf> = files.map(|file| root().join(file)).collect();
    if judge.rendered {
        templates.push(rendered.to_path_buf());
    }
    let verdict = ask(&venv, judge, judge.name.to_owned(), &templates).await?;
    let bites = ask(
        &venv,
        judge,
        format!("{} self-test", judge.name),
        &[PathBuf::from("--self-test")],
    )
    .await?;
    Ok(vec![verdict, bites])
}

async fn ask(venv: &Venv, judge: &Judge, name: String, arguments: &[PathBuf]) -> Result<Verdict> {
    let began = Instant::now();
    let output = Command::new(venv.python())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root().join("tests/judges").join(judge.script))
        .args(arguments)
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("{name} does not start"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        text.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    let verdict = Verdict {
        name,
        passed: output.status.success(),
        text,
        took: began.elapsed(),
    };
    tell(&verdict);
    Ok(verdict)
}

fn tell(verdict: &Verdict) {
    let word = if verdict.passed { "ok" } else { "FAILED" };
    println!(
        "judge {} ... {word} ({:.1} s)",
        verdict.name,
        verdict.took.as_secs_f64()
    );
    for line in verdict.text.lines() {
        println!("    {line}");
    }
}
