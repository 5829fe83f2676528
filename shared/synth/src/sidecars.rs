//! The containers beside the service's own: those that the manifest names, and the collector of
//! traces.
//!
//! All of a task's containers share one address, one disk and one role.

use serde_json::{Value, json};
use slipway_domain::container::{Sidecar, WaitFor};
use slipway_domain::manifest::Settings;

use crate::environment_stack::Site;
use crate::task;

/// The collector's name; the manifest can name no other container so.
const COLLECTOR: &str = "collector";

/// CPU units and MiB that are kept for the collector. It may use more, where the service leaves
/// some.
const COLLECTOR_SHARE: (u32, u32) = (32, 64);

/// By these variables traces find the collector: X-Ray's SDKs by the first, OpenTelemetry's by the
/// others ("OpenTelemetry Protocol Exporter", its specification). The manifest may say otherwise.
pub(crate) const ADDRESSES: [(&str, &str); 3] = [
    ("AWS_XRAY_DAEMON_ADDRESS", "127.0.0.1:2000"),
    (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://127.0.0.1:4318/v1/traces",
    ),
    ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
];

/// The containers beside the service's own.
pub(crate) fn containers(site: &Site<'_>) -> Vec<Value> {
    let settings = &site.effective.settings;
    let named = settings.sidecars.iter();
    let mut containers: Vec<Value> = named.map(|(name, it)| container(site, name, it)).collect();
    if settings.tracing {
        containers.push(collector(site));
    }
    containers
}

/// What the service's own container waits for.
pub(crate) fn waited_for(settings: &Settings) -> Vec<Value> {
    let named = settings.sidecars.iter();
    named
        .filter_map(|(name, sidecar)| {
            let condition = match sidecar.wait_for? {
                WaitFor::Started => "START",
                WaitFor::Healthy => "HEALTHY",
                WaitFor::Done => "SUCCESS",
            };
            Some(json!({"ContainerName": name, "Condition": condition}))
        })
        .collect()
}

fn container(site: &Site<'_>, name: &str, sidecar: &Sidecar) -> Value {
    let variables = sidecar.environment.iter();
    let mut container = json!({
        "Name": name,
        "Image": sidecar.image.pinned(),
        "Essential": sidecar.essential,
        "Environment": task::listed(variables.map(|(name, value)| (&**name, &**value))),
        "StopTimeout": task::stop_seconds(&site.effective.settings),
        "LogConfiguration": task::log(site, name),
    });
    if !sidecar.command.is_empty() {
        container["Command"] = json!(sidecar.command);
    }
    if !sidecar.secrets.is_empty() {
        container["Secrets"] = task::secrets(site, &sidecar.secrets).into();
    }
    if let Some(port) = sidecar.port {
        container["PortMappings"] = json!([{"ContainerPort": port, "Protocol": "tcp"}]);
    }
    if let Some(cpu) = sidecar.cpu {
        container["Cpu"] = cpu.into();
    }
    if let Some(memory) = sidecar.memory {
        container["Memory"] = memory.into();
    }
    if let Some(health) = &sidecar.health {
        container["HealthCheck"] = task::health_check(health);
    }
    container
}

/// AWS's distribution of the OpenTelemetry collector: it takes what the X-Ray daemon takes, and
/// OTLP. The daemon itself is only kept up since 2026-02-25 ("X-Ray SDK and Daemon Support
/// timeline", AWS X-Ray developer guide). Its end is none of the service's: it starts again.
fn collector(site: &Site<'_>) -> Value {
    let (cpu, memory) = COLLECTOR_SHARE;
    let configuration = configuration(&site.platform.region).to_string();
    json!({
        "Name": COLLECTOR,
        "Image": site.platform.collector_image.pinned(),
        "Essential": false,
        "RestartPolicy": {"Enabled": true},
        "Cpu": cpu,
        "MemoryReservation": memory,
        "Environment": task::listed([("AOT_CONFIG_CONTENT", configuration.as_str())]),
        "StopTimeout": task::stop_seconds(&site.effective.settings),
        "LogConfiguration": task::log(site, COLLECTOR),
    })
}

/// What the collector does: traces in, from this task alone, and to X-Ray; nothing else, so that
/// it needs no port for metrics of its own and no log group.
fn configuration(region: &str) -> Value {
    json!({
        "receivers": {
            "awsxray": {
                "endpoint": "127.0.0.1:2000",
                "transport": "udp",
                "proxy_server": {"endpoint": "127.0.0.1:2000"},
            },
            "otlp": {"protocols": {
                "grpc": {"endpoint": "127.0.0.1:4317"},
                "http": {"endpoint": "127.0.0.1:4318"},
            }},
        },
        "processors": {"batch": {"timeout": "1s", "send_batch_size": 50}},
        "exporters": {"awsxray": {"region": region}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            "pipelines": {"traces": {
                "receivers": ["awsxray", "otlp"],
                "processors": ["batch"],
                "exporters": ["awsxray"],
            }},
        },
    })
}
