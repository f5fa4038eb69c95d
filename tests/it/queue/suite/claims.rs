use std::time::Duration;

use whatsapp_provider::inbound::DeliveryState;
use whatsapp_provider::queue::{Claim, Then};
use whatsapp_provider::testing::EventMaker;
use whatsapp_provider::{InboundEvent, MessageRef};
use whatsapp_provider::{ProviderId, SenderId};

use super::insert::wait_at_most;
use super::{LONG, Place, SHORT, claim_one, numbers};
use crate::queue::events::{body, text};

pub(crate) async fn rows_of_a_conversation_are_claimed_one_after_the_other(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "1"), text(2, "b", "2"), text(1, "c", "3")]).await.unwrap();
    let claims = queue.claim(10, LONG).await.unwrap();
    assert_eq!(claims.iter().map(body).collect::<Vec<_>>(), ["1", "2"]);
    assert!(claims.iter().all(|claim| claim.attempts == 1));
    assert!(place.other().await.claim(10, LONG).await.unwrap().is_empty(), "the third one waits");
    assert!(queue.complete(&claims[1]).await.unwrap());
    assert!(queue.claim(10, LONG).await.unwrap().is_empty(), "another user's row does not matter");
    assert!(queue.complete(&claims[0]).await.unwrap());
    assert_eq!(body(&claim_one(&queue).await), "3");
}

pub(crate) async fn the_oldest_are_claimed_first_and_no_more_than_wanted(place: &impl Place) {
    let queue = place.queue();
    let events: Vec<_> = (0..30).map(|n| text(n, &n.to_string(), &n.to_string())).collect();
    queue.accept(&events).await.unwrap();
    let mut claimed = Vec::new();
    for most in [1, 7, 100] {
        claimed.push(queue.claim(most, LONG).await.unwrap());
    }
    assert_eq!(claimed.iter().map(Vec::len).collect::<Vec<_>>(), [1, 7, 22]);
    let bodies: Vec<_> = claimed.iter().flatten().map(body).collect();
    assert_eq!(bodies, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    let mut leases: Vec<_> = claimed.iter().flatten().map(|claim| &claim.lease).collect();
    leases.sort_unstable();
    leases.dedup();
    assert_eq!(leases.len(), 30, "each has a lease of its own");
}

pub(crate) async fn statuses_do_not_wait_for_their_user(place: &impl Place<Item = InboundEvent>) {
    let queue = place.queue();
    let sent = |id: &str| MessageRef::new(SenderId::new(ProviderId::META, "106540352242922"), id);
    let maker = EventMaker::meta();
    let events = [
        text(1, "a", "slow"),
        maker.status(&sent("x"), DeliveryState::Sent),
        maker.status(&sent("x"), DeliveryState::Read),
        maker.status(&sent("y"), DeliveryState::Sent),
    ];
    queue.accept(&events).await.unwrap();
    let claims = queue.claim(10, LONG).await.unwrap();
    let ids: Vec<_> = place.rows().await.into_iter().map(|row| (row.id, row.event_id.unwrap())).collect();
    let claimed: Vec<_> =
        claims.iter().map(|claim| ids.iter().find(|(id, _)| *id == claim.row).unwrap().1.as_str()).collect();
    assert_eq!(claimed, ["message/a", "status/x/sent", "status/y/sent"], "but for the same message's");
}

pub(crate) async fn a_row_that_rests_holds_back_its_conversation_only(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "1"), text(1, "b", "2"), text(2, "c", "3")]).await.unwrap();
    let claims = queue.claim(10, LONG).await.unwrap();
    assert!(queue.fail(&claims[0], Then::retry(SHORT * 2, "busy")).await.unwrap());
    assert!(queue.complete(&claims[1]).await.unwrap());
    queue.accept(&[text(2, "d", "4")]).await.unwrap();
    assert_eq!(body(&claim_one(&queue).await), "4", "others go on");
    assert!(queue.claim(10, LONG).await.unwrap().is_empty(), "its own conversation waits");
    place.pass(SHORT * 2).await;
    let again = claim_one(&queue).await;
    assert_eq!((body(&again).as_str(), again.attempts, again.row), ("1", 2, claims[0].row));
    assert_ne!(again.lease, claims[0].lease);
    assert_eq!(place.rows().await[0].reason.as_deref(), Some("busy"));
    assert!(queue.complete(&again).await.unwrap());
    assert_eq!(place.rows().await[0].reason, None);
    assert_eq!(body(&claim_one(&queue).await), "2");
}

pub(crate) async fn a_released_row_was_not_tried(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    for _ in 0..3 {
        let claim = claim_one(&queue).await;
        assert_eq!(claim.attempts, 1);
        assert!(queue.fail(&claim, Then::Release).await.unwrap());
        assert!(!queue.fail(&claim, Then::Release).await.unwrap(), "the claim has ended");
    }
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 0, 0, 0, 0]);
}

pub(crate) async fn a_parked_row_keeps_its_reason_and_holds_nobody_back(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "1"), text(1, "b", "2"), text(1, "c", "3")]).await.unwrap();
    let first = claim_one(&queue).await;
    assert!(queue.fail(&first, Then::review(format!("\0{}", "é".repeat(600)))).await.unwrap());
    let second = claim_one(&queue).await;
    assert!(queue.fail(&second, Then::dead("gone")).await.unwrap());
    assert_eq!(body(&claim_one(&queue).await), "3");
    let rows = place.rows().await;
    let told: Vec<_> = rows.iter().map(|row| (row.status.as_str(), row.reason.as_deref())).collect();
    let cut = format!("\u{FFFD}{}", "é".repeat(499));
    assert_eq!(told, [("review", Some(&*cut)), ("dead", Some("gone")), ("processing", None)]);
}

pub(crate) async fn a_lost_claim_changes_nothing(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    let lost = queue.claim(1, SHORT).await.unwrap().remove(0);
    assert!(queue.claim(1, LONG).await.unwrap().is_empty(), "the lease holds");
    place.pass(SHORT).await;
    let other = place.other().await;
    let held = claim_one(&other).await;
    assert_eq!((held.row, held.attempts), (lost.row, 2));

    let before = place.rows().await;
    assert!(!queue.extend(&lost, LONG).await.unwrap());
    assert!(!queue.complete(&lost).await.unwrap());
    for then in [Then::Release, Then::retry(Duration::ZERO, "x"), Then::review("x"), Then::dead("x")] {
        assert!(!queue.fail(&lost, then).await.unwrap());
    }
    assert_eq!(place.rows().await, before);
    assert!(queue.claim(1, LONG).await.unwrap().is_empty());
    assert!(other.complete(&held).await.unwrap());
    assert!(!other.complete(&held).await.unwrap(), "once");
    assert!(!other.extend(&held, LONG).await.unwrap(), "what is done has no lease");
}

pub(crate) async fn a_lease_can_be_extended_while_it_holds(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    let claim = queue.claim(1, SHORT).await.unwrap().remove(0);
    assert!(queue.extend(&claim, LONG).await.unwrap());
    place.pass(SHORT * 2).await;
    assert!(queue.claim(1, LONG).await.unwrap().is_empty(), "it holds longer now");
    assert!(queue.extend(&claim, Duration::ZERO).await.unwrap(), "and can be made shorter");
    place.pass(Duration::from_millis(1)).await;
    assert!(!queue.extend(&claim, LONG).await.unwrap(), "it has ended");
    assert_eq!(claim_one(&queue).await.attempts, 2);
}

pub(crate) async fn a_claim_that_nobody_took_over_can_still_be_ended(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    let claim = queue.claim(1, SHORT).await.unwrap().remove(0);
    place.pass(SHORT).await;
    assert!(!queue.extend(&claim, LONG).await.unwrap());
    assert!(queue.complete(&claim).await.unwrap());
    assert_eq!(numbers(queue.counts().await.unwrap()), [0, 0, 1, 0, 0]);
}

pub(crate) async fn a_made_up_lease_changes_nothing(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", ""), text(2, "b", "")]).await.unwrap();
    let claims = queue.claim(2, LONG).await.unwrap();
    let swapped = Claim::new(claims[0].row, claims[1].lease.as_str(), 1, "");
    let nowhere = Claim::new(i64::MAX, claims[1].lease.as_str(), 1, "");
    for claim in [swapped, nowhere] {
        assert!(!queue.extend(&claim, LONG).await.unwrap());
        assert!(!queue.complete(&claim).await.unwrap());
        assert!(!queue.fail(&claim, Then::dead("x")).await.unwrap());
    }
    assert_eq!(numbers(queue.counts().await.unwrap()), [0, 2, 0, 0, 0]);
}

pub(crate) async fn endless_times_are_taken(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "")]).await.unwrap();
    let claim = queue.claim(usize::MAX, Duration::MAX).await.unwrap().remove(0);
    assert!(queue.extend(&claim, Duration::from_secs(u64::MAX)).await.unwrap());
    assert!(queue.fail(&claim, Then::retry(Duration::MAX, "never")).await.unwrap());
    assert!(queue.claim(1, LONG).await.unwrap().is_empty());
    assert_eq!(queue.erase(Duration::MAX).await.unwrap(), 0);
    let retention = whatsapp_provider::queue::Retention::new(Duration::MAX).unwrap();
    assert_eq!(queue.purge(retention).await.unwrap(), 0);
}

/// Drops a claim at every point where it waits: the row is claimed then, or can be claimed at once.
pub(crate) async fn a_dropped_claim_leaves_all_or_nothing(place: &impl Place) {
    let queue = place.queue();
    for waits in 0..25 {
        queue.accept(&[text(waits, &waits.to_string(), "")]).await.unwrap();
        let claims = wait_at_most(waits, queue.claim(1, LONG)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let open = queue.claim(1, LONG).await.unwrap();
        if let Some(claims) = claims {
            assert_eq!((claims.unwrap().len(), open.len()), (1, 0));
        }
        assert_eq!(numbers(queue.counts().await.unwrap()), [0, waits as u64 + 1, 0, 0, 0]);
    }
}
