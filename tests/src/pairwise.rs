//! Sets of parameters in which every two choices of two parameters stand together once.
//!
//! Greedy and deterministic: a row begins with the first pair that no row has yet, and then takes,
//! parameter by parameter, the choice that has most new pairs with what the row has. Of the rows
//! that this gives when it goes round from each parameter, the one with most new pairs is taken. It
//! is not the smallest number of rows, but near it, and a few dozen lines.

use std::collections::{BTreeMap, BTreeSet};

/// A value for each parameter.
pub type Row = BTreeMap<String, String>;

/// A parameter by its place, and one of its choices by its place.
type Choice = (usize, usize);

/// Rows with every pair of choices that a row which is `allowed` may have. `allowed` is asked of
/// whole rows.
///
/// # Panics
/// If no row at all is allowed.
pub fn rows(parameters: &[(String, Vec<String>)], allowed: impl Fn(&Row) -> bool) -> Vec<Row> {
    let mut missing = pairs(parameters);
    let mut rows = Vec::new();
    while let Some((one, other)) = missing.iter().next().copied() {
        match row(parameters, &missing, [one, other], &allowed) {
            Some(row) => {
                for pair in of(&row) {
                    missing.remove(&pair);
                }
                rows.push(named(parameters, &row));
            }
            None => {
                missing.remove(&(one, other));
            }
        }
    }
    assert!(!rows.is_empty(), "no set of parameters is allowed");
    rows
}

/// Every two choices of two parameters, the first parameter's first.
fn pairs(parameters: &[(String, Vec<String>)]) -> BTreeSet<(Choice, Choice)> {
    let mut all = BTreeSet::new();
    for (one, (_, choices)) in parameters.iter().enumerate() {
        for (other, (_, others)) in parameters.iter().enumerate().skip(one + 1) {
            for a in 0..choices.len() {
                all.extend((0..others.len()).map(|b| ((one, a), (other, b))));
            }
        }
    }
    all
}

/// The pairs that a row has.
fn of(row: &[usize]) -> Vec<(Choice, Choice)> {
    let choices: Vec<Choice> = row.iter().copied().enumerate().collect();
    let mut pairs = Vec::new();
    for (number, one) in choices.iter().enumerate() {
        pairs.extend(choices[number + 1..].iter().map(|other| (*one, *other)));
    }
    pairs
}

/// A row with the pair, and as many missing ones as come with it; none where no row with the pair
/// is allowed.
fn row(
    parameters: &[(String, Vec<String>)],
    missing: &BTreeSet<(Choice, Choice)>,
    pair: [Choice; 2],
    allowed: &impl Fn(&Row) -> bool,
) -> Option<Vec<usize>> {
    let new = |row: &Vec<usize>| of(row).iter().filter(|it| missing.contains(it)).count();
    let mut rows: Vec<Vec<usize>> = (0..parameters.len())
        .map(|first| filled(parameters, missing, pair, first))
        .collect();
    // The best first; of equals the first.
    rows.sort_by_cached_key(|row| std::cmp::Reverse(new(row)));
    let fine = rows.iter().find(|row| allowed(&named(parameters, row)));
    match fine {
        Some(fine) => Some(fine.clone()),
        None => made_allowed(parameters, rows.first()?, pair, allowed),
    }
}

/// A row with the pair, filled from one parameter on and round.
fn filled(
    parameters: &[(String, Vec<String>)],
    missing: &BTreeSet<(Choice, Choice)>,
    pair: [Choice; 2],
    first: usize,
) -> Vec<usize> {
    let mut row: BTreeMap<usize, usize> = pair.into();
    for step in 0..parameters.len() {
        let place = (first + step) % parameters.len();
        if row.contains_key(&place) {
            continue;
        }
        let new = |choice: &usize| {
            let pairs = row.iter().map(|(other, its)| {
                let (a, b) = ((*other, *its), (place, *choice));
                if a < b { (a, b) } else { (b, a) }
            });
            pairs.filter(|pair| missing.contains(pair)).count()
        };
        // The first of the best, which is the default among equals.
        let best = (0..parameters[place].1.len()).rev().max_by_key(new);
        row.insert(place, best.unwrap_or_default());
    }
    row.into_values().collect()
}

/// A row that is like this one but for one or two choices, not of the pair, and is allowed.
fn made_allowed(
    parameters: &[(String, Vec<String>)],
    row: &[usize],
    pair: [Choice; 2],
    allowed: &impl Fn(&Row) -> bool,
) -> Option<Vec<usize>> {
    let is_fine = |row: &[usize]| allowed(&named(parameters, row));
    let free = |place: &usize| pair.iter().all(|(fixed, _)| fixed != place);
    let places: Vec<usize> = (0..parameters.len()).filter(free).collect();
    let others = |row: &[usize]| {
        let mut found = Vec::new();
        for place in &places {
            for choice in 0..parameters[*place].1.len() {
                let mut other = row.to_vec();
                other[*place] = choice;
                found.push(other);
            }
        }
        found
    };
    let near = others(row);
    if let Some(fine) = near.iter().find(|row| is_fine(row)) {
        return Some(fine.clone());
    }
    near.iter()
        .flat_map(|row| others(row))
        .find(|row| is_fine(row))
}

fn named(parameters: &[(String, Vec<String>)], row: &[usize]) -> Row {
    let pairs = parameters.iter().zip(row);
    pairs
        .map(|((name, choices), choice)| (name.clone(), choices[*choice].clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(counts: &[usize]) -> Vec<(String, Vec<String>)> {
        let choices = |count: usize| (0..count).map(|it| it.to_string()).collect();
        let named = counts.iter().enumerate();
        named
            .map(|(place, count)| (format!("p{place:02}"), choices(*count)))
            .collect()
    }

    fn together(rows: &[Row], one: (&str, &str), other: (&str, &str)) -> bool {
        rows.iter()
            .any(|row| row[one.0] == one.1 && row[other.0] == other.1)
    }

    #[test]
    fn every_two_choices_stand_together_in_few_rows() {
        let parameters = parameters(&[3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        let found = rows(&parameters, |_| true);
        for (place, (one, choices)) in parameters.iter().enumerate() {
            for (other, others) in &parameters[place + 1..] {
                for (a, b) in choices
                    .iter()
                    .flat_map(|a| others.iter().map(move |b| (a, b)))
                {
                    assert!(
                        together(&found, (one, a), (other, b)),
                        "{one}={a} {other}={b}"
                    );
                }
            }
        }
        assert!((9..=16).contains(&found.len()), "{} rows", found.len());
        assert_eq!(found, rows(&parameters, |_| true));
    }

    #[test]
    fn what_is_not_allowed_is_left_out_and_all_else_is_there() {
        let parameters = parameters(&[3, 3, 2]);
        let allowed = |row: &Row| !(row["p00"] == "2" && row["p01"] == "0");
        let found = rows(&parameters, allowed);
        assert!(found.iter().all(allowed));
        assert!(!together(&found, ("p00", "2"), ("p01", "0")));
        assert!(together(&found, ("p00", "2"), ("p01", "1")));
        assert!(together(&found, ("p01", "0"), ("p02", "1")));
    }
}
