//! The prices, which are data: `prices.json`, each with its source and date.

use std::sync::LazyLock;

use serde::Deserialize;

use super::money::UnitPrice;

/// The region whose prices these are.
pub(super) const REGION: &str = "us-east-1";

/// What has a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Name {
    #[serde(rename = "fargate-x86-vcpu")]
    FargateX86Vcpu,
    #[serde(rename = "fargate-x86-memory")]
    FargateX86Memory,
    #[serde(rename = "fargate-arm64-vcpu")]
    FargateArm64Vcpu,
    #[serde(rename = "fargate-arm64-memory")]
    FargateArm64Memory,
    FargateSpotVcpu,
    FargateSpotMemory,
    #[serde(rename = "instance-t3-medium")]
    InstanceT3Medium,
    #[serde(rename = "instance-t3-large")]
    InstanceT3Large,
    #[serde(rename = "instance-m5-large")]
    InstanceM5Large,
    LoadBalancer,
    LoadBalancerCapacity,
    Alarm,
    AlarmHighResolution,
    Metric,
    LogIngestion,
    LogStorage,
    ImageStorage,
    HttpRequests,
    KmsKey,
}

/// What is needed of a price. The file also says `region`, which is always [`REGION`], and
/// `source`: where the price was read.
#[derive(Debug, Deserialize)]
pub(super) struct Price {
    name: Name,
    /// US dollars for one unit, as decimal text.
    usd: String,
    /// What is counted, in a month.
    pub(super) unit: String,
    /// The day as of which the source says it, `YYYY-MM-DD`; null where the source bears none.
    date: Option<String>,
}

impl Price {
    pub(super) fn per_unit(&self) -> Option<UnitPrice> {
        UnitPrice::read(&self.usd)
    }
}

/// The file is part of the program; a test reads it and holds that no name is without a price.
/// Were one missing nevertheless, what it is for would be named as not estimated.
static PRICES: LazyLock<Vec<Price>> =
    LazyLock::new(|| serde_json::from_str(FILE).unwrap_or_default());

const FILE: &str = include_str!("prices.json");

/// The price of a name.
pub(super) fn of(name: Name) -> Option<&'static Price> {
    PRICES.iter().find(|price| price.name == name)
}

/// Whose prices these are and of when, for a platform in `region`.
pub(super) fn provenance(region: &str) -> String {
    let dates = || PRICES.iter().filter_map(|price| price.date.as_deref());
    let published = match (dates().min(), dates().max()) {
        (Some(oldest), Some(newest)) => format!(" as published from {oldest} to {newest}"),
        _ => String::new(),
    };
    let elsewhere = match region {
        REGION => String::new(),
        region => format!("; those of {region} differ"),
    };
    format!("{REGION}, list prices{published}{elsewhere}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_price_is_read_and_says_whence_and_of_when_it_is() {
        let prices: Vec<Price> = serde_json::from_str(FILE).unwrap();
        let entries: Vec<Value> = serde_json::from_str(FILE).unwrap();
        for (price, entry) in prices.iter().zip(&entries) {
            assert!(price.per_unit().is_some(), "{entry}");
            assert!(!price.unit.is_empty(), "{entry}");
            assert_eq!(entry["region"], REGION, "{entry}");
            assert!(entry["source"].as_str().unwrap().len() > 10, "{entry}");
            let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["name", "usd", "unit", "region", "source", "date"]);
            let form = price.date.as_ref().map(|date| {
                let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
                date.chars().map(digit).collect::<String>()
            });
            assert!(form.is_none_or(|form| form == "0000-00-00"), "{entry}");
        }
        let mut names: Vec<Name> = prices.iter().map(|price| price.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), prices.len(), "a name has two prices");
        // The last name of the enumeration: all before it are there too.
        assert_eq!(prices.len(), Name::KmsKey as usize + 1);
    }

    #[test]
    fn another_region_is_told_whose_prices_are_used() {
        assert_eq!(
            provenance("us-east-1"),
            "us-east-1, list prices as published from 2024-07-01 to 2025-07-04"
        );
        assert_eq!(
            provenance("eu-central-1"),
            "us-east-1, list prices as published from 2024-07-01 to 2025-07-04; those of \
             eu-central-1 differ"
        );
    }
}
