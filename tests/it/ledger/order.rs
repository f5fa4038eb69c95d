//! In whatever order it is told, the end is the same.

use whatsapp_provider::inbound::User;

use super::*;

in_both! {
    a_message_goes_its_way,
    a_status_may_come_before_the_answer,
    a_lost_answer_is_found_by_a_status,
    a_repeat_is_the_same_entry,
    what_is_known_already_is_not_undone,
    a_copy_that_may_arrive_keeps_it_open,
    a_repeat_that_has_not_told_withholds_proof,
    a_doubt_without_attempts_stays,
    what_failed_for_one_of_a_group_or_was_canceled_is_not_proved,
    any_order_from_any_machine_ends_alike,
}

async fn a_message_goes_its_way(world: &World) {
    let World { ledger, other, .. } = world;
    let id = ledger.record(&hello().with_reference("order-77")).await.unwrap();
    let entry = other.entry(id).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.category), ("recorded", Category::Service));
    assert_eq!(entry.message, Some(hello().with_reference("order-77")));

    let entry = ledger.accept(id, &receipt(1)).await.unwrap().unwrap();
    assert_eq!(entry, other.entry(id).await.unwrap().unwrap());
    assert_eq!(state_of(&entry), "accepted");
    assert_eq!((entry.provider, entry.sent_as), (Some(ProviderId::META), Some(reference(1))));
    assert_eq!(entry.attempts, receipt(1).attempts);
    assert_eq!(other.by_message(&reference(1)).await.unwrap().unwrap().id, id);
    assert_eq!(other.by_attempt(attempt(1)).await.unwrap().unwrap().id, id);
    assert_eq!(other.by_message(&reference(2)).await.unwrap(), None);
    assert_eq!(other.by_attempt(attempt(2)).await.unwrap(), None);

    let start = Clock::now(&world.clock);
    let at = |seconds| start.saturating_add(seconds * SECOND);
    for (state, seconds) in
        [(DeliveryState::Sent, 1), (DeliveryState::Read, 9), (DeliveryState::Delivered, 5)]
    {
        let event = status(1, state).with_occurred_at(at(seconds));
        let entry = other.advance(&event).await.unwrap().unwrap();
        assert_eq!(entry.message.is_some(), seconds == 1, "kept until it arrives");
    }
    let entry = ledger.entry(id).await.unwrap().unwrap();
    assert_eq!(state_of(&entry), "read");
    let times: Vec<_> = entry.times.iter().map(|time| (time.state.as_str(), time.at)).collect();
    assert_eq!(times, [("sent", at(1)), ("delivered", at(5)), ("read", at(9))]);

    // An event that is none of its affair, and the message of another application.
    assert_eq!(ledger.advance(&EventMaker::meta().text("+15557654321", "hi")).await.unwrap(), None);
    let mut foreign = StatusUpdate::new(reference(1), DeliveryState::Played);
    foreign.standby = true;
    let foreign = EventMaker::meta().event(EventId::new(["status", "y"]), foreign);
    assert_eq!(ledger.advance(&foreign).await.unwrap(), None);
    assert_eq!(state_of(&ledger.entry(id).await.unwrap().unwrap()), "read");
}

async fn a_status_may_come_before_the_answer(world: &World) {
    let World { ledger, other, .. } = world;
    let id = ledger.record(&hello()).await.unwrap();
    // One by the message's id alone, and one that ties both names together.
    assert_eq!(other.advance(&status(1, DeliveryState::Delivered)).await.unwrap(), None);
    assert_eq!(other.advance(&with_attempt(1, DeliveryState::Sent, vec![])).await.unwrap(), None);
    // The id was in the part of the answer that was lost: the attempt is enough to find it.
    let report = AttemptReport::accepted(attempt(1), ProviderId::META);
    let entry = ledger.accept(id, &SendReceipt::accepted(report)).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.times.len()), ("delivered", 2));
    assert_eq!(other.by_message(&reference(1)).await.unwrap().unwrap().id, id);
    let entry = other.advance(&status(1, DeliveryState::Read)).await.unwrap().unwrap();
    assert_eq!((entry.id, state_of(&entry)), (id, "read"));
}

async fn a_lost_answer_is_found_by_a_status(world: &World) {
    let World { ledger, other, .. } = world;
    let id = ledger.record(&hello()).await.unwrap();
    let entry = ledger.fail(id, &lost(1)).await.unwrap().unwrap();
    assert_eq!(state_of(&entry), "in_doubt");
    let kept = entry.failure.unwrap();
    assert_eq!((kept.kind, kept.acceptance, kept.details), (ErrorKind::NoAnswer, Acceptance::Unknown, None));
    assert_eq!(entry.attempts[0].failure.as_ref().unwrap().details, None);
    let entry = other.advance(&with_attempt(1, DeliveryState::Sent, vec![])).await.unwrap().unwrap();
    assert_eq!((entry.id, state_of(&entry)), (id, "sent"));

    let refused = ledger.record(&hello()).await.unwrap();
    let error = Error::new(ErrorKind::InvalidMessage, Acceptance::NotAccepted);
    let entry = ledger.fail(refused, &error).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.state.is_open()), ("refused", false));
    let counts: Vec<_> = ledger
        .counts()
        .await
        .unwrap()
        .into_iter()
        .map(|(state, count)| (state.as_str().to_owned(), count))
        .collect();
    assert_eq!(counts, [("refused".to_owned(), 1), ("sent".to_owned(), 1)]);
}

async fn a_repeat_is_the_same_entry(world: &World) {
    let World { ledger, other, .. } = world;
    let message = hello().with_idempotency_key("order-77/shipped\0");
    let (one, two) = tokio::join!(ledger.record(&message), other.record(&message));
    let id = one.unwrap();
    assert_eq!(two.unwrap(), id);
    assert_ne!(other.record(&hello().with_idempotency_key("order-78")).await.unwrap(), id);
    assert_ne!(other.record(&hello()).await.unwrap(), other.record(&hello()).await.unwrap());
    // The second call is told that the first is at it, and then gets its receipt.
    let duplicate = Error::new(ErrorKind::Duplicate, Acceptance::Unknown);
    assert_eq!(state_of(&other.fail(id, &duplicate).await.unwrap().unwrap()), "recorded");
    for ledger in [ledger, other] {
        let entry = ledger.accept(id, &receipt(1)).await.unwrap().unwrap();
        assert_eq!((state_of(&entry), entry.attempts.len()), ("accepted", 1));
    }
}

async fn what_is_known_already_is_not_undone(world: &World) {
    let World { ledger, .. } = world;
    let id = ledger.record(&hello()).await.unwrap();
    ledger.accept(id, &receipt(1)).await.unwrap();
    let later = Error::new(ErrorKind::StoreUnavailable, Acceptance::NotAccepted);
    assert_eq!(state_of(&ledger.fail(id, &later).await.unwrap().unwrap()), "accepted");
    let failed = with_attempt(1, DeliveryState::Failed, vec![failure(ErrorKind::Unavailable, true)]);
    let entry = ledger.advance(&failed).await.unwrap().unwrap();
    assert!((state_of(&entry), entry.proved_undelivered) == ("failed", true));
    assert_eq!((entry.failures[0].proves_undelivered, &entry.failures[0].details), (true, &None));
    // Without proof once is without proof.
    let unproved = with_attempt(1, DeliveryState::Failed, vec![failure(ErrorKind::Unrecognized, false)]);
    let entry = ledger.advance(&unproved).await.unwrap().unwrap();
    assert!((state_of(&entry), entry.proved_undelivered, entry.failures.len()) == ("failed", false, 2));
    let entry = ledger.advance(&status(1, DeliveryState::Delivered)).await.unwrap().unwrap();
    assert_eq!(state_of(&entry), "delivered");
}

async fn a_copy_that_may_arrive_keeps_it_open(world: &World) {
    let World { ledger, .. } = world;
    let id = ledger.record(&hello()).await.unwrap();
    // The first attempt's answer was lost, the second was accepted.
    let both = receipt(2).after(lost(1).attempts().to_vec());
    assert_eq!(state_of(&ledger.accept(id, &both).await.unwrap().unwrap()), "accepted");
    let failed =
        |number| with_attempt(number, DeliveryState::Failed, vec![failure(ErrorKind::Unavailable, true)]);
    let entry = ledger.advance(&failed(2)).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("in_doubt", false));
    let entry = ledger.advance(&failed(1)).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("failed", true));
    let entry = ledger.advance(&with_attempt(1, DeliveryState::Delivered, vec![])).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("delivered", false));
}

async fn a_repeat_that_has_not_told_withholds_proof(world: &World) {
    let World { ledger, other, .. } = world;
    let message = hello().with_idempotency_key("order-77");
    let id = ledger.record(&message).await.unwrap();
    ledger.accept(id, &receipt(1)).await.unwrap();
    assert_eq!(other.record(&message).await.unwrap(), id);
    let failed = with_attempt(1, DeliveryState::Failed, vec![failure(ErrorKind::Unavailable, true)]);
    let entry = ledger.advance(&failed).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("failed", false), "it may be sending");
    assert_eq!(ledger.claim_resend(id, &hello()).await.unwrap(), None);
    // It was given the receipt of the first; and the next is told that another call is at it.
    assert!(other.accept(id, &receipt(1)).await.unwrap().unwrap().proved_undelivered);
    other.record(&message).await.unwrap();
    assert!(!ledger.entry(id).await.unwrap().unwrap().proved_undelivered);
    let duplicate = Error::new(ErrorKind::Duplicate, Acceptance::Unknown);
    assert!(other.fail(id, &duplicate).await.unwrap().unwrap().proved_undelivered);
    // One of three died.
    for _ in 0..2 {
        other.record(&message).await.unwrap();
    }
    let entry = other.accept(id, &receipt(1)).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("failed", false));
}

async fn a_doubt_without_attempts_stays(world: &World) {
    let World { ledger, .. } = world;
    let failed =
        |number| with_attempt(number, DeliveryState::Failed, vec![failure(ErrorKind::Unavailable, true)]);
    let message = hello().with_idempotency_key("order-77");
    let id = ledger.record(&message).await.unwrap();
    let doubt = Error::new(ErrorKind::NoAnswer, Acceptance::Unknown);
    assert_eq!(state_of(&ledger.fail(id, &doubt).await.unwrap().unwrap()), "in_doubt");
    ledger.record(&message).await.unwrap();
    assert_eq!(state_of(&ledger.accept(id, &receipt(1)).await.unwrap().unwrap()), "accepted");
    let entry = ledger.advance(&failed(1)).await.unwrap().unwrap();
    assert_eq!((state_of(&entry), entry.proved_undelivered), ("in_doubt", false));

    // What refers to an earlier call is that one's doubt.
    let id = ledger.record(&hello()).await.unwrap();
    let store = Error::new(ErrorKind::StoreUnavailable, Acceptance::Unknown);
    assert_eq!(state_of(&ledger.fail(id, &store).await.unwrap().unwrap()), "in_doubt");
    ledger.accept(id, &receipt(2)).await.unwrap();
    assert!(ledger.advance(&failed(2)).await.unwrap().unwrap().proved_undelivered);
}

async fn what_failed_for_one_of_a_group_or_was_canceled_is_not_proved(world: &World) {
    let World { ledger, .. } = world;
    for (number, state) in [(1, DeliveryState::Failed), (2, DeliveryState::Canceled)] {
        let id = ledger.record(&hello()).await.unwrap();
        ledger.accept(id, &receipt(number)).await.unwrap();
        let mut status = StatusUpdate::new(reference(number), state.clone());
        status.failures = vec![failure(ErrorKind::Unavailable, true)];
        status.participant = (number == 1).then(|| User::with_phone(to()));
        let event = EventMaker::meta().event(EventId::new(["status", "x"]), status);
        let entry = ledger.advance(&event).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.proved_undelivered), (EntryState::Sent(state), false));
        assert_eq!(ledger.claim_resend(id, &hello()).await.unwrap(), None);
    }
}

/// Small numbers, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

async fn any_order_from_any_machine_ends_alike(world: &World) {
    let mut dice = Dice(7);
    for round in 0..12_u32 {
        let (one, two) = (10 * round + 1, 10 * round + 2);
        let id = world.ledger.record(&hello()).await.unwrap();
        let failed = vec![failure(ErrorKind::Unavailable, true)];
        let events = [
            with_attempt(one, DeliveryState::Sent, vec![]),
            with_attempt(one, DeliveryState::Failed, failed),
            status(one, DeliveryState::Failed),
            with_attempt(two, DeliveryState::Sent, vec![]),
            status(two, DeliveryState::Delivered),
            status(two, DeliveryState::Sent),
        ];
        // What is told: by numbers, each twice, in an order of its own.
        let mut order: Vec<usize> = (0..8).chain(0..8).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, dice.below(place + 1));
        }
        let events = Arc::new(events);
        let calls = order.into_iter().enumerate().map(|(place, what)| {
            let ledger = if place % 2 == 0 { &world.ledger } else { &world.other };
            let (ledger, events) = (Arc::clone(ledger), Arc::clone(&events));
            tokio::spawn(async move {
                match what {
                    6 => ledger.fail(id, &lost(one.into())).await.map(|_| ()),
                    7 => {
                        let receipt = receipt(two).after(lost(one.into()).attempts().to_vec());
                        ledger.accept(id, &receipt).await.map(|_| ())
                    }
                    event => ledger.advance(&events[event]).await.map(|_| ()),
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
        let entry = world.ledger.entry(id).await.unwrap().unwrap();
        assert_eq!((state_of(&entry), entry.proved_undelivered), ("delivered", false), "round {round}");
        let mut states: Vec<_> = entry.times.iter().map(|time| time.state.as_str()).collect();
        states.sort_unstable();
        assert_eq!(states, ["delivered", "failed", "sent"]);
        assert_eq!((entry.failures.len(), entry.attempts.len()), (1, 2));
        assert_eq!((entry.sent_as, entry.message), (Some(reference(two)), None));
        for number in [one, two] {
            assert_eq!(world.other.by_message(&reference(number)).await.unwrap().unwrap().id, id);
        }
    }
}
