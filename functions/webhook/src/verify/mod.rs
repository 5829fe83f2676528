//! Whether a request comes from who knows the secret: one algorithm a file, as the senders'
//! documentation has them.
//!
//! Everything is over the bytes that were sent, and comparisons take the same time whatever
//! differs. Any of the secrets that count will do, so that one can be changed without a gap. A
//! secret that is empty counts for nothing.

mod azure_devops;
mod bitbucket;
mod docker_hub;
mod github;
mod gitlab;
mod hexadecimal;
mod standard;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use slipway_control::ports::Provider;
use subtle::ConstantTimeEq;

use crate::request::Request;

/// Why a request is refused: for the log. Who sent it learns only that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has no signature, token or password.
    #[error("it has no signature")]
    Missing,
    /// Its signature is not of the sender's form.
    #[error("its signature is not of its form")]
    Malformed,
    /// It was signed too long ago, or in the future.
    #[error("it was signed at another time")]
    Expired,
    /// None of the secrets fits.
    #[error("none of the secrets fits")]
    Mismatch,
}

/// Finds out whether a request comes from who knows one of the secrets.
///
/// # Errors
/// It does not, or that cannot be known.
pub fn verify(
    provider: Provider,
    request: &Request,
    secrets: &[&str],
    now: Timestamp,
) -> Result<(), Refused> {
    match provider {
        Provider::Github => github::verify(request, secrets),
        Provider::Gitlab => gitlab::verify(request, secrets, now),
        Provider::Bitbucket => bitbucket::verify(request, secrets),
        Provider::AzureDevops => azure_devops::verify(request, secrets),
        Provider::DockerHub => docker_hub::verify(request, secrets),
        Provider::Standard => standard::verify(request, secrets, now),
    }
}

/// Whether any of the secrets fits: all are tried.
fn any(secrets: &[&str], fits: impl Fn(&str) -> bool) -> Result<(), Refused> {
    let tried = secrets.iter().filter(|secret| !secret.is_empty());
    let found = tried.fold(false, |found, secret| fits(secret) | found);
    found.then_some(()).ok_or(Refused::Mismatch)
}

/// Whether two texts are the same, in a time that tells nothing of either, its length neither.
fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one)
        .as_slice()
        .ct_eq(Sha256::digest(other).as_slice())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_secret_fits_and_an_empty_one_never_does() {
        let is = |wanted: &'static str| move |secret: &str| secret == wanted;
        assert_eq!(any(&["new", "old"], is("old")), Ok(()));
        assert_eq!(any(&["new", "old"], is("new")), Ok(()));
        assert_eq!(any(&["new"], is("old")), Err(Refused::Mismatch));
        assert_eq!(any(&[], |_| true), Err(Refused::Mismatch));
        assert_eq!(any(&["", ""], |_| true), Err(Refused::Mismatch));
    }
}
