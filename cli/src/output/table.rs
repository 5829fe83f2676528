//! Columns that line up.

use super::tone::{Paint, Tone};

/// A cell: a text and what it means.
pub(crate) type Cell = (Tone, String);

/// A cell without colour.
pub(crate) fn plain(text: impl Into<String>) -> Cell {
    (Tone::Plain, text.into())
}

/// The heading and the rows, two spaces between the columns and none at the end of a line.
pub(crate) fn table(heading: &[&str], rows: &[Vec<Cell>], paint: Paint) -> String {
    let widths = widths(heading, rows);
    let heading: Vec<Cell> = heading
        .iter()
        .map(|text| (Tone::Faint, (*text).to_owned()))
        .collect();
    let mut out = String::new();
    for row in std::iter::once(&heading).chain(rows) {
        let filled = row
            .iter()
            .rposition(|(_, text)| !text.is_empty())
            .map_or(0, |last| last + 1);
        for (column, (tone, text)) in row[..filled].iter().enumerate() {
            if column > 0 {
                out.push_str("  ");
            }
            out.push_str(&paint.on(*tone, text));
            if column + 1 < filled {
                out.extend(std::iter::repeat_n(' ', widths[column] - length(text)));
            }
        }
        out.push('\n');
    }
    out
}

/// The columns of a terminal that these take, with the space behind each.
pub(crate) fn breadth(heading: &[&str], rows: &[Vec<Cell>]) -> usize {
    widths(heading, rows).iter().map(|width| width + 2).sum()
}

fn widths(heading: &[&str], rows: &[Vec<Cell>]) -> Vec<usize> {
    let width = |(column, heading): (usize, &&str)| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|(_, text)| length(text));
        cells.chain([length(heading)]).max().unwrap_or(0)
    };
    heading.iter().enumerate().map(width).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
#[expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn columns_line_up_and_lines_end_with_their_text() {
        let rows = [
            vec![plain("a"), (Tone::Good, "ready".to_owned()), plain("")],
            vec![plain("longer-one"), plain(""), plain("é x")],
        ];
        expect![[r#"
            NAME        PHASE  NOTE
            a           ready
            longer-one         é x
        "#]]
        .assert_eq(&table(&["NAME", "PHASE", "NOTE"], &rows, Paint(false)));
    }

    #[test]
    fn colours_do_not_move_columns() {
        let rows = [
            vec![(Tone::Bad, "failed".to_owned()), plain("x")],
            vec![plain("ready"), plain("y")],
        ];
        let painted = table(&["P", "Q"], &rows, Paint(true));
        assert!(
            painted.contains("\x1b[31mfailed\x1b[0m  x\n"),
            "{painted:?}"
        );
        assert!(painted.contains("ready   y\n"), "{painted:?}");
    }
}
