//! The emulator's process: started on a free port, known to be ours, ended with its children.
//!
//! ministack exits when its port is taken while another server answers on it, so the health
//! answer is believed only when it carries a word that this process was given. It runs in a
//! process group of its own together with the functions it starts, and ends when this program
//! does, however that happens (`python/launch.py`).

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::Options;
use crate::python::Venv;
use crate::upstream::Upstream;

const LOCK: &str = include_str!("../python/emulator.lock");
/// One program: how to end with this one, then what is changed in ministack, then ministack.
const LAUNCH: &str = concat!(
    include_str!("../python/launch.py"),
    include_str!("../python/stacks.py"),
    include_str!("../python/drift.py"),
    include_str!("../python/tasks.py"),
    include_str!("../python/traffic.py"),
    include_str!("../python/images.py"),
    include_str!("../python/alarms.py"),
    include_str!("../python/rotations.py"),
    "\nmain()\n",
);

/// The name that API Gateway's addresses end with. With an IP address `lambda_http` panics.
pub(crate) const HOST: &str = "localhost";

/// How long a start may take on a busy machine.
const START: Duration = Duration::from_mins(1);

/// The Python environment of ministack and microburst.
pub(crate) async fn venv(options: &Options) -> Result<Venv> {
    Venv::ensure(&options.venvs.join("emulator"), LOCK, &*options.report).await
}

/// A running ministack.
#[derive(Debug)]
pub(crate) struct Emulator {
    child: Child,
    group: Pid,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Its data and the files of its functions; removed with it.
    _data: tempfile::TempDir,
}

impl Emulator {
    /// Starts ministack; `companion` is the address that the functions it starts call.
    pub(crate) async fn start(options: &Options, venv: &Venv, companion: &str) -> Result<Self> {
        let report = &*options.report;
        let started = Instant::now();
        let mut failure = None;
        // A port that was free a moment ago can be taken by now: then another one is tried.
        for _ in 0..5 {
            match Self::start_once(options, venv, companion).await {
                Ok(emulator) => {
                    report(&format!(
                        "Local cloud: up at {companion} in {:.1} s",
                        started.elapsed().as_secs_f64()
                    ));
                    return Ok(emulator);
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.context("no start was tried")?).context("the emulator does not start")
    }

    async fn start_once(options: &Options, venv: &Venv, companion: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let word = format!("slipway-{}-{}", std::process::id(), address.port());
        let log = options
            .log
            .clone()
            .unwrap_or_else(|| data.path().join("emulator.log"));
        let mut child = command(venv, data.path(), &log)?
            .env("AWS_ENDPOINT_URL", companion)
            .env("GATEWAY_PORT", address.port().to_string())
            .env("MINISTACK_EDITION", &word)
            .env("MINISTACK_REGION", &options.region)
            .env("MINISTACK_ACCOUNT_ID", &options.account)
            .spawn()
            .context("cannot start Python")?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
            .context("the emulator ended at once")?;
        wait_until_healthy(&mut child, address, &word, &log).await?;
        Ok(Self {
            child,
            group,
            address,
            _data: data,
        })
    }

    /// Ends the emulator and the functions it started, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.kill();
        self.child
            .wait()
            .await
            .context("the emulator cannot be waited for")?;
        Ok(())
    }

    fn kill(&self) {
        // Fails only when nothing is left to end.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(venv: &Venv, data: &Path, log: &PathBuf) -> Result<Command> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let log =
        std::fs::File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(venv.python());
    command
        .args(["-c", LAUNCH])
        .env("TMPDIR", data)
        .env("S3_DATA_DIR", data.join("s3"))
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", HOST)
        .env("IOT_MTLS_ENABLED", "0")
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

async fn wait_until_healthy(
    child: &mut Child,
    address: SocketAddr,
    word: &str,
    log: &Path,
) -> Result<()> {
    let upstream = Upstream::new(address, "us-east-1");
    let deadline = Instant::now() + START;
    loop {
        if let Some(status) = child.try_wait()? {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let tail = text.lines().rev().take(5).collect::<Vec<_>>();
            bail!("the emulator ended with {status}: {}", tail.join(" | "));
        }
        if let Ok(answer) = upstream.get("/_ministack/health").await
            && answer.text().contains(word)
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "the emulator did not answer within {} s; see {}",
                START.as_secs(),
                log.display()
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
