use std::time::Duration;

use whatsapp_provider::queue::{Claim, Retention, RowStatus, Then};

use super::{LONG, Place, claim_one, numbers};
use crate::queue::events::{body, body_of, text};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// One row of each status: by user 1 pending, 2 processing, 3 done, 4 review, 5 dead.
async fn one_of_each(place: &impl Place) -> Vec<Claim> {
    let queue = place.queue();
    let events: Vec<_> = (2..=5).map(|n| text(n, &n.to_string(), &n.to_string())).collect();
    queue.accept(&events).await.unwrap();
    let claims = queue.claim(10, LONG).await.unwrap();
    assert!(queue.complete(&claims[1]).await.unwrap());
    assert!(queue.fail(&claims[2], Then::review("look")).await.unwrap());
    assert!(queue.fail(&claims[3], Then::dead("gone")).await.unwrap());
    queue.accept(&[text(1, "1", "1")]).await.unwrap();
    claims
}

pub(crate) async fn rows_are_counted_by_status(place: &impl Place) {
    let queue = place.queue();
    assert_eq!(numbers(queue.counts().await.unwrap()), [0; 5]);
    one_of_each(place).await;
    queue.accept(&[text(1, "11", "")]).await.unwrap();
    let counts = queue.counts().await.unwrap();
    assert_eq!(numbers(counts), [2, 1, 1, 1, 1]);
    assert_eq!(counts.total(), 6);
}

pub(crate) async fn parked_rows_are_read_page_by_page(place: &impl Place) {
    let queue = place.queue();
    let events: Vec<_> = (0..7).map(|n| text(n, &n.to_string(), &n.to_string())).collect();
    queue.accept(&events).await.unwrap();
    for (n, claim) in queue.claim(6, LONG).await.unwrap().iter().enumerate() {
        let then = if n % 2 == 0 { Then::review("look") } else { Then::dead("gone") };
        assert!(queue.fail(claim, then).await.unwrap());
    }
    let mut pages = Vec::new();
    let mut after = 0;
    loop {
        let page = queue.parked(after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.row;
        pages.push(page);
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    for (n, row) in pages.iter().flatten().enumerate() {
        let (status, reason) =
            if n % 2 == 0 { (RowStatus::Review, "look") } else { (RowStatus::Dead, "gone") };
        assert_eq!((row.status, row.reason.as_deref(), row.attempts), (status, Some(reason), 1));
        assert_eq!(body_of(&row.payload), n.to_string());
        assert!(row.inserted_at.unix_seconds() > 1_700_000_000);
        assert!(!format!("{row:?}").contains("+1555"), "{row:?}");
    }
    assert!(queue.parked(0, 0).await.unwrap().is_empty());
}

pub(crate) async fn only_parked_rows_are_driven_again(place: &impl Place) {
    let queue = place.queue();
    let claims = one_of_each(place).await;
    let all: Vec<i64> = place.rows().await.iter().map(|row| row.id).chain([i64::MAX]).collect();
    assert_eq!(queue.redrive(&[]).await.unwrap(), 0);
    assert_eq!(queue.redrive(&all).await.unwrap(), 2);
    assert_eq!(queue.redrive(&all).await.unwrap(), 0);
    assert_eq!(numbers(queue.counts().await.unwrap()), [3, 1, 1, 0, 0]);
    let again = queue.claim(10, LONG).await.unwrap();
    assert_eq!(again.iter().map(body).collect::<Vec<_>>(), ["4", "5", "1"], "the oldest first");
    assert!(again.iter().all(|claim| claim.attempts == 1), "as if it had never been tried");
    assert!(queue.complete(&claims[0]).await.unwrap(), "what was in work is so still");
    assert!(place.rows().await.iter().all(|row| row.reason.is_none()));
}

pub(crate) async fn a_redriven_row_waits_for_a_later_one_that_is_in_work(place: &impl Place) {
    let queue = place.queue();
    queue.accept(&[text(1, "a", "1"), text(1, "b", "2"), text(1, "c", "3")]).await.unwrap();
    let first = claim_one(&queue).await;
    assert!(queue.fail(&first, Then::dead("gone")).await.unwrap());
    let second = queue.claim(1, super::SHORT).await.unwrap().remove(0);
    assert_eq!(queue.redrive(&[first.row]).await.unwrap(), 1);
    assert!(queue.claim(10, LONG).await.unwrap().is_empty(), "the second one is in work");
    place.pass(super::SHORT).await;
    assert_eq!(body(&claim_one(&queue).await), "1", "whose lease has ended now, and which waits in its turn");
    assert!(!queue.extend(&second, LONG).await.unwrap());
    assert!(queue.claim(10, LONG).await.unwrap().is_empty());
}

pub(crate) async fn discarded_rows_are_done_and_leave_nothing_behind(place: &impl Place) {
    let queue = place.queue();
    let claims = one_of_each(place).await;
    place.age(9 * DAY).await;
    assert_eq!(queue.erase(DAY).await.unwrap(), 1, "what was handled");
    let all: Vec<i64> = place.rows().await.iter().map(|row| row.id).chain([i64::MAX]).collect();
    assert_eq!(queue.discard(&[]).await.unwrap(), 0);
    assert_eq!(queue.discard(&all).await.unwrap(), 2);
    assert_eq!(queue.discard(&all).await.unwrap(), 0, "once");
    assert_eq!(queue.redrive(&all).await.unwrap(), 0);
    assert!(queue.parked(0, 10).await.unwrap().is_empty());
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 1, 3, 0, 0]);
    assert!(queue.complete(&claims[0]).await.unwrap(), "what was in work is so still");

    assert_eq!(queue.erase(DAY).await.unwrap(), 0, "they are done since now");
    place.age(2 * DAY).await;
    assert_eq!(queue.erase(DAY).await.unwrap(), 3, "with the one that was handled meanwhile");
    for row in place.rows().await.iter().filter(|row| row.status == "done") {
        let left = (row.payload.as_str(), row.conversation.as_str(), row.reason.as_deref());
        assert_eq!(left, ("null", "", None), "{}", row.id);
    }
    place.age(7 * DAY).await;
    assert_eq!(queue.purge(Retention::MIN).await.unwrap(), 4);
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 0, 0, 0, 0]);
}

pub(crate) async fn erased_rows_keep_their_ids(place: &impl Place) {
    let queue = place.queue();
    one_of_each(place).await;
    let before = place.rows().await;
    place.age(2 * DAY).await;
    assert_eq!(queue.erase(3 * DAY).await.unwrap(), 0);
    assert_eq!(queue.erase(DAY).await.unwrap(), 1);
    assert_eq!(queue.erase(DAY).await.unwrap(), 0, "once");
    let after = place.rows().await;
    for (before, after) in before.iter().zip(&after) {
        if after.status == "done" {
            assert_eq!((after.payload.as_str(), after.conversation.as_str()), ("null", ""));
            assert_eq!(after.event_id, before.event_id);
        } else {
            assert_eq!(before, after);
        }
    }
    queue.accept(&[text(3, "3", "3")]).await.unwrap();
    assert_eq!(place.rows().await.len(), 5, "nothing is taken twice");
}

pub(crate) async fn purged_rows_are_forgotten(place: &impl Place) {
    assert!(Retention::new(7 * DAY).is_err(), "a provider may post it again");
    let retention = Retention::new(8 * DAY).unwrap();
    let queue = place.queue();
    one_of_each(place).await;
    place.age(7 * DAY).await;
    assert_eq!(queue.purge(retention).await.unwrap(), 0);
    place.age(2 * DAY).await;
    assert_eq!(queue.purge(retention).await.unwrap(), 1);
    assert_eq!(numbers(queue.counts().await.unwrap()), [1, 1, 0, 1, 1]);
    let newest = place.rows().await.last().unwrap().id;
    queue.accept(&[text(3, "3", "3")]).await.unwrap();
    let rows = place.rows().await;
    assert_eq!(rows.len(), 5);
    assert!(rows.last().unwrap().id > newest);
}
