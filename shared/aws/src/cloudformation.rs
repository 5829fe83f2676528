//! Stacks, and the bucket for templates that are too large for a call.

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, ExecutionStatus, ResourceStatus, Stack, StackEvent,
    Tag,
};
use aws_sdk_s3::Client as BucketClient;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::ports::{PortResult, StackInput, StackReader, StackWriter, UpdateStarted};
use slipway_control::reconcile::observed::{ChangeSet, ObservedStack, Rollout};

use crate::ecs::Ecs;
use crate::error::{port_error, unreadable};

/// The most failed resources that a reason names.
const MAX_REASONS: usize = 3;

/// Reads and changes stacks.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    client: Client,
    bucket_client: BucketClient,
    ecs: Ecs,
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
            settings: Settings {
                role: role.into(),
                bucket,
                bucket_url,
            },
        }
    }

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

impl Body {
    fn inline(&self) -> Option<String> {
        match self {
            Self::Inline(text) => Some(text.clone()),
            Self::Url(_) => None,
        }
    }

    fn url(&self) -> Option<String> {
        match self {
            Self::Inline(_) => None,
            Self::Url(url) => Some(url.clone()),
        }
    }
}

impl StackReader for CloudFormation {
    async fn stack(&self, id_or_name: &str) -> PortResult<Option<ObservedStack>> {
        const CALL: &str = "cloudformation:DescribeStacks";
        match self
            .client
            .describe_stacks()
            .stack_name(id_or_name)
            .send()
            .await
        {
            Ok(answer) => answer.stacks().first().map(observed).transpose(),
            // CloudFormation has no code for this, only the message.
            Err(error)
                if error
                    .message()
                    .is_some_and(|message| message.contains("does not exist")) =>
            {
                Ok(None)
            }
            Err(error) => Err(port_error(CALL, error)),
        }
    }

    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>> {
        let call = self
            .client
            .describe_change_set()
            .stack_name(stack)
            .change_set_name(name)
            .send();
        let answer = match call.await {
            Ok(answer) => answer,
            Err(error)
                if error.code() == Some("ChangeSetNotFound")
                    || error.code() == Some("ChangeSetNotFoundException") =>
            {
                return Ok(None);
            }
            Err(error)
                if error
                    .message()
                    .is_some_and(|message| message.contains("does not exist")) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(port_error("cloudformation:DescribeChangeSet", error)),
        };
        let reason = answer.status_reason().unwrap_or("no reason given");
        Ok(match answer.status() {
            Some(ChangeSetStatus::CreateComplete)
                if answer.execution_status() == Some(&ExecutionStatus::Available) =>
            {
                Some(ChangeSet::Ready)
            }
            Some(ChangeSetStatus::Failed) => Some(ChangeSet::Failed(reason.to_owned())),
            Some(ChangeSetStatus::CreatePending | ChangeSetStatus::CreateInProgress) => {
                Some(ChangeSet::Preparing)
            }
            Some(ChangeSetStatus::DeleteComplete) => None,
            // It runs already: the stack's own status is about to say so.
            Some(ChangeSetStatus::CreateComplete)
                if answer.execution_status() == Some(&ExecutionStatus::ExecuteInProgress) =>
            {
                Some(ChangeSet::Preparing)
            }
            other => {
                let status = other.map_or("no status", ChangeSetStatus::as_str);
                Some(ChangeSet::Failed(format!(
                    "its change set is {status}: {reason}"
                )))
            }
        })
    }

    async fn failure(&self, stack: &str) -> PortResult<Option<String>> {
        // The first page holds the newest 100 events or more, and so the end of an operation.
        let answer = self
            .client
            .describe_stack_events()
            .stack_name(stack)
            .send()
            .await
            .map_err(|error| port_error("cloudformation:DescribeStackEvents", error))?;
        Ok(reason_of(answer.stack_events()))
    }

    async fn rollout(&self, cluster: &str, service: &str) -> PortResult<Option<Rollout>> {
        self.ecs.rollout(cluster, service).await
    }
}

impl StackWriter for CloudFormation {
    async fn prepare(&self, input: &StackInput) -> PortResult<String> {
        const CALL: &str = "cloudformation:CreateChangeSet";
        let body = self.body(&input.template).await?;
        let call = self
            .client
            .create_change_set()
            .stack_name(&input.stack)
            .change_set_name(&input.token)
            .client_token(&input.token)
            .change_set_type(ChangeSetType::Create)
            .import_existing_resources(true)
            .role_arn(&self.settings.role)
            .capabilities(Capability::CapabilityNamedIam)
            .set_tags(Some(tags(input)))
            .set_template_body(body.inline())
            .set_template_url(body.url());
        match call.send().await {
            Ok(answer) => answer
                .stack_id
                .ok_or_else(|| unreadable(CALL, "no stack id in the answer")),
            // An earlier look made it and did not come to write that down.
            Err(error) if error.code() == Some("AlreadyExistsException") => {
                let stack = self.stack(&input.stack).await?;
                stack
                    .map(|stack| stack.id)
                    .ok_or_else(|| port_error(CALL, error))
            }
            Err(error) => Err(busy(port_error(CALL, error))),
        }
    }

    async fn execute(&self, stack: &str, token: &str) -> PortResult<()> {
        let call = self
            .client
            .execute_change_set()
            .stack_name(stack)
            .change_set_name(token)
            .client_request_token(token);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("TokenAlreadyExistsException") => Ok(()),
            Err(error) => {
                let invalid = error
                    .code()
                    .is_some_and(|code| code.starts_with("InvalidChangeSetStatus"));
                let mut error = busy(port_error("cloudformation:ExecuteChangeSet", error));
                if invalid {
                    // It runs already, or is not ready yet: the next look sees which.
                    error.kind = PortErrorKind::Transient;
                }
                Err(error)
            }
        }
    }

    async fn update(&self, input: &StackInput) -> PortResult<UpdateStarted> {
        let body = self.body(&input.template).await?;
        let call = self
            .client
            .update_stack()
            .stack_name(&input.stack)
            .client_request_token(&input.token)
            .role_arn(&self.settings.role)
            .capabilities(Capability::CapabilityNamedIam)
            .set_tags(Some(tags(input)))
            .set_template_body(body.inline())
            .set_template_url(body.url());
        match call.send().await {
            Ok(_) => Ok(UpdateStarted::Started),
            Err(error)
                if error
                    .message()
                    .is_some_and(|message| message.contains("No updates are to be performed")) =>
            {
                Ok(UpdateStarted::NothingToDo)
            }
            // The operation of this token runs or has run: the next look sees its result.
            Err(error) if error.code() == Some("TokenAlreadyExistsException") => {
                Ok(UpdateStarted::Started)
            }
            Err(error) => Err(busy(port_error("cloudformation:UpdateStack", error))),
        }
    }

    async fn delete(&self, stack_id: &str, token: &str) -> PortResult<()> {
        let call = self
            .client
            .delete_stack()
            .stack_name(stack_id)
            .client_request_token(token)
            .role_arn(&self.settings.role);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("TokenAlreadyExistsException") => Ok(()),
            Err(error) => Err(busy(port_error("cloudformation:DeleteStack", error))),
        }
    }
}

/// A stack in the middle of an operation is no refusal. CloudFormation has no code for it,
/// only a `ValidationError` with this text.
fn busy(mut error: PortError) -> PortError {
    if error.message.contains("_IN_PROGRESS state") {
        error.kind = PortErrorKind::Transient;
    }
    error
}

fn observed(stack: &Stack) -> PortResult<ObservedStack> {
    const CALL: &str = "cloudformation:DescribeStacks";
    let status = stack
        .stack_status()
        .ok_or_else(|| unreadable(CALL, "a stack without a status"))?;
    Ok(ObservedStack {
        id: stack.stack_id().unwrap_or_default().to_owned(),
        status: status
            .as_str()
            .parse()
            .map_err(|error| unreadable(CALL, format!("{error}")))?,
        outputs: stack
            .outputs()
            .iter()
            .filter_map(|output| {
                Some((
                    output.output_key()?.to_owned(),
                    output.output_value()?.to_owned(),
                ))
            })
            .collect(),
    })
}

fn tags(input: &StackInput) -> Vec<Tag> {
    input
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// The first resources that failed in the last operation, in the order in which they did.
/// Events come newest first; the operation began where the stack itself says so.
fn reason_of(events: &[StackEvent]) -> Option<String> {
    let mut failed: Vec<String> = Vec::new();
    for event in events {
        let of_stack = event.physical_resource_id() == event.stack_id();
        let reason = event.resource_status_reason().unwrap_or_default();
        let status = event.resource_status();
        let begins = matches!(
            status,
            Some(
                ResourceStatus::CreateInProgress
                    | ResourceStatus::UpdateInProgress
                    | ResourceStatus::DeleteInProgress
            )
        );
        if of_stack && begins {
            break;
        }
        let fails = matches!(
            status,
            Some(
                ResourceStatus::CreateFailed
                    | ResourceStatus::UpdateFailed
                    | ResourceStatus::DeleteFailed
            )
        );
        // Resources that were cut short say only that another one failed.
        if fails && !of_stack && !reason.contains("cancelled") {
            let id = event.logical_resource_id().unwrap_or_default();
            failed.push(format!("{id}: {reason}"));
        }
    }
    failed.reverse();
    failed.truncate(MAX_REASONS);
    (!failed.is_empty()).then(|| failed.join(" · "))
}
