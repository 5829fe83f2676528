//! What is worth telling of a deployment that changed: pure.

use jiff::Timestamp;
use slipway_domain::{Deployment, NoticeKind, Outcome};

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// When.
    pub at: Timestamp,
    /// Why it did not work, where it did not.
    pub reason: Option<String>,
    /// The deployment, as it is.
    pub deployment: Deployment,
}

impl Notice {
    /// The same for the same news, however often it is told. Standard Webhooks wants no dot in it.
    pub fn id(&self) -> String {
        format!("{}-{}", self.deployment.id, self.kind.word())
    }
}

/// What is worth telling of a deployment that was `old`, or not there, and is `new`.
///
/// That it was made, and how it ended. Steps are not told; nor is the end of one that a newer
/// deployment took the place of, which tells of itself. One that ended before anybody could be
/// told of its beginning is told of once, with its end.
pub fn news(old: Option<&Deployment>, new: &Deployment) -> Option<Notice> {
    if old.is_some_and(|old| old.outcome.is_some()) {
        return None;
    }
    let (kind, at, reason) = match &new.outcome {
        None if old.is_none() => (NoticeKind::Started, new.created_at, None),
        None | Some(Outcome::Superseded { .. }) => return None,
        Some(Outcome::Succeeded { at }) => (NoticeKind::Succeeded, *at, None),
        Some(Outcome::Failed { at, reason }) => (NoticeKind::Failed, *at, Some(reason.clone())),
    };
    Some(Notice {
        kind,
        at,
        reason,
        deployment: new.clone(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A deployment as the registry has it.
    pub(crate) fn deployment() -> Deployment {
        serde_json::from_value(serde_json::json!({
            "id": "01KAPZ0000000000000000000A",
            "service": "orders",
            "environment": "prod",
            "generation": 7,
            "cause": "api",
            "actor": "arn:aws:iam::111122223333:user/alice",
            "image": "nginx:1.27",
            "created_at": "2026-11-21T16:00:00Z",
            "steps": [],
        }))
        .unwrap()
    }

    fn at() -> Timestamp {
        "2026-11-21T16:05:00Z".parse().unwrap()
    }

    fn ended(outcome: Outcome) -> Deployment {
        Deployment {
            outcome: Some(outcome),
            ..deployment()
        }
    }

    fn outcomes() -> [Outcome; 3] {
        [
            Outcome::Succeeded { at: at() },
            Outcome::Failed {
                at: at(),
                reason: "no such image".to_owned(),
            },
            Outcome::Superseded { at: at() },
        ]
    }

    fn kind(old: Option<&Deployment>, new: &Deployment) -> Option<NoticeKind> {
        news(old, new).map(|notice| notice.kind)
    }

    #[test]
    fn a_deployment_that_appears_has_started() {
        let notice = news(None, &deployment()).unwrap();
        assert_eq!(notice.kind, NoticeKind::Started);
        assert_eq!(notice.at, deployment().created_at);
        assert_eq!(notice.id(), "01KAPZ0000000000000000000A-started");
    }

    #[test]
    fn a_step_alone_is_quiet() {
        let mut later = deployment();
        later.reach("updating", at());
        assert_eq!(kind(Some(&deployment()), &later), None);
    }

    #[test]
    fn success_and_failure_are_told_with_time_and_reason() {
        let [succeeded, failed, superseded] = outcomes().map(ended);
        let old = deployment();
        let notice = news(Some(&old), &succeeded).unwrap();
        assert_eq!((notice.kind, notice.at), (NoticeKind::Succeeded, at()));
        let notice = news(Some(&old), &failed).unwrap();
        assert_eq!((notice.kind, notice.at), (NoticeKind::Failed, at()));
        assert_eq!(notice.reason.as_deref(), Some("no such image"));
        assert_eq!(kind(Some(&old), &superseded), None);
    }

    #[test]
    fn what_has_ended_is_told_no_more() {
        for before in outcomes() {
            for after in outcomes().map(Some).into_iter().chain([None]) {
                let new = Deployment {
                    outcome: after,
                    ..deployment()
                };
                assert_eq!(kind(Some(&ended(before.clone())), &new), None);
            }
        }
    }

    #[test]
    fn one_that_began_and_ended_unseen_is_told_of_once() {
        let [succeeded, failed, superseded] = outcomes().map(ended);
        assert_eq!(kind(None, &succeeded), Some(NoticeKind::Succeeded));
        assert_eq!(kind(None, &failed), Some(NoticeKind::Failed));
        assert_eq!(kind(None, &superseded), None);
    }
}
