//! SigV4, as the platform's HTTP API asks for it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;

use super::error::ClientError;

/// Signs `request` for `execute-api` in `region`, with every header that it has.
pub(super) fn apply<B>(
    request: &mut Request<B>,
    body: &[u8],
    region: &str,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<(), ClientError> {
    let failed = |error: &dyn std::fmt::Display| {
        ClientError::Request(format!("it cannot be signed: {error}"))
    };
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("execute-api")
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Bytes(body),
    )
    .map_err(|error| failed(&error))?;
    let (instructions, _) = sign(signable, &parameters)
        .map_err(|error| failed(&error))?
        .into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
