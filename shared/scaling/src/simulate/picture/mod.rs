//! A simulation as a picture: a panel for each policy, demand behind its tasks.
//!
//! All is counted in tasks: the demand as the tasks that it would keep wholly busy. Ours is drawn
//! large, with a mark for each decision that says why. A column of the picture stands for many
//! minutes; of these it shows the highest demand and the most tasks, and marks if any moment was
//! above the bound. The others have one scale, so that they compare. It reads in light and in dark.

mod axis;
mod columns;

use std::fmt::Write;

use super::report::{Contender, Simulation};
use super::trace::{Trace, whole};
use super::{Setup, Told};
use axis::{Ticks, round_steps, times};
use columns::{Column, columns};

const WIDTH: f64 = 1200.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 108.0;
/// The height of our panel, and of each other one.
const HEIGHTS: [f64; 2] = [280.0, 104.0];
/// Between two panels: the title of the lower one.
const GAP: f64 = 34.0;
const BOTTOM: f64 = 40.0;
/// The width of a column of the picture.
const COLUMN: f64 = 2.0;
/// The least distance of two marks.
const MARKS: f64 = 8.0;

const STYLE: &str = "
    svg { background: #ffffff; font: 12px system-ui, sans-serif; }
    text { fill: #24292f; } .faint { fill: #57606a; } .name { font-weight: 600; }
    .grid { stroke: #d8dee4; stroke-width: 1; } .frame { stroke: #8c959f; fill: none; }
    .demand { fill: #b6d3f2; } .tasks { stroke: #0b3d78; fill: none; stroke-width: 1.4; }
    .violated { fill: #cf222e; } .out { fill: #bc4c00; } .in { fill: #1a7f37; }
    .out, .in { stroke: #ffffff; stroke-width: 0.8; } .out:hover, .in:hover { stroke: #24292f; }
    @media (prefers-color-scheme: dark) {
      svg { background: #0d1117; } text { fill: #e6edf3; } .faint { fill: #9198a1; }
      .grid { stroke: #262c36; } .frame { stroke: #59636e; }
      .demand { fill: #1f3a5c; } .tasks { stroke: #9ecbff; }
      .violated { fill: #ff6a69; } .out { fill: #f0883e; } .in { fill: #3fb950; }
      .out, .in { stroke: #0d1117; } .out:hover, .in:hover { stroke: #e6edf3; }
    }
";

/// Draws a simulation as SVG.
pub fn picture(trace: &Trace, setup: &Setup, simulation: &Simulation) -> String {
    let panels = panels(trace, setup, simulation);
    let last = panels.last().map_or(TOP, |panel| panel.top + panel.height);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">",
        height = last + BOTTOM
    );
    let title = format!("What policies do with {}", escaped(&simulation.trace));
    let _ = writeln!(out, "<title>{title}</title>\n<style>{STYLE}</style>");
    out.push_str(&head(trace, setup, simulation));
    let ticks = times(trace);
    for panel in &panels {
        out.push_str(&panel.draw(&ticks));
    }
    for tick in &ticks.at {
        let x = x(tick.part);
        let label = escaped(&tick.label);
        let _ = writeln!(
            out,
            "<text class=\"faint\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            last + 18.0
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n</svg>",
        WIDTH - RIGHT,
        last + 34.0,
        escaped(&ticks.unit)
    );
    out
}

/// A panel: what is drawn, and where.
struct Panel<'a> {
    contender: &'a Contender,
    columns: Vec<Column>,
    oracle: f64,
    seconds: u64,
    /// Tasks at its upper edge.
    most: f64,
    top: f64,
    height: f64,
}

fn panels<'a>(trace: &Trace, setup: &Setup, simulation: &'a Simulation) -> Vec<Panel<'a>> {
    let oracle = simulation
        .contenders
        .last()
        .map_or(1.0, |last| last.run.task_hours);
    let mut top = TOP;
    let panel = |(number, contender): (usize, &'a Contender)| {
        let panel = Panel {
            contender,
            oracle,
            seconds: trace.seconds(),
            most: 1.0,
            columns: columns(trace, setup, &contender.run.served, count()),
            top,
            height: HEIGHTS[number.min(1)],
        };
        top += panel.height + GAP;
        panel
    };
    let contenders = simulation.contenders.iter().enumerate();
    let mut panels: Vec<Panel<'a>> = contenders.map(panel).collect();
    let (ours, others) = panels.split_at_mut(1);
    for group in [ours, others] {
        let columns = group.iter().flat_map(|panel| &panel.columns);
        let heights = columns.map(|column| column.demand.max(column.tasks));
        let most = heights.fold(1.0, f64::max) * 1.05;
        for panel in group {
            panel.most = most;
        }
    }
    panels
}

/// What it is about, and what the signs mean.
fn head(trace: &Trace, setup: &Setup, simulation: &Simulation) -> String {
    let mut out = format!(
        "<text class=\"name\" x=\"{LEFT}\" y=\"24\" style=\"font-size:16px\">{}</text>\n",
        escaped(&simulation.trace)
    );
    let _ = writeln!(
        out,
        "<text class=\"faint\" x=\"{LEFT}\" y=\"42\">{} minutes from {}; a task does {:.2} requests per second and starts in {} s; {} to {} tasks</text>",
        simulation.minutes,
        trace.start(),
        setup.capacity,
        setup.start_up,
        setup.min,
        setup.max
    );
    let signs = [
        (
            0.0,
            "<rect class=\"demand\" width=\"18\" height=\"10\" y=\"-9\"/>",
            "demand, in tasks kept wholly busy",
        ),
        (
            240.0,
            "<path class=\"tasks\" d=\"M0 -4H18\"/>",
            "tasks that serve",
        ),
        (
            380.0,
            "<rect class=\"violated\" width=\"18\" height=\"4\" y=\"-6\"/>",
            "above 90 % utilisation",
        ),
        (
            560.0,
            "<path class=\"out\" d=\"M4 0L9 -9L14 0Z\"/>",
            "more tasks, and why: point at it",
        ),
        (
            780.0,
            "<path class=\"in\" d=\"M4 -9L9 0L14 -9Z\"/>",
            "fewer tasks",
        ),
    ];
    for (at, sign, meaning) in signs {
        let _ = writeln!(
            out,
            "<g transform=\"translate({} 66)\">{sign}<text x=\"24\">{meaning}</text></g>",
            LEFT + at
        );
    }
    out
}

impl Panel<'_> {
    fn draw(&self, ticks: &Ticks) -> String {
        let mut out = self.title();
        for step in round_steps(self.most, self.height) {
            let y = self.y(f64::from(step));
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/><text class=\"faint\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{step}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0
            );
        }
        for tick in &ticks.at {
            let (x, end) = (x(tick.part), self.top + self.height);
            let _ = writeln!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {:.1}V{end:.1}\"/>",
                self.top
            );
        }
        let demand = self.outline(|column| column.demand);
        let end = self.y(0.0);
        let _ = writeln!(
            out,
            "<path class=\"demand\" d=\"M{LEFT} {end:.1}{demand}V{end:.1}Z\"/>"
        );
        let first = self.columns.first().map_or(0.0, |column| column.tasks);
        let tasks = self.outline(|column| column.tasks);
        let _ = writeln!(
            out,
            "<path class=\"tasks\" d=\"M{LEFT} {:.1}{tasks}\"/>",
            self.y(first)
        );
        out.push_str(&self.violated());
        out.push_str(&self.marks());
        out
    }

    fn title(&self) -> String {
        let run = &self.contender.run;
        let setting = self.contender.setting;
        let target = setting
            .target
            .map(|target| format!(" at {:.1} %", target * 100.0));
        let variant = Some(setting.variant).filter(|text| !text.is_empty());
        let variant = variant.map(|text| format!(", {text}"));
        format!(
            "<text x=\"{LEFT}\" y=\"{:.1}\"><tspan class=\"name\">{}</tspan><tspan class=\"faint\">{}{}: {:.1} task-hours, {:.3} of the oracle's; {} minutes violated, {} changes</tspan></text>\n",
            self.top - 8.0,
            self.contender.name,
            target.unwrap_or_default(),
            variant.unwrap_or_default(),
            run.task_hours,
            run.task_hours / self.oracle,
            run.violation_minutes,
            run.changes
        )
    }

    /// The way along the columns: only where the height changes.
    fn outline(&self, height: impl Fn(&Column) -> f64) -> String {
        let mut out = String::new();
        let mut last = String::new();
        for (number, column) in self.columns.iter().enumerate() {
            let y = format!("{:.1}", self.y(height(column)));
            if y != last {
                if number > 0 {
                    let _ = write!(out, "H{:.0}", LEFT + whole(number as u64) * COLUMN);
                }
                let _ = write!(out, "V{y}");
                last = y;
            }
        }
        let _ = write!(out, "H{:.0}", WIDTH - RIGHT);
        out
    }

    fn violated(&self) -> String {
        let mut out = String::new();
        for (number, column) in self.columns.iter().enumerate() {
            if column.violated {
                let _ = write!(
                    out,
                    "M{:.0} {:.1}h{COLUMN}v4h-{COLUMN}z",
                    LEFT + whole(number as u64) * COLUMN,
                    self.top + self.height
                );
            }
        }
        if out.is_empty() {
            return out;
        }
        format!("<path class=\"violated\" d=\"{out}\"/>\n")
    }

    /// A mark for each decision; of those that would cover one another, for the largest.
    fn marks(&self) -> String {
        let mut out = String::new();
        let place = |told: &Told| x(whole(told.second) / whole(self.seconds.max(1)));
        let slot = |told: &Told| (place(told) / MARKS).floor();
        let told = &self.contender.run.told;
        for near in told.chunk_by(|a, b| slot(a).total_cmp(&slot(b)).is_eq()) {
            let step = |told: &&Told| told.decision.to.abs_diff(told.decision.from);
            if let Some(largest) = near.iter().max_by_key(step) {
                let x = place(largest);
                let y = self.y(f64::from(largest.decision.to));
                out.push_str(&mark(largest, near.len() - 1, x, y));
            }
        }
        out
    }

    fn y(&self, tasks: f64) -> f64 {
        self.top + self.height * (1.0 - tasks / self.most)
    }
}

fn mark(told: &Told, others: usize, x: f64, y: f64) -> String {
    let decision = &told.decision;
    let (class, shape) = if decision.to > decision.from {
        ("out", "l4.5 9h-9z")
    } else {
        ("in", "l4.5 -9h-9z")
    };
    let at = decision.at.strftime("%Y-%m-%d %H:%M:%S");
    let mut title = format!("{at}: {} → {} tasks", decision.from, decision.to);
    if !decision.summary.is_empty() {
        let _ = write!(title, "\n{}", decision.summary);
    }
    for reason in &decision.reasons {
        let _ = write!(title, "\n{}: {}", reason.signal, reason.says);
    }
    if others > 0 {
        let _ = write!(title, "\nand {others} smaller nearby");
    }
    let title = escaped(&title);
    format!("<path class=\"{class}\" d=\"M{x:.1} {y:.1}{shape}\"><title>{title}</title></path>\n")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a width"
)]
fn count() -> usize {
    ((WIDTH - LEFT - RIGHT) / COLUMN) as usize
}

fn x(part: f64) -> f64 {
    LEFT + part * (WIDTH - LEFT - RIGHT)
}

/// The text, as XML takes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::report::simulate;
    use super::super::slipway::SlipwaySetup;
    use super::*;

    #[test]
    fn every_policy_has_its_panel_and_texts_are_escaped() {
        let rows: Vec<String> = (0..120)
            .map(|minute| format!("{},{}", 1_700_000_040 + minute * 60, 600 + minute * 20))
            .collect();
        let text = format!("timestamp,requests\n{}\n", rows.join("\n"));
        let trace = Trace::read("<night & day>", &text).unwrap();
        let setup = Setup::for_trace(&trace);
        let drawn = picture(
            &trace,
            &setup,
            &simulate(&trace, &setup, &SlipwaySetup::by_default()),
        );
        for name in [
            "slipway",
            "target-tracking-20s",
            "step",
            "seed",
            "hpa",
            "kpa",
            "oracle",
        ] {
            assert!(drawn.contains(&format!(">{name}<")), "{name}");
        }
        assert!(drawn.contains("&lt;night &amp; day&gt;"));
        assert!(drawn.contains("prefers-color-scheme: dark"));
        assert!(drawn.len() < 200_000, "{}", drawn.len());
    }
}
