//! Which stacks a service has, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, PlatformName, ServiceName};
use crate::text::InvalidText;

/// One of a service's stacks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scope {
    /// The service stack: what outlives deployments, such as the image repository.
    Service,
    /// The stack of one environment.
    Environment(EnvironmentName),
}

impl Scope {
    /// The environment, if the scope is one.
    pub fn environment(&self) -> Option<&EnvironmentName> {
        match self {
            Self::Service => None,
            Self::Environment(name) => Some(name),
        }
    }
}

/// The service stack is written `-`, which no environment can be called.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("-"),
            Self::Environment(name) => name.fmt(f),
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "-" => Ok(Self::Service),
            name => name.parse().map(Self::Environment),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

/// The name of a stack: `{platform}--{service}` or `{platform}--{service}--{env}`. None of
/// the parts holds a double hyphen, so that a name is read back without doubt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackName {
    /// The platform.
    pub platform: PlatformName,
    /// The service.
    pub service: ServiceName,
    /// Which of the service's stacks.
    pub scope: Scope,
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}--{}", self.platform, self.service)?;
        match &self.scope {
            Scope::Service => Ok(()),
            Scope::Environment(name) => write!(f, "--{name}"),
        }
    }
}

impl FromStr for StackName {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split("--");
        let mut part = || parts.next();
        let (platform, service, scope, rest) = (part(), part(), part(), part());
        match (platform, service, rest) {
            (Some(platform), Some(service), None) => Ok(Self {
                platform: platform.parse()?,
                service: service.parse()?,
                scope: match scope {
                    Some(name) => Scope::Environment(name.parse()?),
                    None => Scope::Service,
                },
            }),
            _ => Err(InvalidText::new(
                text,
                "a stack of a service",
                "`{platform}--{service}` or `{platform}--{service}--{environment}`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_name_is_read_back_as_it_was_written() {
        for text in ["p-1--web-shop", "p-1--web-shop--prod"] {
            let name: StackName = text.parse().expect(text);
            assert_eq!(name.to_string(), text);
        }
        for bad in ["p", "p--", "p--s--e--x", "p--s--E", "--s"] {
            assert!(bad.parse::<StackName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_service_stacks_scope_is_a_name_no_environment_has() {
        assert_eq!("-".parse::<Scope>().unwrap(), Scope::Service);
        assert_eq!(Scope::Service.to_string(), "-");
        assert!("-".parse::<EnvironmentName>().is_err());
    }
}
