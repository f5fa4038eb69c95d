//! Messages that are to be sent later.

use super::*;

#[test]
fn a_message_for_later_waits_and_can_be_called_back() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    let service = bench.accounts.messaging_service_sid.as_str();
    let twilio = bench.simulator.twilio().messaging_service_sid(service).build().unwrap();
    let at = bench.clock.now().saturating_add(Duration::from_secs(3600));
    let message = OutboundMessage::text(bench.ada().phone(), "Your table is ready").with_send_at(at);
    let send = || {
        let receipt = bench.clock.block_on(twilio.send(&message)).unwrap();
        assert_eq!(receipt.status, Some(AcceptedStatus::Scheduled));
        receipt.message.unwrap()
    };
    let (first, second) = (send(), send());
    bench.clock.block_on(twilio.cancel_scheduled(&first)).unwrap();
    let status = |sid: &str| {
        let path = bench.messages().replace(".json", &format!("/{sid}.json"));
        bench.json(bench.to_twilio(Method::GET, &path, &[])).1["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((status(&first.id), status(&second.id)), ("canceled".to_owned(), "scheduled".to_owned()));
    assert_eq!(bench.simulator.due_webhooks().len(), 0);
    bench.clock.advance(Duration::from_secs(3601));
    assert_eq!((status(&first.id), status(&second.id)), ("canceled".to_owned(), "delivered".to_owned()));
    assert_eq!(bench.simulator.due_webhooks().len(), 2, "of the one that went out");
    let deliveries = bench.simulator.deliveries();
    let [delivery] = deliveries.as_slice() else { panic!("{}", deliveries.len()) };
    assert_eq!((&delivery.message_id, delivery.at), (&second.id, at));
    // What was sent is not called back.
    let error = bench.clock.block_on(twilio.cancel_scheduled(&second)).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unrecognized);

    // Without a service Twilio does not look at the time.
    let own = [("Body", "x"), ("ScheduleType", "fixed"), ("SendAt", "2026-01-02T00:00:00Z")];
    assert_eq!(bench.json(bench.twilio_message(&own)).1["status"], "queued");
    assert_eq!(bench.simulator.deliveries().len(), 2);
}

#[test]
fn a_message_for_later_is_refused_outside_of_its_bounds() {
    let bench = Bench::new();
    bench.simulator.set_latency(Side::Twilio, Duration::ZERO);
    let send = |at: &str| {
        let service = bench.accounts.messaging_service_sid.as_str();
        let own =
            [("MessagingServiceSid", service), ("Body", "x"), ("ScheduleType", "fixed"), ("SendAt", at)];
        let (status, answer) = bench.json(bench.twilio_message(&own));
        (status, answer["code"].as_i64())
    };
    let now = bench.clock.now();
    let (soonest, latest) = (15 * 60, 35 * 24 * 60 * 60);
    for (ahead, expected) in [
        (0, (400, Some(35_114))),
        (soonest - 1, (400, Some(35_114))),
        (soonest, (201, None)),
        (latest, (201, None)),
        (latest + 1, (400, Some(35_114))),
    ] {
        let at = now.saturating_add(Duration::from_secs(ahead)).to_string();
        assert_eq!(send(&at), expected, "{ahead}");
    }
    assert_eq!(send("tomorrow"), (400, Some(35_114)));
    assert_eq!(bench.simulator.deliveries().len(), 2);
}
