//! What is proved undelivered is sent again, once.

use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::inbound::Pricing;
use whatsapp_provider::ledger::{NotResent, Resend, ResendOutcome, Tracked};
use whatsapp_provider::outbound::Template;
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::testing::MemoryProvider;
use whatsapp_provider::{FailoverProvider, WhatsAppProvider};

use super::*;

in_both! {
    of_many_handlers_one_sends_again,
    each_reason_not_to_send_again_is_told,
    a_failure_that_comes_first_is_looked_at_again,
    after_too_many_it_waits,
    no_message_is_sent_again_past_its_age,
    what_is_left_of_its_times_goes_with_it,
    after_a_closed_window_a_template_goes,
    through_the_simulator,
}

pub(super) struct Pair {
    pub(super) twilio: MemoryProvider,
    pub(super) meta: MemoryProvider,
    pub(super) failover: FailoverProvider,
    resend: Resend,
}

pub(super) fn pair(world: &World) -> Pair {
    let meta = MemoryProvider::new(ProviderId::META);
    let twilio = MemoryProvider::new(ProviderId::TWILIO);
    let failover =
        FailoverProvider::builder().primary(meta.clone()).fallback(twilio.clone()).build().unwrap();
    let ledger = Arc::clone(&world.ledger);
    let resend = Resend::new(failover.clone(), ledger).with_clock(Arc::new(world.clock.clone()));
    Pair { twilio, meta, failover, resend }
}

pub(super) fn failed(number: u32, kind: ErrorKind) -> InboundEvent {
    with_attempt(number, DeliveryState::Failed, vec![failure(kind, true)])
}

/// A message that was accepted under this number.
pub(super) async fn sent(
    world: &World,
    number: u32,
    message: &OutboundMessage,
) -> whatsapp_provider::ledger::EntryId {
    let id = world.ledger.record(message).await.unwrap();
    world.ledger.accept(id, &receipt(number)).await.unwrap();
    id
}

pub(super) fn reason(outcome: ResendOutcome) -> NotResent {
    match outcome {
        ResendOutcome::Nothing(reason) => reason,
        other => panic!("{other:?}"),
    }
}

async fn of_many_handlers_one_sends_again(world: &World) {
    let Pair { twilio, meta, resend, .. } = pair(world);
    let message = hello().with_reference("order-77").with_deadline(20 * SECOND);
    let id = sent(world, 1, &message).await;
    let event = failed(1, ErrorKind::Unavailable);
    let calls = (0..8).map(|_| {
        let (resend, event) = (resend.clone(), event.clone());
        tokio::spawn(async move { resend.handle(&event).await.unwrap() })
    });
    let mut resent = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            ResendOutcome::Resent(receipt) => {
                assert_eq!(receipt.provider, ProviderId::TWILIO);
                resent += 1;
            }
            other => assert_eq!(reason(other), NotResent::Already),
        }
    }
    assert_eq!((resent, twilio.sent().len(), meta.attempts()), (1, 1, 0));
    assert_eq!(twilio.sent()[0].message.reference, message.reference);
    let entry = world.ledger.entry(id).await.unwrap().unwrap();
    let again = world.ledger.entry(entry.resent_as.unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (again.resend_of, state_of(&again), again.provider.clone()),
        (Some(id), "accepted", Some(ProviderId::TWILIO))
    );
    assert_eq!(entry.message, None, "it is the other's now");
    assert_eq!(again.message, None, "it is never sent another time");
    assert_eq!(twilio.sent()[0].message.content, message.content);
    let keyed = hello().with_idempotency_key(format!("resend:{id}"));
    assert_eq!(world.ledger.record(&keyed).await.unwrap(), again.id);

    // The resend itself is not sent again.
    let event = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory"))
        .failed(&again.sent_as.unwrap(), failure(ErrorKind::Unavailable, true));
    assert_eq!(reason(resend.handle(&event).await.unwrap()), NotResent::IsResend);
    assert_eq!(twilio.sent().len(), 1);
}

async fn each_reason_not_to_send_again_is_told(world: &World) {
    let Pair { twilio, meta, resend, .. } = pair(world);
    let text = EventMaker::meta().text("+15557654321", "hi");
    assert!(matches!(resend.handle(&text).await.unwrap(), ResendOutcome::NotForUs));

    let handle = async |resend: &Resend, number, message: &OutboundMessage, kind| {
        sent(world, number, message).await;
        reason(resend.handle(&failed(number, kind)).await.unwrap())
    };
    let marketing = hello().with_category(Category::Marketing);
    let eager = resend.clone().with_categories(Category::ALL.iter().copied());
    assert_eq!(handle(&eager, 1, &marketing, ErrorKind::Unavailable).await, NotResent::Category);
    let codes = resend.clone().with_categories([Category::Authentication]);
    assert_eq!(handle(&codes, 2, &hello(), ErrorKind::Unavailable).await, NotResent::Category);
    let told = handle(&resend, 3, &hello(), ErrorKind::RecipientRefused).await;
    assert_eq!(told, NotResent::Advised(whatsapp_provider::failover::Advice::Suppress));
    assert_eq!(handle(&resend, 4, &hello(), ErrorKind::WindowClosed).await, NotResent::NoTemplate);
    let pinned = hello().with_via_only(ProviderId::META);
    assert_eq!(handle(&resend, 5, &pinned, ErrorKind::Unavailable).await, NotResent::Pinned);
    let pinned = hello().with_from(SenderId::new(ProviderId::META, "memory"));
    assert_eq!(handle(&resend, 6, &pinned, ErrorKind::Unavailable).await, NotResent::Pinned);

    // It arrived meanwhile.
    sent(world, 7, &hello()).await;
    world.other.advance(&status(7, DeliveryState::Delivered)).await.unwrap();
    assert_eq!(
        reason(resend.handle(&failed(7, ErrorKind::Unavailable)).await.unwrap()),
        NotResent::NotFailed
    );
    assert_eq!(reason(resend.handle(&status(7, DeliveryState::Read)).await.unwrap()), NotResent::NotFailed);
    // It was billed as marketing, by an earlier status; and the message that would go is marketing.
    let id = sent(world, 12, &hello()).await;
    let mut billed = StatusUpdate::new(reference(12), DeliveryState::Sent);
    let mut pricing = Pricing::default();
    pricing.category = Some("marketing_lite".into());
    billed.pricing = Some(pricing);
    let billed = EventMaker::meta().event(EventId::new(["status", "x"]), billed);
    world.ledger.advance(&billed).await.unwrap();
    let told = reason(resend.handle(&failed(12, ErrorKind::Unavailable)).await.unwrap());
    assert_eq!(told, NotResent::NoContent);
    assert_eq!(world.ledger.claim_resend(id, &hello()).await.unwrap(), None);
    let id = sent(world, 13, &hello()).await;
    world.ledger.advance(&failed(13, ErrorKind::Unavailable)).await.unwrap();
    assert_eq!(world.ledger.claim_resend(id, &marketing).await.unwrap(), None);
    // Another copy may yet arrive.
    let id = world.ledger.record(&hello()).await.unwrap();
    let both = receipt(8).after(lost(9).attempts().to_vec());
    world.ledger.accept(id, &both).await.unwrap();
    assert_eq!(
        reason(resend.handle(&failed(8, ErrorKind::Unavailable)).await.unwrap()),
        NotResent::NotFailed
    );
    // Another status had no proof.
    let id = sent(world, 10, &hello()).await;
    let unproved = vec![failure(ErrorKind::Unrecognized, false)];
    world.ledger.advance(&with_attempt(10, DeliveryState::Failed, unproved)).await.unwrap();
    assert_eq!(
        reason(resend.handle(&failed(10, ErrorKind::Unavailable)).await.unwrap()),
        NotResent::NotProved
    );
    // The ledger itself refuses the claim.
    assert_eq!(world.other.claim_resend(id, &hello()).await.unwrap(), None);

    sent(world, 11, &hello()).await;
    world.clock.advance(SECOND);
    world.ledger.erase(Duration::ZERO).await.unwrap();
    assert_eq!(
        reason(resend.handle(&failed(11, ErrorKind::Unavailable)).await.unwrap()),
        NotResent::NoContent
    );
    assert_eq!((twilio.attempts(), meta.attempts()), (0, 0));
}

async fn a_failure_that_comes_first_is_looked_at_again(world: &World) {
    let Pair { twilio, resend, .. } = pair(world);
    let event = failed(1, ErrorKind::Unavailable);
    assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::NotYetKnown));
    sent(world, 1, &hello()).await;
    assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::Resent(_)));
    assert_eq!(twilio.sent().len(), 1);

    // Nobody waits for good, and only for a failure of an own message.
    let other = status(2, DeliveryState::Delivered);
    assert!(matches!(resend.handle(&other).await.unwrap(), ResendOutcome::NotForUs));
    let mut foreign = StatusUpdate::new(reference(2), DeliveryState::Failed);
    foreign.standby = true;
    let foreign = EventMaker::meta().event(EventId::new(["status", "y"]), foreign);
    assert!(matches!(resend.handle(&foreign).await.unwrap(), ResendOutcome::NotForUs));
    world.clock.advance(120 * SECOND);
    let event = failed(2, ErrorKind::Unavailable);
    assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::NotYetKnown));
    world.clock.advance(Duration::from_millis(1));
    assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::NotForUs));
}

async fn after_too_many_it_waits(world: &World) {
    let Pair { resend, .. } = pair(world);
    let moment = Duration::from_millis(1);
    let cases = [(ErrorKind::Throttled, 30 * SECOND), (ErrorKind::RecipientThrottled, 6 * SECOND)];
    for (number, (kind, pause)) in (1..).zip(cases) {
        let id = sent(world, number, &hello()).await;
        let status = failed(number, kind).kind().clone();
        let now = Clock::now(&world.clock);
        let event = EventMaker::meta().at(now).event(EventId::new(["status", "x"]), status);
        let later = async || match resend.handle(&event).await.unwrap() {
            ResendOutcome::Later { after, .. } => after,
            other => panic!("{other:?}"),
        };
        assert_eq!(later().await, pause);
        world.clock.advance(pause - moment);
        assert_eq!(later().await, moment);
        assert_eq!(world.ledger.entry(id).await.unwrap().unwrap().resent_as, None, "not claimed");
        world.clock.advance(moment);
        assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::Resent(_)));
    }
}

async fn no_message_is_sent_again_past_its_age(world: &World) {
    let Pair { twilio, resend, .. } = pair(world);
    let code = hello().with_category(Category::Authentication);
    let minutes = |minutes: u32| minutes * 60 * SECOND;
    let cases = [
        (hello(), None, minutes(60)),
        (hello(), Some(minutes(5)), minutes(5)),
        (code.clone(), Some(minutes(120)), minutes(10)),
        (code, Some(minutes(1)), minutes(1)),
        (hello().with_ttl(minutes(2)), None, minutes(2)),
    ];
    let mut number = 0;
    for (message, max_age, most) in cases {
        let resend = match max_age {
            Some(max_age) => resend.clone().with_max_age(max_age),
            None => resend.clone(),
        };
        for late in [false, true] {
            number += 1;
            sent(world, number, &message).await;
            // Sending takes a moment.
            world.clock.advance(if late { most } else { most - 30 * SECOND });
            let before = twilio.sent().len();
            let outcome = resend.handle(&failed(number, ErrorKind::Unavailable)).await.unwrap();
            if late {
                assert_eq!(reason(outcome), NotResent::TooOld, "{number}");
            } else {
                assert!(matches!(outcome, ResendOutcome::Resent(_)), "{number}: {outcome:?}");
            }
            assert_eq!(twilio.sent().len() - before, usize::from(!late));
        }
    }
}

async fn what_is_left_of_its_times_goes_with_it(world: &World) {
    let Pair { twilio, resend, .. } = pair(world);
    let at = |seconds| Clock::now(&world.clock).saturating_add(seconds * SECOND);
    let message = hello().with_ttl(100 * SECOND).with_send_at(at(60));
    sent(world, 1, &message).await;
    sent(world, 2, &message.clone().with_send_at(at(61))).await;
    world.clock.advance(60 * SECOND);
    for number in [1, 2] {
        let event = failed(number, ErrorKind::Unavailable);
        assert!(matches!(resend.handle(&event).await.unwrap(), ResendOutcome::Resent(_)));
    }
    let sent: Vec<_> = twilio.sent().into_iter().map(|sent| sent.message).collect();
    assert_eq!((sent[0].ttl, sent[0].send_at), (Some(40 * SECOND), None), "it is over");
    assert_eq!((sent[1].ttl, sent[1].send_at), (Some(40 * SECOND), Some(at(1))));
}

async fn after_a_closed_window_a_template_goes(world: &World) {
    let Pair { twilio, meta, resend, .. } = pair(world);
    let message = hello().or(whatsapp_provider::Content::text("hi")).or(Template::new("hello", "en_US"));
    let id = sent(world, 1, &message).await;
    let outcome = resend.handle(&failed(1, ErrorKind::WindowClosed)).await.unwrap();
    assert!(matches!(outcome, ResendOutcome::Resent(_)), "{outcome:?}");
    assert_eq!((meta.sent().len(), twilio.sent().len()), (1, 0));
    assert_eq!(meta.sent()[0].message.content, Template::new("hello", "en_US").into());

    // That it failed is told, and it is not tried another time.
    let id_of = |entry: &LedgerEntry| entry.resent_as.unwrap();
    assert_eq!(
        state_of(
            &world
                .ledger
                .entry(id_of(&world.ledger.entry(id).await.unwrap().unwrap()))
                .await
                .unwrap()
                .unwrap()
        ),
        "accepted"
    );
    let id = sent(world, 2, &hello()).await;
    twilio.fail_next(Error::new(ErrorKind::NoAnswer, Acceptance::Unknown));
    let outcome = resend.handle(&failed(2, ErrorKind::Unavailable)).await.unwrap();
    assert!(matches!(outcome, ResendOutcome::Failed(_)), "{outcome:?}");
    let again =
        world.ledger.entry(id_of(&world.ledger.entry(id).await.unwrap().unwrap())).await.unwrap().unwrap();
    assert_eq!(state_of(&again), "in_doubt");
    assert_eq!(reason(resend.handle(&failed(2, ErrorKind::Unavailable)).await.unwrap()), NotResent::Already);
}

async fn through_the_simulator(world: &World) {
    let clock = Arc::new(TokioClock::new());
    let simulator = Simulator::new(clock);
    let failover = FailoverProvider::builder()
        .primary(simulator.meta().build().unwrap())
        .fallback(simulator.twilio().build().unwrap())
        .build()
        .unwrap();
    let whatsapp = Tracked::new(failover.clone(), Arc::clone(&world.ledger));
    let resend = Resend::new(failover, Arc::clone(&world.other)).with_clock(Arc::new(world.clock.clone()));
    let receipt = whatsapp.send(&hello()).await.unwrap();
    assert_eq!(receipt.provider, ProviderId::META);
    let event = EventMaker::new(receipt.sender.unwrap())
        .failed(&receipt.message.unwrap(), failure(ErrorKind::AccountBlocked, true));
    // The webhook is posted twice, and each post is handled.
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        whatsapp.record(std::slice::from_ref(&event)).await;
        outcomes.push(resend.handle(&event).await.unwrap());
    }
    let second = reason(outcomes.pop().unwrap());
    let Some(ResendOutcome::Resent(receipt)) = outcomes.pop() else { panic!("{outcomes:?}") };
    assert_eq!((second, &receipt.provider), (NotResent::Already, &ProviderId::TWILIO));
    let sides: Vec<_> = simulator.requests().iter().map(|request| request.side).collect();
    assert_eq!(sides.iter().filter(|side| **side == Side::Twilio).count(), 1);
    assert_eq!(
        world.ledger.by_message(&receipt.message.unwrap()).await.unwrap().unwrap().provider,
        Some(ProviderId::TWILIO)
    );
}
