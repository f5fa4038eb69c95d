//! Deadlines, dropped sends, and outcomes that nobody knows.

use super::*;

/// How much longer than its deadline a failover waits for a provider that does not keep it.
const GUARD: Duration = Duration::from_millis(500);

/// A provider whose attempts take time and whose lookups are scripted.
#[derive(Debug)]
pub(super) struct Scripted {
    id: ProviderId,
    clock: TestClock,
    departs_after: Option<Duration>,
    answers_after: Duration,
    lookups: Mutex<Vec<SentLookup>>,
    arms: bool,
    unknown: bool,
    /// How long its probe takes, which then says that it is alive.
    pub(super) probes_for: Option<Duration>,
}

impl Scripted {
    /// It takes the message at once and answers in an hour.
    pub(super) fn hanging(clock: &TestClock) -> Self {
        Self { departs_after: Some(Duration::ZERO), ..Self::new(clock) }
    }

    fn new(clock: &TestClock) -> Self {
        Self {
            id: ProviderId::META,
            clock: clock.clone(),
            departs_after: Some(SECOND),
            answers_after: 3600 * SECOND,
            lookups: Mutex::default(),
            arms: true,
            unknown: false,
            probes_for: None,
        }
    }
}

#[async_trait]
impl WhatsAppProvider for Scripted {
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
        if self.arms {
            attempt.departure.arm();
        }
        if let Some(time) = self.departs_after {
            self.clock.sleep(time).await;
            if !attempt.departure.depart() {
                return Err(refused(ErrorKind::Expired));
            }
        }
        if self.unknown {
            return Err(unknown());
        }
        self.clock.sleep(self.answers_after).await;
        Ok(SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.id.clone())))
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

    async fn probe(&self) -> Result<()> {
        match self.probes_for {
            Some(time) => self.clock.sleep(time).await,
            None => return Err(Error::unsupported("probe")),
        }
        Ok(())
    }

    async fn find_sent(&self, _: &SentQuery) -> Result<SentLookup> {
        let mut lookups = self.lookups.lock().unwrap();
        if lookups.is_empty() { Err(Error::unsupported("find_sent")) } else { Ok(lookups.remove(0)) }
    }
}

fn with_scripted(clock: &TestClock, scripted: Scripted) -> (FailoverProvider, MemoryProvider) {
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let failover = FailoverProvider::builder()
        .primary(scripted)
        .fallback(twilio.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (failover, twilio)
}

#[test]
fn the_deadline_gives_up_what_has_not_left_and_only_that() {
    let clock = TestClock::new();
    let (failover, twilio) =
        with_scripted(&clock, Scripted { departs_after: Some(60 * SECOND), ..Scripted::new(&clock) });
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
    assert_eq!(clock.elapsed(), 45 * SECOND + GUARD);
    assert_eq!(twilio.attempts(), 0, "after the deadline no attempt begins");

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::Unknown));
    assert_eq!(clock.elapsed(), 45 * SECOND + GUARD);

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    clock.block_on(failover.send(&hello().with_category(Category::Authentication))).unwrap_err();
    assert_eq!(clock.elapsed(), 15 * SECOND + GUARD);

    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    clock.block_on(failover.send(&hello().with_deadline(7 * SECOND))).unwrap_err();
    assert_eq!(clock.elapsed(), 7 * SECOND + GUARD);
}

#[test]
fn a_provider_that_keeps_no_mark_proves_nothing() {
    let clock = TestClock::new();
    let scripted = Scripted { departs_after: None, arms: false, ..Scripted::new(&clock) };
    let (failover, twilio) = with_scripted(&clock, scripted);
    let error = clock.block_on(failover.send(&hello())).unwrap_err();
    assert_eq!(error.acceptance(), Acceptance::Unknown);
    assert_eq!(twilio.attempts(), 0);
}

#[test]
fn an_attempt_is_cut_short_only_where_another_may_follow_it() {
    let clock = TestClock::new();
    let (failover, twilio) = with_scripted(&clock, Scripted::new(&clock));
    let receipt = clock.block_on(failover.send(&hello().with_on_unknown(OnUnknown::FailOver))).unwrap();
    assert_eq!(receipt.provider, ProviderId::TWILIO);
    assert_eq!(clock.elapsed(), 10 * SECOND + GUARD);
    assert_eq!(twilio.sent().len(), 1);
}

#[test]
fn a_dropped_send_still_tells_whether_anything_left() {
    for (wait, departed) in [(Duration::from_millis(500), false), (2 * SECOND, true)] {
        let clock = TestClock::new();
        let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
        let attempt = Attempt::new(&clock);
        clock.block_on(async {
            let message = hello();
            let send = failover.send_attempt(&message, &attempt);
            assert!(whatsapp_provider::clock::timeout(&clock, wait, send).await.is_none());
        });
        assert_eq!(attempt.departure.departed(), departed);
        assert_eq!(attempt.departure.revoke(), !departed);
    }
}

#[test]
fn looking_for_a_message_decides_only_if_it_is_found_or_refused() {
    let found = || {
        let id = MessageRef::new(SenderId::new(ProviderId::META, "1"), "found");
        let report = AttemptReport::accepted(whatsapp_provider::AttemptId::from_u128(1), ProviderId::META);
        SentLookup::Found(Box::new(SendReceipt::accepted(report).with_message(id)))
    };
    let refusal =
        || SentLookup::Refused(Box::new(Failure::new(ErrorKind::Unavailable, Acceptance::NotAccepted)));
    let message = |otherwise| hello().with_on_unknown(OnUnknown::reconcile(20 * SECOND, otherwise));
    let run = |lookups: Vec<SentLookup>, otherwise| {
        let clock = TestClock::new();
        let scripted = Scripted { lookups: Mutex::new(lookups), ..Scripted::new(&clock) };
        let (failover, twilio) = with_scripted(&clock, scripted);
        (clock.block_on(failover.send(&message(otherwise))), twilio.sent().len())
    };

    let (result, other) = run(vec![SentLookup::NotSeen, SentLookup::CannotTell, found()], Otherwise::Stop);
    let receipt = result.unwrap();
    assert_eq!((receipt.message.unwrap().id.as_str(), receipt.attempts.len(), other), ("found", 1, 0));

    let (result, other) = run(vec![SentLookup::NotSeen, refusal()], Otherwise::Stop);
    assert_eq!((result.unwrap().provider, other), (ProviderId::TWILIO, 1));

    let (result, other) = run(vec![SentLookup::NotSeen; 50], Otherwise::Stop);
    assert_eq!((result.unwrap_err().acceptance(), other), (Acceptance::Unknown, 0), "absence is no proof");

    let (result, other) = run(vec![SentLookup::NotSeen; 50], Otherwise::FailOver);
    assert_eq!((result.unwrap().provider, other), (ProviderId::TWILIO, 1));

    let (result, other) = run(vec![], Otherwise::Stop);
    assert_eq!(
        (result.unwrap_err().acceptance(), other),
        (Acceptance::Unknown, 0),
        "a member that cannot look"
    );
}

#[test]
fn a_lost_answer_is_no_sign_of_health() {
    let clock = TestClock::new();
    let scripted = Scripted { answers_after: SECOND, ..Scripted::new(&clock) };
    let (failover, _) = with_scripted(&clock, scripted);
    let receipt = clock.block_on(failover.send(&hello())).unwrap();
    assert!(receipt.message.is_none());
    assert_eq!(failover.standings()[0].standing, Standing::Ready);
}

#[test]
fn events_tell_the_story_of_an_unknown_outcome() {
    let pair = Pair::new();
    pair.meta.fail_next(unknown());
    pair.send(&hello()).unwrap_err();
    let resolutions: Vec<_> = pair
        .events
        .lock()
        .unwrap()
        .iter()
        .filter_map(|event| {
            if let FailoverEvent::Unknown { resolution, .. } = event { Some(*resolution) } else { None }
        })
        .collect();
    assert_eq!(resolutions, [Resolution::Stopped]);
}

#[test]
fn a_mark_that_nobody_keeps_proves_nothing_through_two_failovers_either() {
    let clock = TestClock::new();
    let scripted = Scripted { departs_after: None, arms: false, ..Scripted::new(&clock) };
    let (inner, spare) = with_scripted(&clock, scripted);
    let attempt = Attempt::new(&clock);
    clock.block_on(async {
        let message = hello();
        let send = inner.send_attempt(&message, &attempt);
        assert!(whatsapp_provider::clock::timeout(&clock, SECOND, send).await.is_none());
    });
    assert!(!attempt.departure.revoke());
    assert_eq!(spare.attempts(), 0);
}

#[test]
fn a_provider_that_keeps_its_deadline_has_the_last_word() {
    #[derive(Debug)]
    struct Punctual(Scripted);

    #[async_trait]
    impl WhatsAppProvider for Punctual {
        fn id(&self) -> &ProviderId {
            &self.0.id
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

        async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
            let limit = attempt.deadline.unwrap();
            let answer = self.0.send_attempt(message, attempt);
            // A success whose body stalls until the time is over: accepted, without an id.
            match whatsapp_provider::clock::timeout(&self.0.clock, limit, answer).await {
                Some(answer) => answer,
                None => Ok(SendReceipt::accepted(AttemptReport::accepted(attempt.id, self.0.id.clone()))),
            }
        }

        fn recognizes(&self, _: &WebhookHead<'_>) -> bool {
            false
        }

        fn verify_signature<'r>(
            &self,
            _: &WebhookRequest<'r>,
        ) -> Result<VerifiedWebhook<'r>, SignatureError> {
            Err(SignatureError::NotConfigured)
        }

        fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
            Err(ForeignWebhook::new(webhook.provider().clone()))
        }
    }

    let clock = TestClock::new();
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let failover = FailoverProvider::builder()
        .primary(Punctual(Scripted::new(&clock)))
        .fallback(twilio.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let receipt = clock.block_on(failover.send(&hello().with_on_unknown(OnUnknown::FailOver))).unwrap();
    assert_eq!((receipt.provider, receipt.message), (ProviderId::META, None));
    assert_eq!((clock.elapsed(), twilio.attempts()), (10 * SECOND, 0));
}

#[test]
fn a_caller_in_a_hurry_says_nothing_about_the_member() {
    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    for n in 0..20 {
        let message = OutboundMessage::text(to(n), "hello").with_deadline(2 * SECOND);
        assert!(clock.block_on(failover.send(&message)).is_err());
    }
    assert_eq!(failover.standings()[0].standing, Standing::Ready);
    // As long as an attempt usually may take is long enough.
    for n in 0..5 {
        let message = OutboundMessage::text(to(n), "hello").with_deadline(10 * SECOND);
        assert!(clock.block_on(failover.send(&message)).is_err());
    }
    assert!(matches!(failover.standings()[0].standing, Standing::Open { .. }));
}

#[test]
fn what_may_have_been_accepted_is_never_taken_for_proof_of_the_contrary() {
    // A provider that keeps no mark and answers at once that nobody knows; then the message is looked for.
    let clock = TestClock::new();
    let scripted = Scripted {
        departs_after: None,
        answers_after: Duration::ZERO,
        arms: false,
        lookups: Mutex::new(vec![SentLookup::NotSeen; 50]),
        unknown: true,
        ..Scripted::new(&clock)
    };
    let (failover, _) = with_scripted(&clock, scripted);
    let attempt = Attempt::new(&clock);
    clock.block_on(async {
        let message = hello().with_on_unknown(OnUnknown::reconcile(20 * SECOND, Otherwise::Stop));
        let send = failover.send_attempt(&message, &attempt);
        assert!(whatsapp_provider::clock::timeout(&clock, 5 * SECOND, send).await.is_none());
    });
    assert!(!attempt.departure.revoke());
}

#[test]
fn only_what_has_left_waits_for_an_answer() {
    let clock = TestClock::new();
    let (failover, _) = with_scripted(&clock, Scripted::new(&clock));
    let waiting = || failover.status().members[0].waiting;
    clock.block_on(async {
        let message = hello();
        let mut send = std::pin::pin!(failover.send(&message));
        let short = SECOND - Duration::from_millis(1);
        assert!(whatsapp_provider::clock::timeout(&clock, short, &mut send).await.is_none());
        assert_eq!(waiting(), 0);
        assert!(whatsapp_provider::clock::timeout(&clock, SECOND, &mut send).await.is_none());
        assert_eq!(waiting(), 1);
    });
    assert_eq!(waiting(), 0, "a send that is dropped waits no longer");
}
