//! What the platform itself costs in a month, and what of it falls to whom.
//!
//! Counted is what `template.yaml` says that there is ([`Billed`]), with what its own schedules
//! use at rest. What is done for services comes on top, by use: a look at a stack or at a scaled
//! environment is thousandths of a cent (`docs/PLATFORM.md`).

use slipway_domain::{Balancer, Billed, Platform, balancer};

use super::assumptions::Assumptions;
use super::estimate::{HOURS, Item, view};
use super::money::{Quantity, Usd};
use super::prices::Name;
use super::{CostView, VariesWith};

/// Invocations in a month that the platform's schedules make: the reconciler's sweep and the
/// scaler's tick once a minute, the full round once an hour, digests every 15 minutes.
const INVOCATIONS: u64 = HOURS * (60 + 60 + 1 + 4);

/// Thousandths of a GB-second that one of them takes: at most half a GB for 50 milliseconds.
const COMPUTED: u64 = 25;

/// What the platform has of its own costs in a month, whatever services there are.
pub fn platform(platform: &Platform, assumed: &Assumptions) -> CostView {
    let lines = items(&platform.billed, assumed)
        .into_iter()
        .map(|item| item.line(platform.name.as_str()))
        .collect();
    view(lines, &platform.region, assumed)
}

/// What one of the load balancers that services share costs in a month, by its name; nothing where
/// the platform has none of that name. It is part of what [`platform`] says, where the platform's own
/// values or the caller count it.
pub fn balancer(platform: &Platform, name: &str) -> Usd {
    let is_its = |it: &Balancer| it.name == name;
    let public = &platform.public_load_balancers;
    let is_public = public.iter().any(is_its);
    if !is_public && !balancer::is_shared(name) {
        return Usd::default();
    }
    // Only a public one has addresses that are paid for.
    let of_public = u64::try_from(public.len()).unwrap_or(u64::MAX).max(1);
    let addresses = platform.billed.load_balancer_addresses / of_public;
    let parts = [
        (Name::LoadBalancer, 1),
        (Name::PublicAddress, if is_public { addresses } else { 0 }),
    ];
    let lines = parts.map(|(price, count)| {
        let hours = Quantity::whole(count * HOURS);
        Item::new("load balancers", price, hours).line(platform.name.as_str())
    });
    lines.into_iter().map(|line| line.monthly_usd).sum()
}

fn items(billed: &Billed, assumed: &Assumptions) -> Vec<Item> {
    let hours = |count: u64| Quantity::whole(count.saturating_mul(HOURS));
    let nat = billed.nat_gateways;
    let counts = [
        ("NAT gateways", Name::NatGateway, hours(nat)),
        ("NAT gateways, addresses", Name::PublicAddress, hours(nat)),
        (
            "interface endpoints",
            Name::Endpoint,
            hours(billed.endpoints),
        ),
        ("alarms", Name::Alarm, Quantity::whole(billed.alarms)),
        ("KMS keys", Name::KmsKey, Quantity::whole(billed.keys)),
        ("secrets", Name::Secret, Quantity::whole(billed.secrets)),
        (
            "dashboards",
            Name::Dashboard,
            Quantity::whole(billed.dashboards),
        ),
        (
            "load balancers",
            Name::LoadBalancer,
            hours(billed.load_balancers),
        ),
        (
            "load balancers, addresses",
            Name::PublicAddress,
            hours(billed.load_balancer_addresses),
        ),
        ("DNS zone", Name::DnsZone, Quantity::whole(billed.zones)),
        ("web ACL", Name::WebAcl, Quantity::whole(billed.web_acls)),
        (
            "web ACL, rules",
            Name::WebAclRule,
            Quantity::whole(billed.web_acl_rules),
        ),
    ];
    let mut items: Vec<Item> = counts
        .into_iter()
        .filter(|(_, _, quantity)| *quantity != Quantity::default())
        .map(|(component, price, quantity)| Item::new(component, price, quantity))
        .collect();
    if nat > 0 {
        let through = Quantity::whole(assumed.nat_gb);
        items.push(
            Item::new("NAT gateways, data", Name::NatData, through)
                .varying_with(VariesWith::Use)
                .assuming(format!("{} GB a month through them", assumed.nat_gb)),
        );
    }
    items.push(
        Item::new("VPC link", Name::VpcLink, Quantity::whole(1))
            .assuming("AWS lists no charge for an HTTP API's link"),
    );
    items.extend(control_plane());
    items
}

/// The functions and the table of a platform on which nothing happens.
fn control_plane() -> [Item; 3] {
    // Thousandths of a million.
    let millions = Quantity::thousandths(INVOCATIONS.div_ceil(1000));
    let seconds = Quantity::thousandths(INVOCATIONS * COMPUTED);
    let said = "the schedules of a platform at rest: two a minute, five an hour";
    [
        Item::new("functions, calls", Name::LambdaRequests, millions).assuming(said),
        Item::new("functions, computing", Name::LambdaArm64, seconds)
            .assuming("50 ms and half a GB for each of them"),
        Item::new("registry, reads", Name::TableReads, millions)
            .assuming("a query for each of them"),
    ]
}

/// What of `total` falls to those who are the `own` from the `before`-th on among `all`, when it
/// is split evenly. The shares of all add up to `total` exactly, to the cent; where there is
/// nobody, nothing falls to anybody.
pub fn share(total: Usd, before: u64, own: u64, all: u64) -> Usd {
    if all == 0 {
        return Usd::default();
    }
    // What falls to the first so many of all.
    let first = |many: u64| {
        let cents = u128::from(total.cents()) * u128::from(many.min(all)) / u128::from(all);
        u64::try_from(cents).unwrap_or(u64::MAX)
    };
    let end = before.saturating_add(own);
    Usd::of_cents(first(end).saturating_sub(first(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn shares_are_even_and_add_up_to_the_cent() {
        for (total, all) in [("38.24", 7), ("0.05", 9), ("32.85", 1), ("0.00", 3)] {
            let total = usd(total);
            let shares: Vec<Usd> = (0..all).map(|it| share(total, it, 1, all)).collect();
            assert_eq!(shares.iter().copied().sum::<Usd>(), total);
            let cents = || shares.iter().map(|it| it.cents());
            assert!(
                cents().max().unwrap() - cents().min().unwrap() <= 1,
                "{shares:?}"
            );
            // Those of one service are as much together as one by one.
            let three = share(total, 1, 3, all);
            assert_eq!(three, shares.iter().skip(1).take(3).copied().sum());
        }
    }

    #[test]
    fn nothing_falls_to_nobody_and_no_more_than_all_to_anybody() {
        assert_eq!(share(usd("10.00"), 0, 0, 0), usd("0.00"));
        assert_eq!(share(usd("10.00"), 0, 1, 0), usd("0.00"));
        assert_eq!(share(usd("10.00"), 5, 0, 9), usd("0.00"));
        assert_eq!(share(usd("10.00"), 0, 12, 9), usd("10.00"));
        assert_eq!(share(usd("10.00"), u64::MAX, u64::MAX, 9), usd("0.00"));
    }

    #[test]
    fn the_platform_at_rest_costs_its_gateway_and_some_cents() {
        let view = platform(&Platform::sample(), &Assumptions::default());
        // 32.85 and 3.65 for NAT, 7 alarms, a key; 0.092 million calls, 2282 GB-seconds.
        let amounts: Vec<(&str, String)> = view
            .lines
            .iter()
            .map(|line| (line.component.as_str(), line.monthly_usd.to_string()))
            .collect();
        let expected = [
            ("NAT gateways", "32.85"),
            ("NAT gateways, addresses", "3.65"),
            ("alarms", "0.70"),
            ("KMS keys", "1.00"),
            ("NAT gateways, data", "0.00"),
            ("VPC link", "0.00"),
            ("functions, calls", "0.02"),
            ("functions, computing", "0.03"),
            ("registry, reads", "0.01"),
        ];
        assert_eq!(amounts, expected.map(|(name, usd)| (name, usd.to_owned())));
        assert_eq!(view.monthly_usd, usd("38.26"));
        assert_eq!(view.fixed_usd(), usd("38.26"));
    }

    #[test]
    fn a_shared_load_balancer_costs_its_hours_and_a_public_one_its_addresses_too() {
        let sample = Platform::sample();
        let mut with = sample.clone();
        with.billed.load_balancers = 3;
        with.billed.load_balancer_addresses = 2;
        let assumed = Assumptions::default();
        let before = platform(&sample, &assumed).monthly_usd.cents();
        let more = platform(&with, &assumed).monthly_usd.cents() - before;
        let each = ["shared-1", "shared-2", "public-1"].map(|name| balancer(&with, name));
        assert_eq!(each, [usd("16.43"), usd("16.43"), usd("23.73")]);
        // Three times 16.425 is 49.28 together.
        assert_eq!(each.iter().copied().sum::<Usd>().cents(), more + 1);
        assert_eq!(balancer(&with, "another"), usd("0.00"));
    }

    #[test]
    fn what_goes_through_the_gateways_is_assumed_and_said() {
        let assumed = Assumptions {
            nat_gb: 100,
            ..Assumptions::default()
        };
        let view = platform(&Platform::sample(), &assumed);
        let data = view
            .lines
            .iter()
            .find(|it| it.component == "NAT gateways, data");
        assert_eq!(data.unwrap().monthly_usd, usd("4.50"));
        assert_eq!(view.assumed, assumed);
    }
}
