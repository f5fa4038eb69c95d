use std::collections::HashSet;

use bytes::Bytes;

use super::{Element, FROM, Subject, Violation, receive, request};
use crate::clock::Clock;
use crate::ids::ProviderId;
use crate::inbound::{EventKind, InboundEvent};
use crate::provider::WhatsAppProvider;
use crate::testing::TestClock;
use crate::webhook::{SignatureError, VerifiedWebhook, WebhookHead};

/// Every element becomes one event, in order, whatever stands beside it; elements without an id are never taken for one
/// another.
///
/// # Errors
///
/// [`Violation`] if an element is lost, doubled, out of order or misread.
pub async fn elements(subject: &impl Subject) -> Result<(), Violation> {
    let most = subject.max_elements();
    let ids: Vec<String> = (0..most.min(100)).map(|n| format!("id-{n}")).collect();
    // Good ones alone, and then with garbage of every sort among them.
    for every in [usize::MAX, 2, 3] {
        let elements: Vec<_> =
            ids.iter()
                .enumerate()
                .map(|(n, id)| {
                    if (n + 1) % every == 0 {
                        Element::Garbage(n / every)
                    } else {
                        Element::text(id, FROM, id)
                    }
                })
                .collect();
        expect(&elements, &receive(subject, &subject.webhook(&elements))?)?;
    }
    for sort in 0..16 {
        expect(&[Element::Garbage(sort)], &receive(subject, &subject.webhook(&[Element::Garbage(sort)]))?)?;
    }
    let equal = vec![Element::WithoutId; most.min(1000)];
    expect(&equal, &receive(subject, &subject.webhook(&equal))?)
}

fn expect(elements: &[Element<'_>], events: &[InboundEvent]) -> Result<(), Violation> {
    const LAW: &str = "every element becomes one event, in order";
    if elements.len() != events.len() {
        let what = format!("{} elements became {} events", elements.len(), events.len());
        return Err(Violation::new(LAW, what));
    }
    for (place, (element, event)) in elements.iter().zip(events).enumerate() {
        let fits = match (element, event.kind()) {
            (Element::Text { id, body, .. }, EventKind::Message(message)) => {
                message.text() == Some(body) && message.message.id == *id && !message.from.is_unknown()
            }
            (Element::Garbage(_), EventKind::Unrecognized(unrecognized)) => !unrecognized.reason.is_empty(),
            (Element::WithoutId, _) => true,
            _ => false,
        };
        if !fits {
            return Err(Violation::new(LAW, format_args!("element {place}, {element:?}, became {event:?}")));
        }
    }
    let ids: HashSet<_> = events.iter().map(InboundEvent::id).collect();
    if ids.len() == events.len() { Ok(()) } else { Err(Violation::new(LAW, "two of them have the same id")) }
}

/// Nothing that is not genuine is accepted: no signature, a wrong one, another body, another provider's webhook.
///
/// # Errors
///
/// [`Violation`] if something is accepted.
pub async fn signatures(subject: &impl Subject) -> Result<(), Violation> {
    const LAW: &str = "what is not genuine is refused";
    let provider = subject.provider();
    let genuine = subject.webhook(&[Element::text("id-1", FROM, "text")]);
    receive(subject, &genuine)?;

    let mut unsigned = genuine.clone();
    for name in subject.signature_headers() {
        unsigned.headers_mut().remove(name);
    }
    match provider.verify_signature(&request(&unsigned)) {
        Err(SignatureError::Missing) => {}
        other => return Err(Violation::new(LAW, format_args!("without a signature: {other:?}"))),
    }

    for bit in 0..genuine.body().len().saturating_mul(8) {
        let mut changed = genuine.clone();
        *changed.body_mut() = flip(genuine.body(), bit);
        refused(subject, &genuine, &changed, format_args!("bit {bit} of the body"))?;
    }
    for name in subject.signature_headers() {
        let Some(value) = genuine.headers().get(&name) else {
            return Err(Violation::new(LAW, format_args!("a genuine webhook has no header {name}")));
        };
        for bit in 0..value.len().saturating_mul(8) {
            // A flipped bit may make what no header can hold; then it cannot arrive either.
            let Ok(value) = http::HeaderValue::from_bytes(&flip(value.as_bytes(), bit)) else { continue };
            let mut changed = genuine.clone();
            changed.headers_mut().insert(&name, value);
            refused(subject, &genuine, &changed, format_args!("bit {bit} of {name}"))?;
        }
    }

    let stranger = ProviderId::new("a-stranger").map_err(|error| Violation::new(LAW, error))?;
    let foreign = VerifiedWebhook::assume_verified(request(&genuine), stranger);
    if provider.parse_inbound(&foreign).is_ok() {
        return Err(Violation::new(LAW, "a webhook that another provider verified was parsed"));
    }
    strangers_are_not_greeted(provider)?;
    let verified =
        provider.verify_signature(&request(&genuine)).map_err(|error| Violation::new(LAW, error))?;
    let assumed = VerifiedWebhook::assume_verified(request(&genuine), verified.provider().clone());
    match provider.parse_inbound(&assumed) {
        Ok(events) if events.iter().all(InboundEvent::is_assumed) => Ok(()),
        _ => Err(Violation::new(LAW, "events of an assumed webhook do not say so")),
    }
}

/// A handshake of somebody who does not know the token is not answered as if they did.
fn strangers_are_not_greeted(provider: &dyn WhatsAppProvider) -> Result<(), Violation> {
    let uri = "/webhook?hub.mode=subscribe&hub.verify_token=not-the-token&hub.challenge=1158201444";
    let headers = http::HeaderMap::new();
    match provider.handshake(&WebhookHead::new(&http::Method::GET, uri, &headers)) {
        Some(reply) if reply.status.is_success() => {
            Err(Violation::new("what is not genuine is refused", "a stranger's handshake was answered"))
        }
        _ => Ok(()),
    }
}

fn refused(
    subject: &impl Subject,
    genuine: &http::Request<Bytes>,
    changed: &http::Request<Bytes>,
    what: std::fmt::Arguments<'_>,
) -> Result<(), Violation> {
    let accepted = subject.provider().verify_signature(&request(changed)).is_ok();
    if accepted && !subject.same_meaning(genuine, changed) {
        return Err(Violation::new(
            "what is not genuine is refused",
            format_args!("accepted with another {what}"),
        ));
    }
    Ok(())
}

/// Any bytes can be verified and parsed without a panic, and no body that says something is passed over.
///
/// The bodies follow from `seed`: random bytes, and genuine bodies with bytes changed, left out and put in.
///
/// # Errors
///
/// [`Violation`] if a body becomes no event. A panic is a panic.
pub async fn robustness(subject: &impl Subject, seed: u64) -> Result<(), Violation> {
    let provider = subject.provider();
    let random = TestClock::with_seed(seed);
    let genuine = subject.webhook(&[Element::text("id-1", FROM, "text")]);
    let by = match provider.verify_signature(&request(&genuine)) {
        Ok(verified) => verified.provider().clone(),
        Err(error) => return Err(Violation::new("a genuine webhook is accepted", error)),
    };
    for round in 0..2_000 {
        let mut body = if round % 4 == 0 { Vec::new() } else { genuine.body().to_vec() };
        for _ in 0..=below(&random, 8) {
            let at = below(&random, body.len() + 1);
            let byte = random.random() as u8;
            match (below(&random, 5), body.get_mut(at)) {
                (0, Some(changed)) => *changed = byte,
                (1, Some(_)) => drop(body.remove(at)),
                (2, _) => body.truncate(at),
                (3, _) => body.extend_from_within(at..),
                _ => body.insert(at, byte),
            }
            body.truncate(64 * 1024);
        }
        let mut changed = genuine.clone();
        *changed.body_mut() = body.into();
        let changed = request(&changed);
        let _ = provider.verify_signature(&changed);
        let assumed = VerifiedWebhook::assume_verified(changed, by.clone());
        let events = provider.parse_inbound(&assumed).unwrap_or_default();
        if events.is_empty() {
            return Err(Violation::new("no body is passed over", format_args!("seed {seed}, round {round}")));
        }
    }
    Ok(())
}

fn below(random: &TestClock, limit: usize) -> usize {
    usize::try_from(random.random() % (limit.max(1) as u64)).unwrap_or_default()
}

fn flip(bytes: &[u8], bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}
