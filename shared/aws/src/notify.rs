//! Telling others: the platform's topic (SNS), the queue of what is to be posted (SQS), and the
//! keys to sign it with (Parameter Store).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sns::types::MessageAttributeValue;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use aws_sdk_ssm::operation::delete_parameter::DeleteParameterError;
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_sdk_ssm::operation::put_parameter::PutParameterError;
use aws_sdk_ssm::types::ParameterType;
use slipway_control::error::{PortError, PortErrorKind};
use slipway_control::ports::{
    Announcement, Announcer, NotifySecret, NotifySecrets, Outbox, PortResult,
};
use slipway_domain::{PlatformName, ServiceName};

use crate::error::{port_error, unreadable};
use crate::hooks::bare;

/// The topic of deployments.
#[derive(Debug, Clone)]
pub struct DeploymentsTopic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl DeploymentsTopic {
    /// The topic of this ARN.
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        Self {
            client: aws_sdk_sns::Client::new(config),
            arn: arn.into(),
        }
    }
}

impl Announcer for DeploymentsTopic {
    async fn announce(&self, announcement: &Announcement) -> PortResult<()> {
        // One message for each kind of subscriber: whoever is not a person gets JSON.
        let message = serde_json::json!({
            "default": announcement.json,
            "email": announcement.text,
            "sms": announcement.subject,
        });
        let mut publish = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(&announcement.subject)
            .message_structure("json")
            .message(message.to_string());
        for (name, value) in &announcement.attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| unreadable("sns:Publish", error.to_string()))?;
            publish = publish.message_attributes(*name, value);
        }
        publish
            .send()
            .await
            .map_err(|error| port_error("sns:Publish", error))?;
        Ok(())
    }
}

/// The queue of what is to be posted.
#[derive(Debug, Clone)]
pub struct NotifyQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl NotifyQueue {
    /// The queue of this URL.
    pub fn new(config: &SdkConfig, url: impl Into<String>) -> Self {
        Self {
            client: aws_sdk_sqs::Client::new(config),
            url: url.into(),
        }
    }
}

impl Outbox for NotifyQueue {
    async fn hand_over(&self, messages: &[String]) -> PortResult<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let operation = "sqs:SendMessage";
        let entries = messages
            .iter()
            .enumerate()
            .map(|(place, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(place.to_string())
                    .message_body(body)
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unreadable(operation, error.to_string()))?;
        let answer = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| port_error(operation, error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(failed) => Err(PortError {
                operation,
                message: format!(
                    "{} of the messages were not taken in",
                    answer.failed().len()
                ),
                kind: if failed.sender_fault() {
                    PortErrorKind::Refused
                } else {
                    PortErrorKind::Transient
                },
                source: None,
            }),
        }
    }

    async fn put_back(&self, handle: &str, delay: Duration) -> PortResult<()> {
        self.client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(handle)
            .visibility_timeout(i32::try_from(delay.as_secs()).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| port_error("sqs:ChangeMessageVisibility", error))?;
        Ok(())
    }
}

/// Keys in Parameter Store: `/{platform}/_platform/notify/{service}`, which the boundary of
/// services' roles denies them.
#[derive(Debug, Clone)]
pub struct NotifyKeys {
    client: aws_sdk_ssm::Client,
    platform: PlatformName,
}

impl NotifyKeys {
    /// The keys of this platform.
    pub fn new(config: &SdkConfig, platform: PlatformName) -> Self {
        Self {
            client: aws_sdk_ssm::Client::new(config),
            platform,
        }
    }

    fn name(&self, service: &ServiceName) -> String {
        format!("/{}/_platform/notify/{service}", self.platform)
    }

    async fn read(&self, service: &ServiceName) -> PortResult<Option<NotifySecret>> {
        let operation = "ssm:GetParameter";
        let answer = self
            .client
            .get_parameter()
            .name(self.name(service))
            .with_decryption(true)
            .send()
            .await;
        match answer {
            Ok(answer) => {
                let value = answer.parameter().and_then(|it| it.value());
                // What cannot be read is not told: it may hold the secret.
                value
                    .and_then(|value| serde_json::from_str(value).ok())
                    .map(Some)
                    .ok_or_else(|| unreadable(operation, "the key is not of its form"))
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(GetParameterError::is_parameter_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(bare(operation, error)),
        }
    }

    /// Writes a key; false, and nothing written, where another is and may not be replaced.
    async fn write(
        &self,
        service: &ServiceName,
        secret: &NotifySecret,
        replaces: bool,
    ) -> PortResult<bool> {
        let operation = "ssm:PutParameter";
        let value = serde_json::to_string(secret)
            .map_err(|error| unreadable(operation, error.to_string()))?;
        let answer = self
            .client
            .put_parameter()
            .name(self.name(service))
            .description(format!("Signs the notices of {service}'s deployments"))
            .r#type(ParameterType::SecureString)
            .overwrite(replaces)
            .value(value)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutParameterError::is_parameter_already_exists) =>
            {
                Ok(false)
            }
            Err(error) => Err(bare(operation, error)),
        }
    }
}

impl NotifySecrets for NotifyKeys {
    async fn notify_secret(
        &self,
        service: &ServiceName,
        fresh: &NotifySecret,
    ) -> PortResult<NotifySecret> {
        let known = self.read(service).await?;
        if let Some(known) = known.as_ref().filter(|known| known.uid == fresh.uid) {
            return Ok(known.clone());
        }
        if self.write(service, fresh, known.is_some()).await? && known.is_none() {
            return Ok(fresh.clone());
        }
        // Another made one at the same time, or replaced that of an earlier life as this did:
        // what lies there now is what both go on with.
        self.read(service)
            .await?
            .filter(|known| known.uid == fresh.uid)
            .ok_or_else(|| PortError {
                operation: "ssm:GetParameter",
                message: "the key changed meanwhile".to_owned(),
                kind: PortErrorKind::Transient,
                source: None,
            })
    }

    async fn put_notify_secret(
        &self,
        service: &ServiceName,
        secret: &NotifySecret,
    ) -> PortResult<()> {
        // What may be replaced is written, whether anything is there or not.
        self.write(service, secret, true).await.map(drop)
    }

    async fn forget_notify_secret(&self, service: &ServiceName) -> PortResult<()> {
        let answer = self
            .client
            .delete_parameter()
            .name(self.name(service))
            .send()
            .await;
        match answer {
            Err(error)
                if !error
                    .as_service_error()
                    .is_some_and(DeleteParameterError::is_parameter_not_found) =>
            {
                Err(bare("ssm:DeleteParameter", error))
            }
            _ => Ok(()),
        }
    }
}
