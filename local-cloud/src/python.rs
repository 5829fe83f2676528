//! Python environments with pinned packages, made once and kept.
//!
//! The emulator and the judges of the tests (`cfn-lint`, `checkov`, `schemathesis`) are Python
//! programs that cannot share one environment, so each has its own under `target/venvs/`, made
//! from a committed lock file. A stamp with the lock file's hash says whether an environment is
//! still the right one; a lock file beside it keeps two processes from making it at once.
//!
//! It installs with `uv` (seconds) and falls back to `pip` (a minute) where `uv` cannot
//! be had. It refuses to repair: an environment with another stamp is removed and made anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;

/// Pinned and hashed: what installs everything else.
const UV_LOCK: &str = include_str!("../python/uv.lock");

const STAMP: &str = "slipway-lock.sha256";

/// A Python environment that holds exactly what its lock file names.
#[derive(Debug, Clone)]
pub struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// Makes the environment in `dir` from the text of a lock file (`pip`'s requirements format,
    /// exact pins, hashes if it has them), or returns at once when it is there already.
    ///
    /// `report` hears in one line each what is done and how long it took.
    pub async fn ensure(
        dir: &Path,
        requirements: &str,
        report: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Self> {
        let parent = dir
            .parent()
            .context("an environment needs a folder to be in")?;
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        let name = dir
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into());
        let _turn = wait_for_turn(parent.join(format!("{name}.lock"))).await?;
        let venv = Self {
            dir: dir.to_path_buf(),
        };
        if venv.has(requirements) {
            return Ok(venv);
        }
        let started = Instant::now();
        venv.create().await?;
        let installer = if let Some(uv) = uv(parent, report).await {
            venv.install_with_uv(&uv, requirements).await?;
            "uv"
        } else {
            venv.install_with_pip(requirements).await?;
            "pip"
        };
        fs::write(dir.join(STAMP), digest(requirements))?;
        report(&format!(
            "Python environment {name}: installed with {installer} in {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        Ok(venv)
    }

    /// The environment's Python interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that the environment's packages brought.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    fn has(&self, requirements: &str) -> bool {
        fs::read_to_string(self.dir.join(STAMP)).is_ok_and(|stamp| stamp == digest(requirements))
    }

    async fn create(&self) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&self.dir))
            .await
            .context("cannot make a Python environment (python3 with its venv module is needed)")
    }

    async fn install_with_uv(&self, uv: &Self, requirements: &str) -> Result<()> {
        let file = requirements_file(requirements)?;
        let mut command = Command::new(uv.program("uv"));
        command
            .args(["pip", "install", "--quiet", "--python"])
            .arg(self.python());
        if requirements.contains("--hash=") {
            command.arg("--require-hashes");
        }
        run(command.arg("-r").arg(file.path())).await
    }

    async fn install_with_pip(&self, requirements: &str) -> Result<()> {
        let file = requirements_file(requirements)?;
        let mut command = Command::new(self.python());
        command.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        if requirements.contains("--hash=") {
            command.arg("--require-hashes");
        }
        run(command.arg("-r").arg(file.path())).await
    }
}

/// `uv` in an environment of its own, or nothing where it cannot be had: `pip` does as well.
async fn uv(parent: &Path, report: &(dyn Fn(&str) + Send + Sync)) -> Option<Venv> {
    let venv = Venv {
        dir: parent.join("uv"),
    };
    let _turn = wait_for_turn(parent.join("uv.lock")).await.ok()?;
    if venv.has(UV_LOCK) {
        return Some(venv);
    }
    let made: Result<()> = async {
        venv.create().await?;
        venv.install_with_pip(UV_LOCK).await?;
        fs::write(venv.dir.join(STAMP), digest(UV_LOCK))?;
        Ok(())
    }
    .await;
    match made {
        Ok(()) => Some(venv),
        Err(error) => {
            report(&format!(
                "uv cannot be had, pip installs instead: {error:#}"
            ));
            None
        }
    }
}

/// Waits until no other process makes the same environment. The lock ends with the file handle.
async fn wait_for_turn(path: PathBuf) -> Result<fs::File> {
    tokio::task::spawn_blocking(move || {
        let file =
            fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        file.lock()
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(file)
    })
    .await?
}

fn requirements_file(requirements: &str) -> Result<tempfile::NamedTempFile> {
    let file = tempfile::Builder::new().suffix(".txt").tempfile()?;
    fs::write(file.path(), requirements)?;
    Ok(file)
}

fn digest(requirements: &str) -> String {
    hex(&Sha256::digest(requirements.as_bytes()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command
        .kill_on_drop(true)
        .output()
        .await
        .context("cannot start the program")?;
    if !output.status.success() {
        bail!(
            "{}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
