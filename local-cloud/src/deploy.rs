//! Deploying a SAM template as `sam deploy` does, without `sam`: upload the functions and the
//! nested templates, create or update the stack with the transform left in, wait, read the outputs.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

use crate::companion::Companion;
use crate::upstream::Upstream;
use crate::{archive, gateway, nested, registry, template, xml, yaml};

/// Where the functions' programs are uploaded, as `sam deploy --resolve-s3` has a bucket.
const BUCKET: &str = "slipway-local-cloud-artifacts";

/// How long a stack may take before it counts as stuck.
const LONGEST: Duration = Duration::from_mins(10);

/// What to deploy.
#[derive(Debug, Clone, Default)]
pub struct Deploy {
    /// The SAM template, YAML or JSON.
    pub template: PathBuf,
    /// The name of the stack.
    pub name: String,
    /// The template's parameters; those that are missing have defaults.
    pub parameters: BTreeMap<String, String>,
    /// For every `AWS::Serverless::Function` its program, by logical id.
    pub functions: BTreeMap<String, PathBuf>,
    /// The region; the local cloud's own when there is none.
    pub region: Option<String>,
}

/// A platform that was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The stack's name.
    pub name: String,
    /// The stack's id.
    pub stack_id: String,
    /// The region.
    pub region: String,
    /// The stack's outputs.
    pub outputs: BTreeMap<String, String>,
    /// Where the platform's HTTP API answers, without a slash at the end. Nothing when the
    /// template has no HTTP API. Requests on routes with IAM authorisation need an
    /// `Authorization` header of SigV4; any access key will do and names the caller.
    pub base_url: Option<String>,
}

impl Companion {
    /// Creates or updates a stack from a SAM template.
    pub(crate) async fn deploy(
        self: &Arc<Self>,
        own: &Upstream,
        deploy: &Deploy,
    ) -> Result<Platform> {
        let region = deploy
            .region
            .clone()
            .unwrap_or_else(|| own.region().to_owned());
        let through = own.in_region(&region);
        let text = std::fs::read_to_string(&deploy.template)
            .with_context(|| format!("cannot read {}", deploy.template.display()))?;
        let mut template = yaml::parse(&text)
            .with_context(|| format!("{} is not a template", deploy.template.display()))?;
        let mut deploy = deploy.clone();
        // There is no internet here: its registries are asked for at the one that stands in.
        if template["Parameters"]["RegistryMirrors"].is_object() {
            let mirrors = deploy.parameters.entry("RegistryMirrors".to_owned());
            mirrors.or_insert_with(|| registry::mirrors(&self.endpoint));
        }
        let upstream = self.upstream.in_region(&region);
        upload(&upstream, &mut template, &deploy.functions).await?;
        let folder = deploy.template.parent().unwrap_or(Path::new(""));
        nested::upload(&upstream, &mut template, folder).await?;
        let stack_id = submit(&through, &upstream, &deploy, &template).await?;
        wait(&through, &stack_id, &["CREATE_COMPLETE", "UPDATE_COMPLETE"]).await?;
        let outputs = outputs(&through, &stack_id).await?;
        let api = http_api(&through, &stack_id).await?;
        let base_url = match api {
            Some(api) => Some(format!(
                "http://{}",
                gateway::open(self, &api, &region).await?
            )),
            None => None,
        };
        Ok(Platform {
            name: deploy.name,
            stack_id,
            region,
            outputs,
            base_url,
        })
    }
}

/// Deletes a stack and waits until it is gone.
pub(crate) async fn delete(through: &Upstream, stack_id: &str) -> Result<()> {
    let parameters = [("StackName", stack_id)];
    through
        .query("cloudformation", "DeleteStack", &parameters)
        .await?
        .success()?;
    wait(through, stack_id, &["DELETE_COMPLETE"]).await
}

/// Uploads every function's program once and points the template to it.
async fn upload(
    upstream: &Upstream,
    template: &mut Value,
    programs: &BTreeMap<String, PathBuf>,
) -> Result<()> {
    let functions: Vec<String> = template::resources(template)
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        .map(|(logical_id, _)| logical_id.clone())
        .collect();
    if let Some(unknown) = programs.keys().find(|given| !functions.contains(given)) {
        bail!("the template has no function {unknown}");
    }
    let mut uploaded: HashMap<&Path, String> = HashMap::new();
    for function in functions {
        let program = programs
            .get(&function)
            .with_context(|| format!("{function} has no program"))?;
        let uri = match uploaded.get(program.as_path()) {
            Some(uri) => uri.clone(),
            None => {
                let uri = upload_one(upstream, &function, program).await?;
                uploaded.insert(program, uri.clone());
                uri
            }
        };
        let resource = &mut template["Resources"][&function];
        resource["Properties"]["CodeUri"] = json!(uri);
        // How to build it is of no interest once it is built.
        if let Some(metadata) = resource["Metadata"].as_object_mut() {
            metadata.retain(|key, _| key != "BuildMethod" && key != "BuildProperties");
        }
        if resource["Metadata"]
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
            && let Some(fields) = resource.as_object_mut()
        {
            fields.shift_remove("Metadata");
        }
    }
    Ok(())
}

async fn upload_one(upstream: &Upstream, function: &str, program: &Path) -> Result<String> {
    let built = std::fs::metadata(program)
        .and_then(|file| Ok((file.len(), file.modified()?)))
        .with_context(|| format!("cannot read {}", program.display()))?;
    let path = program.to_path_buf();
    let zip = tokio::task::spawn_blocking(move || archive::bootstrap(&path)).await??;
    // The same build keeps its key, so that deploying it again changes nothing. Its size and
    // time say as much as a hash of its 60 MB, which takes seconds in a debug build.
    let age = built
        .1
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let key = format!("{function}-{}-{}.zip", built.0, age.as_nanos());
    // The bucket may be there already.
    upstream
        .rest("s3", Method::PUT, &format!("/{BUCKET}"), &[], Bytes::new())
        .await?;
    let path = format!("/{BUCKET}/{key}");
    upstream
        .rest("s3", Method::PUT, &path, &[], zip.into())
        .await?
        .success()?;
    Ok(format!("s3://{BUCKET}/{key}"))
}

/// Creates the stack, or updates it when it is there; answers its id.
async fn submit(
    through: &Upstream,
    upstream: &Upstream,
    deploy: &Deploy,
    template: &Value,
) -> Result<String> {
    let existing = through
        .query(
            "cloudformation",
            "DescribeStacks",
            &[("StackName", &deploy.name)],
        )
        .await?;
    let known = existing.status.is_success().then(|| existing.text());
    let action = if known.is_some() {
        "UpdateStack"
    } else {
        "CreateStack"
    };
    // Any size: the address of an object, never inline.
    let path = format!("/{BUCKET}/{}.template", deploy.name);
    upstream
        .rest("s3", Method::PUT, &format!("/{BUCKET}"), &[], Bytes::new())
        .await?;
    let body = template.to_string();
    upstream
        .rest("s3", Method::PUT, &path, &[], body.into())
        .await?
        .success()?;
    let mut form = vec![
        ("Action".to_owned(), action.to_owned()),
        ("StackName".to_owned(), deploy.name.clone()),
        ("TemplateURL".to_owned(), format!("http://localhost{path}")),
    ];
    for (n, (key, value)) in (1..).zip(&deploy.parameters) {
        form.push((format!("Parameters.member.{n}.ParameterKey"), key.clone()));
        form.push((
            format!("Parameters.member.{n}.ParameterValue"),
            value.clone(),
        ));
    }
    let capabilities = [
        "CAPABILITY_IAM",
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ];
    for (n, capability) in (1..).zip(capabilities) {
        form.push((format!("Capabilities.member.{n}"), capability.to_owned()));
    }
    let answer = through.form("cloudformation", &form).await?;
    let text = answer.text();
    let unchanged = text.contains("No updates are to be performed");
    if let Some(known) = known.filter(|_| unchanged) {
        return xml::find(&known, "StackId").context("the stack has no id");
    }
    if !answer.status.is_success() {
        let reason = xml::find(&text, "Message").unwrap_or(text);
        bail!("{action} of {} was refused: {reason}", deploy.name);
    }
    xml::find(&text, "StackId").context("the answer names no stack")
}

/// Waits for a final status; another one than the wanted is an error that says why.
async fn wait(through: &Upstream, stack_id: &str, wanted: &[&str]) -> Result<()> {
    let deadline = Instant::now() + LONGEST;
    loop {
        let parameters = [("StackName", stack_id)];
        let answer = through
            .query("cloudformation", "DescribeStacks", &parameters)
            .await?;
        let status = xml::find(&answer.success()?.text(), "StackStatus").unwrap_or_default();
        if wanted.contains(&status.as_str()) {
            return Ok(());
        }
        if !status.ends_with("_IN_PROGRESS") {
            let reasons = failures(through, stack_id).await?;
            bail!("the stack ended as {status}: {}", reasons.join("; "));
        }
        if Instant::now() > deadline {
            bail!("the stack is still {status} after {} s", LONGEST.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// What failed in a stack, oldest first.
async fn failures(through: &Upstream, stack_id: &str) -> Result<Vec<String>> {
    let parameters = [("StackName", stack_id)];
    let answer = through
        .query("cloudformation", "DescribeStackEvents", &parameters)
        .await?;
    let text = answer.success()?.text();
    let document = xml::parse(&text)?;
    let mut failures: Vec<String> = xml::members(&document, "StackEvents")
        .into_iter()
        .filter(|event| xml::text(*event, "ResourceStatus").ends_with("_FAILED"))
        .map(|event| {
            format!(
                "{} ({}): {}",
                xml::text(event, "LogicalResourceId"),
                xml::text(event, "ResourceType"),
                xml::text(event, "ResourceStatusReason")
            )
        })
        .collect();
    failures.reverse();
    Ok(failures)
}

async fn outputs(through: &Upstream, stack_id: &str) -> Result<BTreeMap<String, String>> {
    let parameters = [("StackName", stack_id)];
    let answer = through
        .query("cloudformation", "DescribeStacks", &parameters)
        .await?;
    let text = answer.success()?.text();
    let document = xml::parse(&text)?;
    Ok(xml::members(&document, "Outputs")
        .into_iter()
        .map(|output| {
            let part = |name| xml::text(output, name).to_owned();
            (part("OutputKey"), part("OutputValue"))
        })
        .collect())
}

/// The id of the stack's HTTP API.
async fn http_api(through: &Upstream, stack_id: &str) -> Result<Option<String>> {
    let parameters = [("StackName", stack_id)];
    let answer = through
        .query("cloudformation", "DescribeStackResources", &parameters)
        .await?;
    let text = answer.success()?.text();
    let document = xml::parse(&text)?;
    Ok(xml::members(&document, "StackResources")
        .into_iter()
        .find(|resource| xml::text(*resource, "ResourceType") == "AWS::ApiGatewayV2::Api")
        .map(|resource| xml::text(resource, "PhysicalResourceId").to_owned()))
}
