//! Many moments in one column of a picture: the highest demand, the most tasks, any violation.

use super::super::trace::Trace;
use super::super::world::NOTHING;
use super::super::{BOUND, Setup};

/// What was within the time of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Column {
    /// The highest demand, in tasks that it would keep wholly busy.
    pub(super) demand: f64,
    /// The most tasks that served.
    pub(super) tasks: f64,
    /// Whether the demand was above the bound at any moment.
    pub(super) violated: bool,
}

/// The columns of a trace and the tasks that served.
pub(super) fn columns(
    trace: &Trace,
    setup: &Setup,
    served: &[(u64, u32)],
    count: usize,
) -> Vec<Column> {
    let empty = Column {
        demand: 0.0,
        tasks: 0.0,
        violated: false,
    };
    let mut columns = vec![empty; count];
    let end = trace.seconds().max(1);
    let place = |second: u64| {
        let place = u128::from(second) * count as u128 / u128::from(end);
        usize::try_from(place).unwrap_or(count).min(count - 1)
    };
    let mut served = served.iter().copied().peekable();
    let mut tasks = 0;
    for (from, to, rate) in trace.intervals() {
        let mut now = from;
        while now < to {
            while let Some((_, more)) = served.next_if(|(at, _)| *at <= now) {
                tasks = more;
            }
            let next = served.peek().map_or(to, |(at, _)| (*at).min(to));
            let demand = rate / setup.capacity;
            for column in &mut columns[place(now)..=place(next - 1)] {
                column.demand = column.demand.max(demand);
                column.tasks = column.tasks.max(f64::from(tasks));
                column.violated |= demand > (BOUND + NOTHING) * f64::from(tasks);
            }
            now = next;
        }
    }
    // Of a trace of few seconds, some columns have no moment of their own.
    for number in 1..columns.len() {
        if columns[number].tasks == 0.0 {
            columns[number] = columns[number - 1];
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_shows_the_most_of_both_and_every_violation() {
        let trace = Trace::steps(&[(0, 5.0), (50, 25.0), (60, 5.0)], 200);
        let setup = Setup::with_capacity(10.0);
        let columns = columns(&trace, &setup, &[(0, 2), (90, 4), (150, 3)], 2);
        let seen: Vec<(f64, f64, bool)> = columns
            .iter()
            .map(|column| (column.demand, column.tasks, column.violated))
            .collect();
        assert_eq!(seen, [(2.5, 4.0, true), (0.5, 4.0, false)]);
    }
}
