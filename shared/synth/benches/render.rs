//! How long rendering takes: `cargo bench -p slipway-synth`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use slipway_domain::{Manifest, Platform};
use slipway_synth::{RunState, environment_stack, fingerprint, service_stack};

fn render(c: &mut Criterion) {
    let platform = Platform::sample();
    c.bench_function("the fingerprint of what is rendered", |b| {
        b.iter(|| fingerprint(black_box(&platform)));
    });
    let small = serde_json::json!({"service": "orders", "image": "nginx:alpine"});
    let full = serde_json::json!({
        "service": "orders", "team": "shop", "port": 8080, "path": "/api/orders",
        "image": "111122223333.dkr.ecr.us-east-1.amazonaws.com/devops2-g4-orders-prod:v1",
        "cpu": 1024, "memory": 2048, "command": ["serve", "--verbose"],
        "environment": {"A": "1", "B": "2", "LOG_LEVEL": "debug"},
        "secrets": {"DB": "ssm:/devops2-g4/orders/db", "KEY": "secretsmanager:/devops2-g4/orders/key#k"},
    });
    for (name, document) in [("a name and an image", &small), ("a full manifest", &full)] {
        let manifest = Manifest::read(document).unwrap();
        let env = &platform.environment;
        c.bench_function(&format!("render {name}, both stacks, to bytes"), |b| {
            b.iter(|| {
                let effective = manifest.effective(env, env).unwrap();
                let stack = environment_stack(&effective, &platform, &RunState::default());
                let service = service_stack(black_box(&manifest), &platform);
                (stack.unwrap().to_json(), service.to_json())
            });
        });
        c.bench_function(&format!("read, check, render and hash {name}"), |b| {
            b.iter(|| {
                let manifest = Manifest::read(black_box(document)).unwrap();
                manifest.check_on(&platform).unwrap();
                let effective = manifest.effective(env, env).unwrap();
                environment_stack(&effective, &platform, &RunState::default())
                    .unwrap()
                    .hash()
            });
        });
    }
}

criterion_group!(benches, render);
criterion_main!(benches);
