//! What a service costs in a month, as a table.

use super::sheet::Sheet;
use super::table::{Cell, breadth, plain, table};
use super::tone::Tone;
use crate::client::Cost;

const HEADING: [&str; 4] = ["COMPONENT", "QUANTITY", "USD/MONTH", "ASSUMED"];

/// The component of what has no price: what it costs comes on top of the sum.
const NOT_ESTIMATED: &str = "not estimated";

/// What it costs: a row for each component below its stack's name, then the sum, and by how
/// much it differs.
pub(crate) fn cost(cost: &Cost, sheet: Sheet) -> String {
    let amounts = cost.lines.iter().map(|line| &line.monthly_usd);
    let amounts = amounts.chain(cost.at_most_usd.iter().chain([&cost.monthly_usd]));
    let width = amounts.map(String::len).max().unwrap_or_default();
    let width = width.max(HEADING[2].len());
    let amount = |text: &str| plain(format!("{text:>width$}"));

    let mut rows: Vec<(&str, Vec<Cell>)> = Vec::new();
    for line in &cost.lines {
        let cells = vec![
            plain(&line.component),
            plain(format!("{} {}", line.quantity, line.unit)),
            amount(match line.component.as_str() {
                NOT_ESTIMATED => "?",
                _ => &line.monthly_usd,
            }),
        ];
        rows.push((&line.stack, cells));
    }
    rows.push((
        "",
        vec![plain("total"), plain(""), amount(&cost.monthly_usd)],
    ));
    if let Some(at_most) = cost
        .at_most_usd
        .as_ref()
        .filter(|it| **it != cost.monthly_usd)
    {
        rows.push(("", vec![plain("at most"), plain(""), amount(at_most)]));
    }
    let notes = cost.lines.iter().map(|it| it.assumption.clone());
    let notes = notes.chain([
        difference(cost),
        Some("with the most tasks that scaling allows, at all hours".to_owned()),
    ]);
    let (stacks, rows) = noted(rows, notes, sheet);
    let mut out = String::from("cost per month, estimated\n");
    let mut lines = table(&HEADING, &rows, sheet.paint)
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect::<Vec<_>>()
        .into_iter();
    out.extend(lines.next());
    let mut last = None;
    for (stack, line) in stacks.into_iter().zip(lines) {
        if last != Some(stack) {
            out.push_str(&sheet.paint.on(Tone::Faint, stack));
            out.push('\n');
            last = Some(stack);
        }
        out.push_str(&line);
    }
    let prices = format!("prices: {}", cost.prices_of);
    out.push_str(&sheet.paragraph(0, (Tone::Faint, ""), &prices));
    out
}

/// The rows with their notes at the end. What does not fit the width goes on below.
fn noted(
    rows: Vec<(&str, Vec<Cell>)>,
    notes: impl Iterator<Item = Option<String>>,
    sheet: Sheet,
) -> (Vec<&str>, Vec<Vec<Cell>>) {
    let plain_rows: Vec<Vec<Cell>> = rows.iter().map(|(_, row)| row.clone()).collect();
    let used = 2 + breadth(&HEADING[..3], &plain_rows);
    let mut out = (Vec::new(), Vec::new());
    for ((stack, mut row), note) in rows.into_iter().zip(notes) {
        let mut lines = sheet.lines(&note.unwrap_or_default(), used).into_iter();
        row.extend(lines.next().map(plain));
        out.0.push(stack);
        out.1.push(row);
        for line in lines {
            out.0.push(stack);
            out.1
                .push(vec![plain(""), plain(""), plain(""), plain(line)]);
        }
    }
    out
}

/// By how much it differs from what runs.
fn difference(cost: &Cost) -> Option<String> {
    let difference = cost.difference_usd.as_deref()?;
    Some(match difference.strip_prefix('-') {
        Some(less) => format!("{less} less than what runs"),
        None if difference.trim_start_matches(['0', '.']).is_empty() => {
            "as much as what runs".to_owned()
        }
        None => {
            let more = difference.trim_start_matches('+');
            format!("{more} more than what runs")
        }
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
            json!({"component": component, "stack": stack, "quantity": quantity, "unit": unit,
                "monthly_usd": usd, "assumption": assumption})
        };
        let view: Cost = serde_json::from_value(json!({
            "monthly_usd": "104.12", "at_most_usd": "312.00", "difference_usd": "+12.30",
            "lines": [
                line("p--orders", "ECR storage", "1", "GB-months", "0.10", Some("10 images of 100 MB")),
                line("p--orders--prod", "Fargate vCPU", "730", "vCPU-hours", "29.55", Some("2 tasks at all hours")),
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
            cost per month, estimated
              COMPONENT                  QUANTITY        USD/MONTH  ASSUMED
            p--orders
              ECR storage                1 GB-months          0.10  10 images of 100 MB
            p--orders--prod
              Fargate vCPU               730 vCPU-hours      29.55  2 tasks at all hours
              Application Load Balancer  730 hours           16.43
              not estimated              1 AWS::X::Y             ?

              total                                         104.12  12.30 more than what runs
              at most                                       312.00  with the most tasks that scaling allows, at all hours
            prices: us-east-1, 2026-11-01
        "#]].assert_eq(&shown(None));
    }

    #[test]
    fn assumptions_are_broken_where_the_terminal_ends() {
        expect![[r#"
            cost per month, estimated
              COMPONENT                  QUANTITY        USD/MONTH  ASSUMED
            p--orders
              ECR storage                1 GB-months          0.10  10 images of 100 MB
            p--orders--prod
              Fargate vCPU               730 vCPU-hours      29.55  2 tasks at all hours
              Application Load Balancer  730 hours           16.43
              not estimated              1 AWS::X::Y             ?

              total                                         104.12  12.30 more than what runs
              at most                                       312.00  with the most tasks that scaling
                                                                    allows, at all hours
            prices: us-east-1, 2026-11-01
        "#]]
        .assert_eq(&shown(Some(90)));
    }

    #[test]
    fn a_difference_is_said_in_words() {
        let said = |difference: &str| {
            let cost = Cost {
                monthly_usd: "1.00".to_owned(),
                at_most_usd: None,
                difference_usd: Some(difference.to_owned()),
                lines: Vec::new(),
                prices_of: String::new(),
            };
            super::difference(&cost).unwrap()
        };
        assert_eq!(said("-3.00"), "3.00 less than what runs");
        assert_eq!(said("0.00"), "as much as what runs");
        assert_eq!(said("+0.10"), "0.10 more than what runs");
    }
}
