//! How long reading a manifest takes: `cargo bench -p slipway-domain`.

use criterion::{Criterion, criterion_group, criterion_main};
use slipway_domain::{Manifest, Platform};

fn read(c: &mut Criterion) {
    let name_alone = serde_json::json!({"service": "orders"});
    let full = serde_json::json!({
        "service": "orders", "team": "shop", "image": "nginx:alpine", "port": 8080, "path": "/api/orders",
        "cpu": 1024, "memory": 2048, "command": ["serve", "--verbose"],
        "environment": {"A": "1", "B": "2", "LOG_LEVEL": "debug"},
        "secrets": {"DB": "ssm:/devops2-g4/orders/db"},
        "scaling": {"min": 2, "max": 20, "cpu": {"low": 20, "high": 60}},
        "environments": {"staging": {"scaling": {"min": 1, "max": 2}}}
    });
    let platform = Platform::sample();
    c.bench_function("read a name alone", |b| {
        b.iter(|| Manifest::read(&name_alone));
    });
    c.bench_function("read and check a full manifest", |b| {
        b.iter(|| Manifest::read(&full).map(|manifest| manifest.check_on(&platform)));
    });
    let bad = serde_json::json!({"service": "Orders", "port": 0, "cpus": 1});
    c.bench_function("refuse a bad manifest", |b| b.iter(|| Manifest::read(&bad)));
}

criterion_group!(benches, read);
criterion_main!(benches);
