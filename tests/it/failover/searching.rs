//! Looking for messages whose answer was lost, at the member that may have them.

use std::collections::VecDeque;

use whatsapp_provider::AttemptId;
use whatsapp_provider::state::MemoryStore;

use super::*;

/// A member that takes every message and loses its answer, and that can be searched.
#[derive(Debug)]
struct Searched {
    id: ProviderId,
    /// How many attempts of its own it makes for one of ours.
    own_attempts: usize,
    searches: Mutex<VecDeque<Result<SentLookup, ErrorKind>>>,
    searched: Mutex<Vec<AttemptId>>,
    attempts: Mutex<Vec<AttemptId>>,
}

impl Searched {
    fn new(id: ProviderId, searches: impl IntoIterator<Item = Result<SentLookup, ErrorKind>>) -> Self {
        Self {
            id,
            own_attempts: 0,
            searches: Mutex::new(searches.into_iter().collect()),
            searched: Mutex::default(),
            attempts: Mutex::default(),
        }
    }

    fn sent(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }

    fn searches(&self) -> usize {
        self.searched.lock().unwrap().len()
    }
}

#[async_trait]
impl WhatsAppProvider for Searched {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        vec![]
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn check(&self, _: &OutboundMessage) -> Result<()> {
        Ok(())
    }

    async fn send_attempt(&self, _: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
        self.attempts.lock().unwrap().push(attempt.id);
        let failure = Failure::new(ErrorKind::NoAnswer, Acceptance::Unknown);
        let report = |n| AttemptReport::failed(AttemptId::from_u128(n), self.id.clone(), failure.clone());
        Err(unknown().with_attempts((0..self.own_attempts as u128).map(report).collect()))
    }

    fn recognizes(&self, _: &WebhookHead<'_>) -> bool {
        false
    }

    fn verify_signature<'r>(&self, _: &WebhookRequest<'r>) -> Result<VerifiedWebhook<'r>, SignatureError> {
        Err(SignatureError::NotConfigured)
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        Err(ForeignWebhook::new(webhook.provider().clone()))
    }

    async fn find_sent(&self, query: &SentQuery) -> Result<SentLookup> {
        self.searched.lock().unwrap().push(query.attempt);
        self.searches.lock().unwrap().pop_front().unwrap_or(Ok(SentLookup::NotSeen)).map_err(refused)
    }
}

struct World {
    clock: TestClock,
    first: Arc<Searched>,
    second: Arc<Searched>,
    failover: FailoverProvider,
    events: Events,
}

fn world(first: Searched, second: Searched) -> World {
    let clock = TestClock::new();
    let (first, second) = (Arc::new(first), Arc::new(second));
    let events = Events::default();
    let log = Arc::clone(&events);
    let failover = FailoverProvider::builder()
        .primary(Arc::clone(&first))
        .fallback(Arc::clone(&second))
        .local_store(MemoryStore::new(Arc::new(clock.clone())))
        .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    World { clock, first, second, failover, events }
}

fn meta(searches: impl IntoIterator<Item = Result<SentLookup, ErrorKind>>) -> Searched {
    Searched::new(ProviderId::META, searches)
}

fn twilio() -> Searched {
    Searched::new(ProviderId::TWILIO, [])
}

impl World {
    fn send(&self, on_unknown: OnUnknown) -> Result<SendReceipt> {
        let message = hello().with_idempotency_key("order-77").with_on_unknown(on_unknown);
        self.clock.block_on(self.failover.send(&message))
    }

    fn resolutions(&self) -> Vec<(String, Resolution)> {
        let events = self.events.lock().unwrap();
        let resolution = |event: &FailoverEvent| match event {
            FailoverEvent::Unknown { provider, resolution, .. } => Some((provider.to_string(), *resolution)),
            _ => None,
        };
        events.iter().filter_map(resolution).collect()
    }
}

fn stop_after(seconds: u64) -> OnUnknown {
    OnUnknown::reconcile(Duration::from_secs(seconds), Otherwise::Stop)
}

fn found() -> Result<SentLookup, ErrorKind> {
    let report = AttemptReport::accepted(AttemptId::from_u128(7), ProviderId::META);
    Ok(SentLookup::Found(Box::new(SendReceipt::accepted(report))))
}

fn refusal() -> Result<SentLookup, ErrorKind> {
    let failure = Failure::new(ErrorKind::Unavailable, Acceptance::NotAccepted);
    Ok(SentLookup::Refused(Box::new(failure)))
}

#[test]
fn a_search_that_fails_is_made_again() {
    let world = world(meta([Err(ErrorKind::Unavailable), Ok(SentLookup::CannotTell), found()]), twilio());
    assert!(world.send(stop_after(20)).is_ok());
    assert_eq!(world.first.searches(), 3);
    assert_eq!(world.clock.elapsed(), Duration::from_millis(500 + 1_000));
}

#[test]
fn who_has_no_way_to_look_is_asked_once() {
    let world = world(meta([Err(ErrorKind::Unsupported)]), twilio());
    assert!(world.send(stop_after(20)).is_err());
    assert_eq!((world.first.searches(), world.clock.elapsed()), (1, 20 * SECOND));
}

#[test]
fn what_a_search_shows_to_be_refused_leaves_no_doubt() {
    let world = world(meta([refusal()]), Searched::new(ProviderId::TWILIO, [refusal()]));
    let error = world.send(stop_after(5)).unwrap_err();
    assert_eq!(error.acceptance(), Acceptance::NotAccepted);
    let reports: Vec<_> = error
        .attempts()
        .iter()
        .map(|report| (report.provider.as_str(), report.failure.as_ref().unwrap().acceptance))
        .collect();
    assert_eq!(reports, [("meta", Acceptance::NotAccepted), ("twilio", Acceptance::NotAccepted)]);
}

#[test]
fn one_refusal_of_several_attempts_decides_nothing() {
    for (own_attempts, goes_on) in [(0, true), (1, true), (2, false)] {
        let searched = Searched { own_attempts, ..meta([refusal()]) };
        let world = world(searched, twilio());
        let error = world.send(stop_after(5)).unwrap_err();
        assert_eq!(error.acceptance(), Acceptance::Unknown);
        assert_eq!(world.second.sent() > 0, goes_on, "{own_attempts}");
    }
}

#[test]
fn the_last_member_has_nobody_to_fail_over_to() {
    let world = world(meta([]), twilio());
    world.send(OnUnknown::FailOver).unwrap_err();
    assert_eq!((world.first.sent(), world.second.sent()), (1, 1));
    let expected = [("meta".to_owned(), Resolution::FailedOver), ("twilio".to_owned(), Resolution::Stopped)];
    assert_eq!(world.resolutions(), expected);
}

#[test]
fn only_the_last_member_is_searched_for_as_long_as_the_policy_says() {
    let world = world(meta([]), twilio());
    world.send(OnUnknown::reconcile(30 * SECOND, Otherwise::FailOver)).unwrap_err();
    // Half of the 45 s of the whole send, so that the next member has the other half; and then 30 s.
    assert_eq!(world.clock.elapsed(), Duration::from_millis(22_500 + 30_000));
    assert_eq!((world.first.sent(), world.second.sent()), (1, 1));
}

#[test]
fn a_repeat_shares_its_time_among_all_that_may_have_the_message() {
    let world = world(meta([]), twilio());
    world.send(OnUnknown::FailOver).unwrap_err();
    let began = world.clock.elapsed();
    world.send(stop_after(20)).unwrap_err();
    assert_eq!(world.clock.elapsed() - began, 20 * SECOND);
    assert!(world.first.searches() > 1 && world.second.searches() > 1);
    assert_eq!((world.first.sent(), world.second.sent()), (1, 1));
}

#[test]
fn a_repeat_that_finds_the_message_sends_nothing() {
    let world = world(meta([found()]), twilio());
    world.send(OnUnknown::Stop).unwrap_err();
    let attempt = world.first.attempts.lock().unwrap()[0];
    let receipt = world.send(stop_after(20)).unwrap();
    assert_eq!(receipt.provider, ProviderId::META);
    assert_eq!(*world.first.searched.lock().unwrap(), [attempt], "by the attempt that was lost");
    assert_eq!(world.send(OnUnknown::Stop).unwrap(), receipt, "and it is written down");
    assert_eq!((world.first.sent(), world.second.sent()), (1, 0));
}

#[test]
fn a_repeat_goes_on_after_a_refusal_unless_it_was_one_of_several() {
    for (own_attempts, sent_again) in [(0, true), (1, true), (2, false)] {
        let searched = Searched { own_attempts, ..meta([refusal()]) };
        let world = world(searched, twilio());
        world.send(OnUnknown::Stop).unwrap_err();
        world.send(stop_after(5)).unwrap_err();
        assert_eq!(world.first.sent() > 1, sent_again, "{own_attempts}");
    }
}

#[test]
fn the_first_attempt_has_the_id_that_the_caller_gave() {
    let world = world(meta([]), twilio());
    let attempt = Attempt::new(&world.clock);
    let message = hello().with_on_unknown(OnUnknown::FailOver);
    let error = world.clock.block_on(world.failover.send_attempt(&message, &attempt)).unwrap_err();
    let ids: Vec<_> = error.attempts().iter().map(|report| report.id).collect();
    assert_eq!((ids.len(), ids[0]), (2, attempt.id));
    assert_ne!(ids[1], attempt.id);
}
