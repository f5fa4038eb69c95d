//! Verifying and parsing webhooks, beside what the same work costs without this crate.
//!
//! Only the ratios within one run mean anything: machines are noisy.

#![allow(missing_docs, clippy::unwrap_used, clippy::string_slice, reason = "it is a benchmark")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{PhoneNumber, WebhookRequest, WhatsAppProvider};

fn webhooks(criterion: &mut Criterion) {
    let simulator = Simulator::new(Arc::new(TestClock::new()));
    let user = simulator.user(PhoneNumber::parse("+15557654321").unwrap());
    let one = user.writes(Side::Meta, "Does it come in another colour? Größe 42");
    let many = (0..1000).map(|n| user.writes(Side::Meta, &format!("message {n}"))).collect();
    let many = simulator.batch(many).unwrap();
    let form = user.writes(Side::Twilio, "Does it come in another colour? Größe 42");
    let meta = simulator.meta().build().unwrap();
    let twilio = simulator.twilio().build().unwrap();
    let secret = simulator.accounts().app_secret.clone();

    for (name, request, provider) in [
        ("meta, one message", &one.request, &meta as &dyn WhatsAppProvider),
        ("meta, 1,000 messages", &many.request, &meta),
        ("twilio, one message", &form.request, &twilio),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(request.body().len() as u64));
        let request_of = || WebhookRequest::from_http(request, Timestamp::UNIX_EPOCH);
        group.bench_function("verify and parse", |bencher| {
            bencher.iter(|| {
                let webhook = provider.verify_signature(black_box(&request_of())).unwrap();
                provider.parse_inbound(&webhook).unwrap()
            });
        });
        group.bench_function("verify", |bencher| {
            bencher.iter(|| provider.verify_signature(black_box(&request_of())).unwrap().is_assumed());
        });
        // What is forged must not cost more than what is genuine.
        let mut forged = request.clone();
        for name in ["x-hub-signature-256", "x-twilio-signature"] {
            if let Some(value) = forged.headers_mut().get_mut(name) {
                let other = if value.as_bytes().ends_with(b"0") { "1" } else { "0" };
                let end = if name.contains("hub") { other } else { "0000000=" };
                let text = value.to_str().unwrap();
                *value = format!("{}{end}", &text[..text.len() - end.len()]).parse().unwrap();
            }
        }
        group.bench_function("verify a forged one", |bencher| {
            let forged = WebhookRequest::from_http(&forged, Timestamp::UNIX_EPOCH);
            bencher.iter(|| provider.verify_signature(black_box(&forged)).unwrap_err());
        });
        if name.starts_with("meta") {
            let key = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            group.bench_function("floor: HMAC and untyped JSON", |bencher| {
                bencher.iter(|| {
                    let digest = key.clone().chain_update(black_box(request.body())).finalize();
                    (digest, serde_json::from_slice::<serde_json::Value>(request.body()).unwrap())
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, webhooks);
criterion_main!(benches);
