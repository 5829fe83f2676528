//! schemathesis against the OpenAPI document that the platform serves: nobody here wrote it.
//!
//! It reads the document, makes up requests that it allows and requests that it does not, and
//! holds the answers to it. What it is not to look at stands in `judges/schemathesis.toml`, with
//! reasons. Requests carry a made-up signature, which a local cloud does not verify.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use slipway_local_cloud::Venv;
use slipway_tests::local_platform::{LocalPlatform, root};

const LOCK: &str = include_str!("judges/templates.lock");
const AUTHORIZATION: &str = "Authorization: AWS4-HMAC-SHA256 \
    Credential=AKIASCHEMATHESIS/20260101/us-east-1/execute-api/aws4_request, \
    SignedHeaders=host, Signature=0";

/// Requests made up for each operation and phase: about a minute's worth.
const EXAMPLES: &str = "40";

#[test]
#[ignore = "needs a local cloud: cargo xtask test"]
fn the_api_does_what_its_openapi_document_says() -> Result<()> {
    let platform = LocalPlatform::start("schemathesis")?;
    let document = platform.client().openapi()?;
    let operations = operations(&document);
    let judges = root().join("tests/judges");
    // It leaves things behind where it runs.
    let folder = root().join("target/judge/schemathesis");
    std::fs::create_dir_all(&folder)?;
    // From a file: an operation that gives the document would be left out if it were asked for it.
    let file = folder.join("openapi.json");
    std::fs::write(&file, document.to_string())?;
    let output = Command::new(program()?)
        .current_dir(&folder)
        .env("SCHEMATHESIS_HOOKS", judges.join("schemathesis_hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("--config-file")
        .arg(judges.join("schemathesis.toml"))
        .arg("run")
        .arg(&file)
        .args(["--url", &platform.base()])
        .args(["--header", AUTHORIZATION])
        .args(["--max-examples", EXAMPLES])
        .args(["--seed", "2026"])
        .args(["--continue-on-failure", "--no-color"])
        .args(["--generation-database", "none"])
        .args(["--request-timeout", "20"])
        .output()
        .context("schemathesis does not start")?;
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "schemathesis found something: {errors}"
    );
    let tested = format!("Tested: {operations}");
    ensure!(
        said.contains(&tested),
        "not every operation was tried: {tested} is missing"
    );
    Ok(())
}

/// How many operations the document has.
fn operations(document: &Value) -> usize {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .filter_map(|(_, path)| path.as_object())
        .map(serde_json::Map::len)
        .sum()
}

/// The program, installed once with the other judges of templates.
fn program() -> Result<std::path::PathBuf> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let folder = root().join("target/venvs/templates");
    let report: Arc<dyn Fn(&str) + Send + Sync> = Arc::new(|line| println!("{line}"));
    let venv = runtime.block_on(Venv::ensure(&folder, LOCK, &*report))?;
    Ok(venv.program("schemathesis"))
}
