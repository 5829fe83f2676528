//! Bitbucket Cloud: `X-Hub-Signature`, from support.atlassian.com/bitbucket-cloud/docs/manage-webhooks.
//!
//! The header bears the name that GitHub gave to its SHA-1, but holds an HMAC-SHA256. It is not
//! sent when the webhook has no secret.

use super::{Refused, hexadecimal};
use crate::request::Request;

pub(super) fn verify(request: &Request, secrets: &[&str]) -> Result<(), Refused> {
    let header = request.header("x-hub-signature");
    hexadecimal::verify(header, &request.body, secrets)
}
