//! Which lines a webhook and its events are shown to.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::clock::timeout;
use crate::outbound::Attempt;
use crate::provider::Capabilities;
use crate::webhook::{ForeignWebhook, VerifiedWebhook, WebhookHead};

/// A provider that counts how often it is asked.
#[derive(Debug, Clone)]
struct Counting {
    inner: MemoryProvider,
    asked: Arc<AtomicUsize>,
    learned: Arc<AtomicUsize>,
    /// Whether it never ends learning.
    hangs: bool,
}

impl Counting {
    fn new(n: usize) -> Self {
        let inner = memory(&format!("p{n}"), &number(n));
        Self { inner, asked: Arc::default(), learned: Arc::default(), hangs: false }
    }

    fn event(&self) -> InboundEvent {
        EventMaker::new(self.senders().remove(0)).text("15557654321", "Hi")
    }
}

fn number(n: usize) -> String {
    format!("10{n}")
}

#[async_trait]
impl WhatsAppProvider for Counting {
    fn id(&self) -> &ProviderId {
        self.inner.id()
    }

    fn senders(&self) -> Vec<SenderId> {
        self.inner.senders()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        self.inner.check(message)
    }

    async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.inner.send_attempt(message, attempt).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.inner.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> std::result::Result<VerifiedWebhook<'r>, SignatureError> {
        self.asked.fetch_add(1, Relaxed);
        self.inner.verify_signature(request)
    }

    fn parse_inbound(
        &self,
        webhook: &VerifiedWebhook<'_>,
    ) -> std::result::Result<Vec<InboundEvent>, ForeignWebhook> {
        self.inner.parse_inbound(webhook)
    }

    async fn record(&self, events: &[InboundEvent]) {
        self.learned.fetch_add(events.len(), Relaxed);
        if self.hangs {
            std::future::pending::<()>().await;
        }
    }
}

/// So many lines, of which line n has the sender 10n.
fn many(count: usize) -> (Lines, Vec<Counting>) {
    let (lines, providers) = (Lines::new(), (0..count).map(Counting::new).collect::<Vec<_>>());
    for (n, provider) in providers.iter().enumerate() {
        lines.insert(id(&format!("line{n}")), provider.clone()).unwrap();
    }
    (lines, providers)
}

fn counts(providers: &[Counting], of: impl Fn(&Counting) -> &AtomicUsize) -> Vec<usize> {
    providers.iter().map(|provider| of(provider).swap(0, Relaxed)).collect()
}

#[test]
fn a_webhook_is_held_against_the_line_that_it_names_before_all_others() {
    let (lines, providers) = many(5);
    let asked = || counts(&providers, |provider| &provider.asked);
    let webhook = providers[3].inner.webhook(&[providers[3].event()]).unwrap();
    assert_eq!(receive(&lines, &webhook).unwrap().len(), 1);
    assert_eq!(asked(), [0, 0, 0, 1, 0]);

    // What names nobody is shown to the line first whose signature held last.
    let unnamed = providers[3].inner.webhook(&[]).unwrap();
    receive(&lines, &unnamed).unwrap();
    assert_eq!(asked(), [0, 0, 0, 1, 0]);

    // A forged one is shown to everybody once.
    let forged = memory("p9", &number(3)).webhook(&[providers[3].event()]).unwrap();
    assert_eq!(receive(&lines, &forged), Err(SignatureError::Mismatch));
    assert_eq!(asked(), [1; 5]);
}

#[test]
fn a_line_learns_what_concerns_it_and_waits_for_no_other() {
    let (lines, mut providers) = many(3);
    providers[0].hangs = true;
    lines.replace(id("line0"), providers[0].clone()).unwrap();
    let events = [providers[0].event(), providers[1].event(), providers[1].event()];
    let clock = TestClock::new();
    let learning = lines.record(&events);
    assert!(clock.block_on(timeout(&clock, Duration::from_secs(1), learning)).is_none());
    assert_eq!(counts(&providers, |provider| &provider.learned), [1, 2, 0]);
}
