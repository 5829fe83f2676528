//! Load balancers that belong to the platform, and the places that services have on them.
//!
//! The public ones are a part of the platform's own stack. Those that are internal, and shared, are
//! registered like databases, each with a stack, by the control plane alone: when the first service
//! needs it, and until the last one has left it.
//!
//! Several services share one: each has a rule of its own on its listener, and one target group
//! or two behind it. Which rule comes first is what [`priorities`] is for.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::manifest::{Kind, Manifest};
use crate::name::ServiceName;
use crate::path::RoutePath;
use crate::platform::Platform;
use crate::schema;

/// The highest priority of a rule; the lowest is 1 ("Listener rules" in the user guide of
/// Application Load Balancers).
pub const LAST_PRIORITY: u32 = 50_000;
/// How many priorities paths of the same depth share: a multiple of the rules that a load balancer
/// has room for.
const BAND: u32 = 800;
/// More segments than any path has: 100 characters, and an environment's name before them.
const DEEPEST: u32 = 60;

/// A load balancer of the platform's own stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Balancer {
    /// What claims call it, such as `public-1`. It stays when AWS's own names change.
    pub name: String,
    /// The ARN of the listener that services have their rules on.
    pub listener: String,
    /// The id of its security group.
    pub security_group: String,
    /// Where callers reach it, without a slash at its end.
    pub url: String,
}

impl Balancer {
    /// The name by which metrics know it, `app/NAME/ID`: part of its listener's ARN, which ends in
    /// `:listener/app/NAME/ID/LISTENER`.
    pub fn full_name(&self) -> &str {
        let (_, rest) = self.listener.split_once(":listener/").unwrap_or_default();
        rest.rsplit_once('/').unwrap_or_default().0
    }
}

/// The most shared load balancers that `template.yaml` allows.
const MOST: u32 = 3;

/// What the names of shared load balancers begin with; a number follows.
const SHARED: &str = "shared-";

/// The team that shared load balancers are registered for.
const TEAM: &str = "platform";

/// The names of the internal load balancers that services may share, in the order in which they
/// fill.
pub fn shared(platform: &Platform) -> impl Iterator<Item = String> + use<> {
    (1..=platform.shared_load_balancers).map(|number| format!("{SHARED}{number}"))
}

/// The names of all that there may ever be: fewer may be allowed by now than there are.
pub fn all_shared() -> impl Iterator<Item = String> {
    (1..=MOST).map(|number| format!("{SHARED}{number}"))
}

/// Whether a name is a shared load balancer's, and so no service's.
pub fn is_shared(name: &str) -> bool {
    let number = name.strip_prefix(SHARED).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit())
}

/// The name under which a shared load balancer is registered; nothing for what is called otherwise.
pub fn registered(name: &str) -> Option<ServiceName> {
    is_shared(name).then(|| name.parse().ok()).flatten()
}

/// What is registered for a shared load balancer: it has nothing to say but its name.
pub fn manifest(name: ServiceName) -> Manifest {
    Manifest {
        service: name,
        team: schema::literal(TEAM),
        deletion_protection: false,
        repair: true,
        notify: crate::notify::Notify::default(),
        settings: crate::manifest::Settings {
            kind: Kind::LoadBalancer,
            ..crate::manifest::Settings::default()
        },
        environments: std::collections::BTreeMap::new(),
    }
}

/// A place on something that services share: on a load balancer, one target group behind the rule
/// of one path; on the HTTP API, one integration behind the routes of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The load balancer's name ([`Balancer::name`]), or what the HTTP API is called.
    pub on: String,
    /// The rule's priority on its listener; on the HTTP API a number that no other path has.
    pub number: u32,
    /// Which of the service's target groups: 1, or 2 for the one that takes turns with it; or
    /// which of its integrations. 0 where the path has neither of its own.
    pub group: u8,
    /// The path.
    pub path: RoutePath,
}

impl Place {
    /// Whether it stands for the path's number, beside what is behind it.
    pub fn is_first(&self) -> bool {
        self.group <= 1
    }

    /// Whether a target group or an integration is behind it.
    pub fn has_group(&self) -> bool {
        self.group > 0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            on,
            number,
            group,
            path,
        } = self;
        write!(f, "{on} {number:05} {group} {path}")
    }
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(4, ' ');
        let mut next = || parts.next().ok_or(NoPlace);
        Ok(Self {
            on: next()?.to_owned(),
            number: next()?.parse().map_err(|_| NoPlace)?,
            group: next()?.parse().map_err(|_| NoPlace)?,
            path: next()?.to_owned().try_into().map_err(|_| NoPlace)?,
        })
    }
}

/// The priorities from which the rule of a path may have one. Rules are asked from the lowest
/// number on, and deeper paths have lower ones: of two that a request lies under, the longer one
/// is asked first, as the HTTP API chooses too.
pub fn priorities(path: &RoutePath) -> RangeInclusive<u32> {
    let depth = u32::try_from(path.segments().count()).unwrap_or(DEEPEST);
    let first = (DEEPEST - depth.min(DEEPEST)) * BAND + 1;
    first..=first + BAND - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RoutePath {
        text.parse().unwrap()
    }

    #[test]
    fn metrics_know_a_load_balancer_by_a_part_of_its_listeners_arn() {
        let balancer = Balancer {
            name: "public-1".to_owned(),
            listener: "arn:aws:elasticloadbalancing:us-east-1:1:listener/app/lb/50dc6/f2f7".into(),
            security_group: "sg-1".to_owned(),
            url: String::new(),
        };
        assert_eq!(balancer.full_name(), "app/lb/50dc6");
    }

    #[test]
    fn shared_load_balancers_have_names_that_no_service_can_have() {
        let platform = Platform::sample();
        let names: Vec<String> = shared(&platform).collect();
        assert_eq!(names, ["shared-1", "shared-2"]);
        for name in names {
            assert!(is_shared(&name));
            let refused = Manifest::read(&serde_json::json!({"service": name})).unwrap_err();
            assert_eq!(refused.problems[0].pointer, "/service");
        }
        for other in ["shared-", "shared-1a", "shared", "shared-1-2", "public-1"] {
            assert_eq!(registered(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_registered_for_one_is_stored_and_read_again_and_refused_from_outside() {
        let own = manifest("shared-1".parse().unwrap());
        let stored = serde_json::to_value(&own).unwrap();
        assert_eq!(
            serde_json::from_value::<Manifest>(stored.clone()).unwrap(),
            own
        );
        let refused = Manifest::read(&stored).unwrap_err().problems;
        let pointers: Vec<&str> = refused.iter().map(|it| &*it.pointer).collect();
        assert_eq!(pointers, ["/kind", "/service"]);
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let place = Place {
            on: "shared-1".to_owned(),
            number: 801,
            group: 2,
            path: path("/api/orders"),
        };
        assert_eq!(place.to_string(), "shared-1 00801 2 /api/orders");
        assert_eq!(place.to_string().parse(), Ok(place));
        for bad in ["", "shared-1 1 1", "shared-1 x 1 /a", "shared-1 1 1 a"] {
            assert_eq!(bad.parse::<Place>(), Err(NoPlace), "{bad}");
        }
    }

    #[test]
    fn the_deeper_of_two_paths_has_the_lower_priorities() {
        let depths = ["/a", "/a/b", "/a/b/c"].map(|it| priorities(&path(it)));
        assert!(depths[1].end() < depths[0].start());
        assert!(depths[2].end() < depths[1].start());
        assert_eq!(priorities(&path("/x/y")), depths[1]);
        assert!(*depths[0].end() <= LAST_PRIORITY);
        let longest = "/a".repeat(50);
        let deepest = path(&longest).within(&"production12".parse().unwrap());
        assert!(*priorities(&deepest).start() >= 1);
        assert!(priorities(&deepest).end() < priorities(&path(&longest)).start());
    }
}
