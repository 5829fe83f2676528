//! From looks to what is shown: a line for each change, or a picture of how it stands.
//!
//! Pure: what was seen and when comes in, text comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::{Evidence, Phase};

use crate::output::time::short;
use crate::output::tone::{Paint, Tone};

/// What was seen of everything that is waited for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// Each stack by the name under which it is shown.
    pub(crate) scopes: BTreeMap<String, ScopeLook>,
    /// Whether there is nothing more to wait for.
    pub(crate) end: bool,
}

/// What was seen of one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeLook {
    pub(crate) phase: Phase,
    pub(crate) message: String,
    /// The steps so far, each with the time since the beginning.
    pub(crate) steps: Vec<(Duration, String)>,
    /// Where it answers.
    pub(crate) url: Option<String>,
    /// Why it did not work.
    pub(crate) failure: Option<String>,
    /// What was found around that.
    pub(crate) evidence: Evidence,
    /// What a person should do.
    pub(crate) advice: Option<String>,
    /// Whether nothing more is expected of it.
    pub(crate) settled: bool,
    /// The time since its own beginning, where that is not the one of the waiting.
    pub(crate) age: Option<Duration>,
}

impl ScopeLook {
    /// What a person should do while it is still waited for: at the end it is told anyway.
    fn hint(&self) -> Option<String> {
        let advice = self.advice.as_ref().filter(|_| !self.settled);
        advice.map(|advice| format!("what to do: {advice}"))
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: Duration,
    pub(crate) scope: String,
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    rows: BTreeMap<String, Row>,
}

#[derive(Debug)]
struct Row {
    look: ScopeLook,
    gone: bool,
}

impl Progress {
    /// Takes a look in, and tells what changed since the one before.
    pub(crate) fn see(&mut self, look: &Look, now: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        for (scope, new) in &look.scopes {
            let old = self
                .rows
                .get(scope)
                .filter(|row| !row.gone)
                .map(|row| &row.look);
            lines.extend(changes(scope, old, new, now));
            self.rows.insert(
                scope.clone(),
                Row {
                    look: new.clone(),
                    gone: false,
                },
            );
        }
        for (scope, row) in &mut self.rows {
            if !row.gone && !look.scopes.contains_key(scope) {
                row.gone = true;
                lines.push(Line {
                    at: now,
                    scope: scope.clone(),
                    text: "gone".to_owned(),
                    tone: Tone::Good,
                });
            }
        }
        lines
    }

    /// How everything stands, in lines that fit `(rows, columns)`.
    pub(crate) fn picture(
        &self,
        now: Duration,
        (height, width): (usize, usize),
        paint: Paint,
    ) -> Vec<String> {
        let label = self
            .rows
            .keys()
            .map(|scope| scope.chars().count())
            .max()
            .unwrap_or(0);
        let room = height.saturating_sub(2).max(1);
        let steps: usize = self.rows.values().map(|row| row.look.steps.len()).sum();
        let with_steps = self.rows.len() + steps <= room;
        let mut lines = Vec::new();
        for (scope, row) in &self.rows {
            let (word, tone, message) = if row.gone {
                ("gone".to_owned(), Tone::Good, "")
            } else {
                (
                    row.look.phase.to_string(),
                    Tone::of(row.look.phase),
                    row.look.message.as_str(),
                )
            };
            let left = width.saturating_sub(label + 15);
            let gap = " ".repeat(if message.is_empty() {
                0
            } else {
                13_usize.saturating_sub(word.len())
            });
            lines.push(format!(
                "{scope:label$}  {}{gap}{}",
                paint.on(tone, &word),
                cut(message, left)
            ));
            if let Some(hint) = row.look.hint().filter(|_| !row.gone) {
                lines.push(paint.on(Tone::Bad, &cut(&format!("{:12}{hint}", ""), width)));
            }
            if with_steps && !row.gone {
                for (at, step) in &row.look.steps {
                    lines.push(paint.on(
                        Tone::Faint,
                        &cut(&format!("{:>10}  {step}", short(*at)), width),
                    ));
                }
            }
        }
        if lines.len() > room {
            let more = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push(format!("and {more} more"));
        }
        let ages = self.rows.values().filter_map(|row| row.look.age);
        let now = ages.max().unwrap_or(now);
        lines.push(paint.on(Tone::Faint, &format!("{:>10}", short(now))));
        lines
    }
}

fn changes(scope: &str, old: Option<&ScopeLook>, new: &ScopeLook, now: Duration) -> Vec<Line> {
    let now = new.age.unwrap_or(now);
    // Steps only grow, unless another deployment took over: then all of its steps are new.
    let known = old.map_or(0, |old| {
        if new.steps.starts_with(&old.steps) {
            old.steps.len()
        } else {
            0
        }
    });
    let line = |at, text: String, tone| Line {
        at,
        scope: scope.to_owned(),
        text,
        tone,
    };
    let mut lines: Vec<Line> = new.steps[known..]
        .iter()
        .map(|(at, step)| line(*at, step.clone(), Tone::Plain))
        .collect();
    let tone = Tone::of(new.phase);
    let speaks = old.is_none_or(|old| old.message != new.message);
    let moves = old.is_none_or(|old| old.phase != new.phase);
    match lines.last_mut() {
        Some(last) => {
            last.tone = tone;
            if speaks {
                last.text = joined(&last.text, &new.message);
            }
        }
        None if speaks || moves => {
            let text = joined(&new.phase.to_string(), &new.message);
            lines.push(line(now, text, tone));
        }
        None => {}
    }
    if let Some(hint) = new.hint()
        && old.is_none_or(|old| old.advice != new.advice)
    {
        lines.push(line(now, hint, Tone::Bad));
    }
    lines
}

fn joined(what: &str, message: &str) -> String {
    if message.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {message}")
    }
}

fn cut(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        Some(_) => text
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;

    fn scope(phase: Phase, message: &str, steps: &[(u64, &str)]) -> ScopeLook {
        let steps = steps
            .iter()
            .map(|(ms, step)| (Duration::from_millis(*ms), (*step).to_owned()))
            .collect();
        ScopeLook {
            phase,
            message: message.to_owned(),
            steps,
            url: None,
            failure: None,
            evidence: Evidence::default(),
            advice: None,
            settled: false,
            age: None,
        }
    }

    fn look(scopes: Vec<(&str, ScopeLook)>) -> Look {
        let scopes = scopes
            .into_iter()
            .map(|(name, look)| (name.to_owned(), look))
            .collect();
        Look { scopes, end: false }
    }

    /// A registration, as three looks saw it, and the deletion of its repository.
    fn looks() -> Vec<(u64, Look)> {
        let repository = |phase, message| ("orders", scope(phase, message, &[]));
        let creating = [(0, "accepted"), (1_200, "creating the stack")];
        let ready = [
            creating[0],
            creating[1],
            (34_100, "starting tasks"),
            (61_900, "ready"),
        ];
        vec![
            (
                300,
                look(vec![
                    repository(Phase::Pending, "Registered."),
                    (
                        "orders/prod",
                        scope(Phase::Pending, "Registered.", &creating[..1]),
                    ),
                ]),
            ),
            (
                2_000,
                look(vec![
                    repository(Phase::Creating, "CloudFormation creates the stack."),
                    (
                        "orders/prod",
                        scope(
                            Phase::Creating,
                            "CloudFormation creates the stack.",
                            &creating,
                        ),
                    ),
                ]),
            ),
            (
                3_000,
                look(vec![
                    repository(Phase::Creating, "CloudFormation creates the stack."),
                    (
                        "orders/prod",
                        scope(
                            Phase::Creating,
                            "CloudFormation creates the stack.",
                            &creating,
                        ),
                    ),
                ]),
            ),
            (
                62_500,
                look(vec![(
                    "orders/prod",
                    scope(Phase::Ready, "Runs with 2 of 2 tasks.", &ready),
                )]),
            ),
        ]
    }

    #[test]
    fn there_is_a_line_for_each_change_and_none_without() {
        let mut progress = Progress::default();
        let mut text = Vec::new();
        for (now, look) in looks() {
            for line in progress.see(&look, Duration::from_millis(now)) {
                text.push(format!(
                    "{}  {}  {}\n",
                    short(line.at),
                    line.scope,
                    line.text
                ));
            }
        }
        expect![[r#"
            0.3s  orders  pending: Registered.
            0.0s  orders/prod  accepted: Registered.
            2.0s  orders  creating: CloudFormation creates the stack.
            1.2s  orders/prod  creating the stack: CloudFormation creates the stack.
            34.1s  orders/prod  starting tasks
            1m01s  orders/prod  ready: Runs with 2 of 2 tasks.
            1m02s  orders  gone
        "#]]
        .assert_eq(&text.concat());
    }

    #[test]
    fn the_picture_shows_how_everything_stands() {
        let mut progress = Progress::default();
        for (now, look) in looks() {
            progress.see(&look, Duration::from_millis(now));
        }
        let picture = progress.picture(Duration::from_millis(62_500), (24, 48), Paint(false));
        expect![[r#"
            orders       gone
            orders/prod  ready        Runs with 2 of 2 task…
                  0.0s  accepted
                  1.2s  creating the stack
                 34.1s  starting tasks
                 1m01s  ready
                 1m02s"#]]
        .assert_eq(&picture.join("\n"));
        assert!(
            picture.iter().all(|line| line.chars().count() <= 48),
            "{picture:?}"
        );
    }

    #[test]
    fn a_picture_never_outgrows_the_terminal() {
        let mut progress = Progress::default();
        let many: Vec<String> = (0..40).map(|n| format!("service-{n:02}/prod")).collect();
        let scopes = many
            .iter()
            .map(|name| (name.as_str(), scope(Phase::Deleting, "", &[(0, "x")])))
            .collect();
        progress.see(&look(scopes), Duration::ZERO);
        let picture = progress.picture(Duration::ZERO, (10, 80), Paint(false));
        assert_eq!(picture.len(), 9);
        assert_eq!(picture[7], "and 33 more");
    }

    #[test]
    fn another_deployment_shows_all_of_its_steps() {
        let mut progress = Progress::default();
        progress.see(
            &look(vec![(
                "a/prod",
                scope(Phase::Updating, "U.", &[(0, "accepted"), (5, "x")]),
            )]),
            Duration::ZERO,
        );
        let lines = progress.see(
            &look(vec![(
                "a/prod",
                scope(Phase::Updating, "U.", &[(9, "accepted")]),
            )]),
            Duration::ZERO,
        );
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].text, "accepted");
    }
}
