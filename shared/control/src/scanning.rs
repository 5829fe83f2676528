//! Enhanced scanning of images, which is one setting of a whole registry that many may have set.
//!
//! Where the platform wants it, each round looks at what is set, and adds no more than its own
//! repositories need. What somebody else set stays: no rule is changed or taken away, and a registry
//! that scans by rules of its own in the basic way goes on as it does. What is left undone is said in
//! the log at each round.
//!
//! Setting it is a reading and a writing, and ECR has no condition for the second: who sets rules in
//! that moment loses them, at most once, since a round that finds ours writes nothing.

use slipway_domain::Platform;

use crate::ports::{PortResult, ScanRule, Scanning, ScanningKeeper};

/// The most rules that a registry has, and the most filters of one ("`PutRegistryScanningConfiguration`"
/// in the API reference of ECR).
const MOST: (usize, usize) = (2, 100);

/// How often images of our repositories are scanned: when they are pushed, and when a weakness
/// becomes known.
const OURS: &str = "CONTINUOUS_SCAN";

/// What is to be done about a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Our repositories are scanned already.
    Nothing,
    /// This is to be set: all that is there, and ours.
    Set(Scanning),
    /// It stays as somebody set it: why, for people.
    Left(&'static str),
}

/// What is to be done about a registry where `there` is set.
pub fn decide(there: &Scanning, platform: &Platform) -> Decision {
    let start = format!("{}-", platform.name);
    let ours = format!("{start}*");
    let rule = || ScanRule {
        frequency: OURS.to_owned(),
        filters: vec![ours.clone()],
    };
    if !there.enhanced {
        if !there.rules.is_empty() {
            return Decision::Left(
                "This registry scans in the basic way, by rules that somebody set: enhanced scanning would put an end to them. Take them away, or set the platform's parameter EnhancedScanning to false.",
            );
        }
        return Decision::Set(Scanning {
            enhanced: true,
            rules: vec![rule()],
        });
    }
    let mut filters = there.rules.iter().flat_map(|it| &it.filters);
    if filters.any(|filter| covers(filter, &start)) {
        return Decision::Nothing;
    }
    let mut after = there.clone();
    let (most_rules, most_filters) = MOST;
    let same = after.rules.iter_mut().find(|it| it.frequency == OURS);
    match same {
        Some(same) if same.filters.len() < most_filters => same.filters.push(ours),
        None if there.rules.len() < most_rules => after.rules.push(rule()),
        Some(_) | None => {
            return Decision::Left(
                "This registry has as many rules for scanning as ECR takes, and none is for this platform's repositories: make room for one, or let one of them match these.",
            );
        }
    }
    Decision::Set(after)
}

/// Whether a filter matches every repository whose name begins with `start`. `*` stands for any
/// characters, and one without matches names that it occurs in ("Filters to choose which repositories
/// are scanned" in the user guide of ECR).
fn covers(filter: &str, start: &str) -> bool {
    if !filter.contains('*') {
        return start.contains(filter);
    }
    filter.ends_with('*') && matches(filter, start)
}

/// Whether `text` is what a filter with `*` says.
fn matches(filter: &str, text: &str) -> bool {
    match filter.split_once('*') {
        None => filter == text,
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|behind| {
            let mut places = behind.char_indices().map(|(place, _)| place);
            rest.is_empty()
                || places.any(|place| matches(rest, &behind[place..]))
                || matches(rest, "")
        }),
    }
}

/// Looks at the registry, and sets what is missing. One call where nothing is, and two otherwise.
///
/// # Errors
/// What is set could not be read, or not be set.
pub async fn keep(keeper: &impl ScanningKeeper, platform: &Platform) -> PortResult<()> {
    match decide(&keeper.scanning().await?, platform) {
        Decision::Nothing => {}
        Decision::Set(scanning) => {
            keeper.set_scanning(&scanning).await?;
            tracing::info!("enhanced scanning covers the platform's repositories from now on");
        }
        Decision::Left(why) => tracing::warn!("Enhanced scanning is wanted and not set. {why}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeChecks, Fault, Tape};

    fn scanning(enhanced: bool, rules: &[(&str, &[&str])]) -> Scanning {
        let rule = |(frequency, filters): &(&str, &[&str])| ScanRule {
            frequency: (*frequency).to_owned(),
            filters: filters.iter().map(|&it| it.to_owned()).collect(),
        };
        Scanning {
            enhanced,
            rules: rules.iter().map(rule).collect(),
        }
    }

    fn decided(there: &Scanning) -> Decision {
        decide(there, &Platform::sample())
    }

    const OURS_ALONE: (&str, &[&str]) = (OURS, &["devops2-g4-*"]);

    #[test]
    fn where_nobody_set_anything_our_repositories_are_scanned() {
        let set = scanning(true, &[OURS_ALONE]);
        assert_eq!(decided(&scanning(false, &[])), Decision::Set(set.clone()));
        assert_eq!(decided(&set), Decision::Nothing);
    }

    #[test]
    fn what_others_set_stays_and_ours_is_added() {
        let theirs: (&str, &[&str]) = ("SCAN_ON_PUSH", &["shop", "a*b"]);
        let set = scanning(true, &[theirs, OURS_ALONE]);
        assert_eq!(decided(&scanning(true, &[theirs])), Decision::Set(set));
        assert_eq!(
            decided(&scanning(true, &[])),
            Decision::Set(scanning(true, &[OURS_ALONE]))
        );
        // ECR takes one rule of a frequency.
        let one = scanning(true, &[(OURS, &["shop"]), theirs]);
        let both = scanning(true, &[(OURS, &["shop", "devops2-g4-*"]), theirs]);
        assert_eq!(decided(&one), Decision::Set(both));
    }

    #[test]
    fn a_rule_of_others_that_covers_ours_is_enough() {
        for filter in ["*", "devops2-*", "*g4-*", "devops2", "g4-", "dev*2*"] {
            let there = scanning(true, &[("SCAN_ON_PUSH", &[filter])]);
            assert_eq!(decided(&there), Decision::Nothing, "{filter}");
        }
        for filter in [
            "devops2-g4-shop*",
            "*-prod",
            "devops2-g4-*-prod",
            "shop",
            "x*",
        ] {
            let there = scanning(true, &[("SCAN_ON_PUSH", &[filter])]);
            assert!(matches!(decided(&there), Decision::Set(_)), "{filter}");
        }
    }

    #[test]
    fn a_registry_that_scans_by_its_own_rules_in_the_basic_way_is_left_alone() {
        let there = scanning(false, &[("SCAN_ON_PUSH", &["*"])]);
        assert!(matches!(decided(&there), Decision::Left(why) if why.contains("somebody set")));
        let many: Vec<String> = (0..100).map(|n| format!("shop{n}")).collect();
        let full = Scanning {
            enhanced: true,
            rules: vec![ScanRule {
                frequency: OURS.to_owned(),
                filters: many,
            }],
        };
        assert!(matches!(decided(&full), Decision::Left(why) if why.contains("make room")));
    }

    #[tokio::test]
    async fn a_round_sets_it_once_and_then_writes_nothing() {
        let tape = Tape::default();
        let keeper = FakeChecks::taped(tape.clone());
        let platform = Platform::sample();
        tape.next("set_scanning", Fault::Throttled, 1);
        assert!(keep(&keeper, &platform).await.is_err());
        keep(&keeper, &platform).await.unwrap();
        assert_eq!(keeper.scanned(), scanning(true, &[OURS_ALONE]));
        tape.next("set_scanning", Fault::Throttled, 1);
        keep(&keeper, &platform).await.unwrap();
        let basic = scanning(false, &[("SCAN_ON_PUSH", &["*"])]);
        keeper.scan(basic.clone());
        keep(&keeper, &platform).await.unwrap();
        assert_eq!(keeper.scanned(), basic);
    }
}
