use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use whatsapp_provider::InboundEvent;
use whatsapp_provider::sink::SinkError;

use super::{Place, claim_one, numbers};
use crate::queue::events::{body, notices, text};

pub(crate) async fn an_empty_batch_does_nothing(place: &impl Place) {
    place.queue().accept(&[]).await.unwrap();
    assert!(place.rows().await.is_empty());
    assert!(place.queue().claim(0, Duration::from_secs(1)).await.unwrap().is_empty());
}

pub(crate) async fn the_same_event_makes_one_row(place: &impl Place) {
    let queue = place.queue();
    let events = [text(1, "a", "first"), text(1, "b", "second"), text(1, "a", "first again")];
    queue.accept(&events).await.unwrap();
    place.other().await.accept(&events).await.unwrap();
    let rows = place.rows().await;
    let ids: Vec<_> = rows.iter().map(|row| row.event_id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["message/a", "message/b"]);
    let first = claim_one(&queue).await;
    assert_eq!(body(&first), "first");
    assert!(queue.complete(&first).await.unwrap());
    queue.accept(&events).await.unwrap();
    assert_eq!(place.rows().await.len(), 2, "also when the row is done");
}

pub(crate) async fn eight_writers_of_the_same_events_make_each_row_once<P: Place>(place: &P) {
    let events: Vec<_> = (0..2_000).map(|n| text(n % 90, &format!("m{n}"), &n.to_string())).collect();
    let mut writers = tokio::task::JoinSet::new();
    for (writer, batch) in [7, 10, 25, 50, 64, 100, 333, 2_000].into_iter().enumerate() {
        let queue = place.queue();
        let mut batches: Vec<Vec<P::Item>> = events.chunks(batch).map(<[_]>::to_vec).collect();
        // Each begins somewhere else, and every second one goes backwards.
        let begin = batches.len() * writer / 8;
        batches.rotate_left(begin);
        if writer % 2 == 1 {
            batches.reverse();
        }
        writers.spawn(async move {
            for batch in batches {
                queue.accept(&batch).await.unwrap();
            }
        });
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap();
    }
    let rows = place.rows().await;
    assert_eq!(rows.len(), 2_000);
    let mut ids: Vec<_> = rows.into_iter().map(|row| row.event_id.unwrap()).collect();
    let mut expected: Vec<_> = (0..2_000).map(|n| format!("message/m{n}")).collect();
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

pub(crate) async fn a_thousand_equal_notices_without_ids_make_a_thousand_rows(
    place: &impl Place<Item = InboundEvent>,
) {
    place.queue().accept(&notices(1_000)).await.unwrap();
    let rows = place.rows().await;
    assert_eq!(rows.len(), 1_000);
    assert!(rows.iter().all(|row| row.event_id.is_none() && row.kind == "unrecognized"));
    place.queue().accept(&notices(1)).await.unwrap();
    assert_eq!(place.rows().await.len(), 1_001);
}

pub(crate) async fn odd_texts_and_ids_come_back_as_they_were<P: Place>(place: &P) {
    let queue = place.queue();
    let long = "l".repeat(5_000);
    let events: [P::Item; 3] = [
        text(1, "a\0b", "a text with \0 in it, \u{FFFD}, \u{1F44B}, \\u0000, \" and '"),
        text(2, &long, "{}"),
        text(3, "'; DROP TABLE message_queue; --", "$1 ?1 %s"),
    ];
    queue.accept(&events).await.unwrap();
    queue.accept(&events).await.unwrap();
    assert_eq!(place.rows().await.len(), 3, "and are known again");
    let claims = queue.claim(10, super::LONG).await.unwrap();
    let read: Vec<P::Item> =
        claims.iter().map(|claim| serde_json::from_str(&claim.payload).unwrap()).collect();
    assert_eq!(read, events);
    let ids: Vec<_> = place.rows().await.into_iter().map(|row| row.event_id.unwrap()).collect();
    assert!(ids[0].starts_with("sha256/") && ids[1].starts_with("sha256/"), "{ids:?}");
    assert_eq!(ids[2], "message/'; DROP TABLE message_queue; --");
}

pub(crate) async fn three_megabytes_come_back_as_they_were<P: Place>(place: &P) {
    let big: P::Item = text(1, "big", &"é\"".repeat(1_000_000));
    place.queue().accept(std::slice::from_ref(&big)).await.unwrap();
    let claim = claim_one(&place.queue()).await;
    assert!(claim.payload.len() > 3_000_000);
    assert!(serde_json::from_str::<P::Item>(&claim.payload).unwrap() == big);
}

/// Drops an insert at every point where it waits. Each time all of the batch is there or nothing, and the queue goes on.
pub(crate) async fn a_dropped_insert_leaves_all_or_nothing(place: &impl Place) {
    let queue = place.queue();
    let (mut ended, mut kept) = (0, 0);
    for waits in 0..40 {
        let batch: Vec<_> = (0..3).map(|n| text(n, &format!("{waits}-{n}"), "")).collect();
        let whole: Option<Result<(), SinkError>> = wait_at_most(waits, queue.accept(&batch)).await;
        ended += usize::from(whole.is_some());
        // What was dropped may still be on its way to its end.
        queue.accept(&[text(9, &format!("after-{waits}"), "")]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let rows = place.rows().await;
        let of_batch =
            rows.iter().filter(|row| row.event_id.as_ref().unwrap().contains(&format!("/{waits}-"))).count();
        assert!(of_batch == 0 || of_batch == 3, "{of_batch} of 3 after {waits} waits");
        assert!(whole.is_none() || of_batch == 3, "what was accepted is there");
        kept += of_batch / 3;
        queue.accept(&batch).await.unwrap();
    }
    assert_eq!(place.rows().await.len(), 40 * 4, "each can be posted again");
    assert!(ended < 40, "some were dropped");
    assert!(kept < 40, "and some of those left nothing");
    assert_eq!(numbers(queue.counts().await.unwrap()), [160, 0, 0, 0, 0]);
}

/// Polls a future until it has said so many times that it waits. `None`: it was dropped then.
pub(crate) async fn wait_at_most<F: Future>(waits: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut waited = 0;
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if waited == waits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}

/// Where nobody listens, nothing ever wakes.
pub(crate) async fn whoever_listens_is_woken_by_new_rows(place: &impl Place) {
    let queue = place.queue();
    let mut wake_ups = queue.listen().await.unwrap();
    let soon = Duration::from_millis(300);
    assert!(tokio::time::timeout(soon, wake_ups.next()).await.is_err(), "nothing was inserted");
    let other = Arc::clone(&queue);
    let writer = tokio::spawn(async move { other.accept(&[text(1, "a", "")]).await });
    let woken = tokio::time::timeout(Duration::from_secs(5), wake_ups.next()).await;
    writer.await.unwrap().unwrap();
    if !place.wakes() {
        assert!(woken.is_err());
        return;
    }
    woken.expect("woken").unwrap();
    // What is inserted between two calls is not missed; it may be told more than once.
    queue.accept(&[text(2, "b", "")]).await.unwrap();
    queue.accept(&[text(3, "c", "")]).await.unwrap();
    tokio::time::sleep(soon).await;
    tokio::time::timeout(soon, wake_ups.next()).await.expect("woken").unwrap();
    while tokio::time::timeout(soon, wake_ups.next()).await.is_ok() {}
    queue.accept(&[text(3, "c", "")]).await.unwrap();
    assert!(tokio::time::timeout(soon, wake_ups.next()).await.is_err(), "it was there already");
}
