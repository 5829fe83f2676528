//! One notice on its way to one receiver: what lies in the queue, and when it is tried again.
//!
//! The key is not in it. It is read when the request is signed, so that a message in a queue, or
//! among those that could not be delivered, says nothing that signs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_control::ports::PostError;
use slipway_domain::{ServiceName, WebhookUrl};
use ulid::Ulid;

/// One notice on its way to one receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The notice's id.
    pub id: String,
    /// The service that it tells of.
    pub service: ServiceName,
    /// Its incarnation.
    pub uid: Ulid,
    /// Where it goes.
    pub url: WebhookUrl,
    /// The body, as it is signed.
    pub body: String,
}

/// What becomes of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The receiver has it.
    Taken,
    /// The receiver wants no more (410): this one is not tried again.
    Unwanted,
    /// It is tried again.
    Again,
}

/// What an answer means. Standard Webhooks calls everything but 2xx a failure: a receiver that is
/// being deployed answers 404, one that is badly set up 401 or a redirect, and both may be put
/// right within the day.
pub(crate) fn verdict(answer: &Result<u16, PostError>) -> Verdict {
    match answer {
        Ok(200..=299) => Verdict::Taken,
        Ok(410) => Verdict::Unwanted,
        Ok(_) | Err(_) => Verdict::Again,
    }
}

/// How long a parcel rests after it was tried for this time, from 1. After the tenth the queue
/// lays it aside (`maxReceiveCount` in `template.yaml`), 16 hours after the first.
pub(crate) fn rest(tries: u32) -> Duration {
    let minutes = match tries {
        0 | 1 => 1,
        2 => 2,
        3 => 5,
        4 => 10,
        5 => 30,
        6 => 60,
        7 => 120,
        8 => 240,
        _ => 480,
    };
    Duration::from_mins(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_2xx_is_taken_and_410_stops() {
        for (answer, expected) in [
            (Ok(200), Verdict::Taken),
            (Ok(204), Verdict::Taken),
            (Ok(299), Verdict::Taken),
            (Ok(410), Verdict::Unwanted),
            (Ok(199), Verdict::Again),
            (Ok(301), Verdict::Again),
            (Ok(404), Verdict::Again),
            (Ok(429), Verdict::Again),
            (Ok(503), Verdict::Again),
            (Err(PostError::Inside), Verdict::Again),
            (Err(PostError::NoAnswer("late".to_owned())), Verdict::Again),
        ] {
            assert_eq!(verdict(&answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn rests_grow_and_are_within_what_the_queue_can_do() {
        let rests: Vec<Duration> = (1..=12).map(rest).collect();
        assert!(rests.is_sorted());
        assert!(rests.iter().all(|it| *it < Duration::from_hours(12)));
        let until_laid_aside: Duration = rests[..9].iter().sum();
        assert_eq!(until_laid_aside.as_secs() / 3600, 15);
    }
}
