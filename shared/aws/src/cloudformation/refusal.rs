//! What CloudFormation's refusals mean. It has codes for few of them; for the others there is
//! only the text of a `ValidationError`, so the texts are all here.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::error::{PortError, PortErrorKind};

use crate::error::port_error;

/// Texts that say: not in the status that the stack has now. What was decided on an older
/// status is decided anew by the next look; it is never the last word.
const STALE: [&str; 6] = [
    // "Stack:… is in UPDATE_IN_PROGRESS state and can not be updated", "Stack [x] cannot be
    // deleted while in status UPDATE_IN_PROGRESS", and all others of their kind.
    "_IN_PROGRESS",
    // The same in a status at rest.
    "state and can not be",
    // "ContinueUpdateRollback cannot be called from current stack status".
    "cannot be called from current stack status",
    // "Stack [x] already exists and cannot be created again with the changeSet [y]".
    "already exists and cannot be created again",
    // "Invalid operation on stack […]. When you delete a stack, specify which resources to
    // retain only when the stack is in the DELETE_FAILED state."
    "only when the stack is in the DELETE_FAILED state",
    // A change set that was made for what the stack was before.
    "cannot be executed in its current",
];

/// The port's error for a change that CloudFormation refuses.
pub(super) fn refused<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let stale = is_stale(error.code(), error.message());
    let mut error = port_error(operation, error);
    if stale {
        error.kind = PortErrorKind::Busy;
    }
    error
}

/// Whether CloudFormation refuses because the stack or the change set is not, or no longer,
/// what the caller took it for.
fn is_stale(code: Option<&str>, message: Option<&str>) -> bool {
    let code = code.unwrap_or_default();
    let message = message.unwrap_or_default();
    // The codes are documented without "Exception", and the SDK names some with it.
    code.starts_with("ChangeSetNotFound")
        || code.starts_with("InvalidChangeSetStatus")
        || code.starts_with("OperationInProgress")
        || is_no_stack(message)
        || STALE.iter().any(|text| message.contains(text))
}

/// `Stack with id x does not exist`, `Stack [x] does not exist`. Roles, keys and exports that
/// do not exist are told in the same words behind another beginning, and stay refusals.
pub(super) fn is_no_stack(message: &str) -> bool {
    message.starts_with("Stack") && message.contains("does not exist")
}

/// A change set of this name is there already, or an operation of this token: CloudFormation
/// took an earlier call whose answer was lost.
pub(super) fn is_known(error: &impl ProvideErrorMetadata) -> bool {
    error.code().is_some_and(|code| {
        code.starts_with("TokenAlreadyExists") || code.starts_with("AlreadyExists")
    })
}

/// No change set of this name, or no stack that could have one.
pub(super) fn is_no_change_set(error: &impl ProvideErrorMetadata) -> bool {
    error
        .code()
        .is_some_and(|code| code.starts_with("ChangeSetNotFound"))
        || error
            .message()
            .is_some_and(|text| text.contains("does not exist"))
}

/// The stack is as the template says.
pub(super) fn is_no_update(error: &impl ProvideErrorMetadata) -> bool {
    says(error, "No updates are to be performed")
}

/// No update runs that could be cancelled: it ended, or the stack is gone.
pub(super) fn is_nothing_to_cancel(error: &impl ProvideErrorMetadata) -> bool {
    says(error, "cannot be called from current stack status")
        || error.message().is_some_and(is_no_stack)
}

/// A check for drift runs already.
pub(super) fn is_checked_now(error: &impl ProvideErrorMetadata) -> bool {
    says(error, "Drift detection is already in progress")
}

fn says(error: &impl ProvideErrorMetadata, text: &str) -> bool {
    error
        .message()
        .is_some_and(|message| message.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale(message: &str) -> bool {
        is_stale(Some("ValidationError"), Some(message))
    }

    #[test]
    fn a_refusal_for_the_stacks_status_is_for_a_later_look() {
        for message in [
            "Stack:arn:aws:cloudformation:us-east-1:1:stack/p--a--prod/1 is in UPDATE_IN_PROGRESS state and can not be updated.",
            "Stack:arn:aws:cloudformation:us-east-1:1:stack/p--a--prod/1 is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated.",
            "Stack:arn:aws:cloudformation:us-east-1:1:stack/p--a--prod/1 is in UPDATE_ROLLBACK_FAILED state and can not be updated.",
            "Stack [p--a--prod] cannot be deleted while in status UPDATE_IN_PROGRESS",
            "Stack [p--a--prod] already exists and cannot be created again with the changeSet [slipway-create-1].",
            "ContinueUpdateRollback cannot be called from current stack status",
            "Invalid operation on stack [arn]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.",
            "Stack with id arn:aws:cloudformation:us-east-1:1:stack/p--a--prod/1 does not exist",
            "Stack [p--a--prod] does not exist",
        ] {
            assert!(stale(message), "{message}");
        }
    }

    #[test]
    fn a_refusal_for_what_was_sent_is_final() {
        for message in [
            "Template format error: Unresolved resource dependencies [X] in the Resources block",
            "Stack [p--a--prod] cannot be deleted while TerminationProtection is enabled",
            "S3 error: The specified key does not exist.",
            "No export named p-name found. Rollback requested by user.",
            "Role arn:aws:iam::1:role/x is invalid or cannot be assumed",
            "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: cloudformation:UpdateStack",
        ] {
            assert!(!stale(message), "{message}");
        }
    }

    #[test]
    fn a_change_set_that_is_not_there_or_not_ready_is_for_a_later_look() {
        for code in [
            "ChangeSetNotFound",
            "ChangeSetNotFoundException",
            "InvalidChangeSetStatus",
            "InvalidChangeSetStatusException",
        ] {
            assert!(is_stale(Some(code), None), "{code}");
        }
    }
}
