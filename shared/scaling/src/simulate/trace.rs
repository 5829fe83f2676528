//! A trace: how many requests came in each interval.
//!
//! The demand is constant within an interval, because nothing is known of what was between two
//! rows. Where rows are missing, the last one holds on; how many are is told.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// The longest trace that is taken, in seconds: a year.
const LONGEST: u64 = 366 * 86_400;

/// A trace: how many requests came in each interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    name: String,
    start: Timestamp,
    /// Where each rate begins, in seconds from the start; the first is 0, the last is the end.
    breaks: Vec<u64>,
    /// Requests per second, from each break to the next.
    rates: Vec<f64>,
    /// Requests until each break.
    sums: Vec<f64>,
    missing: u64,
}

/// Why a text is no trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column, counted from 1.
    pub column: usize,
    /// What would be right.
    pub detail: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.detail)
    }
}

impl std::error::Error for TraceError {}

impl Trace {
    /// Reads comma-separated rows. The first row names the columns, of which `timestamp` and
    /// `requests` are read: times as RFC 3339 (UTC where no offset stands) or in seconds since
    /// 1970, later from row to row; requests in the interval that begins there, 0 or more.
    ///
    /// # Errors
    ///
    /// The first place that cannot be read.
    pub fn read(name: &str, text: &str) -> Result<Self, TraceError> {
        let rows = rows(text)?;
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Err(error(
                1,
                1,
                "there are no rows below the names of the columns",
            ));
        };
        if rows.len() < 2 {
            return Err(error(
                2,
                1,
                "one row alone does not say how long its interval is",
            ));
        }
        let start = first.at;
        let seconds = |at: Timestamp| u64::try_from(at.as_second() - start.as_second());
        let interval = usual_interval(&rows);
        let mut breaks = Vec::with_capacity(rows.len() + 1);
        for row in &rows {
            breaks.push(seconds(row.at).unwrap_or(0));
        }
        let end = breaks.last().map_or(0, |at| at + interval);
        if end > LONGEST {
            return Err(error(last.line, 1, "the trace is longer than a year"));
        }
        breaks.push(end);
        let missing = end / interval - rows.len() as u64;
        let rates = rows
            .iter()
            .map(|row| row.requests / whole(interval))
            .collect();
        Ok(Self::new(name, start, breaks, rates, missing))
    }

    /// A demand that changes once: `before` requests per second, and from `at` on `after`, until
    /// `end`.
    pub(super) fn step(before: f64, after: f64, at: u64, end: u64) -> Self {
        Self::steps(&[(0, before), (at, after)], end)
    }

    /// A demand that changes: requests per second, each with the second from when on; the first
    /// is 0.
    pub(super) fn steps(rates: &[(u64, f64)], end: u64) -> Self {
        let mut breaks: Vec<u64> = rates.iter().map(|(at, _)| *at).collect();
        breaks.push(end);
        let rates = rates.iter().map(|(_, rate)| *rate).collect();
        Self::new("steps", Timestamp::UNIX_EPOCH, breaks, rates, 0)
    }

    fn new(name: &str, start: Timestamp, breaks: Vec<u64>, rates: Vec<f64>, missing: u64) -> Self {
        let mut sums = vec![0.0];
        let mut sum = 0.0;
        for (between, rate) in breaks.windows(2).zip(&rates) {
            sum += whole(between[1] - between[0]) * rate;
            sums.push(sum);
        }
        Self {
            name: name.to_owned(),
            start,
            breaks,
            rates,
            sums,
            missing,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it begins.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// How long it is, in seconds.
    pub fn seconds(&self) -> u64 {
        self.breaks.last().copied().unwrap_or(0)
    }

    /// How long it is, in minutes; a last one that is begun counts.
    pub fn minutes(&self) -> u64 {
        self.seconds().div_ceil(60)
    }

    /// How many rows are missing; the rows before them held on.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The highest demand, in requests per second.
    pub fn peak(&self) -> f64 {
        self.rates.iter().copied().fold(0.0, f64::max)
    }

    /// The time so many seconds after the start.
    pub fn at(&self, second: u64) -> Timestamp {
        let second = i64::try_from(second).unwrap_or(i64::MAX);
        self.start
            .checked_add(second.seconds())
            .unwrap_or(self.start)
    }

    /// Requests that came until a second.
    pub(super) fn until(&self, second: u64) -> f64 {
        let interval = self.interval_of(second);
        let past = second.min(self.seconds()) - self.breaks[interval];
        self.sums[interval] + whole(past) * self.rates[interval]
    }

    /// Requests per second, averaged from one second to a later one; before the start, the
    /// demand was what it was then.
    pub(super) fn mean(&self, from: i64, to: u64) -> f64 {
        let before = u64::try_from(-from).unwrap_or(0).min(to);
        let begin = u64::try_from(from).unwrap_or(0);
        let seconds = whole(to - begin + before);
        if seconds == 0.0 {
            return self.rates[0];
        }
        (self.until(to) - self.until(begin) + self.rates[0] * whole(before)) / seconds
    }

    /// The rates with the seconds where they begin and end.
    pub(super) fn intervals(&self) -> impl Iterator<Item = (u64, u64, f64)> {
        let between = self.breaks.windows(2);
        between
            .zip(&self.rates)
            .map(|(at, rate)| (at[0], at[1], *rate))
    }

    /// The rate of an interval and where it ends.
    pub(super) fn interval(&self, number: usize) -> (f64, u64) {
        let last = self.rates.len() - 1;
        let end = self.breaks[number.min(last) + 1];
        (
            self.rates[number.min(last)],
            if number > last { u64::MAX } else { end },
        )
    }

    fn interval_of(&self, second: u64) -> usize {
        let after = self.breaks.partition_point(|at| *at <= second);
        after.saturating_sub(1).min(self.rates.len() - 1)
    }
}

struct Row {
    line: usize,
    at: Timestamp,
    requests: f64,
}

fn rows(text: &str) -> Result<Vec<Row>, TraceError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let (_, names) = lines.next().ok_or_else(|| {
        error(
            1,
            1,
            "the file is empty: its first row names the columns `timestamp` and `requests`",
        )
    })?;
    let column = |wanted: &str| {
        cells(names)
            .position(|(_, name)| name == wanted)
            .ok_or_else(|| {
                error(
                    1,
                    1,
                    format!("no column is called `{wanted}`: the first row names the columns"),
                )
            })
    };
    let (time, count) = (column("timestamp")?, column("requests")?);
    let mut rows: Vec<Row> = Vec::new();
    for (number, line) in lines {
        let row = row(number + 1, line, time, count)?;
        if rows
            .last()
            .is_some_and(|last| last.at.as_second() >= row.at.as_second())
        {
            let place = cells(line).nth(time).map_or(1, |(place, _)| place);
            return Err(error(row.line, place, "must be later than the row above"));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn row(line: usize, text: &str, time: usize, count: usize) -> Result<Row, TraceError> {
    let cell = |number: usize, name: &str| {
        cells(text).nth(number).ok_or_else(|| {
            error(
                line,
                text.chars().count() + 1,
                format!("the column `{name}` is missing"),
            )
        })
    };
    let (place, at) = cell(time, "timestamp")?;
    let at = moment(at).ok_or_else(|| {
        let right = "must be a time such as 2026-11-21T08:00:00Z, or seconds since 1970";
        error(line, place, format!("{right}, but is `{at}`"))
    })?;
    let (place, requests) = cell(count, "requests")?;
    let number = requests.parse().ok();
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    let requests = number.ok_or_else(|| {
        error(
            line,
            place,
            format!("must be a number, 0 or more, but is `{requests}`"),
        )
    })?;
    Ok(Row { line, at, requests })
}

/// The cells of a line, each with the column where it begins, counted from 1.
fn cells(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut place = 1;
    line.split(',').map(move |cell| {
        let at = place + cell.chars().take_while(|c| c.is_whitespace()).count();
        place += cell.chars().count() + 1;
        (at, cell.trim().trim_matches('"'))
    })
}

fn moment(text: &str) -> Option<Timestamp> {
    let utc = |text: &str| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let unix = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
    text.parse()
        .ok()
        .or_else(|| unix(text))
        .or_else(|| utc(text))
}

/// The distance that most rows have from the next, in seconds; the shorter one of two.
fn usual_interval(rows: &[Row]) -> u64 {
    let between = rows
        .windows(2)
        .map(|two| two[1].at.as_second() - two[0].at.as_second());
    let mut between: Vec<u64> = between.map(|gap| u64::try_from(gap).unwrap_or(1)).collect();
    between.sort_unstable();
    let (mut best, mut times) = (1, 0);
    for gaps in between.chunk_by(|a, b| a == b) {
        if gaps.len() > times {
            (best, times) = (gaps[0], gaps.len());
        }
    }
    best
}

fn error(line: usize, column: usize, detail: impl Into<String>) -> TraceError {
    TraceError {
        line,
        column,
        detail: detail.into(),
    }
}

/// A number of seconds or tasks, to reckon with: all of them are far below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a year has fewer than 2^53 seconds"
)]
pub(super) fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Trace::read("x", text).unwrap_err().to_string()
    }

    #[test]
    fn rows_become_a_demand_that_is_constant_between_them() {
        let text = "timestamp,requests\n1998-06-20T00:00:00Z,120\n1998-06-20T00:01:00Z,60\n";
        let trace = Trace::read("x", text).unwrap();
        assert_eq!(
            (trace.seconds(), trace.minutes(), trace.missing()),
            (120, 2, 0)
        );
        assert_eq!(trace.interval(0), (2.0, 60));
        assert!((trace.peak() - 2.0).abs() < 1e-9);
        assert!((trace.until(90) - 150.0).abs() < 1e-9);
        assert!((trace.mean(30, 90) - 1.5).abs() < 1e-9);
        // Before the start, the demand was what it was then.
        assert!((trace.mean(-30, 60) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn times_are_read_with_an_offset_in_utc_and_in_seconds() {
        for time in [
            "1998-06-20T02:00:00+02:00",
            "1998-06-20 00:00:00",
            "898300800",
        ] {
            let text = format!("requests,timestamp\r\n1,{time}\r\n1,1998-06-20T00:05:00Z\r\n\r\n");
            let trace = Trace::read("x", &text).unwrap();
            assert_eq!(trace.start().to_string(), "1998-06-20T00:00:00Z", "{time}");
        }
    }

    #[test]
    fn where_a_row_is_missing_the_last_one_holds_on_and_it_is_told() {
        let text = "timestamp,requests\n0,60\n60,120\n240,60\n300,60\n";
        let trace = Trace::read("x", text).unwrap();
        assert_eq!(trace.missing(), 2);
        assert!((trace.until(360) - (60.0 + 3.0 * 120.0 + 120.0)).abs() < 1e-9);
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_column() {
        let head = "timestamp,requests\n2026-01-01T00:00:00Z,1\n";
        for (text, expected) in [
            (String::new(), "1:1: the file is empty"),
            (
                "time,requests\n".to_owned(),
                "1:1: no column is called `timestamp`",
            ),
            ("timestamp,requests\n".to_owned(), "1:1: there are no rows"),
            (head.to_owned(), "2:1: one row alone"),
            (
                format!("{head}2026-01-01T00:01:00Z,many\n"),
                "3:22: must be a number, 0 or more, but is `many`",
            ),
            (
                format!("{head}2026-01-01T00:01:00Z,-1\n"),
                "3:22: must be a number",
            ),
            (
                format!("{head}2026-01-01T00:01:00Z,NaN\n"),
                "3:22: must be a number",
            ),
            (
                format!("{head}2026-01-01T00:01:00Z\n"),
                "3:21: the column `requests` is missing",
            ),
            (format!("{head}noon, 1\n"), "3:1: must be a time"),
            (
                format!("{head}2026-01-01T00:00:00Z,1\n"),
                "3:1: must be later than the row above",
            ),
            (
                format!("{head}2028-01-01T00:00:00Z,1\n"),
                "3:1: the trace is longer than a year",
            ),
        ] {
            let told = wrong(&text);
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
