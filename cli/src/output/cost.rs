//! What a service costs in a month, as a table.

use super::sheet::Sheet;
use super::table::{Cell, breadth, plain, table};
use super::tone::Tone;
use slipway_synth::cost::{CostView, NOT_ESTIMATED, Usd};

const HEADING: [&str; 5] = ["COMPONENT", "QUANTITY", "USD/MONTH", "AT MOST", "ASSUMED"];

/// What it costs: a row for each component below its stack's name, then the sum, and by how
/// much it differs.
pub(crate) fn cost(cost: &CostView, sheet: Sheet) -> String {
    // The sums are the longest.
    let width = |sum: Usd, heading: &str| sum.to_string().len().max(heading.len());
    let widths = (
        width(cost.monthly_usd, HEADING[2]),
        width(cost.at_most_usd, HEADING[3]),
    );
    let amount = |usd: Usd| plain(format!("{usd:>0$}", widths.0));
    let at_most = |usd: Usd| plain(format!("{usd:>0$}", widths.1));

    let mut rows: Vec<Row<'_>> = Vec::new();
    for line in &cost.lines {
        let amount = match line.component.as_str() {
            NOT_ESTIMATED => plain(format!("{:>1$}", "?", widths.0)),
            _ => amount(line.monthly_usd),
        };
        rows.push(Row {
            stack: &line.stack,
            cells: vec![
                plain(&line.component),
                plain(format!("{} {}", line.quantity, line.unit)),
                amount,
                line.at_most_usd.map_or_else(|| plain(""), at_most),
            ],
            note: line.assumption.clone().unwrap_or_default(),
        });
    }
    rows.push(Row {
        stack: "",
        cells: vec![
            plain("total"),
            plain(""),
            amount(cost.monthly_usd),
            at_most(cost.at_most_usd),
        ],
        note: difference(cost).unwrap_or_default(),
    });
    let prices = format!("prices: {}", cost.prices_of);
    format!(
        "cost per month, estimated; at most, with the most tasks that scaling allows\n{}{}",
        below_stacks(rows, sheet),
        sheet.paragraph(0, (Tone::Faint, ""), &prices)
    )
}

/// A row of the table.
struct Row<'a> {
    /// The stack that it is about.
    stack: &'a str,
    /// All but the last column.
    cells: Vec<Cell>,
    /// The last column.
    note: String,
}

/// The table, indented below the name of each stack. Of the last column, what does not fit the
/// width goes on below.
fn below_stacks(rows: Vec<Row<'_>>, sheet: Sheet) -> String {
    let others: Vec<Vec<Cell>> = rows.iter().map(|row| row.cells.clone()).collect();
    let used = 2 + breadth(&HEADING[..4], &others);
    let (mut stacks, mut all) = (Vec::new(), Vec::new());
    for row in rows {
        for (number, line) in sheet.lines(&row.note, used).into_iter().enumerate() {
            let mut cells = match number {
                0 => row.cells.clone(),
                _ => vec![plain(""); row.cells.len()],
            };
            cells.push(plain(line));
            stacks.push(row.stack);
            all.push(cells);
        }
    }
    let table = table(&HEADING, &all, sheet.paint);
    let mut lines = table.lines();
    let mut out = String::new();
    for heading in lines.by_ref().take(1) {
        out.extend(["  ", heading, "\n"]);
    }
    let mut last = None;
    for (stack, line) in stacks.into_iter().zip(lines) {
        if last != Some(stack) {
            out.push_str(&sheet.paint.on(Tone::Faint, stack));
            out.push('\n');
            last = Some(stack);
        }
        out.extend(["  ", line, "\n"]);
    }
    out
}

/// By how much it differs from what runs.
fn difference(cost: &CostView) -> Option<String> {
    let difference = cost.difference_usd?;
    let amount = difference.to_string();
    let amount = amount.trim_start_matches(['+', '-']);
    Some(match difference.cents() {
        0 => "as much as what runs".to_owned(),
        1.. => format!("{amount} more than what runs"),
        ..0 => format!("{amount} less than what runs"),
    })
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::expect;
    use serde_json::json;

    fn shown(width: Option<usize>) -> String {
        let line = |stack, component, quantity, unit, usd, assumption: Option<&str>| {
            let at_most = assumption
                .filter(|it| it.contains("at most"))
                .map(|_| "147.75");
            json!({"component": component, "stack": stack, "quantity": quantity, "unit": unit,
                "monthly_usd": usd, "at_most_usd": at_most, "assumption": assumption})
        };
        let view: CostView = serde_json::from_value(json!({
            "monthly_usd": "104.12", "at_most_usd": "312.00", "difference_usd": "+12.30",
            "lines": [
                line("p--orders", "ECR storage", "1", "GB-months", "0.10", Some("10 images of 100 MB")),
                line("p--orders--prod", "Fargate vCPU", "730", "vCPU-hours", "29.55", Some("2 tasks at all hours, at most 10")),
                line("p--orders--prod", "Application Load Balancer", "730", "hours", "16.43", None),
                line("p--orders--prod", "not estimated", "1", "AWS::X::Y", "0.00", None),
            ],
            "prices_of": "us-east-1, 2026-11-01",
        }))
        .unwrap();
        let sheet = Sheet {
            paint: Paint(false),
            width,
        };
        cost(&view, sheet)
    }

    #[test]
    fn each_component_has_its_amount_and_the_sum_is_compared_with_what_runs() {
        expect![[r#"
            cost per month, estimated; at most, with the most tasks that scaling allows
              COMPONENT                  QUANTITY        USD/MONTH  AT MOST  ASSUMED
            p--orders
              ECR storage                1 GB-months          0.10           10 images of 100 MB
            p--orders--prod
              Fargate vCPU               730 vCPU-hours      29.55   147.75  2 tasks at all hours, at most 10
              Application Load Balancer  730 hours           16.43
              not estimated              1 AWS::X::Y             ?

              total                                         104.12   312.00  12.30 more than what runs
            prices: us-east-1, 2026-11-01
        "#]].assert_eq(&shown(None));
    }

    #[test]
    fn assumptions_are_broken_where_the_terminal_ends() {
        expect![[r#"
            cost per month, estimated; at most, with the most tasks that scaling allows
              COMPONENT                  QUANTITY        USD/MONTH  AT MOST  ASSUMED
            p--orders
              ECR storage                1 GB-months          0.10           10 images of 100 MB
            p--orders--prod
              Fargate vCPU               730 vCPU-hours      29.55   147.75  2 tasks at all hours, at
                                                                             most 10
              Application Load Balancer  730 hours           16.43
              not estimated              1 AWS::X::Y             ?

              total                                         104.12   312.00  12.30 more than what runs
            prices: us-east-1, 2026-11-01
        "#]]
        .assert_eq(&shown(Some(90)));
    }

    #[test]
    fn a_difference_is_said_in_words() {
        let said = |difference: &str| {
            let cost = serde_json::from_value(json!({
                "monthly_usd": "1.00", "at_most_usd": "1.00", "difference_usd": difference,
                "lines": [], "prices_of": "",
            }))
            .unwrap();
            super::difference(&cost).unwrap()
        };
        assert_eq!(said("-3.00"), "3.00 less than what runs");
        assert_eq!(said("0.00"), "as much as what runs");
        assert_eq!(said("+0.10"), "0.10 more than what runs");
    }
}
