//! Metrics, all that a decision needs in one call.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
};
use aws_sdk_sqs::Client as QueueClient;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;
use slipway_control::ports::{MetricReader, PortResult, QueueReader, Series};
use slipway_domain::scaling::Statistic;
use slipway_scaling::{Load, Point};

use crate::error::port_error;

/// Reads metrics of `CloudWatch`.
#[derive(Debug, Clone)]
pub struct Metrics {
    client: Client,
    queues: QueueClient,
}

impl Metrics {
    /// Over `CloudWatch`, and SQS for what it does not know yet.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            queues: QueueClient::new(config),
        }
    }
}

impl QueueReader for Metrics {
    async fn waiting(&self, queue: &str) -> PortResult<Option<u64>> {
        let answer = self.queues.get_queue_url().queue_name(queue).send().await;
        let url = match answer {
            Ok(answer) => answer.queue_url,
            Err(error) if error.code().is_some_and(is_no_queue) => None,
            Err(error) => return Err(port_error("sqs:GetQueueUrl", error)),
        };
        let Some(url) = url else { return Ok(None) };
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .queues
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(name.clone())
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(answer
                .attributes
                .and_then(|found| found.get(&name)?.parse().ok())),
            Err(error) if error.code().is_some_and(is_no_queue) => Ok(None),
            Err(error) => Err(port_error("sqs:GetQueueAttributes", error)),
        }
    }
}

/// What SQS says of a queue that is not there, and of one that is not the platform's by its tags.
/// Whose name is wrong in a manifest is not to keep a look from the rest.
fn is_no_queue(code: &str) -> bool {
    let codes = [
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "AccessDenied",
        "AccessDeniedException",
    ];
    codes.contains(&code)
}

impl MetricReader for Metrics {
    async fn read(
        &self,
        series: &[Series],
        from: Timestamp,
        to: Timestamp,
    ) -> PortResult<Vec<Load>> {
        let queries = series.iter().enumerate();
        let queries = queries.map(|(number, series)| query(number, series));
        // One page: it holds 100,800 points (API reference, GetMetricData), and what is asked for
        // here are some hundreds. What is missing all the same is missing data.
        let answer = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(to.as_second()))
            .scan_by(ScanBy::TimestampAscending)
            .send()
            .await
            .map_err(|error| port_error("cloudwatch:GetMetricData", error))?;
        let results: HashMap<&str, &MetricDataResult> = answer
            .metric_data_results()
            .iter()
            .filter_map(|result| Some((result.id()?, result)))
            .collect();
        let of = |(number, series): (usize, &Series)| {
            let result = results.get(id(number).as_str());
            result.map(|it| load(it, series)).unwrap_or_default()
        };
        Ok(series.iter().enumerate().map(of).collect())
    }
}

/// The name of a query: it must begin with a small letter.
fn id(number: usize) -> String {
    format!("m{number}")
}

fn query(number: usize, series: &Series) -> MetricDataQuery {
    let dimensions = series.dimensions.iter().map(|(name, value)| {
        let dimension = Dimension::builder();
        dimension.name(name).value(value).build()
    });
    let metric = Metric::builder()
        .namespace(&series.namespace)
        .metric_name(&series.name)
        .set_dimensions(Some(dimensions.collect()));
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(i32::try_from(series.seconds).unwrap_or(60))
        .stat(match series.statistic {
            Statistic::Average => "Average",
            Statistic::Maximum => "Maximum",
            Statistic::Minimum => "Minimum",
            Statistic::Sum => "Sum",
        });
    MetricDataQuery::builder()
        .id(id(number))
        .metric_stat(stat.build())
        .build()
}

/// The points of a result, oldest first, and none that is no number.
fn load(result: &MetricDataResult, series: &Series) -> Load {
    let pairs = result.timestamps().iter().zip(result.values());
    let mut points: Vec<Point> = pairs
        .filter(|(_, value)| value.is_finite())
        .filter_map(|(at, value)| {
            Some(Point {
                at: Timestamp::from_second(at.secs()).ok()?,
                seconds: series.seconds,
                value: *value,
            })
        })
        .collect();
    points.sort_by_key(|point| point.at);
    Load(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::{Replay, Reply};

    /// A map, array or text of the CBOR that AWS speaks, whose head is one byte.
    fn head(kind: u8, length: usize) -> Vec<u8> {
        vec![kind | u8::try_from(length).unwrap()]
    }

    fn text(text: &str) -> Vec<u8> {
        [head(0x60, text.len()), text.as_bytes().to_vec()].concat()
    }

    /// A result with points at these seconds.
    fn result(id: &str, points: &[(u32, f64)]) -> Vec<u8> {
        let times = points.iter().flat_map(|(second, _)| {
            // Tag 1: seconds since the epoch.
            let mut bytes = vec![0xC1, 0x1A];
            bytes.extend(second.to_be_bytes());
            bytes
        });
        let values = points.iter().flat_map(|(_, value)| {
            let mut bytes = vec![0xFB];
            bytes.extend(value.to_be_bytes());
            bytes
        });
        [
            head(0xA0, 3),
            text("Id"),
            text(id),
            text("Timestamps"),
            head(0x80, points.len()),
            times.collect(),
            text("Values"),
            head(0x80, points.len()),
            values.collect(),
        ]
        .concat()
    }

    fn series(name: &str, seconds: u32) -> Series {
        Series {
            namespace: "AWS/ECS".to_owned(),
            name: name.to_owned(),
            dimensions: vec![("ClusterName".to_owned(), "c".to_owned())],
            statistic: Statistic::Average,
            seconds,
        }
    }

    #[tokio::test]
    async fn all_metrics_are_one_call_and_what_is_missing_has_no_points() {
        let replay = Replay::new(|_| {
            let results = [
                result("m2", &[(1_795_000_060, 3.5), (1_795_000_000, 2.0)]),
                result("m0", &[(1_795_000_040, 71.0)]),
            ];
            let all = [head(0x80, 2), results.concat()].concat();
            Reply::cbor([head(0xA0, 1), text("MetricDataResults"), all].concat())
        });
        let asked = [
            series("CPUUtilization", 20),
            series("MemoryUtilization", 60),
            series("Other", 60),
        ];
        let at = |second| Timestamp::from_second(second).unwrap();
        let loads = Metrics::new(&replay.config())
            .read(&asked, at(1_795_000_000), at(1_795_003_600))
            .await
            .unwrap();
        let point = |second, seconds, value| Point {
            at: at(second),
            seconds,
            value,
        };
        assert_eq!(
            loads,
            [
                Load(vec![point(1_795_000_040, 20, 71.0)]),
                Load::default(),
                Load(vec![
                    point(1_795_000_000, 60, 2.0),
                    point(1_795_000_060, 60, 3.5)
                ]),
            ]
        );
        assert_eq!(replay.operations(), ["GetMetricData"]);
    }
}
