//! `slipway validate`: everything that is wrong with some files.

use crate::arguments::Validate;
use crate::exit::{Exit, Failure};
use crate::manifest_file::{self, Finding};
use crate::output::console::Console;
use crate::platform_file;
use slipway_domain::Platform;
use std::path::Path;

pub(super) fn run(options: &Validate, console: &Console) -> Result<(), Failure> {
    let platform = options
        .platform
        .as_deref()
        .map(platform_file::read)
        .transpose()?;
    let mut all = Vec::new();
    for file in &options.files {
        let findings = check(file, platform.as_ref());
        if !options.json {
            report(file, &findings, console)?;
        }
        all.extend(findings);
    }
    if options.json {
        console.json(&all)?;
    }
    if all.is_empty() {
        Ok(())
    } else {
        Err(Failure::said(Exit::Refused))
    }
}

fn report(file: &Path, findings: &[Finding], console: &Console) -> Result<(), Failure> {
    if findings.is_empty() {
        console.note(&format!("{}: valid", file.display()));
    }
    findings
        .iter()
        .try_for_each(|finding| console.result(&format!("{finding}\n")))
}

fn check(file: &Path, platform: Option<&Platform>) -> Vec<Finding> {
    let document = match manifest_file::read(file) {
        Ok(document) => document,
        Err(finding) => return vec![finding],
    };
    document.manifest(platform).err().unwrap_or_default()
}
