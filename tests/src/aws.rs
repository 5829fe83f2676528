//! Calls to AWS as they go over the wire: for looking at what exists, and for what a person with
//! the account's rights might do by hand.
//!
//! Not the SDK: the acceptance tests ask a dozen services one question each, and the local
//! cloud verifies no signature, so a made-up one will do.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// Asks the services of one region of a local cloud.
#[derive(Debug, Clone)]
pub struct Aws {
    endpoint: String,
    region: String,
    agent: ureq::Agent,
}

impl Aws {
    /// Over the cloud at `endpoint`.
    pub fn new(endpoint: &str, region: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            agent: config.build().into(),
        }
    }

    fn authorization(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.region
        )
    }

    /// Makes a parameter that a service's secret may refer to.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn make_parameter(&self, name: &str) -> Result<()> {
        let ask = json!({"Name": name, "Value": "none of ours", "Type": "SecureString"});
        self.json("ssm", "AmazonSSM.PutParameter", &ask).map(drop)
    }

    /// Makes a secret that a service may refer to.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn make_secret(&self, name: &str) -> Result<()> {
        let ask = json!({"Name": name, "SecretString": "none of ours"});
        let target = "secretsmanager.CreateSecret";
        self.json("secretsmanager", target, &ask).map(drop)
    }

    /// A call in a JSON protocol; `target` is the header `X-Amz-Target`.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn json(&self, service: &str, target: &str, ask: &Value) -> Result<Value> {
        let mut answer = self
            .agent
            .post(&self.endpoint)
            .header("authorization", self.authorization(service))
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .send(ask.to_string())?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{target}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{target}: {text}"))
    }

    /// A call in the query protocol; the answer is XML.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn query(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let form = [("Action", action)]
            .into_iter()
            .chain(parameters.iter().copied());
        let mut answer = self
            .agent
            .post(&self.endpoint)
            .header("authorization", self.authorization(service))
            .send_form(form)?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{action}: {text}");
        Ok(text)
    }

    /// A `GET` of a REST service.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn get(&self, service: &str, path: &str) -> Result<Value> {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.endpoint))
            .header("authorization", self.authorization(service))
            .call()?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{path}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{path}: {text}"))
    }

    /// A `PUT` of a REST service.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub fn put(&self, service: &str, path: &str, body: &[u8]) -> Result<()> {
        let mut answer = self
            .agent
            .put(format!("{}{path}", self.endpoint))
            .header("authorization", self.authorization(service))
            .send(body)?;
        let text = answer.body_mut().read_to_string()?;
        ensure!(answer.status().is_success(), "{path}: {text}");
        Ok(())
    }

    /// Invokes a function with an event, and waits for its answer.
    ///
    /// # Errors
    /// No answer, or the function failed.
    pub fn invoke(&self, function: &str, event: &Value) -> Result<Value> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let mut answer = self
            .agent
            .post(format!("{}{path}", self.endpoint))
            .header("authorization", self.authorization("lambda"))
            .send(event.to_string())?;
        let text = answer.body_mut().read_to_string()?;
        let failed = answer.headers().contains_key("x-amz-function-error");
        ensure!(
            answer.status().is_success() && !failed,
            "{function}: {text}"
        );
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}

/// The texts of all elements of this name in an XML answer.
///
/// # Errors
/// It is no XML.
pub fn texts(xml: &str, element: &str) -> Result<Vec<String>> {
    let document = roxmltree::Document::parse(xml)?;
    Ok(document
        .descendants()
        .filter(|node| node.tag_name().name() == element)
        .filter_map(|node| node.text().map(str::to_owned))
        .collect())
}

/// The one text of an element in an XML answer.
///
/// # Errors
/// There is none, or more than one.
pub fn text(xml: &str, element: &str) -> Result<String> {
    let mut found = texts(xml, element)?;
    ensure!(found.len() == 1, "{} of {element} in {xml}", found.len());
    found.pop().context("one text")
}
