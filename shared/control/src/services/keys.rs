//! Idempotency keys: what is remembered under one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use slipway_synth::sha256;

use super::Caller;
use crate::record::Seen;

/// Seconds for which an idempotency key is remembered: a day.
const KEY_SECONDS: i64 = 24 * 60 * 60;

/// What to remember under the caller's key, if there is one.
pub(crate) fn remember(
    caller: &Caller,
    request: &impl Serialize,
    response: &impl Serialize,
) -> Option<Seen> {
    caller.key.as_ref().map(|key| Seen {
        key: key.clone(),
        request: sha256(
            &serde_json::to_vec(&(principal(&caller.actor), request)).unwrap_or_default(),
        ),
        response: serde_json::to_value(response).unwrap_or_default(),
        expires_at: caller.stamp.now + jiff::SignedDuration::from_secs(KEY_SECONDS),
    })
}

/// The answer that was given under the key, if it was given to the same request.
pub(crate) fn answer_of<T: DeserializeOwned>(earlier: &Seen, request: &str) -> Option<T> {
    let same = earlier.request == request;
    same.then(|| serde_json::from_value(earlier.response.clone()).ok())?
}

/// Who a caller is whatever session it comes in: an assumed role without its session's name.
pub(crate) fn principal(arn: &str) -> &str {
    match arn.rsplit_once('/') {
        Some((role, _)) if arn.contains(":assumed-role/") => role,
        _ => arn,
    }
}
