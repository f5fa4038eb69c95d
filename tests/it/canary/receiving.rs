//! Webhooks: those of every day, forged ones, and those that nobody understands.

use whatsapp_provider::clock::Clock;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::testing::{MemoryProvider, TestClock};
use whatsapp_provider::{
    AttemptId, InboundEvent, ProviderId, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

use super::collector::Collector;
use super::said::{LATITUDE, MARK, USER, events, hello, meta_webhook, user};
use super::world::{World, observed};

/// Webhooks as they come every day, and forged ones.
pub(super) fn what_users_write(collector: &Collector) {
    let world = World::new(collector);
    let ada = world.simulator.user(user());
    let mut read = 0;
    for side in Side::ALL.iter().copied() {
        let webhooks = [
            Some(ada.writes(side, "canary-in-body")),
            Some(ada.taps_button(side, "canary-in-payload", "canary-in-button")),
            Some(ada.sends_image(side, Some("canary-in-caption"))),
            Some(ada.shares_location(side, LATITUDE, 1.0)),
            ada.reacts(side, "wamid.canary-reacted", "canary-in-emoji"),
        ];
        for webhook in webhooks.into_iter().flatten() {
            collector.debug("a webhook", &webhook);
            read += world.receive(&webhook.request).len();
            assert!(world.receive(&webhook.forged().request).is_empty());
        }
    }
    assert_eq!(read, 9);
    world.send(&hello()).unwrap();
    world.statuses();
    world.receive(&world.simulator.meta_handshake("canary-challenge"));
    let mut wrong = world.simulator.meta_handshake("canary-challenge");
    *wrong.uri_mut() = wrong.uri().to_string().replace("simulated", "canary").parse().unwrap();
    world.receive(&wrong);
    world.look();
}

/// Webhooks whose signatures hold, with everything that is not read among what is, and bodies that are nothing at all.
pub(super) fn what_is_not_understood(collector: &Collector) {
    let world = World::new(collector);
    let attempt = AttemptId::from_u128(7).to_string();
    let phone_number_id = world.simulator.accounts().phone_number_id;
    let body = meta_webhook(&phone_number_id, &attempt).to_string();
    let events = world.receive(&world.signed(Side::Meta, &body));
    let events = serde_json::to_string(&events).unwrap();
    let words = events.matches(MARK).count();
    assert!(words > 150, "of all that is said only {words} words arrived");
    let half = body.get(..body.len() / 2).unwrap();
    for garbage in ["canary-garbage", "", "[]", "{}", r#"{"entry":"canary-entry"}"#, half] {
        world.receive(&world.signed(Side::Meta, garbage));
        let mut unsigned = world.signed(Side::Meta, garbage);
        unsigned.headers_mut().clear();
        world.receive(&unsigned);
    }
    let from = format!("From=whatsapp%3A%2B{USER}");
    for form in [
        "canary-garbage".to_owned(),
        "Hello=canary-value".to_owned(),
        format!("MessageSid=canary-sid&MessageType=canary-type&{from}&To=whatsapp%3A%2B15550100002"),
        format!("MessageSid=canary-sid&Body=canary-in-body&{from}"),
        "MessageSid=canary-sid&Body=canary-in-body&From=canary-nobody&To=whatsapp%3A%2B15550100002"
            .to_owned(),
        format!(
            "MessageSid=canary-sid&MessageStatus=failed&ErrorCode=63024&ErrorMessage=canary-words&\
             To=whatsapp%3A%2B{USER}&From=whatsapp%3A%2B15550100002"
        ),
        format!(
            "MessageSid=canary-sid&NumMedia=1&MediaUrl0=https%3A%2F%2Fcanary-host.example%2Fcanary-file&\
             MediaContentType0=image%2Fpng&ReferralHeadline=canary-headline&ProfileName=canary-profile&\
             OriginalRepliedMessageSid=canary-quoted&{from}&To=whatsapp%3A%2B15550100002"
        ),
    ] {
        world.receive(&world.signed(Side::Twilio, &form));
    }
    world.look();
}

/// Events of every sort, through a provider in memory.
pub(super) fn every_event_of_the_model(collector: &Collector) {
    let clock = TestClock::new();
    let member = MemoryProvider::new(ProviderId::META);
    let failover = observed(collector, &clock).primary(member.clone()).build().unwrap();
    let events: Vec<InboundEvent> = serde_json::from_value(events()).unwrap();
    let unread = events.iter().filter(|event| event.kind().as_str() == "unrecognized").count();
    assert_eq!(unread, 1, "the JSON of an event is not as it should be");
    let request = member.webhook(&events).unwrap();
    let received = failover.receive(&WebhookRequest::from_http(&request, clock.now())).unwrap();
    assert_eq!(received, events);
    for event in &received {
        collector.debug("an event of a webhook", event);
        collector.debug("advice", &failover.advise(event));
    }
    clock.block_on(failover.record(&received));
    collector.debug("a status", &failover.status());
}
