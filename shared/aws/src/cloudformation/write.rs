//! Changing stacks, and ending operations that do not end well by themselves.

use aws_sdk_cloudformation::operation::create_change_set::builders::CreateChangeSetFluentBuilder;
use aws_sdk_cloudformation::types::{Capability, ChangeSetType, DeploymentMode, Tag};
use slipway_control::ports::{PortResult, StackInput, StackRescuer, StackWriter, Started};

use super::CloudFormation;
use super::refusal::{is_known, is_no_update, is_nothing_to_cancel, refused};

impl StackWriter for CloudFormation {
    async fn prepare(&self, input: &StackInput) -> PortResult<Started> {
        let call = self.change_set_of(input).await?;
        create(
            call.change_set_type(ChangeSetType::Create)
                .import_existing_resources(true),
        )
        .await
    }

    /// A change set of the mode `REVERT_DRIFT` compares the template with what is there; every
    /// other one only with the template before, and finds nothing (CloudFormation's user guide,
    /// "Using drift-aware change sets").
    async fn prepare_repair(&self, input: &StackInput) -> PortResult<Started> {
        let call = self.change_set_of(input).await?;
        create(
            call.change_set_type(ChangeSetType::Update)
                .deployment_mode(DeploymentMode::RevertDrift),
        )
        .await
    }

    async fn execute(&self, stack: &str, change_set: &str, token: &str) -> PortResult<Started> {
        let call = self
            .client
            .execute_change_set()
            .stack_name(stack)
            .change_set_name(change_set)
            .client_request_token(token);
        match call.send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_known(&error) => Ok(Started::Before),
            Err(error) => Err(refused("cloudformation:ExecuteChangeSet", error)),
        }
    }

    async fn update(&self, input: &StackInput) -> PortResult<Started> {
        let (body, url) = self.body(&input.template).await?.parameters();
        let call = self
            .client
            .update_stack()
            .stack_name(&input.stack)
            .client_request_token(&input.token)
            .role_arn(&self.settings.role)
            .capabilities(Capability::CapabilityNamedIam)
            .set_tags(Some(tags(input)))
            .set_template_body(body)
            .set_template_url(url);
        match call.send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_no_update(&error) => Ok(Started::NothingToDo),
            Err(error) if is_known(&error) => Ok(Started::Before),
            Err(error) => Err(refused("cloudformation:UpdateStack", error)),
        }
    }

    async fn delete(&self, stack_id: &str, retain: &[String], token: &str) -> PortResult<Started> {
        let retain = (!retain.is_empty()).then(|| retain.to_vec());
        let call = self
            .client
            .delete_stack()
            .stack_name(stack_id)
            .set_retain_resources(retain)
            .client_request_token(token)
            .role_arn(&self.settings.role);
        match call.send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_known(&error) => Ok(Started::Before),
            Err(error) => Err(refused("cloudformation:DeleteStack", error)),
        }
    }
}

impl StackRescuer for CloudFormation {
    async fn cancel(&self, stack_id: &str, token: &str) -> PortResult<()> {
        let call = self
            .client
            .cancel_update_stack()
            .stack_name(stack_id)
            .client_request_token(token);
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_known(&error) || is_nothing_to_cancel(&error) => Ok(()),
            Err(error) => Err(refused("cloudformation:CancelUpdateStack", error)),
        }
    }

    async fn continue_rollback(&self, stack_id: &str, token: &str) -> PortResult<Started> {
        let call = self
            .client
            .continue_update_rollback()
            .stack_name(stack_id)
            .client_request_token(token)
            .role_arn(&self.settings.role);
        match call.send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_known(&error) => Ok(Started::Before),
            Err(error) => Err(refused("cloudformation:ContinueUpdateRollback", error)),
        }
    }
}

impl CloudFormation {
    /// What all change sets have in common.
    async fn change_set_of(&self, input: &StackInput) -> PortResult<CreateChangeSetFluentBuilder> {
        let (body, url) = self.body(&input.template).await?.parameters();
        Ok(self
            .client
            .create_change_set()
            .stack_name(&input.stack)
            .change_set_name(&input.token)
            .client_token(&input.token)
            .role_arn(&self.settings.role)
            .capabilities(Capability::CapabilityNamedIam)
            .set_tags(Some(tags(input)))
            .set_template_body(body)
            .set_template_url(url))
    }
}

async fn create(call: CreateChangeSetFluentBuilder) -> PortResult<Started> {
    match call.send().await {
        Ok(_) => Ok(Started::Now),
        // An earlier call made it, and its answer was lost.
        Err(error) if is_known(&error) => Ok(Started::Before),
        Err(error) => Err(refused("cloudformation:CreateChangeSet", error)),
    }
}

fn tags(input: &StackInput) -> Vec<Tag> {
    input
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
