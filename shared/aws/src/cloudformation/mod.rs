//! Stacks, and the bucket for templates that are too large for a call.

mod doctor;
pub(crate) mod events;
pub(crate) mod list;
mod read;
mod refusal;
mod write;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_elasticloadbalancingv2::Client as LoadBalancing;
use aws_sdk_s3::Client as BucketClient;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use slipway_control::ports::{PortResult, RunEnder};

use crate::ecs::Ecs;
use crate::error::port_error;
use crate::evidence::Witness;
use crate::runs::Runs;

/// Reads and changes stacks.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    client: Client,
    bucket_client: BucketClient,
    pub(crate) ecs: Ecs,
    witness: Witness,
    pub(crate) balancing: LoadBalancing,
    runs: Runs,
    settings: Settings,
}

#[derive(Debug, Clone)]
struct Settings {
    role: String,
    bucket: String,
    bucket_url: String,
}

/// A template as a call takes it.
enum Body {
    Inline(String),
    Url(String),
}

impl CloudFormation {
    /// Over CloudFormation, which works with the role `role` and reads templates that are too
    /// large for a call from the bucket `bucket`.
    pub fn new(config: &SdkConfig, role: impl Into<String>, bucket: impl Into<String>) -> Self {
        let bucket = bucket.into();
        let region = config
            .region()
            .map_or("us-east-1", |region| region.as_ref());
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let bucket_url = format!("https://{bucket}.s3.{region}.{suffix}");
        Self {
            client: Client::new(config),
            bucket_client: BucketClient::new(config),
            ecs: Ecs::new(config),
            witness: Witness::new(config),
            balancing: LoadBalancing::new(config),
            runs: Runs::new(config),
            settings: Settings {
                role: role.into(),
                bucket,
                bucket_url,
            },
        }
    }

    /// The template for a call: as it is, or put into the bucket. Every call that takes a
    /// template asks here, so that no other place knows the limit.
    async fn body(&self, template: &str) -> PortResult<Body> {
        if template.len() <= slipway_synth::INLINE_LIMIT {
            return Ok(Body::Inline(template.to_owned()));
        }
        // Named by its content: the same template is the same object, however often it is put.
        let key = format!(
            "templates/{}.json",
            slipway_synth::sha256(template.as_bytes())
        );
        self.bucket_client
            .put_object()
            .bucket(&self.settings.bucket)
            .key(&key)
            .content_type("application/json")
            .body(template.as_bytes().to_vec().into())
            .send()
            .await
            .map_err(|error| port_error("s3:PutObject", error))?;
        Ok(Body::Url(format!("{}/{key}", self.settings.bucket_url)))
    }
}

impl RunEnder for CloudFormation {
    async fn end_runs(&self, machine: &str, cause: &str) -> PortResult<()> {
        self.runs.end_runs(machine, cause).await
    }
}

impl Body {
    /// The parameters `TemplateBody` and `TemplateURL`, of which a call has one.
    fn parameters(self) -> (Option<String>, Option<String>) {
        match self {
            Self::Inline(text) => (Some(text), None),
            Self::Url(url) => (None, Some(url)),
        }
    }
}

/// A time of the SDK's.
fn timestamp(at: &DateTime) -> Option<Timestamp> {
    let nanos = i32::try_from(at.subsec_nanos()).ok()?;
    Timestamp::new(at.secs(), nanos).ok()
}
