//! What a service and the platform cost, as text.

use slipway_control::costs::{PlatformCostsView, ServiceCostsView};
use slipway_synth::cost::{CostView, Usd};

use super::cost::cost;
use super::sheet::Sheet;
use super::table::{Cell, plain, table};
use super::tone::Tone;

const HEADING: [&str; 6] = ["SERVICE", "TEAM", "OWN", "AT MOST", "SHARED", "USD/MONTH"];

/// What stacks cost, by component.
pub(crate) fn own(view: &CostView, sheet: Sheet) -> String {
    cost(view, sheet)
}

/// A service, with its share of what is shared.
pub(crate) fn service(view: &ServiceCostsView, sheet: Sheet) -> String {
    let shared = &view.shared;
    let of = format!(
        "{} of {} environments, of {} that the platform itself costs",
        shared.environments, shared.of, shared.platform_usd
    );
    let mut rows = vec![
        vec![
            plain("its own stacks"),
            right(view.own.monthly_usd, view.monthly_usd),
        ],
        vec![
            plain("its share of the platform"),
            right(shared.monthly_usd, view.monthly_usd),
            plain(of),
        ],
    ];
    rows.extend(shared.load_balancers.iter().map(|it| {
        let of = format!(
            "{} of {} rules, of {}",
            it.rules, it.of, it.load_balancer_usd
        );
        vec![
            plain(format!("  of it, load balancer {}", it.name)),
            right(it.monthly_usd, view.monthly_usd),
            plain(of),
        ]
    }));
    rows.push(vec![
        plain("together"),
        right(view.monthly_usd, view.monthly_usd),
        plain(format!("at most {}", view.at_most_usd)),
    ]);
    let sums = table(&["", "USD/MONTH", ""], &rows, sheet.paint);
    let split = format!("what is shared is split {}", shared.split);
    format!(
        "{} in a month\n\n{}\n{}{}",
        view.service,
        cost(&view.own, sheet),
        sums.trim_start_matches('\n'),
        sheet.paragraph(0, (Tone::Faint, ""), &split)
    )
}

/// The platform with all services.
pub(crate) fn platform(view: &PlatformCostsView, sheet: Sheet) -> String {
    let sum = |of: fn(&Sums) -> Usd| view.services.iter().map(|it| of(&Sums::of(it))).sum();
    let all = Sums {
        own: sum(|it| it.own),
        at_most: sum(|it| it.at_most),
        shared: sum(|it| it.shared),
        together: sum(|it| it.together),
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for it in &view.services {
        rows.push(Sums::of(it).row(it.service.as_str(), it.team.as_str(), &all));
    }
    rows.push(all.row("total", "", &all));
    let split = format!("what is shared is split {}", view.split);
    format!(
        "{} in a month: the platform itself\n\n{}\nservices\n{}{}",
        view.platform,
        cost(&view.own, sheet),
        table(&HEADING, &rows, sheet.paint),
        sheet.paragraph(0, (Tone::Faint, ""), &split)
    )
}

/// The amounts of a row.
struct Sums {
    own: Usd,
    at_most: Usd,
    shared: Usd,
    together: Usd,
}

impl Sums {
    fn of(service: &slipway_control::costs::ServiceCostSummary) -> Self {
        Self {
            own: service.own_usd,
            at_most: service.own_at_most_usd,
            shared: service.shared_usd,
            together: service.monthly_usd,
        }
    }

    /// A row whose amounts are as wide as those of the last one, which are the longest.
    fn row(&self, name: &str, team: &str, longest: &Self) -> Vec<Cell> {
        vec![
            plain(name),
            plain(team),
            right(self.own, longest.own),
            right(self.at_most, longest.at_most),
            right(self.shared, longest.shared),
            right(self.together, longest.together),
        ]
    }
}

/// An amount, as wide as the longest one.
fn right(amount: Usd, longest: Usd) -> Cell {
    let width = longest.to_string().len();
    plain(format!("{amount:>width$}"))
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::json;

    const PIPE: Sheet = Sheet {
        paint: Paint(false),
        width: None,
    };

    #[test]
    fn a_service_pays_for_its_own_and_for_its_share() {
        let view = serde_json::from_value(json!({
            "service": "orders", "monthly_usd": "66.47", "at_most_usd": "141.09",
            "own": {"monthly_usd": "53.73", "at_most_usd": "128.35", "lines": [], "prices_of": "us-east-1"},
            "shared": {"monthly_usd": "12.74", "environments": 1, "of": 3, "platform_usd": "38.24", "split": "evenly",
                "load_balancers": [{"name": "shared-1", "monthly_usd": "8.22", "rules": 1, "of": 2, "load_balancer_usd": "16.43"}]},
        }))
        .unwrap();
        expect![[r#"
            orders in a month

            cost per month, estimated; at most, with the most tasks that scaling allows
              COMPONENT  QUANTITY  USD/MONTH  AT MOST  ASSUMED

              total                    53.73   128.35
            prices: us-east-1

                                             USD/MONTH
            its own stacks                   53.73
            its share of the platform        12.74      1 of 3 environments, of 38.24 that the platform itself costs
              of it, load balancer shared-1   8.22      1 of 2 rules, of 16.43
            together                         66.47      at most 141.09
            what is shared is split evenly
        "#]].assert_eq(&service(&view, PIPE));
    }

    #[test]
    fn the_platform_is_shown_with_each_service_and_their_sums() {
        let service = |name: &str, own: &str, shared: &str, together: &str| {
            json!({"service": name, "team": "shop", "own_usd": own, "own_at_most_usd": own,
                "shared_usd": shared, "monthly_usd": together})
        };
        let view = serde_json::from_value(json!({
            "platform": "p", "environments": 3, "split": "evenly",
            "own": {"monthly_usd": "38.24", "at_most_usd": "38.24", "lines": [], "prices_of": "us-east-1"},
            "services": [
                service("orders", "107.46", "25.49", "132.95"),
                service("web", "53.73", "12.75", "66.48"),
            ],
        }))
        .unwrap();
        expect![[r#"
            p in a month: the platform itself

            cost per month, estimated; at most, with the most tasks that scaling allows
              COMPONENT  QUANTITY  USD/MONTH  AT MOST  ASSUMED

              total                    38.24    38.24
            prices: us-east-1

            services
            SERVICE  TEAM  OWN     AT MOST  SHARED  USD/MONTH
            orders   shop  107.46  107.46   25.49   132.95
            web      shop   53.73   53.73   12.75    66.48
            total          161.19  161.19   38.24   199.43
            what is shared is split evenly
        "#]]
        .assert_eq(&platform(&view, PIPE));
    }
}
