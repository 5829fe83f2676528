//! The settings that `template.yaml` gives its functions.

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use slipway_control::upgrade::Limits;
use slipway_domain::Platform;

/// A setting is missing or is not of its form. The function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable is not set.
    #[error("the environment variable {0} is not set; template.yaml sets it")]
    Missing(&'static str),
    /// A variable is not of its form.
    #[error("the environment variable {name} cannot be read: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

/// What every function knows.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The platform's values.
    pub platform: Platform,
    /// The registry's table.
    pub table: String,
    /// How many stack operations may run at once.
    pub max_operations: u32,
    /// An endpoint that replaces AWS's own (`AWS_ENDPOINT_URL`, as the SDKs define it).
    pub endpoint: Option<String>,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first variable that is missing or cannot be read.
    pub fn from_environment() -> Result<Self, SettingsError> {
        let platform = serde_json::from_str(&variable("SLIPWAY_PLATFORM")?)
            .map_err(|error| invalid("SLIPWAY_PLATFORM", &error))?;
        let max_operations = variable("SLIPWAY_MAX_STACK_OPERATIONS")?
            .parse()
            .map_err(|error| invalid("SLIPWAY_MAX_STACK_OPERATIONS", &error))?;
        Ok(Self {
            platform,
            table: variable("SLIPWAY_TABLE")?,
            max_operations,
            endpoint: variable("AWS_ENDPOINT_URL").ok(),
        })
    }
}

/// What the reconciler knows beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcilerSettings {
    /// How long a stack operation may take before it is cancelled.
    pub deadline: SignedDuration,
    /// How upgrades go.
    pub upgrades: Limits,
    /// Whether Inspector is to scan the images of the platform's repositories.
    pub scans: bool,
}

impl ReconcilerSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first variable that is missing, no whole number, or out of the range that the
    /// parameter of `template.yaml` has.
    pub fn from_environment() -> Result<Self, SettingsError> {
        let minutes = number("SLIPWAY_OPERATION_DEADLINE_MINUTES", 10..=170)?;
        Ok(Self {
            deadline: SignedDuration::from_mins(minutes.into()),
            upgrades: Limits {
                at_once: number("SLIPWAY_UPGRADE_AT_ONCE", 1..=50)?,
                max_failures: number("SLIPWAY_UPGRADE_MAX_FAILURES", 1..=100)?,
            },
            scans: variable("SLIPWAY_ENHANCED_SCANNING")? == "true",
        })
    }
}

/// A variable of the environment.
///
/// # Errors
/// It is not set, is empty, or is not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the bootstrap's environment"
)]
pub fn variable(name: &'static str) -> Result<String, SettingsError> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or(SettingsError::Missing(name))
}

fn number(name: &'static str, range: RangeInclusive<u32>) -> Result<u32, SettingsError> {
    parse(name, &variable(name)?, &range)
}

fn parse(
    name: &'static str,
    text: &str,
    range: &RangeInclusive<u32>,
) -> Result<u32, SettingsError> {
    let reason = format!(
        "`{text}` is not a whole number from {} to {}",
        range.start(),
        range.end()
    );
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| invalid(name, &reason))
}

fn invalid(name: &'static str, error: &dyn std::fmt::Display) -> SettingsError {
    SettingsError::Invalid {
        name,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_within_its_range_and_refused_with_its_name_elsewhere() {
        let read = |text| parse("SLIPWAY_OPERATION_DEADLINE_MINUTES", text, &(10..=170));
        assert_eq!(read("10").ok(), Some(10));
        assert_eq!(read("170").ok(), Some(170));
        for text in ["9", "171", "-45", "45 ", "4.5", "soon", ""] {
            let refusal = read(text).expect_err(text).to_string();
            assert_eq!(
                refusal,
                format!(
                    "the environment variable SLIPWAY_OPERATION_DEADLINE_MINUTES cannot be read: \
                     `{text}` is not a whole number from 10 to 170"
                )
            );
        }
    }
}
