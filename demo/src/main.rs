//! The demonstration: a local cloud, the platform from `template.yaml`, six services
//! registered over HTTP, one changed and one deleted. `cargo xtask demo` builds what it needs
//! and runs it.

mod screen;
mod story;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use slipway_cli::client::{Client, Credentials};
use slipway_local_cloud::{Deploy, LocalCloud, Options, Platform};

use screen::Screen;

const PLATFORM: &str = "devops2-g4";

fn main() -> ExitCode {
    let stays = !std::env::args().any(|argument| argument == "--exit");
    let screen = Screen::new();
    match run(&screen, stays) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen.line(&format!("\nThe demonstration stopped: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(screen: &Screen, stays: bool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let (interrupt, interrupted) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            let _ = interrupt.send(());
        }
    });

    let report = screen.clone();
    let log = root().join("target/demo-emulator.log");
    let options = Options {
        venvs: root().join("target/venvs"),
        log: Some(log),
        report: Arc::new(move |line: &str| report.line(&format!("  {line}"))),
        ..Options::default()
    };
    screen.heading("The local cloud: an AWS emulator, and our companion in front of it");
    let cloud = runtime
        .block_on(unless_interrupted(LocalCloud::start(options)))
        .context("the local cloud did not start")?;
    screen.line(&format!("  answers at {}", cloud.endpoint()));

    let told = tell(screen, &runtime, &cloud, stays, &interrupted);
    screen.heading("Ending the local cloud");
    runtime.block_on(cloud.stop())?;
    told
}

fn tell(
    screen: &Screen,
    runtime: &tokio::runtime::Runtime,
    cloud: &LocalCloud,
    stays: bool,
    interrupted: &std::sync::mpsc::Receiver<()>,
) -> Result<()> {
    screen.heading("The platform: template.yaml, through CloudFormation and the SAM transform");
    let deploy = Deploy {
        template: root().join("template.yaml"),
        name: PLATFORM.to_owned(),
        parameters: BTreeMap::from([("Architecture".to_owned(), "x86_64".to_owned())]),
        functions: functions()?,
        region: None,
    };
    let platform = runtime
        .block_on(unless_interrupted(cloud.deploy_platform(&deploy)))
        .context("the platform was not deployed")?;
    screen.line(&format!(
        "  {} resources, {} outputs",
        runtime.block_on(cloud.resources())?.count(),
        platform.outputs.len()
    ));

    let base = base(&platform)?;
    screen.line(&format!("  the self-service API answers at {base}"));
    let client = Client::new(
        &base,
        &platform.region,
        Credentials::new("AKIADEMO", "secret", None, None, "demo"),
    );
    story::tell(
        screen,
        &client,
        &root().join("examples/six-services"),
        interrupted,
    )?;

    screen.heading("That was all");
    screen.line(&format!(
        "  {} calls to AWS were made, at most {} stack operations at once.",
        cloud.calls().len(),
        cloud.max_operations()
    ));
    screen.line("  Services were deployed, not run: the local cloud has no containers, so their URLs do not answer.");
    if stays {
        screen.line("\nEverything stays up until Ctrl-C. Try, in another terminal:\n");
        screen.line(&format!(
            "  export AWS_ACCESS_KEY_ID=AKIADEMO AWS_SECRET_ACCESS_KEY=secret AWS_REGION={}",
            platform.region
        ));
        screen.line(&format!("  export SLIPWAY_ENDPOINT={base}"));
        screen.line("  target/debug/slipway list");
        screen.line("  target/debug/slipway apply examples/hello.yaml --wait");
        screen.line(&format!(
            "  curl --aws-sigv4 aws:amz:{}:execute-api --user AKIADEMO:secret {base}/services",
            platform.region
        ));
        let _ = interrupted.recv();
    }
    Ok(())
}

/// What the work gives, or an error as soon as Ctrl-C is pressed.
async fn unless_interrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    }
}

fn base(platform: &Platform) -> Result<String> {
    let base = platform
        .base_url
        .as_ref()
        .context("the platform has no HTTP API")?;
    Ok(format!("{base}/platform/v1"))
}

/// The functions' programs, which `cargo xtask demo` has built.
fn functions() -> Result<BTreeMap<String, PathBuf>> {
    let folder = std::env::current_exe()?
        .parent()
        .map(Path::to_path_buf)
        .context("this program has no folder")?;
    let mut programs = BTreeMap::new();
    for (logical_id, program) in [
        ("ApiFunction", "slipway-api"),
        ("ReconcilerFunction", "slipway-reconciler"),
        ("WebhookFunction", "slipway-webhook"),
        ("NotifierFunction", "slipway-notifier"),
        ("ScalerFunction", "slipway-scaler"),
        ("WakerFunction", "slipway-waker"),
    ] {
        let path = folder.join(program);
        ensure!(
            path.exists(),
            "{} is missing; run `cargo xtask demo`, which builds it",
            path.display()
        );
        programs.insert(logical_id.to_owned(), path);
    }
    Ok(programs)
}

/// The project's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}
