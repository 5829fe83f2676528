//! Docker Hub: nothing is signed (docs.docker.com/docker-hub/repos/manage/webhooks). The webhook's
//! address has the secret in it, `?token=`, and what comes there is a hint: that something was
//! pushed, not what. The image is looked up in the registry before it is deployed, and the
//! payload's `callback_url` is never called.

use super::{Refused, any, same};
use crate::request::Request;

pub(super) fn verify(request: &Request, secrets: &[&str]) -> Result<(), Refused> {
    let token = request.query.get("token").filter(|it| !it.is_empty());
    let token = token.ok_or(Refused::Missing)?;
    any(secrets, |secret| same(token, secret))
}
