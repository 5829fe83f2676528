//! GitLab: the secret token itself in `X-Gitlab-Token`, or a signature by Standard Webhooks where
//! the webhook has a signing token, from docs.gitlab.com/user/project/integrations/webhooks.
//!
//! A signing token is `whsec_` and a key of 32 bytes in base64, which is decoded before it signs;
//! one secret of that form serves as either. Where there is a signature, it decides: a token
//! beside it, which whoever saw one request knows, does not make up for a wrong one.

use jiff::Timestamp;

use super::{Refused, any, same, standard};
use crate::request::Request;

pub(super) fn verify(request: &Request, secrets: &[&str], now: Timestamp) -> Result<(), Refused> {
    if request.headers.contains_key("webhook-signature") {
        return standard::verify(request, secrets, now);
    }
    let token = request.header("x-gitlab-token").ok_or(Refused::Missing)?;
    any(secrets, |secret| same(token, secret))
}
