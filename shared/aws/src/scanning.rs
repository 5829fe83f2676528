//! How the account's registry scans images.

use aws_config::SdkConfig;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::types::{
    RegistryScanningRule, ScanFrequency, ScanType, ScanningRepositoryFilter,
    ScanningRepositoryFilterType,
};
use slipway_control::ports::{PortResult, ScanRule, Scanning, ScanningKeeper};

use crate::error::{port_error, unreadable};

const GET: &str = "ecr:GetRegistryScanningConfiguration";
const PUT: &str = "ecr:PutRegistryScanningConfiguration";

/// The registry of the platform's own account and region.
#[derive(Debug, Clone)]
pub(crate) struct RegistryScanning {
    client: Client,
}

impl RegistryScanning {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl ScanningKeeper for RegistryScanning {
    async fn scanning(&self) -> PortResult<Scanning> {
        let call = self.client.get_registry_scanning_configuration().send();
        let found = call.await.map_err(|error| port_error(GET, error))?;
        let Some(set) = found.scanning_configuration else {
            // What is there is not to be guessed at: it is written back.
            return Err(unreadable(GET, "the answer has no configuration"));
        };
        Ok(Scanning {
            enhanced: set.scan_type == Some(ScanType::Enhanced),
            rules: set.rules.into_iter().flatten().map(read).collect(),
        })
    }

    async fn set_scanning(&self, scanning: &Scanning) -> PortResult<()> {
        let rules: PortResult<Vec<_>> = scanning.rules.iter().map(written).collect();
        let kind = if scanning.enhanced {
            ScanType::Enhanced
        } else {
            ScanType::Basic
        };
        let call = self.client.put_registry_scanning_configuration();
        let call = call.scan_type(kind).set_rules(Some(rules?));
        let answer = call.send().await;
        answer.map(|_| ()).map_err(|error| port_error(PUT, error))
    }
}

fn read(rule: RegistryScanningRule) -> ScanRule {
    let filters = rule.repository_filters.into_iter();
    ScanRule {
        frequency: rule.scan_frequency.as_str().to_owned(),
        filters: filters.map(|it| it.filter).collect(),
    }
}

fn written(rule: &ScanRule) -> PortResult<RegistryScanningRule> {
    let malformed = |_| unreadable(PUT, "the rule could not be made");
    let filter = |text: &String| {
        ScanningRepositoryFilter::builder()
            .filter(text)
            // ECR has no other.
            .filter_type(ScanningRepositoryFilterType::Wildcard)
            .build()
            .map_err(malformed)
    };
    let filters: PortResult<Vec<_>> = rule.filters.iter().map(filter).collect();
    RegistryScanningRule::builder()
        .scan_frequency(ScanFrequency::from(rule.frequency.as_str()))
        .set_repository_filters(Some(filters?))
        .build()
        .map_err(malformed)
}
