//! Client request tokens: each names one operation of one stack, for ever.
//!
//! A token that was used for a stack is refused, whatever the operation
//! (`TokenAlreadyExistsException`), so that a call whose answer was lost is not carried out
//! twice. A deleted stack asks for no token: deleting it again succeeds.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::stacks::refuse;
use crate::upstream::Answer;
use crate::wire::Intent;

/// The tokens that were used, by the stacks' ids.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    used: Mutex<HashSet<(String, String)>>,
}

impl Tokens {
    /// What AWS answers when a call's token was used for this stack before.
    pub(crate) fn check(&self, intent: &Intent, stack: &str) -> Option<Answer> {
        let token = intent.parameter("ClientRequestToken")?;
        let key = (stack.to_owned(), token.to_owned());
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.contains(&key).then(|| {
            let message = format!(
                "The client request token {token} has already been used for this stack. Retry \
                 the request with a different client request token."
            );
            refuse(intent, "TokenAlreadyExistsException", &message)
        })
    }

    /// Remembers a call that was accepted.
    pub(crate) fn note(&self, intent: &Intent, stack: &str) {
        if let Some(token) = intent.parameter("ClientRequestToken") {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            used.insert((stack.to_owned(), token.to_owned()));
        }
    }
}
