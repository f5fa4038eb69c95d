//! The simple sinks, each by its rules.

use std::time::Duration;

use super::scripted::{Do, Scripted, ids};
use super::*;
use crate::ids::MessageRef;
use crate::inbound::{AccountNotice, DeliveryState, Notice};
use crate::testing::{EventMaker, TestClock};

fn texts(count: usize) -> Vec<InboundEvent> {
    let mut maker = EventMaker::meta();
    (0..count).map(|_| maker.text("+15557654321", "Hi")).collect()
}

/// Accepts, with the time standing still. Only what was rejected is told of an error.
fn accept(sink: &dyn EventSink, events: &[InboundEvent]) -> Result<(), Option<Vec<usize>>> {
    TestClock::new().block_on(sink.accept(events)).map_err(|error| match error {
        SinkError::Reject(places) => Some(places),
        SinkError::Unavailable { .. } => None,
    })
}

#[test]
fn a_function_is_given_the_events_of_a_webhook() {
    let given = Arc::new(std::sync::Mutex::new(Vec::new()));
    let remember = Arc::clone(&given);
    let sink = sink_fn(move |events: Vec<InboundEvent>| {
        let remember = Arc::clone(&remember);
        async move {
            if events.len() > 2 {
                return Err(SinkError::Reject(vec![2]));
            }
            remember.lock().unwrap().push(ids(&events));
            Ok(())
        }
    });
    assert_eq!(accept(&sink, &texts(2)), Ok(()));
    assert_eq!(accept(&sink, &texts(3)), Err(Some(vec![2])));
    assert_eq!(*given.lock().unwrap(), [["1", "2"]]);
    assert_eq!(format!("{sink:?}"), "SinkFn");
}

#[test]
fn a_pointer_to_a_sink_is_that_sink() {
    let inner = Scripted::new(&TestClock::new());
    let shared: Arc<dyn EventSink> = Arc::new(inner.clone());
    let boxed: Box<dyn EventSink> = Box::new(Arc::clone(&shared));
    assert_eq!((accept(&shared, &texts(1)), accept(&boxed, &texts(1))), (Ok(()), Ok(())));
    assert_eq!(inner.calls().len(), 2);
}

#[test]
fn all_sinks_of_a_fan_out_get_everything_in_order() {
    let clock = TestClock::new();
    let sinks = [(); 3].map(|()| Scripted::new(&clock));
    let [first, second, third] = sinks.clone();
    let all = FanOut::new(first).and(second).and(third);
    assert_eq!(accept(&all, &texts(2)), Ok(()));
    assert!(sinks.iter().all(|sink| sink.taken() == ["1", "2"]));

    sinks[1].then(Do::Fail).then(Do::Reject(vec![1]));
    assert_eq!(accept(&all, &texts(2)), Err(None));
    assert_eq!(accept(&all, &texts(2)), Err(Some(vec![1])));
    assert_eq!(accept(&all, &texts(2)), Ok(()));
    let calls = sinks.each_ref().map(|sink| sink.calls().len());
    assert_eq!(
        calls,
        [4, 4, 2],
        "those before the one that failed are given them again, those after it only then"
    );
}

/// A message, a status, an account notice, something unrecognised, a message, a status.
fn mixed() -> Vec<InboundEvent> {
    let mut maker = EventMaker::meta();
    let messages = [maker.text("+15557654321", "a"), maker.text("+15557654321", "b")];
    let sender = messages[0].sender().unwrap().clone();
    let status = |id: &str| maker.status(&MessageRef::new(sender.clone(), id), DeliveryState::Read);
    let notice = AccountNotice::new(Notice::Reinstated);
    let [first, second] = messages;
    vec![
        first,
        status("s"),
        maker.event(crate::inbound::EventId::new(["account", "n"]), notice),
        maker.event(
            crate::inbound::EventId::new(["x", "u"]),
            crate::inbound::Unrecognized::new("test", Vec::new()),
        ),
        second,
        status("t"),
    ]
}

#[test]
fn events_are_split_by_their_kind() {
    let clock = TestClock::new();
    let [messages, statuses, notices, others] = [(); 4].map(|()| Scripted::new(&clock));
    let split = SplitByKind::new(others.clone())
        .messages(messages.clone())
        .statuses(statuses.clone())
        .account_notices(notices.clone());
    assert_eq!(accept(&split, &mixed()), Ok(()));
    assert_eq!(messages.calls(), [["1", "2"]]);
    assert_eq!(statuses.calls(), [["status/s/read", "status/t/read"]]);
    assert_eq!(notices.calls(), [["account/n"]]);
    assert_eq!(others.calls(), [["x/u"]]);

    assert_eq!(accept(&split, &texts(1)), Ok(()));
    let calls = [&messages, &statuses, &notices, &others].map(|sink| sink.calls().len());
    assert_eq!(calls, [2, 1, 1, 1], "a sink that has nothing to take is not asked");
}

#[test]
fn what_has_no_sink_of_its_own_goes_with_the_others_in_order() {
    let clock = TestClock::new();
    let [statuses, others] = [(); 2].map(|()| Scripted::new(&clock));
    let split = SplitByKind::new(others.clone()).statuses(statuses.clone());
    assert_eq!(accept(&split, &mixed()), Ok(()));
    assert_eq!(others.calls(), [["1", "account/n", "x/u", "2"]]);
    assert_eq!(statuses.calls(), [["status/s/read", "status/t/read"]]);
}

#[test]
fn a_rejection_names_the_places_of_the_whole() {
    let clock = TestClock::new();
    let [statuses, others] = [(); 2].map(|()| Scripted::new(&clock));
    let split = SplitByKind::new(others.clone()).statuses(statuses.clone());
    statuses.then(Do::Reject(vec![1, 0]));
    assert_eq!(accept(&split, &mixed()), Err(Some(vec![5, 1])));
    assert!(others.calls().is_empty(), "nobody after it is asked");
    others.then(Do::Reject(vec![3, 4]));
    assert_eq!(accept(&split, &mixed()), Err(Some(vec![4])), "a place that there is none of is left out");
    others.then(Do::Fail);
    assert_eq!(accept(&split, &mixed()), Err(None));
}

#[cfg(feature = "tokio")]
mod channels {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::clock::Clock;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn events_come_out_one_by_one_in_order() {
        let (sink, mut events) = channel(3);
        assert_eq!(accept(&sink, &texts(2)), Ok(()));
        assert_eq!(accept(&sink, &[]), Ok(()));
        assert_eq!(accept(&sink, &texts(1)), Ok(()));
        drop(sink);
        let received: Vec<_> = TestClock::new().block_on(async {
            let mut received = Vec::new();
            while let Some(event) = events.recv().await {
                received.push(event);
            }
            received
        });
        assert_eq!(ids(&received), ["1", "2", "1"]);
    }

    #[test]
    fn a_full_channel_waits_and_counts_webhooks() {
        for (room, webhooks) in [(0, 1), (1, 1), (2, 2)] {
            let (sink, mut events) = channel(room);
            for _ in 0..webhooks {
                assert_eq!(accept(&sink, &texts(2)), Ok(()));
            }
            let batch = texts(1);
            let mut waiting = pin!(sink.accept(&batch));
            assert!(poll(waiting.as_mut()).is_pending());
            assert!(matches!(poll(pin!(events.recv())), Poll::Ready(Some(_))));
            assert!(
                matches!(poll(waiting), Poll::Ready(Ok(()))),
                "there is room once a webhook is taken out"
            );
        }
        assert!(format!("{:?}", channel(usize::MAX).0).starts_with("ChannelSink("));
    }

    #[test]
    fn a_delivery_that_is_given_up_leaves_nothing_in_the_channel() {
        let (sink, mut events) = channel(1);
        assert_eq!(accept(&sink, &texts(1)), Ok(()));
        {
            let batch = texts(1);
            let mut given_up = pin!(sink.accept(&batch));
            assert!(poll(given_up.as_mut()).is_pending());
        }
        drop(sink);
        let received = TestClock::new().block_on(async { (events.recv().await, events.recv().await) });
        assert!(matches!(received, (Some(_), None)));
    }

    #[test]
    fn without_a_receiver_it_is_unavailable() {
        let (sink, events) = channel(1);
        drop(events);
        assert_eq!(accept(&sink, &texts(1)), Err(None));
        let error = TestClock::new().block_on(sink.accept(&texts(1))).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            (error.to_string(), cause),
            ("the sink is unavailable".into(), "nobody receives from the channel any more".into())
        );
    }

    #[test]
    fn the_time_of_a_sink_ends_its_waiting() {
        let clock = TestClock::new();
        let (sink, _events) = channel(1);
        assert_eq!(accept(&sink, &texts(1)), Ok(()));
        let second = Duration::from_secs(1);
        let batch = texts(1);
        assert!(clock.block_on(crate::clock::timeout(&clock, second, sink.accept(&batch))).is_none());
        assert_eq!(clock.elapsed(), second);
    }
}
