//! A number over time as a picture of text: the number of tasks.
//!
//! Where colours show, blocks are drawn in eighths; elsewhere (a file, a pipe, `NO_COLOR`) the
//! picture is plain ASCII. A column shows the highest number of its time, so that no short rush is
//! lost between two columns.

use jiff::Timestamp;

use super::sheet::Sheet;
use super::tone::Tone;

/// The rows of a picture of many; up to half as many again have a row each.
const ROWS: u32 = 8;
/// The columns in front of the picture: a number, what it is, and the line.
const MARGIN: usize = 10;
/// The columns of a picture where there is no terminal, and the most.
const COLUMNS: usize = 60;
/// The fewest columns of a picture.
const FEWEST: usize = 20;
/// Eighths of a block, from the bottom.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Picture<'a> {
    /// From when the number is what, in order of time. Before the first nothing is known.
    pub(crate) steps: &'a [(Timestamp, u32)],
    /// Where the picture begins.
    pub(crate) from: Timestamp,
    /// Where it ends.
    pub(crate) to: Timestamp,
    /// Between which numbers it may be, where that is known.
    pub(crate) bounds: Option<(u32, u32)>,
}

impl Picture<'_> {
    /// The picture, a line each.
    pub(crate) fn lines(&self, sheet: Sheet) -> Vec<String> {
        let fancy = sheet.paint.0;
        let room = sheet.width.map_or(COLUMNS, |width| {
            width.saturating_sub(MARGIN + 1).clamp(FEWEST, COLUMNS)
        });
        let columns: Vec<Option<u32>> = (0..room).map(|it| self.highest(it, room)).collect();
        let top = self.top(&columns);
        let rows = if top <= ROWS + ROWS / 2 { top } else { ROWS };
        let mut lines: Vec<String> = (0..rows)
            .rev()
            .map(|row| self.row(row, (rows, top), &columns, sheet))
            .collect();
        let (corner, line) = if fancy { ('└', '─') } else { ('+', '-') };
        let line: String = std::iter::repeat_n(line, room).collect();
        lines.push(format!("{:>8} {corner}{line}", 0));
        lines.push(self.times(room));
        lines
    }

    /// The highest number in a column's time.
    fn highest(&self, column: usize, columns: usize) -> Option<u32> {
        let span = self.to.as_millisecond() - self.from.as_millisecond();
        let at = |column: usize| {
            let share = i64::try_from(column).unwrap_or(0) * span;
            self.from.as_millisecond() + share / i64::try_from(columns).unwrap_or(1)
        };
        // What is now belongs to the last column.
        let end = at(column + 1) + i64::from(column + 1 == columns);
        let begin = at(column);
        let until = |limit| {
            let steps = self.steps.iter();
            steps.take_while(move |(when, _)| when.as_millisecond() < limit)
        };
        let before = until(begin + 1).last();
        let within = until(end).skip_while(|(when, _)| when.as_millisecond() <= begin);
        before
            .into_iter()
            .chain(within)
            .map(|(_, count)| *count)
            .max()
    }

    /// The number at the upper edge: the highest, or the most that it may be unless that is far
    /// away.
    fn top(&self, columns: &[Option<u32>]) -> u32 {
        let highest = columns.iter().flatten().max().copied().unwrap_or(0).max(1);
        match self.bounds {
            Some((_, most)) if most <= highest.saturating_mul(3).max(ROWS) => highest.max(most),
            Some(_) | None => highest,
        }
    }

    fn row(
        &self,
        row: u32,
        (rows, top): (u32, u32),
        columns: &[Option<u32>],
        sheet: Sheet,
    ) -> String {
        // The highest number that this row stands for, and the row of a number.
        let number = (row + 1) * top / rows;
        let row_of = |number: u32| (number * rows).div_ceil(top).saturating_sub(1);
        let is = |number: u32| number > 0 && number <= top && row_of(number) == row;
        let (label, bound) = match self.bounds {
            Some((_, most)) if is(most) => (format!("max {most:>4}"), true),
            Some((fewest, _)) if is(fewest) => (format!("min {fewest:>4}"), true),
            _ if row + 1 == rows || rows == top && rows <= ROWS => (format!("{number:>8}"), false),
            _ => (" ".repeat(8), false),
        };
        let fancy = sheet.paint.0;
        let cells: String = columns
            .iter()
            .map(|count| {
                let filled = count.map_or(0, |count| eighths(count, row, rows, top));
                match (filled, fancy) {
                    (0, true) if bound => '┄',
                    (0, false) if bound => '.',
                    (filled, true) => BLOCKS[filled],
                    // Whatever is there is seen, at least in the lowest row.
                    (4.., false) => '#',
                    (1.., false) if row == 0 => '#',
                    (_, false) => ' ',
                }
            })
            .collect();
        let line = if fancy { '│' } else { '|' };
        let label = sheet.paint.on(Tone::Faint, &label);
        format!("{label} {line}{cells}").trim_end().to_owned()
    }

    /// The times below the picture: its beginning, its middle and its end.
    fn times(&self, room: usize) -> String {
        let middle = self.from.as_millisecond() / 2 + self.to.as_millisecond() / 2;
        let middle = Timestamp::from_millisecond(middle).unwrap_or(self.from);
        let days = self.to.duration_since(self.from).as_hours() >= 24;
        let form = if days { "%m-%d %H:%M" } else { "%H:%M" };
        let text = |at: Timestamp| at.strftime(form).to_string();
        let (left, centre, right) = (text(self.from), text(middle), text(self.to) + "Z");
        let gap = (room / 2).saturating_sub(left.len() + centre.len() / 2);
        let rest = room.saturating_sub(left.len() + gap + centre.len() + right.len());
        let indent = " ".repeat(MARGIN);
        let (gap, rest) = (" ".repeat(gap.max(1)), " ".repeat(rest.max(1)));
        format!("{indent}{left}{gap}{centre}{rest}{right}")
    }
}

/// How many eighths of a row the number fills. What is there fills at least one of the lowest.
fn eighths(count: u32, row: u32, rows: u32, top: u32) -> usize {
    let level = u64::from(count) * u64::from(rows) * 8 / u64::from(top);
    let level = level.max(u64::from(count > 0));
    let filled = level.saturating_sub(u64::from(row) * 8).min(8);
    usize::try_from(filled).unwrap_or(8)
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use crate::output::tone::Paint;
    use expect_test::{Expect, expect};

    fn at(minute: i64) -> Timestamp {
        let noon: Timestamp = "2026-01-02T12:00:00Z".parse().unwrap();
        Timestamp::from_second(noon.as_second() + minute * 60).unwrap()
    }

    fn check(steps: &[(i64, u32)], bounds: Option<(u32, u32)>, color: bool, expected: &Expect) {
        let steps: Vec<_> = steps
            .iter()
            .map(|(minute, it)| (at(*minute), *it))
            .collect();
        let picture = Picture {
            steps: &steps,
            from: at(0),
            to: at(60),
            bounds,
        };
        let sheet = Sheet {
            paint: Paint(color),
            width: Some(41),
        };
        let mut text = picture.lines(sheet).join("\n");
        text.push('\n');
        expected.assert_eq(&text.replace("\x1b[2m", "").replace("\x1b[0m", ""));
    }

    #[test]
    fn few_tasks_have_a_row_each_and_the_bounds_are_marked() {
        check(
            &[(-9, 2), (10, 4), (30, 3), (50, 2)],
            Some((2, 6)),
            true,
            &expect![[r#"
                max    6 │┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
                       5 │
                       4 │     ██████████
                       3 │     ████████████████████
                min    2 │██████████████████████████████
                       1 │██████████████████████████████
                       0 └──────────────────────────────
                          12:00        12:30      13:00Z
            "#]],
        );
    }

    #[test]
    fn many_tasks_are_drawn_in_eighths() {
        check(
            &[(0, 10), (15, 55), (20, 80), (45, 33)],
            Some((10, 5000)),
            true,
            &expect![[r#"
                      80 │          █████████████
                         │          █████████████
                         │       ▄▄▄█████████████
                         │       ████████████████
                         │       ████████████████▂▂▂▂▂▂▂
                         │       ███████████████████████
                         │       ███████████████████████
                min   10 │██████████████████████████████
                       0 └──────────────────────────────
                          12:00        12:30      13:00Z
            "#]],
        );
    }

    #[test]
    fn without_colours_the_picture_is_ascii_and_a_short_rush_is_seen() {
        check(
            &[(5, 1), (20, 20), (21, 1), (40, 0)],
            Some((0, 20)),
            false,
            &expect![[r#"
                max   20 |..........#...................
                         |          #
                         |          #
                         |          #
                         |          #
                         |          #
                         |          #
                         |  ##################
                       0 +------------------------------
                          12:00        12:30      13:00Z
            "#]],
        );
    }

    #[test]
    fn where_nothing_is_known_the_picture_is_empty() {
        let picture = Picture {
            steps: &[],
            from: at(0),
            to: at(60),
            bounds: None,
        };
        let sheet = Sheet {
            paint: Paint(false),
            width: Some(31),
        };
        assert_eq!(
            picture.lines(sheet),
            [
                "       1 |",
                "       0 +--------------------",
                "          12:00   12:30 13:00Z",
            ]
        );
    }
}
