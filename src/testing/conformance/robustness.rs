use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::violation::hold;
use super::{Element, FROM, Law, Subject, Violation, receives_nothing, request, verifier};
use crate::clock::Clock;
use crate::ids::ProviderId;
use crate::inbound::InboundEvent;
use crate::provider::WhatsAppProvider;
use crate::testing::TestClock;
use crate::webhook::VerifiedWebhook;

/// Takes a request as the suite takes everything hostile: asks whether it is recognised, or a handshake; verifies it; and
/// reads it, whatever came of that, as if it were verified.
///
/// # Errors
///
/// [`Violation`] if the subject's own webhook is not accepted.
pub fn take(subject: &impl Subject, request: &http::Request<Bytes>) -> Result<Vec<InboundEvent>, Violation> {
    let Some(genuine) = subject.webhook(&[Element::WithoutId]) else { return Ok(Vec::new()) };
    Ok(take_by(subject.provider(), &verifier(subject, &genuine)?, request))
}

fn take_by(
    provider: &dyn WhatsAppProvider,
    by: &ProviderId,
    hostile: &http::Request<Bytes>,
) -> Vec<InboundEvent> {
    let request = request(hostile);
    let _ = provider.recognizes(&request.head);
    let _ = provider.handshake(&request.head);
    let _ = provider.verify_signature(&request);
    let assumed = VerifiedWebhook::assume_verified(request, by.clone());
    provider.parse_inbound(&assumed).unwrap_or_default()
}

/// Any bytes can be verified and parsed without a panic, and no body that says something is passed over.
///
/// The requests follow from `seed`: random bytes, and genuine bodies and signatures with bytes changed, left out and put
/// in.
///
/// # Errors
///
/// [`Violation`] if a body becomes no event, or somebody panics. Where panics abort, a panic is a panic.
pub fn robustness(subject: &impl Subject, seed: u64) -> Result<(), Violation> {
    let Some(genuine) = subject.webhook(&[Element::text("id-1", FROM, "text")]) else {
        return receives_nothing(subject);
    };
    let by = verifier(subject, &genuine)?;
    let random = TestClock::with_seed(seed);
    for round in 0..2_000 {
        let mut hostile = genuine.clone();
        let body = if round % 4 == 0 { Vec::new() } else { genuine.body().to_vec() };
        *hostile.body_mut() = spoil(&random, body).into();
        if round % 3 == 0 {
            for name in subject.signature_headers() {
                let value = genuine.headers().get(&name).map(|value| value.as_bytes().to_vec());
                let spoilt = spoil(&random, value.unwrap_or_default());
                if let Ok(value) = http::HeaderValue::from_bytes(&spoilt) {
                    hostile.headers_mut().insert(name, value);
                }
            }
        }
        let taken = catch_unwind(AssertUnwindSafe(|| take_by(subject.provider(), &by, &hostile)));
        let what = match taken {
            Ok(events) if events.is_empty() => "a body became no event",
            Ok(_) => continue,
            Err(_) => "it panics",
        };
        return Err(Violation::new(Law::Robustness, format_args!("{what}: seed {seed}, round {round}")));
    }
    Ok(())
}

/// Changes some bytes, leaves some out, puts some in.
fn spoil(random: &TestClock, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=below(random, 8) {
        let at = below(random, bytes.len() + 1);
        let byte = random.random() as u8;
        match (below(random, 5), bytes.get_mut(at)) {
            (0, Some(changed)) => *changed = byte,
            (1, Some(_)) => drop(bytes.remove(at)),
            (2, _) => bytes.truncate(at),
            (3, _) => bytes.extend_from_within(at..),
            _ => bytes.insert(at, byte),
        }
        bytes.truncate(64 * 1024);
    }
    bytes
}

fn below(random: &TestClock, limit: usize) -> usize {
    usize::try_from(random.random() % (limit.max(1) as u64)).unwrap_or_default()
}

/// Twice as much of what is meant to be expensive is at most 2.3 times the [work](Subject::work), beyond what every call
/// costs. Only for a subject that counts.
///
/// # Errors
///
/// [`Violation`] names the kind of request and what was counted.
pub fn cost(subject: &impl Subject) -> Result<(), Violation> {
    const SMALL: usize = 4096;
    let [small, middle, large] = [SMALL, 2 * SMALL, 4 * SMALL].map(|size| expensive(subject, size));
    for (((name, small), (_, middle)), (_, large)) in small.iter().zip(&middle).zip(&large) {
        let counted = [small, middle, large].map(|request| subject.work(request));
        let [Some(small), Some(middle), Some(large)] = counted else { return Ok(()) };
        // What every call costs is in all three and in no difference. One step for each byte is nothing to speak of, so
        // that what is refused at a glance may vary a little.
        let (first, second) = (middle.saturating_sub(small), large.saturating_sub(middle));
        let fits = 10 * second <= 23 * first + 10 * 2 * SMALL as u64;
        hold(
            Law::Cost,
            fits,
            format_args!("{name}: {small}, {middle}, {large} for 1, 2 and 4 times as much"),
        )?;
    }
    Ok(())
}

/// Requests of about `size` bytes that are meant to be expensive, each with a name: deep, long, repetitive, full of escapes,
/// full of elements. The same ones for each size, in the same order. None for a subject that writes no webhook.
pub fn expensive(subject: &impl Subject, size: usize) -> Vec<(&'static str, http::Request<Bytes>)> {
    let long = "x".repeat(size);
    let Some(genuine) = subject.webhook(&[Element::text("id-1", FROM, &long)]) else { return Vec::new() };
    let with_body = |body: Vec<u8>| {
        let mut request = genuine.clone();
        *request.body_mut() = body.into();
        request
    };
    let cycle = |text: &str| text.chars().cycle().take(size).collect::<String>();
    let repeat = |text: &str| with_body(cycle(text).into());
    // Instead of the text, and out of the string or the pair that it stands in.
    let written = String::from_utf8_lossy(genuine.body());
    let inside = |text: &str| with_body(written.replace(&long, &cycle(text)).into());
    let mut requests = vec![
        ("a long text", genuine.clone()),
        ("lists in lists", repeat("[")),
        ("objects in objects", repeat(r#"{"a":"#)),
        ("one string without end", with_body(format!("\"{long}").into())),
        ("escaped quotes", repeat(r#"\""#)),
        ("escaped characters", inside(r"\u0041")),
        ("equal members", inside(r#"","a":"1"#)),
        ("lists in a member", inside(r#"",["#)),
        ("elements of a wrong shape", inside(r#""}},{"a":{"b":""#)),
        ("equal pairs", inside("&a=b")),
        ("empty pairs", repeat("&")),
        ("percent signs", inside("%41")),
        ("half of a percent sign", repeat("%")),
        ("empty lines", repeat("\n")),
        ("spaces", repeat(" ")),
        ("digits", repeat("1")),
        ("bytes that are no text", with_body(vec![0xff; size])),
    ];
    if let Some(short) = subject.webhook(&[Element::WithoutId]) {
        let again = short.body().iter().copied().cycle().take(size);
        requests.push(("the same webhook again and again", with_body(again.collect())));
    }
    if subject.max_elements() > 1 {
        let equal = vec![Element::WithoutId; (size / 64).min(subject.max_elements())];
        requests.extend(subject.webhook(&equal).map(|webhook| ("elements", webhook)));
    }
    for name in subject.signature_headers() {
        let mut request = genuine.clone();
        if let Ok(value) = http::HeaderValue::from_str(&long) {
            request.headers_mut().insert(name, value);
            requests.push(("a long signature", request));
        }
    }
    requests
}
