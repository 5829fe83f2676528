//! What EventBridge Scheduler takes for a schedule ("Schedule types in EventBridge Scheduler").
//!
//! Checked here, because it is a stack that fails otherwise. When the next run is, AWS says.

use std::ops::RangeInclusive;

/// The three forms, as a regular expression (ECMA 262); what is inside a `cron` is looked at by
/// [`check`].
pub(super) const FORM: &str = r"^(rate\([1-9][0-9]{0,4} (minute|hour|day)s?\)|cron\([0-9A-Z*?/,#-]+( [0-9A-Z*?/,#-]+){5}\)|at\([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\))$";

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the six fields of a `cron`.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    /// Words for its numbers, from the first of the range on.
    words: &'static [&'static str],
}

const FIELDS: [Field; 6] = [
    Field {
        name: "minutes",
        range: 0..=59,
        words: &[],
    },
    Field {
        name: "hours",
        range: 0..=23,
        words: &[],
    },
    Field {
        name: "day of the month",
        range: 1..=31,
        words: &[],
    },
    Field {
        name: "month",
        range: 1..=12,
        words: &MONTHS,
    },
    Field {
        name: "day of the week",
        range: 1..=7,
        words: &DAYS,
    },
    Field {
        name: "year",
        range: 1970..=2199,
        words: &[],
    },
];

/// Where the two fields stand of which one is `?`.
const DAY_OF_MONTH: usize = 2;
const DAY_OF_WEEK: usize = 4;

/// Whether AWS takes an expression that has one of the forms.
///
/// # Errors
/// What is wrong, as a sentence without its subject.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let inside = |word: &str| {
        let rest = expression.strip_prefix(word)?.strip_prefix('(')?;
        rest.strip_suffix(')')
    };
    if let Some(rate) = inside("rate") {
        check_rate(rate)
    } else if let Some(cron) = inside("cron") {
        check_cron(cron)
    } else if let Some(at) = inside("at") {
        at.parse::<jiff::civil::DateTime>().map(|_| ()).map_err(|_| {
            format!("is at `{at}`, which is no day and time: `at(2026-12-24T18:00:00)` would be right")
        })
    } else {
        Err("is neither `rate(…)` nor `cron(…)` nor `at(…)`".to_owned())
    }
}

fn check_rate(rate: &str) -> Result<(), String> {
    let is_right = rate.split_once(' ').is_some_and(|(number, unit)| {
        matches!((number, unit.ends_with('s')), ("1", false))
            || (number != "1" && unit.ends_with('s'))
    });
    if is_right {
        return Ok(());
    }
    Err(format!(
        "is `rate({rate})`: `rate(1 hour)` or `rate(2 hours)` would be right"
    ))
}

fn check_cron(cron: &str) -> Result<(), String> {
    let fields: Vec<&str> = cron.split(' ').collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "has {} fields, and a `cron` has six: minutes, hours, day of the month, month, day of the week, year",
            fields.len()
        ));
    }
    for (place, (text, field)) in fields.iter().zip(&FIELDS).enumerate() {
        if !field.takes(text, place) {
            return Err(format!(
                "has `{text}` for the {}, which has {} to {}",
                field.name,
                field.range.start(),
                field.range.end()
            ));
        }
    }
    let open = [fields[DAY_OF_MONTH], fields[DAY_OF_WEEK]];
    let open = open.into_iter().filter(|it| *it == "?").count();
    if open != 1 {
        return Err(
            "says both the day of the month and the day of the week, or neither: one of the two has to be `?`, as in `cron(0 3 * * ? *)`"
                .to_owned(),
        );
    }
    Ok(())
}

impl Field {
    fn takes(&self, text: &str, place: usize) -> bool {
        let is_day = place == DAY_OF_MONTH || place == DAY_OF_WEEK;
        if text == "?" {
            return is_day;
        }
        text.split(',')
            .all(|item| self.takes_item(item) || self.takes_special(item, place))
    }

    /// `*`, a number, a range, each with a step or without.
    fn takes_item(&self, item: &str) -> bool {
        let (from, step) = match item.split_once('/') {
            Some((from, step)) => (from, Some(step)),
            None => (item, None),
        };
        let is_step = step.is_none_or(|it| it.parse().is_ok_and(|it: u32| it > 0));
        let is_from = match from.split_once('-') {
            Some((first, last)) => match (self.number(first), self.number(last)) {
                (Some(first), Some(last)) => first <= last,
                _ => false,
            },
            None => from == "*" || self.number(from).is_some(),
        };
        is_step && is_from
    }

    /// The last day, the weekday nearest to a day, the last or the nth of a weekday.
    fn takes_special(&self, item: &str, place: usize) -> bool {
        match place {
            DAY_OF_MONTH => {
                let nearest = item.strip_suffix('W');
                item == "L" || nearest.is_some_and(|it| it == "L" || self.number(it).is_some())
            }
            DAY_OF_WEEK => {
                let last = item.strip_suffix('L').and_then(|it| self.number(it));
                let nth = item.split_once('#').and_then(|(day, nth)| {
                    let nth = nth.parse().ok().filter(|it: &u32| (1..=5).contains(it));
                    self.number(day).and(nth)
                });
                item == "L" || last.or(nth).is_some()
            }
            _ => false,
        }
    }

    fn number(&self, text: &str) -> Option<u32> {
        if let Some(place) = self.words.iter().position(|word| *word == text) {
            return u32::try_from(place).ok().map(|it| it + self.range.start());
        }
        let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
        let number = is_number.then(|| text.parse().ok()).flatten()?;
        self.range.contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_takes_is_taken() {
        for good in [
            "rate(1 minute)",
            "rate(5 minutes)",
            "rate(1 hour)",
            "rate(7 days)",
            "cron(0 3 * * ? *)",
            "cron(0/15 8-18 ? * MON-FRI *)",
            "cron(15,45 0 1,15 JAN-JUN ? 2026-2030)",
            "cron(0 6 L * ? *)",
            "cron(0 6 15W * ? *)",
            "cron(0 6 ? * 6L *)",
            "cron(0 6 ? * TUE#2 *)",
            "at(2026-12-24T18:00:00)",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
            let form = jsonschema::validator_for(&serde_json::json!({"pattern": FORM})).unwrap();
            assert!(form.is_valid(&good.into()), "{good}");
        }
    }

    #[test]
    fn what_aws_refuses_is_refused_with_what_would_be_right() {
        for (bad, word) in [
            ("rate(1 hours)", "rate(1 hour)"),
            ("rate(2 hour)", "rate(2 hours)"),
            ("cron(0 3 * * *)", "six"),
            ("cron(0 3 * * * *)", "`?`"),
            ("cron(0 3 ? * ? *)", "`?`"),
            ("cron(60 3 * * ? *)", "minutes"),
            ("cron(0 24 * * ? *)", "hours"),
            ("cron(0 3 32 * ? *)", "day of the month"),
            ("cron(0 3 * FEBR ? *)", "month"),
            ("cron(0 3 ? * 8 *)", "day of the week"),
            ("cron(0 3 ? * MON#6 *)", "day of the week"),
            ("cron(0 3 * * ? 1969)", "year"),
            ("cron(0/0 3 * * ? *)", "minutes"),
            ("cron(5-1 3 * * ? *)", "minutes"),
            ("cron(? 3 * * ? *)", "minutes"),
            ("at(2026-02-30T18:00:00)", "no day"),
            ("daily", "rate"),
        ] {
            let detail = check(bad).unwrap_err();
            assert!(detail.contains(word), "{bad}: {detail}");
        }
    }
}
