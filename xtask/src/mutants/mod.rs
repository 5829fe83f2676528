//! `cargo xtask mutants`: takes away one guard after the other, and sees a named test fail.
//!
//! A guard is a condition that only matters when something goes wrong, so that nothing shows
//! when it is lost. `guards` is the list of them, each with the text that takes it away and the
//! test that must then fail. The work is done in a copy of the sources, in `target/mutants`.

mod copy;
mod guards;
mod trial;

use std::time::Instant;

use crate::cargo::Outcome;
use crate::steps::step;
use copy::Copy;
use trial::{Verdict, stands_alone, trial};

/// A guard, and how it is taken away.
pub(crate) struct Guard {
    /// What it holds, in words.
    pub(crate) name: &'static str,
    /// Where it is, from the project's folder.
    pub(crate) file: &'static str,
    /// Its text, which occurs once in the file.
    pub(crate) text: &'static str,
    /// What takes its place.
    pub(crate) without: &'static str,
    /// The package whose test fails then.
    pub(crate) package: &'static str,
    /// That test, by its whole name in the package's library.
    pub(crate) test: &'static str,
}

/// Tries every guard, or those of a package, or those with a word in their names.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let part = arguments.first().map_or("", String::as_str);
    let guards: Vec<&Guard> = guards::all()
        .filter(|guard| guard.name.contains(part) || guard.package == part)
        .collect();
    if guards.is_empty() {
        return Err(format!("no guard has \"{part}\" in its name"));
    }
    let copy = Copy::of_the_sources()?;
    let stale: Vec<String> = guards.iter().filter_map(|it| copy.is_stale(it)).collect();
    if !stale.is_empty() {
        return Err(format!("the list is stale:\n{}", stale.join("\n")));
    }
    step("The named tests, with every guard in its place", || {
        stands_alone(&copy, &guards)
    })?;
    let began = Instant::now();
    let (mut survived, mut broken) = (0_usize, 0_usize);
    for (n, guard) in guards.iter().enumerate() {
        let began = Instant::now();
        let verdict = trial(&copy, guard)?;
        let (mark, why) = match &verdict {
            Verdict::Caught => ('✔', String::new()),
            Verdict::Survived => {
                survived += 1;
                ('✘', format!("\n  {} passes without it", guard.test))
            }
            Verdict::Broken(error) => {
                broken += 1;
                ('✘', format!("\n  does not compile without it:\n{error}"))
            }
        };
        let (n, all, seconds) = (n + 1, guards.len(), began.elapsed().as_secs_f64());
        println!("{mark} {n}/{all} {} ({seconds:.1} s){why}", guard.name);
    }
    println!(
        "{} guards tried, {survived} survived ({:.0} s)",
        guards.len() - broken,
        began.elapsed().as_secs_f64()
    );
    match (survived, broken) {
        (0, 0) => Ok(()),
        (_, 0) => Err("a guard can be taken away and no test sees it".to_owned()),
        _ => Err(format!("{broken} of the list do not compile")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cargo::root;

    #[test]
    fn every_guard_is_where_the_list_says_and_taking_it_away_changes_something() {
        for guard in guards::all() {
            let text = std::fs::read_to_string(root().join(guard.file)).unwrap();
            assert_eq!(copy::stale(guard, &text), None);
            assert_ne!(guard.text, guard.without, "{}", guard.name);
        }
    }

    #[test]
    fn every_guard_is_listed_once() {
        let texts: BTreeSet<_> = guards::all()
            .map(|guard| (guard.file, guard.text, guard.without))
            .collect();
        assert_eq!(texts.len(), guards::all().count());
    }

    #[test]
    fn the_tests_that_are_named_are_there() {
        let tests: BTreeSet<&str> = guards::all()
            .filter_map(|guard| guard.test.rsplit("::").next())
            .collect();
        let sources: Vec<String> = copy::sources()
            .unwrap()
            .iter()
            .filter(|file| file.starts_with("shared/"))
            .filter_map(|file| std::fs::read_to_string(root().join(file)).ok())
            .collect();
        for test in tests {
            let named = format!("fn {test}(");
            let is_there = sources.iter().any(|text| text.contains(&named));
            assert!(is_there, "no test is called {test}");
        }
    }
}
