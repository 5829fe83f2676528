//! The settings that `template.yaml` gives its functions.

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

fn invalid(name: &'static str, error: &dyn std::fmt::Display) -> SettingsError {
    SettingsError::Invalid {
        name,
        reason: error.to_string(),
    }
}
