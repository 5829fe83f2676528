//! What AWS refuses and the emulator lets pass.
//!
//! Some of it AWS refuses at once (capabilities, roles), some only when the resource's turn has
//! come (names and routes that exist): that fails inside the stack, so that events, rollback
//! and final status are the emulator's own.

use anyhow::{Context as _, Result};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::companion::{Companion, Incoming};
use crate::stacks::{Stack, refuse};
use crate::stand_ins::{self, Place};
use crate::template::{self, Named, Scope};
use crate::upstream::{Answer, Upstream};
use crate::wire::Intent;
use crate::{nested, passwords, xml, yaml};

/// The most that a template may have inline.
const INLINE: usize = 51_200;

/// What became of a submitted template.
#[derive(Debug)]
pub(crate) enum Submitted {
    /// The answer that AWS would give.
    Refused(Answer),
    /// The form to send to the emulator instead of the original.
    Form(Vec<(String, String)>),
}

/// A template on its way, with what is known about its resources.
struct Submission<'a> {
    intent: &'a Intent,
    upstream: &'a Upstream,
    template: Value,
    /// The resources that the stack has already: logical and physical ids.
    owned: Vec<(String, String)>,
}

impl Companion {
    /// Checks a template that a call brings, and rewrites it for the emulator.
    pub(crate) async fn submit(
        &self,
        incoming: &Incoming,
        before: Option<&Stack>,
    ) -> Result<Submitted> {
        let intent = &incoming.intent;
        if let Some(answer) = self.check_role(intent).await? {
            return Ok(Submitted::Refused(answer));
        }
        let upstream = self.upstream.in_region(&intent.region);
        let Some(body) = body(intent, &upstream).await? else {
            // The previous template, or an error that the emulator words itself.
            return Ok(Submitted::Form(intent.form.clone()));
        };
        let Ok(template) = yaml::parse(&body) else {
            return Ok(Submitted::Form(intent.form.clone()));
        };
        if let Some(answer) = check_capabilities(intent, &template) {
            return Ok(Submitted::Refused(answer));
        }
        let owned = match before {
            Some(before) => owned(&upstream, &before.id).await?,
            None => Vec::new(),
        };
        let mut submission = Submission {
            intent,
            upstream: &upstream,
            template,
            owned,
        };
        self.spoil_what_fails(incoming, &mut submission).await?;
        let mut template = submission.template;
        let name = before.map_or_else(
            || intent.parameter("StackName").unwrap_or_default(),
            |before| before.name.as_str(),
        );
        let place = Place {
            stack: name,
            region: &intent.region,
            account: &self.account,
        };
        nested::provide(&upstream, &mut template, place).await?;
        passwords::provide(&mut template, place);
        let kinds = stand_ins::replace(&mut template, place);
        let new = before.is_none();
        self.stood_in.learn(&intent.region, name, new, kinds);
        Ok(Submitted::Form(
            with_template(intent, &upstream, &template).await?,
        ))
    }

    /// A role that CloudFormation is to use has to exist.
    pub(crate) async fn check_role(&self, intent: &Intent) -> Result<Option<Answer>> {
        let Some(role) = intent.parameter("RoleARN") else {
            return Ok(None);
        };
        let name = role.rsplit('/').next().unwrap_or_default();
        let upstream = self.upstream.in_region(&intent.region);
        let answer = upstream
            .query("iam", "GetRole", &[("RoleName", name)])
            .await?;
        if answer.status.is_success() && answer.text().contains(&format!("<Arn>{role}</Arn>")) {
            return Ok(None);
        }
        let message = format!("Role {role} is invalid or cannot be assumed");
        Ok(Some(refuse(intent, "ValidationError", &message)))
    }

    /// Spoils the resources on which the stack would fail on AWS.
    async fn spoil_what_fails(
        &self,
        incoming: &Incoming,
        submission: &mut Submission<'_>,
    ) -> Result<()> {
        let mut failures = submission.taken_names().await?;
        failures.extend(submission.taken_routes(&self.account).await?);
        let template = &submission.template;
        let fault = self
            .faults
            .of_template(&incoming.call, |kind| template::has(template, kind));
        if let Some((kind, message)) = fault {
            let resource =
                template::resources(template).find(|(_, it)| it["Type"] == kind.as_str());
            failures.extend(resource.map(|(logical_id, _)| (logical_id.clone(), message)));
        }
        for (logical_id, message) in failures {
            let mut refusals = self
                .refusals
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let word = format!("/slipway/refused/{}/", refusals.len());
            template::spoil(&mut submission.template, &logical_id, &word);
            refusals.insert(word, message);
        }
        Ok(())
    }

    /// Resources with names that exist already: those that an import takes over.
    pub(crate) async fn existing(&self, intent: &Intent, template: &Value) -> Result<Vec<Named>> {
        let upstream = self.upstream.in_region(&intent.region);
        let mut existing = Vec::new();
        for named in template::named(template, &scope(intent, &self.account)) {
            if exists(&upstream, &named).await? {
                existing.push(named);
            }
        }
        Ok(existing)
    }
}

impl Submission<'_> {
    fn owns(&self, logical_id: &str) -> bool {
        self.owned.iter().any(|(owned, _)| owned == logical_id)
    }

    async fn taken_names(&self) -> Result<Vec<(String, String)>> {
        let imports = self.intent.parameter("ImportExistingResources") == Some("true");
        let mut failures = Vec::new();
        for named in template::named(&self.template, &scope(self.intent, "")) {
            if self.owns(&named.logical_id) || (imports && named.retained) {
                continue;
            }
            if exists(self.upstream, &named).await? {
                let message = format!(
                    "Resource handler returned message: \"Resource of type '{}' with identifier \
                     '{}' already exists.\" (RequestToken: \
                     00000000-0000-4000-8000-000000000000, HandlerErrorCode: AlreadyExists)",
                    named.kind, named.name
                );
                failures.push((named.logical_id, message));
            }
        }
        Ok(failures)
    }

    async fn taken_routes(&self, account: &str) -> Result<Vec<(String, String)>> {
        let mut failures = Vec::new();
        for (logical_id, api, key) in template::routes(&self.template, &scope(self.intent, account))
        {
            let path = format!("/v2/apis/{api}/routes");
            let routes = self
                .upstream
                .rest("apigateway", Method::GET, &path, &[], Bytes::new());
            let routes: Value = serde_json::from_slice(&routes.await?.body).unwrap_or_default();
            let mine = |route: &Value| {
                let id = route["routeId"].as_str().unwrap_or_default();
                self.owned
                    .iter()
                    .any(|(_, physical)| physical.ends_with(id))
            };
            let taken = routes["items"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|route| route["routeKey"] == key.as_str() && !mine(route));
            if taken {
                let message = format!(
                    "Resource handler returned message: \"Route with key {key} already exists for \
                     this API (Service: AmazonApiGatewayV2; Status Code: 409; Error Code: \
                     ConflictException)\" (HandlerErrorCode: AlreadyExists)"
                );
                failures.push((logical_id, message));
            }
        }
        Ok(failures)
    }
}

fn scope<'a>(intent: &'a Intent, account: &'a str) -> Scope<'a> {
    Scope {
        parameters: intent.stack_parameters(),
        stack: intent.parameter("StackName").unwrap_or_default(),
        region: &intent.region,
        account,
    }
}

fn check_capabilities(intent: &Intent, template: &Value) -> Option<Answer> {
    let mut required = template::required_capabilities(template);
    if intent.operation == "CreateChangeSet" {
        // It does not apply to change sets (API reference).
        required.retain(|capability| *capability != "CAPABILITY_AUTO_EXPAND");
    }
    let missing = template::missing_capabilities(&required, &intent.members("Capabilities"));
    if missing.is_empty() {
        return None;
    }
    let message = format!("Requires capabilities : [{}]", missing.join(", "));
    Some(refuse(
        intent,
        "InsufficientCapabilitiesException",
        &message,
    ))
}

/// The template that a call brings inline or by address. Nothing when it brings none, or one
/// that is too large to be inline: the emulator refuses that itself.
async fn body(intent: &Intent, upstream: &Upstream) -> Result<Option<String>> {
    if let Some(body) = intent.parameter("TemplateBody") {
        return Ok((body.len() <= INLINE).then(|| body.to_owned()));
    }
    let Some(url) = intent.parameter("TemplateURL") else {
        return Ok(None);
    };
    let Some(path) = nested::object_path(url) else {
        return Ok(None);
    };
    let answer = upstream
        .rest("s3", Method::GET, &path, &[], Bytes::new())
        .await?;
    Ok(answer.status.is_success().then(|| answer.text()))
}

async fn with_template(
    intent: &Intent,
    upstream: &Upstream,
    template: &Value,
) -> Result<Vec<(String, String)>> {
    let mut form = intent.form.clone();
    form.retain(|(key, _)| key != "TemplateBody" && key != "TemplateURL");
    let body = template.to_string();
    if body.len() <= INLINE {
        form.push(("TemplateBody".to_owned(), body));
        return Ok(form);
    }
    let address = nested::keep(upstream, template).await?;
    form.push(("TemplateURL".to_owned(), address));
    Ok(form)
}

/// The resources of a stack: logical and physical ids.
pub(crate) async fn owned(upstream: &Upstream, stack: &str) -> Result<Vec<(String, String)>> {
    let parameters = [("StackName", stack)];
    let answer = upstream
        .query("cloudformation", "DescribeStackResources", &parameters)
        .await?;
    let text = answer.success()?.text();
    let document = xml::parse(&text)?;
    Ok(xml::members(&document, "StackResources")
        .into_iter()
        .map(|resource| {
            let part = |name| xml::text(resource, name).to_owned();
            (part("LogicalResourceId"), part("PhysicalResourceId"))
        })
        .collect())
}

/// Whether something with this name exists at the emulator.
async fn exists(upstream: &Upstream, named: &Named) -> Result<bool> {
    let name = named.name.as_str();
    let load_balancing = "elasticloadbalancing";
    let by_query = |service: &'static str, action: &'static str, key: &'static str| async move {
        let answer = upstream.query(service, action, &[(key, name)]).await?;
        // The emulator lists nothing where AWS finds nothing.
        let listed = answer.text().contains(&format!(">{name}<"));
        anyhow::Ok(answer.status.is_success() && listed)
    };
    match named.kind.as_str() {
        "AWS::ECR::Repository" => {
            let target = "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories";
            let ask = json!({ "repositoryNames": [name] });
            Ok(upstream.json("ecr", target, &ask).await.is_ok())
        }
        "AWS::ECS::Cluster" => {
            let target = "AmazonEC2ContainerServiceV20141113.DescribeClusters";
            let answer = upstream
                .json("ecs", target, &json!({ "clusters": [name] }))
                .await?;
            Ok(answer["clusters"][0]["status"] == "ACTIVE")
        }
        "AWS::Logs::LogGroup" => {
            let ask = json!({ "logGroupNamePrefix": name });
            let target = "Logs_20140328.DescribeLogGroups";
            let answer = upstream.json("logs", target, &ask).await?;
            let groups = answer["logGroups"]
                .as_array()
                .context("no list of log groups")?;
            Ok(groups.iter().any(|group| group["logGroupName"] == name))
        }
        "AWS::IAM::Role" => by_query("iam", "GetRole", "RoleName").await,
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => {
            by_query(load_balancing, "DescribeLoadBalancers", "Names.member.1").await
        }
        "AWS::ElasticLoadBalancingV2::TargetGroup" => {
            by_query(load_balancing, "DescribeTargetGroups", "Names.member.1").await
        }
        _ => Ok(false),
    }
}
