use std::time::Duration;

use async_trait::async_trait;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::outbound::Raw;
use whatsapp_provider::queue::{Claim, OutboxEntry, OutboxError, Then};
use whatsapp_provider::{Category, Content, Json, OutboundMessage, ProviderId, Recipient};

use super::{LONG, Place, SHORT, claim_one, numbers};
use crate::queue::events::{body, phone};

/// A database with an empty outbox.
#[async_trait]
pub(crate) trait Outbox: Place<Item = OutboundMessage> {
    async fn insert(&self, entries: &[OutboxEntry<'_>]) -> Result<(), OutboxError>;

    /// The time by which messages are kept for later.
    async fn now(&self) -> Timestamp;
}

async fn insert(place: &impl Outbox, messages: &[OutboundMessage]) {
    let entries: Vec<_> = messages.iter().map(OutboxEntry::from).collect();
    place.insert(&entries).await.unwrap();
}

fn message(user: usize, body: &str, category: Category) -> OutboundMessage {
    OutboundMessage::text(phone(user), body).with_category(category)
}

fn bodies(claims: &[Claim]) -> Vec<String> {
    claims.iter().map(body).collect()
}

pub(crate) async fn the_category_comes_before_the_age(place: &impl Outbox) {
    let queue = place.queue();
    insert(place, &[message(1, "ad 1", Category::Marketing), message(2, "ad 2", Category::Marketing)]).await;
    let of = [Category::Utility, Category::Service, Category::Authentication];
    let later: Vec<_> = of.iter().enumerate().map(|(n, of)| message(3 + n, of.as_str(), *of)).collect();
    insert(place, &later).await;
    insert(place, &[message(9, "service 2", Category::Service)]).await;
    assert_eq!(bodies(&queue.claim(2, LONG).await.unwrap()), ["authentication", "service"]);
    assert_eq!(bodies(&queue.claim(10, LONG).await.unwrap()), ["service 2", "utility", "ad 1", "ad 2"]);
}

pub(crate) async fn a_category_waits_for_itself_only(place: &impl Outbox) {
    let queue = place.queue();
    // Another user's is older than all.
    insert(place, &[message(2, "order of another", Category::Utility)]).await;
    let of = [
        (Category::Marketing, "ad 1"),
        (Category::Authentication, "code"),
        (Category::Utility, "order"),
        (Category::Service, "answer 1"),
        (Category::Service, "answer 2"),
        (Category::Marketing, "ad 2"),
    ];
    insert(place, &of.map(|(category, body)| message(1, body, category))).await;
    assert_eq!(bodies(&queue.claim(2, LONG).await.unwrap()), ["code", "answer 1"]);
    let claims = queue.claim(10, LONG).await.unwrap();
    assert_eq!(bodies(&claims), ["order of another", "order", "ad 1"], "the first of each category");
    assert!(queue.complete(&claims[2]).await.unwrap());
    assert_eq!(bodies(&queue.claim(10, LONG).await.unwrap()), ["ad 2"]);
}

pub(crate) async fn a_message_for_later_waits_and_nobody_waits_for_it(place: &impl Outbox) {
    let queue = place.queue();
    let later = message(1, "later", Category::Service);
    let passed = message(1, "passed", Category::Service);
    let (first, second) = (message(1, "1", Category::Service), message(1, "2", Category::Service));
    let wait = Duration::from_secs(2);
    let moment = place.now().await.saturating_add(wait);
    let entries = [
        OutboxEntry::new(&later).not_before(moment),
        OutboxEntry::new(&passed).not_before(Timestamp::UNIX_EPOCH),
        OutboxEntry::new(&first),
        OutboxEntry::new(&second),
    ];
    place.insert(&entries).await.unwrap();
    let claims = queue.claim(10, LONG).await.unwrap();
    assert_eq!(bodies(&claims), ["passed", "1"], "what may go at once, of each conversation the first");
    assert!(queue.complete(&claims[1]).await.unwrap());
    assert_eq!(bodies(&queue.claim(10, LONG).await.unwrap()), ["2"]);
    let just = Duration::from_millis(1);
    place.pass(moment.since(place.now().await).saturating_sub(just)).await;
    let before = queue.claim(10, LONG).await.unwrap();
    // A clock that moves by itself may have passed the moment meanwhile.
    assert!(before.is_empty() || place.now().await >= moment);
    if before.is_empty() {
        place.pass(just * 2).await;
        assert_eq!(body(&claim_one(&queue).await), "later", "although the others are still in work");
    }
    assert_eq!(numbers(queue.counts().await.unwrap()), [0, 3, 1, 0, 0]);
}

pub(crate) async fn every_try_is_the_same_message(place: &impl Outbox) {
    let queue = place.queue();
    let (named, nameless) = (
        message(1, "named", Category::Service).with_idempotency_key("order-77"),
        message(2, "nameless", Category::Service),
    );
    insert(place, &[named.clone(), nameless.clone(), named.clone()]).await;
    insert(place, &[named.clone().with_via("twilio".parse().unwrap()), nameless.clone()]).await;
    assert_eq!(
        place.rows().await.len(),
        3,
        "a key is inserted once, and without a key every message is another"
    );
    let mut keys = Vec::new();
    for _ in 0..2 {
        let claims = queue.claim(10, LONG).await.unwrap();
        assert_eq!(bodies(&claims), ["named", "nameless"]);
        let read = |claim: &Claim| serde_json::from_str::<OutboundMessage>(&claim.payload).unwrap();
        keys.push(claims.iter().map(|claim| read(claim).idempotency_key.unwrap()).collect::<Vec<_>>());
        for claim in &claims {
            assert!(queue.fail(claim, Then::Release).await.unwrap());
        }
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(keys[0][0], "order-77");
    assert!(keys[0][1].starts_with("outbox/"));
}

pub(crate) async fn a_batch_with_what_nobody_could_carry_is_refused_whole(place: &impl Outbox) {
    let good = message(1, "good", Category::Service);
    // It can be stored and never read.
    let deep = format!("{{\"SECRET\":{}{}}}", "[".repeat(125), "]".repeat(125));
    let deep = Raw::new(ProviderId::META, Json::parse(&deep).unwrap());
    let cases = [
        (OutboundMessage::new(phone(1), Content::Raw(deep)), "content"),
        (OutboundMessage::text(Recipient::Unknown, "SECRET"), "to"),
        (message(1, "", Category::Service), "content.body"),
        (message(1, "SECRET", Category::Service).or(Content::text("")), "alternatives[0].body"),
    ];
    for (bad, field) in &cases {
        let error = place.insert(&[(&good).into(), bad.into()]).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("SECRET"));
        let OutboxError::Invalid { place: 1, error, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.field(), Some(*field));
        let error = place.queue().accept(&[good.clone(), bad.clone()]).await.unwrap_err();
        assert!(matches!(error, whatsapp_provider::SinkError::Reject(places) if places == [1]));
    }
    place.insert(&[]).await.unwrap();
    assert!(place.rows().await.is_empty());
}

pub(crate) async fn what_was_tried_goes_behind_and_what_was_not_comes_back_to_its_place(place: &impl Outbox) {
    let queue = place.queue();
    for n in 1..=4 {
        insert(place, &[message(n, &n.to_string(), Category::Utility)]).await;
        place.pass(Duration::from_millis(2)).await;
    }
    let claims = queue.claim(3, LONG).await.unwrap();
    assert_eq!(bodies(&claims), ["1", "2", "3"]);
    assert!(queue.fail(&claims[0], Then::retry(Duration::ZERO, "busy")).await.unwrap());
    assert!(queue.fail(&claims[1], Then::Release).await.unwrap());
    assert!(queue.fail(&claims[2], Then::dead("gone")).await.unwrap());
    assert_eq!(queue.redrive(&[claims[2].row]).await.unwrap(), 1);
    place.pass(Duration::from_millis(2)).await;
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(body(&claim_one(&queue).await));
    }
    assert_eq!(order, ["2", "3", "4", "1"]);
}

pub(crate) async fn a_claim_tells_how_long_the_message_has_waited(place: &impl Outbox) {
    let queue = place.queue();
    let (now, later) = (message(1, "now", Category::Service), message(2, "later", Category::Service));
    let moment = place.now().await.saturating_add(SHORT * 2);
    place.insert(&[(&now).into(), OutboxEntry::new(&later).not_before(moment)]).await.unwrap();
    place.pass(SHORT * 3).await;
    let claims = queue.claim(10, LONG).await.unwrap();
    assert_eq!(bodies(&claims), ["now", "later"]);
    let (first, second) = (claims[0].waited, claims[1].waited);
    assert!(first >= SHORT * 3, "since it was inserted: {first:?}");
    assert!(second >= SHORT && second < first, "since it may go: {second:?}");
}
