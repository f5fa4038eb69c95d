//! What the provider inside sees, and what is seen of it from outside.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::poll;

use super::*;
use crate::inbound::InboundEvent;
use crate::outbound::Departure;
use crate::provider::Capabilities;
use crate::webhook::{ForeignWebhook, SignatureError, VerifiedWebhook, WebhookHead, WebhookRequest};

const SECOND: Duration = Duration::from_secs(1);

/// A provider that keeps no mark, takes a second for each message, and remembers how long it was given.
#[derive(Debug)]
struct Unmarked {
    inner: MemoryProvider,
    clock: TestClock,
    deadlines: Mutex<Vec<Option<Duration>>>,
}

#[async_trait]
impl WhatsAppProvider for Unmarked {
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
        self.deadlines.lock().unwrap().push(attempt.deadline);
        self.clock.sleep(SECOND).await;
        let own = Attempt::with_id(attempt.id);
        self.inner.send_attempt(message, &own).await
    }

    fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
        self.inner.recognizes(head)
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        self.inner.verify_signature(request)
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        self.inner.parse_inbound(webhook)
    }
}

fn around<P: WhatsAppProvider>(provider: P, clock: &TestClock) -> Paced<P> {
    let policy = PacePolicy::default().with_per_second(1).with_recipient(None);
    Paced::builder(provider).policy(policy).clock(Arc::new(clock.clone())).build().unwrap()
}

fn unmarked(clock: &TestClock) -> Unmarked {
    let inner = MemoryProvider::new(ProviderId::META);
    Unmarked { inner, clock: clock.clone(), deadlines: Mutex::default() }
}

fn is_armed(departure: &Departure) -> bool {
    departure.is_kept() && !departure.departed()
}

#[test]
fn what_is_left_of_the_deadline_is_handed_on() {
    let clock = TestClock::new();
    let paced = around(unmarked(&clock), &clock);
    clock.block_on(async {
        for deadline in [Some(5 * SECOND), None, Some(Duration::ZERO)] {
            let mut attempt = Attempt::new(&clock);
            attempt.deadline = deadline;
            // It takes a second inside, so nobody waits for a turn.
            paced.send_attempt(&message(1, Category::Service), &attempt).await.unwrap();
        }
        let five = Attempt::new(&clock).with_deadline(5 * SECOND);
        let (first, second) = (message(1, Category::Service), message(2, Category::Service));
        let first = paced.send_attempt(&first, &five);
        let second = paced.send_attempt(&second, &five);
        let (first, second) = futures_util::future::join(first, second).await;
        assert!(first.is_ok() && second.is_ok());
    });
    let given = paced.provider().deadlines.lock().unwrap();
    assert_eq!(*given, [Some(5 * SECOND), None, Some(Duration::ZERO), Some(5 * SECOND), Some(4 * SECOND)]);
}

#[test]
fn one_that_waits_has_not_left_and_one_that_is_inside_may_have() {
    let clock = TestClock::new();
    let paced = around(unmarked(&clock), &clock);
    clock.block_on(async {
        let (first, second) = (Attempt::new(&clock), Attempt::new(&clock));
        let (one, two) = (message(1, Category::Service), message(2, Category::Service));
        let mut inside = paced.send_attempt(&one, &first);
        let mut waiting = paced.send_attempt(&two, &second);
        assert!(poll!(&mut inside).is_pending() && poll!(&mut waiting).is_pending());
        assert!(first.departure.departed() && !first.departure.revoke(), "nobody keeps the mark inside");
        assert!(is_armed(&second.departure));
        drop(waiting);
        assert!(second.departure.revoke(), "it certainly has not left");

        // It is given up while it waits, and nobody drops it: nothing inside would know.
        let third = Attempt::new(&clock);
        let mut waiting = paced.send_attempt(&two, &third);
        assert!(poll!(&mut waiting).is_pending() && third.departure.revoke());
        assert_eq!(waiting.await.unwrap_err().acceptance(), Acceptance::NotAccepted);
    });
    assert_eq!(paced.provider().deadlines.lock().unwrap().len(), 1);
}

#[test]
fn a_mark_that_is_kept_inside_is_kept_outside() {
    let clock = TestClock::new();
    let provider = MemoryProvider::new(ProviderId::META);
    let paced = around(provider.clone(), &clock);
    clock.block_on(async {
        provider.fail_next(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted));
        let refused = Attempt::new(&clock);
        paced.send_attempt(&message(1, Category::Service), &refused).await.unwrap_err();
        assert!(is_armed(&refused.departure));

        // It is given up while it waits, and nobody drops it.
        let given_up = Attempt::new(&clock);
        let message = message(1, Category::Service);
        let mut waiting: Pin<_> = paced.send_attempt(&message, &given_up);
        assert!(poll!(&mut waiting).is_pending());
        assert!(given_up.departure.revoke());
        assert_eq!(waiting.await.unwrap_err().acceptance(), Acceptance::NotAccepted);
        assert!(!given_up.departure.departed());
    });
    assert!(provider.sent().is_empty());
}

#[test]
fn what_is_refused_in_any_case_takes_no_turn() {
    let clock = TestClock::new();
    let provider = MemoryProvider::new(ProviderId::META).without(crate::outbound::ContentKind::Text);
    let paced = around(provider.clone(), &clock);
    let text = message(1, Category::Utility);
    let with_template = text.clone().or(crate::outbound::Template::new("order_shipped", "en_US"));
    clock.block_on(async {
        for _ in 0..2 {
            assert_eq!(paced.send(&text).await.unwrap_err().kind(), ErrorKind::Unsupported);
        }
        // Only the alternative waits for a turn.
        for seconds in 0..2 {
            let receipt = paced.send(&with_template).await.unwrap();
            assert_eq!((receipt.content_index, clock.elapsed()), (1, seconds * SECOND));
        }
    });
}

#[test]
fn nothing_private_is_printed() {
    let clock = TestClock::new();
    let paced = around(MemoryProvider::new(ProviderId::META), &clock);
    let sender = SenderId::new(ProviderId::TWILIO, "+15550001111");
    let policy = PacePolicy::default().with_sender(sender, 5);
    let printed = clock.block_on(async {
        let message = message(7, Category::Service);
        paced.send(&message).await.unwrap();
        let mut waiting = paced.send(&message);
        assert!(poll!(&mut waiting).is_pending());
        let attempt = Attempt::new(&clock).with_deadline(Duration::ZERO);
        let error = paced.send_attempt(&message, &attempt).await.unwrap_err();
        let builder = Paced::builder(MemoryProvider::new(ProviderId::META)).policy(policy);
        format!("{paced:?} {builder:?} {error} {error:?}")
    });
    for private in ["private", "15550400007", "15550001111"] {
        assert!(!printed.contains(private), "{printed}");
    }
    assert!(printed.starts_with("Paced { provider: MemoryProvider"));
}
