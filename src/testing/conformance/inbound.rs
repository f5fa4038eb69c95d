use std::collections::HashSet;
use std::fmt::Arguments;

use bytes::Bytes;
use http::{HeaderMap, Method};

use super::violation::hold;
use super::{ANOTHER, Element, FROM, Law, Subject, Violation, receive, receives_nothing, request, verifier};
use crate::address::PhoneNumber;
use crate::ids::ProviderId;
use crate::inbound::{EventKind, InboundEvent};
use crate::webhook::{SignatureError, VerifiedWebhook, WebhookHead};

/// Every element becomes one event, in order, whatever stands beside it; elements without an id are never taken for one
/// another; the same webhook is the same events every time. An event names the provider that verified the webhook and when
/// that arrived, and is for a sender of the provider's.
///
/// # Errors
///
/// [`Violation`] if an element is lost, doubled, out of order or misread.
pub fn elements(subject: &impl Subject) -> Result<(), Violation> {
    let most = subject.max_elements();
    // Two users take turns, with words that are not all plain.
    let texts: Vec<_> = (0..most.clamp(2, 100))
        .map(|n| {
            (format!("id-{n}"), if n % 2 == 0 { FROM } else { ANOTHER }, format!("Grüße 😀 + {n} & 100 %"))
        })
        .collect();
    // Good ones alone, and then with garbage of every sort among them.
    for every in [usize::MAX, 2, 3] {
        let elements: Vec<_> = texts
            .iter()
            .enumerate()
            .map(|(n, (id, from, body))| match (n + 1) % every {
                0 => Element::Garbage(n / every),
                _ => Element::Text { id, from, body },
            })
            .collect();
        for elements in elements.chunks(most) {
            expect(subject, elements)?;
        }
    }
    let mut ids = HashSet::new();
    for sort in 0..16 {
        for event in expect(subject, &[Element::Garbage(sort)])? {
            let once = event.id().is_derived() || ids.insert(event.id().clone());
            hold(
                Law::Elements,
                once,
                "elements of two webhooks have the same id, and it does not begin with `x/`",
            )?;
        }
    }
    expect(subject, &vec![Element::WithoutId; most.min(1000)]).map(drop)
}

/// The events of a webhook with these elements.
fn expect(subject: &impl Subject, elements: &[Element<'_>]) -> Result<Vec<InboundEvent>, Violation> {
    let Some(genuine) = subject.webhook(elements) else {
        return receives_nothing(subject).map(|()| Vec::new());
    };
    let events = receive(subject, &genuine)?;
    let counts = format!("{} elements became {} events", elements.len(), events.len());
    hold(Law::Elements, elements.len() == events.len(), counts)?;
    let by = verifier(subject, &genuine)?;
    for (place, (element, event)) in elements.iter().zip(&events).enumerate() {
        let fits = match (element, event.kind()) {
            (Element::Text { id, from, body }, EventKind::Message(message)) => {
                let phone = message.from.phone.map(PhoneNumber::to_digits);
                message.text() == Some(body) && message.message.id == *id && phone.as_deref() == Some(from)
            }
            (Element::Garbage(_), EventKind::Unrecognized(unrecognized)) => !unrecognized.reason.is_empty(),
            (Element::WithoutId, _) => true,
            _ => false,
        };
        let hold = |holds, what: &str| {
            hold(Law::Elements, holds, format_args!("element {place}, {element:?}, {what}: {event:?}"))
        };
        hold(fits, "became something else")?;
        hold(*event.provider() == by, "names another provider")?;
        hold(event.received_at() == super::RECEIVED_AT, "names another time of arrival")?;
        hold(!event.is_assumed(), "says that nobody verified it")?;
        let message = matches!(element, Element::Text { .. });
        let ours = event.sender().map_or(!message, |sender| subject.provider().receives_for(sender));
        hold(ours, "is for no sender of the provider's")?;
    }
    let ids: HashSet<_> = events.iter().map(InboundEvent::id).collect();
    hold(Law::Elements, ids.len() == events.len(), "two of them have the same id")?;
    let again = receive(subject, &genuine)?;
    hold(Law::Elements, again == events, "the same webhook became other events the second time")?;
    Ok(events)
}

/// Nothing that is not genuine is accepted: no signature, a wrong one, another body, another provider's webhook. What is
/// verified is recognised.
///
/// # Errors
///
/// [`Violation`] if something is accepted.
pub fn signatures(subject: &impl Subject) -> Result<(), Violation> {
    let provider = subject.provider();
    let Some(genuine) = subject.webhook(&[Element::text("id-1", FROM, "text")]) else {
        return receives_nothing(subject);
    };
    receive(subject, &genuine)?;

    let names = subject.signature_headers();
    hold(Law::Signatures, !names.is_empty(), "no header holds a signature")?;
    let mut unsigned = genuine.clone();
    for name in &names {
        unsigned.headers_mut().remove(name);
    }
    match provider.verify_signature(&request(&unsigned)) {
        Err(SignatureError::Missing) => {}
        other => {
            return Err(Violation::new(Law::Signatures, format_args!("without a signature: {other:?}")));
        }
    }

    bodies(subject, &genuine, 1)?;
    let many: Vec<_> = vec![Element::WithoutId; subject.max_elements().min(100)];
    if let Some(long) = subject.webhook(&many).filter(|long| long.body().len() > genuine.body().len()) {
        bodies(subject, &long, long.body().len() / 16)?;
    }
    for name in names {
        let Some(value) = genuine.headers().get(&name) else {
            let what = format_args!("a genuine webhook has no header {name}");
            return Err(Violation::new(Law::Signatures, what));
        };
        for bit in 0..value.len().saturating_mul(8) {
            // A flipped bit may make what no header can hold; then it cannot arrive either.
            let Ok(value) = http::HeaderValue::from_bytes(&flip(value.as_bytes(), bit)) else { continue };
            let mut changed = genuine.clone();
            changed.headers_mut().insert(&name, value);
            refused(subject, &genuine, &changed, format_args!("bit {bit} of {name}"))?;
        }
        // A part of a signature is none, and what has one at its beginning is none either.
        let longer = [value.as_bytes(), b"0"].concat();
        let shorter = (0..value.len()).filter_map(|end| value.as_bytes().get(..end));
        for bytes in shorter.chain([longer.as_slice()]) {
            let Ok(value) = http::HeaderValue::from_bytes(bytes) else { continue };
            let mut changed = genuine.clone();
            changed.headers_mut().insert(&name, value);
            refused(subject, &genuine, &changed, format_args!("length of {name}: {}", bytes.len()))?;
        }
    }
    foreign(subject, &genuine)
}

/// Bodies with a bit changed, every so many bytes and in the last ones, and of another length.
fn bodies(subject: &impl Subject, genuine: &http::Request<Bytes>, step: usize) -> Result<(), Violation> {
    let body = genuine.body();
    let with_body = |body: Bytes| {
        let mut changed = genuine.clone();
        *changed.body_mut() = body;
        changed
    };
    let last = body.len().saturating_sub(4);
    for byte in (0..body.len()).filter(|byte| byte % step.max(1) == 0 || *byte >= last) {
        for bit in byte * 8..byte * 8 + 8 {
            let changed = with_body(flip(body, bit));
            refused(subject, genuine, &changed, format_args!("bit {bit} of the body"))?;
        }
    }
    let shorter = body.slice(..body.len().saturating_sub(1));
    let longer = [" ", "\n", "}", "x"].map(|end| Bytes::from([body, end.as_bytes()].concat()));
    for body in [shorter].into_iter().chain(longer) {
        let what = format!("length of the body: {}", body.len());
        refused(subject, genuine, &with_body(body), format_args!("{what}"))?;
    }
    Ok(())
}

fn foreign(subject: &impl Subject, genuine: &http::Request<Bytes>) -> Result<(), Violation> {
    let provider = subject.provider();
    let stranger = ProviderId::new("a-stranger").map_err(|error| Violation::new(Law::Signatures, error))?;
    let foreign = VerifiedWebhook::assume_verified(request(genuine), stranger);
    let refused = provider.parse_inbound(&foreign).is_err();
    hold(Law::Signatures, refused, "a webhook that another provider verified was parsed")?;
    let assumed = VerifiedWebhook::assume_verified(request(genuine), verifier(subject, genuine)?);
    let events = provider.parse_inbound(&assumed).unwrap_or_default();
    let say_so = !events.is_empty() && events.iter().all(InboundEvent::is_assumed);
    hold(Law::Signatures, say_so, "events of an assumed webhook do not say so")
}

fn refused(
    subject: &impl Subject,
    genuine: &http::Request<Bytes>,
    changed: &http::Request<Bytes>,
    what: Arguments<'_>,
) -> Result<(), Violation> {
    let (provider, webhook) = (subject.provider(), request(changed));
    if provider.verify_signature(&webhook).is_err() {
        return Ok(());
    }
    let same = subject.same_meaning(genuine, changed);
    hold(Law::Signatures, same, format_args!("accepted with another {what}"))?;
    let recognised = provider.recognizes(&webhook.head);
    hold(Law::Signatures, recognised, format_args!("not recognised, and accepted, with another {what}"))
}

/// A request that is no handshake is not answered as one: a webhook, a GET that asks nothing. One with a wrong token is not
/// answered with success.
///
/// # Errors
///
/// [`Violation`] if one is.
pub fn handshakes(subject: &impl Subject) -> Result<(), Violation> {
    let answers = |head: &WebhookHead<'_>| subject.provider().handshake(head).is_some();
    let headers = HeaderMap::new();
    for url in ["/webhook", "/webhook?", "/webhook?a=b&c", "https://example.com/%ff?=%&&=", ""] {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            let nonsense = answers(&WebhookHead::new(&method, url, &headers));
            hold(Law::Handshakes, !nonsense, format_args!("{method} {url:?} is answered"))?;
        }
    }
    for token in ["", "not-the-token"] {
        let url = format!("/webhook?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        let reply = subject.provider().handshake(&WebhookHead::new(&Method::GET, url, &headers));
        let greeted = reply.is_some_and(|reply| reply.status.is_success());
        hold(Law::Handshakes, !greeted, "a stranger is answered with success")?;
    }
    let Some(genuine) = subject.webhook(&[Element::WithoutId]) else { return Ok(()) };
    hold(Law::Handshakes, !answers(&request(&genuine).head), "a webhook is answered")
}

fn flip(bytes: &[u8], bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    if let Some(byte) = bytes.get_mut(bit / 8) {
        *byte ^= 1 << (bit % 8);
    }
    bytes.into()
}
