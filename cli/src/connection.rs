//! From options to a client of one platform.

use slipway_domain::Platform;

use crate::arguments::PlatformOptions;
use crate::aws::Aws;
use crate::client::Client;
use crate::exit::{Exit, Failure};

/// The path of the API below the address of the HTTP API.
const BASE: &str = "/platform/v1";

/// A platform that can be talked to.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The platform's stack, where it was found by that.
    pub(crate) stack: Option<PlatformStack>,
}

/// What the platform's stack says of the platform.
#[derive(Debug)]
pub(crate) struct PlatformStack {
    pub(crate) name: String,
    pub(crate) platform: Platform,
    /// The API's address.
    pub(crate) url: String,
    /// The registry's table.
    pub(crate) table: Option<String>,
    /// The bucket for large templates.
    pub(crate) bucket: Option<String>,
}

/// Reads the platform's stack.
pub(crate) fn stack(options: &PlatformOptions) -> Result<PlatformStack, Failure> {
    described(
        &options.platform_stack,
        &Aws::load(options.region.as_deref(), options.profile.as_deref())?,
    )
}

fn described(name: &str, aws: &Aws) -> Result<PlatformStack, Failure> {
    let mut outputs = aws.outputs(name)?;
    let missing = |output: &str| {
        Failure::new(
            Exit::Unreachable,
            format!("the stack `{name}` has no output `{output}`: it is no platform of Slipway"),
        )
    };
    let url = outputs.remove("ApiUrl").ok_or_else(|| missing("ApiUrl"))?;
    let values = outputs
        .remove("PlatformValues")
        .ok_or_else(|| missing("PlatformValues"))?;
    let platform = serde_json::from_str(&values).map_err(|error| {
        Failure::new(
            Exit::Unreachable,
            format!("the output `PlatformValues` of `{name}` is not what this version of slipway reads: {error}"),
        )
    })?;
    Ok(PlatformStack {
        name: name.to_owned(),
        platform,
        url,
        table: outputs.remove("RegistryTable"),
        bucket: outputs.remove("TemplateBucket"),
    })
}

/// A client of the platform that the options name.
pub(crate) fn connect(options: &PlatformOptions) -> Result<Connection, Failure> {
    let aws = Aws::load(options.region.as_deref(), options.profile.as_deref())?;
    let (url, region, stack) = match options.endpoint.as_deref().filter(|url| !url.is_empty()) {
        Some(endpoint) => {
            let region = match &options.region {
                Some(region) => region.clone(),
                None => region_of(endpoint).map_or_else(|| aws.region(), Ok)?,
            };
            (base(endpoint)?, region, None)
        }
        None => {
            let stack = described(&options.platform_stack, &aws)?;
            (
                stack.url.clone(),
                stack.platform.region.clone(),
                Some(stack),
            )
        }
    };
    let mut client = Client::with_provider(&url, &region, move || aws.credentials());
    if let Some(host) = options.host.as_deref().filter(|host| !host.is_empty()) {
        client = client.with_host(host)?;
    }
    Ok(Connection { client, stack })
}

/// The API's address, from it or from that of the HTTP API.
fn base(endpoint: &str) -> Result<String, Failure> {
    let endpoint = endpoint.trim_end_matches('/');
    let is_url = endpoint.parse::<http::Uri>().is_ok_and(|uri| {
        uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))
    });
    if !is_url {
        let message = format!(
            "--endpoint must be a URL such as https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com, but is {endpoint:?}"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(if endpoint.ends_with(BASE) {
        endpoint.to_owned()
    } else {
        format!("{endpoint}{BASE}")
    })
}

/// The region in the name of an HTTP API's host.
fn region_of(endpoint: &str) -> Option<String> {
    let uri: http::Uri = endpoint.parse().ok()?;
    let mut labels = uri.host()?.split('.').skip(1);
    let named = labels.next()? == "execute-api";
    let region = labels.next()?;
    let is_aws = labels.next()? == "amazonaws";
    (named && is_aws).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_api_or_the_http_api() {
        for endpoint in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/platform/v1",
            "https://a.example/platform/v1/",
        ] {
            assert_eq!(base(endpoint).unwrap(), "https://a.example/platform/v1");
        }
        assert_eq!(
            base("http://127.0.0.1:4566/_aws/execute-api/a1b2/$default").unwrap(),
            "http://127.0.0.1:4566/_aws/execute-api/a1b2/$default/platform/v1"
        );
        for bad in ["", "a.example", "ftp://a.example", "/platform"] {
            assert_eq!(base(bad).unwrap_err().exit, Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn an_http_apis_host_names_its_region() {
        assert_eq!(
            region_of("https://a1.execute-api.eu-central-1.amazonaws.com/x").as_deref(),
            Some("eu-central-1")
        );
        assert_eq!(
            region_of("https://a1.execute-api.cn-north-1.amazonaws.com.cn").as_deref(),
            Some("cn-north-1")
        );
        for other in [
            "http://127.0.0.1:4566",
            "https://api.example.com",
            "http://a1.execute-api.localhost:4566",
        ] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
