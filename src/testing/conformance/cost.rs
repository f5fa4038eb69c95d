use bytes::Bytes;

use super::{Element, FROM, Subject, Violation, request};
use crate::webhook::VerifiedWebhook;

/// How many sorts of adversarial webhooks there are.
pub const SORTS: usize = 9;

/// A webhook that is hard to read, of about `size` bytes: nested, or full of separators, escapes, digits, or elements. The
/// number chooses the sort; any number does. Its signature is that of another body, as a stranger's would be.
pub fn adversarial(subject: &impl Subject, sort: usize, size: usize) -> http::Request<Bytes> {
    let genuine = subject.webhook(&[Element::text("id-1", FROM, "text")]);
    let repeated = |unit: &str| unit.repeat(size / unit.len().max(1));
    let body: Bytes = match sort % SORTS {
        0 => "[".repeat(size).into(),
        1 => repeated("{\"a\":").into(),
        2 => format!("\"{}\"", repeated("\\u00e9")).into(),
        3 => repeated("a=b&").into(),
        4 => repeated("%41").into(),
        5 => "9".repeat(size).into(),
        6 => repeated("\n ").into(),
        7 => repeated("a%2").into(),
        _ => {
            let text = "x".repeat(60);
            let count = (size / 160).clamp(1, subject.max_elements());
            // As many elements as fit, or else one that is long.
            let long = "x".repeat(size / count.max(1));
            let elements = vec![Element::text("id-1", FROM, if count > 1 { &text } else { &long }); count];
            return subject.webhook(&elements);
        }
    };
    let mut request = genuine;
    *request.body_mut() = body;
    request
}

/// The work on a webhook grows no faster than its size: twice the size is at most 2.3 times the work, for every
/// [sort](adversarial) of webhook. Verifying and reading are the work.
///
/// What the work amounts to says `count`: it does what it is given, and tells how much that was, such as instructions
/// that a profiler counted, or steps that the provider counts itself. Time will not do: it is never the same twice.
///
/// # Errors
///
/// [`Violation`] names the sort and the two counts.
pub async fn cost(
    subject: &impl Subject,
    size: usize,
    mut count: impl FnMut(&mut dyn FnMut()) -> u64,
) -> Result<(), Violation> {
    const LAW: &str = "twice the size is no more than 2.3 times the work";
    let mut of = |sort, size| {
        let webhook = adversarial(subject, sort, size);
        count(&mut || read(subject, &webhook))
    };
    for sort in 0..SORTS {
        // What is there to do however small a webhook is does not count.
        let least = of(sort, 1);
        let once = of(sort, size).saturating_sub(least);
        let twice = of(sort, size.saturating_mul(2)).saturating_sub(least);
        if twice.saturating_mul(10) > once.saturating_mul(23) {
            return Err(Violation::new(
                LAW,
                format_args!("sort {sort}: {once}, and {twice} for twice the size"),
            ));
        }
    }
    Ok(())
}

/// Verifies a webhook, and reads it whether or not it is genuine.
pub fn read(subject: &impl Subject, webhook: &http::Request<Bytes>) {
    let provider = subject.provider();
    let genuine = subject.webhook(&[Element::text("id-1", FROM, "text")]);
    let by = match provider.verify_signature(&request(&genuine)) {
        Ok(verified) => verified.provider().clone(),
        Err(_) => provider.id().clone(),
    };
    let request = request(webhook);
    let _ = provider.verify_signature(&request);
    let _ = provider.parse_inbound(&VerifiedWebhook::assume_verified(request, by));
}
