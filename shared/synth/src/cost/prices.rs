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
    FargateSpotMemory,
    #[serde(rename = "instance-t3-medium")]
    InstanceT3Medium,
    #[serde(rename = "instance-t3-large")]
    InstanceT3Large,
    #[serde(rename = "instance-m5-large")]
    InstanceM5Large,
    FargateDisk,
    LoadBalancer,
    LoadBalancerCapacity,
    Alarm,
    AlarmHighResolution,
    Metric,
    LogIngestion,
    LogStorage,
    ImageStorage,
    HttpRequests,
    QueueRequests,
    FargateSpotVcpu,
    HttpRequestsBeyond,
    VpcLink,
    NatGateway,
    NatData,
    PublicAddress,
    Endpoint,
    EndpointData,
    Dashboard,
    LogQuery,
    LambdaRequests,
    #[serde(rename = "lambda-arm64")]
    LambdaArm64,
    #[serde(rename = "lambda-x86")]
    LambdaX86,
    TableWrites,
    TableReads,
    TableStorage,
    KmsKey,
    DnsZone,
    LookUps,
    KeyRequests,
    Secret,
    SecretRequests,
    WebAcl,
    WebAclRule,
    WebAclRequests,
    StateTransitions,
    AuroraCapacity,
    AuroraStorage,
    AuroraRequests,
    BuildSmall,
    BuildMedium,
    BuildLarge,
    Pipeline,
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
        assert_eq!(prices.len(), Name::Pipeline as usize + 1);
    }

    /// What the sources say, written down by hand where they were read: in the golden tests of
    /// infracost, and, the last twelve, at the addresses that the file names.
    const READ: [(Name, &str); 52] = [
        (Name::HttpRequests, "1.00"),
        (Name::HttpRequestsBeyond, "0.90"),
        (Name::QueueRequests, "0.40"),
        (Name::LambdaRequests, "0.20"),
        (Name::LambdaArm64, "0.0000133334"),
        (Name::LambdaX86, "0.0000166667"),
        (Name::TableWrites, "0.625"),
        (Name::TableReads, "0.125"),
        (Name::TableStorage, "0.25"),
        (Name::LoadBalancer, "0.0225"),
        (Name::LoadBalancerCapacity, "0.008"),
        (Name::NatGateway, "0.045"),
        (Name::NatData, "0.045"),
        (Name::Endpoint, "0.01"),
        (Name::EndpointData, "0.01"),
        (Name::FargateX86Vcpu, "0.04048"),
        (Name::FargateX86Memory, "0.004445"),
        (Name::ImageStorage, "0.10"),
        (Name::LogIngestion, "0.50"),
        (Name::LogStorage, "0.03"),
        (Name::LogQuery, "0.005"),
        (Name::Alarm, "0.10"),
        (Name::AlarmHighResolution, "0.30"),
        (Name::Metric, "0.30"),
        (Name::Dashboard, "3.00"),
        (Name::BuildSmall, "0.005"),
        (Name::BuildMedium, "0.01"),
        (Name::BuildLarge, "0.02"),
        (Name::AuroraCapacity, "0.12"),
        (Name::AuroraStorage, "0.10"),
        (Name::AuroraRequests, "0.20"),
        (Name::WebAcl, "5.00"),
        (Name::WebAclRule, "1.00"),
        (Name::WebAclRequests, "0.60"),
        (Name::StateTransitions, "0.025"),
        (Name::KmsKey, "1.00"),
        (Name::KeyRequests, "0.03"),
        (Name::Secret, "0.40"),
        (Name::SecretRequests, "0.05"),
        (Name::InstanceT3Medium, "0.0416"),
        (Name::InstanceT3Large, "0.0832"),
        (Name::FargateArm64Vcpu, "0.03238"),
        (Name::FargateArm64Memory, "0.00356"),
        (Name::FargateDisk, "0.000111"),
        (Name::FargateSpotVcpu, "0.0129"),
        (Name::FargateSpotMemory, "0.00146489"),
        (Name::InstanceM5Large, "0.096"),
        (Name::Pipeline, "0.002"),
        (Name::DnsZone, "0.50"),
        (Name::LookUps, "1.00"),
        (Name::PublicAddress, "0.005"),
        (Name::VpcLink, "0"),
    ];

    #[test]
    fn the_prices_are_those_of_their_sources() {
        for (name, said) in READ {
            let price = of(name).unwrap();
            assert_eq!(price.per_unit(), UnitPrice::read(said), "{name:?}");
        }
        let by_infracost: Vec<Value> = serde_json::from_str::<Vec<Value>>(FILE)
            .unwrap()
            .into_iter()
            .filter(|it| it["source"].as_str().unwrap().starts_with("infracost"))
            .collect();
        assert_eq!(by_infracost.len(), READ.len() - 11);
        // None is without a reading, and none was read twice.
        let mut names: Vec<Name> = READ.iter().map(|(name, _)| *name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), PRICES.len());
    }

    #[test]
    fn another_region_is_told_whose_prices_are_used() {
        assert_eq!(
            provenance("us-east-1"),
            "us-east-1, list prices as published from 2024-02-01 to 2025-07-04"
        );
        assert_eq!(
            provenance("eu-central-1"),
            "us-east-1, list prices as published from 2024-02-01 to 2025-07-04; those of \
             eu-central-1 differ"
        );
    }
}
