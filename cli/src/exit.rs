//! How the program ends: five exit codes, and what is said at the end.

use std::process::ExitCode;

use crate::client::ClientError;

/// How the program ends. Scripts go by these; docs/CLI.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It is done.
    Done,
    /// The manifest is invalid, the platform refused, or a deployment failed.
    Refused,
    /// The command was not understood.
    Usage,
    /// The platform cannot be reached, or accepts no credentials that were found.
    Unreachable,
    /// The waiting ended before what was waited for.
    TimedOut,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unreachable => 3,
            Exit::TimedOut => 4,
        })
    }
}

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What to say; nothing where it has been said already.
    pub(crate) message: Option<String>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: Some(message.into()),
        }
    }

    /// Refused, for a reason.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// An end about which everything has been said.
    pub(crate) fn said(exit: Exit) -> Self {
        Self {
            exit,
            message: None,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Refused(refusal) => match refusal.status {
                401 | 403 | 500.. => Exit::Unreachable,
                _ => Exit::Refused,
            },
            ClientError::Unreachable { .. }
            | ClientError::Unexpected { .. }
            | ClientError::Credentials(_) => Exit::Unreachable,
            ClientError::Request(_) => Exit::Usage,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            // Who read the results has seen enough of them.
            return Self::said(Exit::Done);
        }
        Self::refused(format!("the results cannot be written: {error}"))
    }
}
