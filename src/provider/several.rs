//! Several providers asked as one: what a provider does that has others behind it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::{SentLookup, SentQuery, WhatsAppProvider};
use crate::error::{Error, Result};
use crate::ids::ProviderId;
use crate::inbound::{EventKind, InboundEvent};
use crate::webhook::{
    ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookReply, WebhookRequest,
};

type Provider = Arc<dyn WhatsAppProvider>;

/// Tries every provider that recognises the webhook until one signature holds; says which one it was.
pub(crate) fn verify<'p, 'r>(
    providers: impl IntoIterator<Item = &'p Provider>,
    request: &WebhookRequest<'r>,
) -> Result<(&'p Provider, VerifiedWebhook<'r>), SignatureError> {
    let mut error = SignatureError::Missing;
    for provider in providers.into_iter().filter(|provider| provider.recognizes(&request.head)) {
        match provider.verify_signature(request) {
            Ok(webhook) => return Ok((provider, webhook)),
            // That one signature was wrong says more than that another provider could not look.
            Err(refused) if error != SignatureError::Mismatch => error = refused,
            Err(_) => {}
        }
    }
    Err(error)
}

/// What the first provider reads that can, and which one it was.
pub(crate) fn read<'p>(
    mut providers: impl Iterator<Item = &'p Provider>,
    webhook: &VerifiedWebhook<'_>,
) -> Result<(&'p Provider, Vec<InboundEvent>), ForeignWebhook> {
    providers
        .find_map(|provider| Some((provider, provider.parse_inbound(webhook).ok()?)))
        .ok_or_else(|| ForeignWebhook::new(webhook.provider().clone()))
}

/// Lets the other providers read what is not for the one that read the webhook. Each must hold the webhook to be genuine by
/// its own secret.
pub(crate) fn for_the_others<'p>(
    others: impl Iterator<Item = &'p Provider>,
    webhook: &VerifiedWebhook<'_>,
    reader: &Provider,
    events: &mut [InboundEvent],
) {
    let is_foreign = |event: &InboundEvent| concerns(reader, event) == Some(false);
    for other in others.filter(|other| !Arc::ptr_eq(other, reader)) {
        if !events.iter().any(is_foreign) {
            break;
        }
        let Some(read) = reads_too(other, webhook).filter(|read| read.len() == events.len()) else {
            continue;
        };
        for (event, read) in events.iter_mut().zip(read) {
            if is_foreign(event) && concerns(other, &read) == Some(true) {
                *event = read;
            }
        }
    }
}

/// Whether an event is for a sender or an account of a provider. `None` if it names neither.
pub(crate) fn concerns(provider: &Provider, event: &InboundEvent) -> Option<bool> {
    match (event.sender(), event.kind()) {
        (Some(sender), _) => Some(provider.receives_for(sender)),
        (None, EventKind::Account(news)) => {
            Some(provider.receives_for_account(news.account.as_deref()?).unwrap_or(true))
        }
        _ => None,
    }
}

/// What a provider reads in a webhook that another one verified, if it holds it to be genuine as well.
fn reads_too(provider: &Provider, webhook: &VerifiedWebhook<'_>) -> Option<Vec<InboundEvent>> {
    let request = webhook.request();
    if !provider.recognizes(&request.head) {
        return None;
    }
    let own = if webhook.is_assumed() {
        VerifiedWebhook::assume_verified(request.clone(), provider.id().clone())
    } else {
        provider.verify_signature(request).ok()?
    };
    provider.parse_inbound(&own).ok()
}

/// Does all of these at once, so that one that waits for its store keeps none of the others waiting.
pub(crate) async fn all<F: Future<Output = ()> + Send>(futures: impl Iterator<Item = F> + Send) {
    let mut open: Vec<Pin<Box<F>>> = futures.map(Box::pin).collect();
    poll_fn(|cx| {
        open.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The answer of the first provider that agrees, else of the first that refuses.
pub(crate) fn handshake<'p>(
    providers: impl Iterator<Item = &'p Provider>,
    head: &WebhookHead<'_>,
) -> Option<WebhookReply> {
    let mut refusal = None;
    for reply in providers.filter_map(|provider| provider.handshake(head)) {
        if reply.status.is_success() {
            return Some(reply);
        }
        refusal = refusal.or(Some(reply));
    }
    refusal
}

/// As the provider answers that verified the webhook.
pub(crate) fn acknowledge<'p>(
    providers: impl Iterator<Item = &'p Provider> + Clone,
    webhook: &VerifiedWebhook<'_>,
) -> WebhookReply {
    let verifier = providers.clone().find(|provider| provider.id() == webhook.provider()).or_else(|| {
        // Or one behind a provider: whoever can read it answers.
        providers.clone().find(|provider| provider.parse_inbound(webhook).is_ok())
    });
    match verifier {
        Some(provider) => provider.acknowledge(webhook),
        None => WebhookReply::empty(http::StatusCode::OK),
    }
}

/// Whether at least one is alive; the error is the last one's.
pub(crate) async fn probe(id: &ProviderId, providers: impl Iterator<Item = &Provider> + Send) -> Result<()> {
    let mut last = Error::unsupported("probe").with_provider(id.clone());
    for provider in providers {
        match provider.probe().await {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Asks every provider until one has found it. That one refused it decides nothing: another may have it.
pub(crate) async fn find_sent(
    id: &ProviderId,
    providers: impl Iterator<Item = &Provider> + Send,
    query: &SentQuery,
) -> Result<SentLookup> {
    let mut answer = Err(Error::unsupported("find_sent").with_provider(id.clone()));
    for provider in providers {
        match (provider.find_sent(query).await, &answer) {
            (Ok(found @ SentLookup::Found(_)), _) => return Ok(found),
            (Ok(SentLookup::Refused(_)), _) => answer = Ok(SentLookup::CannotTell),
            // What may be it weighs more than what is not there.
            (Ok(SentLookup::NotSeen) | Err(_), Ok(_)) => {}
            (Ok(unsure), _) => answer = Ok(unsure),
            (Err(error), Err(_)) => answer = Err(error),
        }
    }
    answer
}
