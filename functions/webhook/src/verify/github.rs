//! GitHub: `X-Hub-Signature-256`, from docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries.
//!
//! `X-Hub-Signature`, which GitHub sends too, is made with SHA-1 and counts for nothing.

use super::{Refused, hexadecimal};
use crate::request::Request;

pub(super) fn verify(request: &Request, secrets: &[&str]) -> Result<(), Refused> {
    let header = request.header("x-hub-signature-256");
    hexadecimal::verify(header, &request.body, secrets)
}
