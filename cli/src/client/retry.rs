//! Whether a call is sent again, and when.
//!
//! Only what may be sent twice is: a reading, or a call with an idempotency key. Anything
//! else that got no answer may have been done, and only the caller can look.

use std::time::Duration;

use super::call::Answer;
use super::error::ClientError;

/// How often a call is sent at most.
pub(super) const ATTEMPTS: u32 = 5;
/// The longest pause that an answer may ask for.
const LONGEST: Duration = Duration::from_secs(20);

/// The pause after which a call is sent once more, or `None` if what came is final.
pub(super) fn pause(attempt: u32, result: &Result<Answer, ClientError>) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    match result {
        Ok(answer) if matches!(answer.status, 429 | 502 | 503 | 504) => {
            let asked = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok())
                .map(Duration::from_secs);
            Some(asked.map_or_else(|| backoff(attempt), |asked| asked.min(LONGEST)))
        }
        Err(ClientError::Unreachable { passing: true, .. }) => Some(backoff(attempt)),
        Ok(_) | Err(_) => None,
    }
}

/// From 0.2 s, doubled each time, the half of it by chance, so that many clients that were
/// refused together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let whole = 200 << attempt.clamp(1, 6) >> 1;
    Duration::from_millis(whole / 2 + fastrand::u64(0..=whole / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&'static str>) -> Answer {
        let headers = retry_after
            .map(|text| {
                (
                    http::header::RETRY_AFTER,
                    http::HeaderValue::from_static(text),
                )
            })
            .into_iter()
            .collect();
        Answer {
            status,
            headers,
            body: Vec::new(),
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (1..=ATTEMPTS)
            .map(|attempt| pause(attempt, &Ok(answer(503, None))))
            .collect();
        for (at, whole) in [(0, 200), (1, 400), (2, 800), (3, 1600)] {
            let it = pauses[at].unwrap();
            assert!(
                it >= Duration::from_millis(whole / 2) && it <= Duration::from_millis(whole),
                "{it:?}"
            );
        }
        assert_eq!(pauses[4], None);
    }

    #[test]
    fn an_answer_says_when_to_come_back_within_reason() {
        assert_eq!(
            pause(1, &Ok(answer(429, Some("3")))),
            Some(Duration::from_secs(3))
        );
        assert_eq!(pause(1, &Ok(answer(503, Some("86400")))), Some(LONGEST));
    }

    #[test]
    fn what_will_not_pass_is_final() {
        for status in [200, 400, 403, 404, 409, 412, 500] {
            assert_eq!(pause(1, &Ok(answer(status, None))), None, "{status}");
        }
    }
}
