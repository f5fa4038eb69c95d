//! What a failover adds to a send by a provider in memory.

#![allow(missing_docs, clippy::unwrap_used, reason = "it is a benchmark")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use whatsapp_provider::failover::{Candidate, FailoverProvider, PlanRequest, plan};
use whatsapp_provider::testing::{MemoryProvider, TestClock};
use whatsapp_provider::{OutboundMessage, PhoneNumber, ProviderId, WhatsAppProvider};

fn sends(criterion: &mut Criterion) {
    let clock = TestClock::new();
    let direct = MemoryProvider::new(ProviderId::META);
    let failover = FailoverProvider::builder()
        .primary(direct.clone())
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let message = OutboundMessage::text(PhoneNumber::parse("+15551234567").unwrap(), "hello");

    let mut group = criterion.benchmark_group("send");
    group.bench_function("directly", |bencher| {
        bencher.iter(|| {
            direct.clear();
            clock.block_on(direct.send(black_box(&message))).unwrap()
        });
    });
    group.bench_function("through a failover", |bencher| {
        bencher.iter(|| {
            direct.clear();
            clock.block_on(failover.send(black_box(&message))).unwrap()
        });
    });
    group.finish();

    let members = [Candidate::new(ProviderId::META), Candidate::new(ProviderId::TWILIO)];
    criterion.bench_function("plan", |bencher| {
        bencher.iter(|| plan(black_box(&PlanRequest::default()), black_box(&members)));
    });
}

criterion_group!(benches, sends);
criterion_main!(benches);
