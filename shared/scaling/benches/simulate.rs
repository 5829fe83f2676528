//! How long a simulation takes: `cargo bench -p slipway-scaling`.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use slipway_scaling::simulate::{Setup, SlipwaySetup, Trace, picture, simulate};

fn replay(c: &mut Criterion) {
    let text = include_str!("../traces/worldcup98-week.csv");
    let trace = Trace::read("worldcup98-week", text).unwrap();
    let (setup, own) = (Setup::for_trace(&trace), SlipwaySetup::by_default());
    let mut group = c.benchmark_group("a week of minutes");
    group.sample_size(10);
    group.bench_function("read", |b| {
        b.iter(|| Trace::read("worldcup98-week", black_box(text)).unwrap());
    });
    group.bench_function("replay against all policies at all settings", |b| {
        b.iter(|| simulate(black_box(&trace), &setup, &own));
    });
    let simulation = simulate(&trace, &setup, &own);
    group.bench_function("draw", |b| {
        b.iter(|| picture(&trace, &setup, black_box(&simulation)));
    });
}

criterion_group!(benches, replay);
criterion_main!(benches);
