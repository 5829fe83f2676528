//! Hours of the week with bounds of their own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod night;

use night::service;
use slipway_domain::scaling::{Day, Window};
use slipway_scaling::{Bounds, Decision, Verdict, decide};

fn window(
    days: &[Day],
    from: &str,
    to: &str,
    zone: &str,
    min: Option<u32>,
    max: Option<u32>,
) -> Window {
    Window {
        days: days.to_vec(),
        from: from.to_owned(),
        to: to.to_owned(),
        timezone: zone.to_owned(),
        min,
        max,
    }
}

/// What is decided for 4 calm tasks within 2 to 10 at a moment.
fn at(moment: &str, windows: Vec<Window>) -> Decision {
    let mut night = service(4, 1.0);
    night.policy.schedule = windows;
    night.seen.bounds.min = 2;
    night.seen.bounds.max = 10;
    night.seen.cpu.0.clear();
    decide(
        &night.policy,
        &night.seen,
        &night.state,
        moment.parse().unwrap(),
    )
}

#[test]
fn a_window_raises_the_fewest_while_it_is_open() {
    let windows = || vec![window(&[], "08:00", "18:00", "UTC", Some(6), None)];
    for (moment, to) in [
        ("2026-11-20T07:59:59Z", 4),
        ("2026-11-20T08:00:00Z", 6),
        ("2026-11-20T17:59:59Z", 6),
        ("2026-11-20T18:00:00Z", 4),
    ] {
        assert_eq!(at(moment, windows()).to, to, "{moment}");
    }
    let decision = at("2026-11-20T12:00:00Z", windows());
    assert_eq!(decision.verdict, Verdict::Out);
    assert_eq!(
        night::says(&decision, "schedule"),
        "6 to 10 tasks at this hour"
    );
}

#[test]
fn a_window_knows_its_zone_and_its_summer() {
    let windows = || {
        vec![window(
            &[],
            "08:00",
            "09:00",
            "Europe/Berlin",
            Some(6),
            None,
        )]
    };
    assert_eq!(at("2026-01-15T07:30:00Z", windows()).to, 6);
    assert_eq!(at("2026-07-15T06:30:00Z", windows()).to, 6);
    assert_eq!(at("2026-07-15T07:30:00Z", windows()).to, 4);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
    // 20 November 2026 is a Friday.
    let windows = || vec![window(&[Day::Fri], "22:00", "02:00", "UTC", Some(6), None)];
    for (moment, to) in [
        ("2026-11-20T01:00:00Z", 4),
        ("2026-11-20T23:00:00Z", 6),
        ("2026-11-21T01:59:00Z", 6),
        ("2026-11-21T23:00:00Z", 4),
    ] {
        assert_eq!(at(moment, windows()).to, to, "{moment}");
    }
}

#[test]
fn equal_times_are_a_whole_day() {
    let windows = || vec![window(&[Day::Fri], "06:00", "06:00", "UTC", Some(6), None)];
    assert_eq!(at("2026-11-20T05:59:00Z", windows()).to, 4);
    assert_eq!(at("2026-11-21T05:59:00Z", windows()).to, 6);
}

#[test]
fn of_several_windows_the_highest_of_each_counts() {
    let windows = vec![
        window(&[], "00:00", "23:00", "UTC", Some(5), Some(7)),
        window(&[], "00:00", "23:00", "UTC", Some(3), Some(20)),
        window(&[], "23:00", "23:30", "UTC", Some(9), None),
    ];
    let decision = at("2026-11-20T12:00:00Z", windows);
    assert_eq!(decision.to, 5);
    assert_eq!(
        night::says(&decision, "schedule"),
        "5 to 20 tasks at this hour"
    );
}

#[test]
fn a_window_may_also_allow_fewer() {
    let windows = vec![window(&[], "00:00", "23:00", "UTC", Some(0), Some(3))];
    assert_eq!(at("2026-11-20T12:00:00Z", windows).to, 3);
}

#[test]
fn a_window_that_cannot_be_read_is_never_open_and_breaks_nothing() {
    for (from, zone) in [("25:00", "UTC"), ("noon", "UTC"), ("08:00", "Mars/Olympus")] {
        let windows = vec![window(&[], from, "18:00", zone, Some(6), None)];
        assert_eq!(at("2026-11-20T12:00:00Z", windows).to, 4);
    }
}

#[test]
fn who_has_a_schedule_rests_between_its_boundaries_as_everybody_else() {
    let windows = vec![window(&[], "08:00", "18:00", "UTC", Some(4), None)];
    let mut night = service(4, 40.0);
    night.policy.schedule = windows;
    night.policy.resolution = 60;
    night.seen.bounds = Bounds { min: 2, max: 4 };
    night.second = 0;
    // At 22:00 it has more than the fewest, and within a window of four it has not.
    assert!(night.looked().attention);
    night.policy.schedule[0].to = "23:00".to_owned();
    assert!(!night.looked().attention);
}
