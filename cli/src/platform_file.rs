//! Reading a platform's values from a file: what `slipway platform` and the platform's
//! output `PlatformValues` say.

use std::path::Path;

use slipway_domain::Platform;

use crate::exit::Failure;
use crate::manifest_file;

/// The platform's values in `path`.
pub(crate) fn read(path: &Path) -> Result<Platform, Failure> {
    let document =
        manifest_file::read(path).map_err(|finding| Failure::refused(finding.to_string()))?;
    serde_json::from_value(document.value).map_err(|error| {
        Failure::refused(format!(
            "{}: is not what `slipway platform` writes: {error}",
            document.file
        ))
    })
}
