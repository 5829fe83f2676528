//! A copy of the sources to take guards away in, so that nothing happens to the sources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Guard;
use crate::cargo::{self, Outcome};

/// The copy, in `target/mutants`.
pub(super) struct Copy {
    pub(super) root: PathBuf,
}

impl Copy {
    /// Copies what git knows, and what it would take in. What is the same already keeps its
    /// time, so that cargo builds little of it again.
    pub(super) fn of_the_sources() -> Result<Self, String> {
        let copy = Self {
            root: cargo::root().join("target/mutants"),
        };
        let files = sources()?;
        for file in &files {
            let text = read(&cargo::root().join(file))?;
            copy.write(file, &text)?;
        }
        copy.remove_others(&copy.root, &files)?;
        Ok(copy)
    }

    /// Puts bytes into a file of the copy.
    pub(super) fn write(&self, file: &str, bytes: &[u8]) -> Outcome {
        let path = self.root.join(file);
        if std::fs::read(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))
    }

    /// The text of a file of the copy.
    pub(super) fn text(&self, file: &str) -> Result<String, String> {
        String::from_utf8(read(&self.root.join(file))?).map_err(|error| format!("{file}: {error}"))
    }

    /// What is wrong with a guard's entry, if its text is not where the list says, once.
    pub(super) fn is_stale(&self, guard: &Guard) -> Option<String> {
        stale(guard, &self.text(guard.file).unwrap_or_default())
    }

    /// Removes what was a source in an earlier copy.
    fn remove_others(&self, folder: &Path, files: &BTreeSet<String>) -> Outcome {
        let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.strip_prefix(&self.root).unwrap_or(&path);
            if name == Path::new("target") {
                continue;
            }
            if path.is_dir() {
                self.remove_others(&path, files)?;
                // Only an empty one goes.
                let _ = std::fs::remove_dir(&path);
            } else if !files.contains(&name.to_string_lossy().into_owned()) {
                std::fs::remove_file(&path).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a guard's entry, if `text` of its file does not hold it once.
pub(super) fn stale(guard: &Guard, text: &str) -> Option<String> {
    match text.matches(guard.text).count() {
        1 => None,
        times => Some(format!(
            "\"{}\": its text is {times} times in {}",
            guard.name, guard.file
        )),
    }
}

/// What git knows, and what it would take in, if it is there.
pub(super) fn sources() -> Result<BTreeSet<String>, String> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(cargo::root())
        .output()
        .map_err(|error| format!("git did not start: {error}"))?;
    if !listed.status.success() {
        return Err(String::from_utf8_lossy(&listed.stderr).into_owned());
    }
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let there = |name: &&str| cargo::root().join(name).is_file();
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .filter(there)
        .map(str::to_owned)
        .collect())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}
