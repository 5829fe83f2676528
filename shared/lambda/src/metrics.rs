//! Metrics in `CloudWatch`'s embedded format: a line of the log that CloudWatch Logs makes points
//! of, so that no call is made and nothing waits.
//!
//! The one dimension is the platform. A metric costs by its name and dimensions (0.30 USD a
//! month, for the hours in which it has points), so that services are fields of the line, which
//! Logs Insights finds, and no dimensions.

use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of the platform's own metrics.
const NAMESPACE: &str = "Slipway";

/// A line with one point of one metric, and further fields.
pub fn point(
    platform: &str,
    at: Timestamp,
    (name, value): (&str, f64),
    fields: Map<String, Value>,
) -> Value {
    // CloudWatch user guide, "Specification: Embedded metric format".
    let mut line = json!({
        "_aws": {
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Platform"]],
                "Metrics": [{"Name": name, "Unit": "Count"}],
            }],
        },
        "Platform": platform,
    });
    if let Some(line) = line.as_object_mut() {
        line.insert(name.to_owned(), json!(value));
        line.extend(fields);
    }
    line
}

/// Writes a line to the log: as it is, because only a document of its own is read for metrics.
pub fn write(line: &Value) {
    // A log that is gone is no reason to fail.
    let _ = writeln!(std::io::stdout(), "{line}");
}
