//! What an estimate assumes where no template says it: shown with it, and the caller's to change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is assumed of a month; what is left out is as the defaults say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Assumptions {
    /// Requests that reach each environment that is served.
    #[schemars(range(max = 1_000_000_000_000_u64))]
    pub requests: u64,
    /// Tasks that run at all hours, within the bounds of scaling; without it, the fewest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 5000))]
    pub tasks: Option<u64>,
    /// Megabytes that each task writes to its log.
    #[schemars(range(max = 1_000_000_000))]
    pub log_mb: u64,
    /// Megabytes of images in a repository from which something runs.
    #[schemars(range(max = 1_000_000_000))]
    pub image_mb: u64,
    /// Capacity units (LCU) that each load balancer uses at all hours.
    #[schemars(range(max = 5000))]
    pub capacity_units: u64,
    /// Gigabytes that go through the platform's NAT gateways.
    #[schemars(range(max = 1_000_000_000))]
    pub nat_gb: u64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            requests: 1_000_000,
            tasks: None,
            log_mb: 500,
            // Ten of 200 MB, the layers that they share counted once.
            image_mb: 2000,
            capacity_units: 1,
            nat_gb: 0,
        }
    }
}

impl Assumptions {
    /// The first that is more than can be reckoned with, as a sentence without its end.
    pub fn refused(&self) -> Option<String> {
        let tasks = self.tasks.unwrap_or_default();
        let most = [
            ("requests", self.requests, 1_000_000_000_000),
            ("tasks", tasks, 5000),
            ("log_mb", self.log_mb, 1_000_000_000),
            ("image_mb", self.image_mb, 1_000_000_000),
            ("capacity_units", self.capacity_units, 5000),
            ("nat_gb", self.nat_gb, 1_000_000_000),
        ];
        let beyond = most.into_iter().find(|(_, value, most)| value > most);
        beyond.map(|(name, value, most)| format!("{name} must be at most {most}, but is {value}"))
    }

    /// The requests, in whole thousands: as prices of requests are counted.
    pub(super) fn thousands_of_requests(&self) -> u64 {
        self.requests.saturating_add(500) / 1000
    }

    /// The requests, in words.
    pub(super) fn of_requests(&self) -> String {
        match self.requests {
            1_000_000 => "a million requests a month".to_owned(),
            requests => format!("{requests} requests a month"),
        }
    }

    /// The capacity units of a load balancer, in words.
    pub(super) fn of_capacity(&self) -> String {
        match self.capacity_units {
            1 => "one capacity unit at all hours".to_owned(),
            units => format!("{units} capacity units at all hours"),
        }
    }

    /// What tasks write, in words.
    pub(super) fn of_logs(&self) -> String {
        let written = match self.log_mb {
            500 => "half a GB".to_owned(),
            megabytes => format!("{megabytes} MB"),
        };
        format!("{written} a month from each task, 0.1 GB more about it by Container Insights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_as_the_defaults_say_and_nothing_else_is_taken() {
        let read = |text: &str| serde_json::from_str::<Assumptions>(text);
        assert_eq!(read("{}").unwrap(), Assumptions::default());
        let more = read(r#"{"requests": 5, "tasks": 3}"#).unwrap();
        assert_eq!((more.requests, more.tasks, more.log_mb), (5, Some(3), 500));
        assert!(read(r#"{"request": 5}"#).is_err());
    }

    #[test]
    fn what_is_more_than_can_be_reckoned_with_is_said() {
        let refused = |change: fn(&mut Assumptions)| {
            let mut assumed = Assumptions::default();
            change(&mut assumed);
            assumed.refused()
        };
        assert_eq!(refused(|_| ()), None);
        assert_eq!(
            refused(|it| it.tasks = Some(5001)).as_deref(),
            Some("tasks must be at most 5000, but is 5001")
        );
        assert!(refused(|it| it.requests = 1_000_000_000_001).is_some());
    }

    #[test]
    fn the_schema_has_the_bounds_that_are_held() {
        let schema = schemars::schema_for!(Assumptions).to_value();
        for (name, node) in schema["properties"].as_object().unwrap() {
            let most = node["maximum"].as_u64().unwrap();
            let assumed = |value: u64| {
                let document = serde_json::json!({name: value});
                serde_json::from_value::<Assumptions>(document).unwrap()
            };
            assert_eq!(assumed(most).refused(), None, "{name}");
            assert!(assumed(most + 1).refused().is_some(), "{name}");
        }
    }
}
