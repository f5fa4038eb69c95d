use std::time::Duration;

use super::sending::{FROM, TO, pairs, refused, sent};
use super::*;
use crate::clock::Clock;
use crate::error::{Acceptance, ErrorKind};
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::outbound::OutboundMessage;

#[test]
fn a_message_for_later_needs_a_service_and_has_its_bounds() {
    let wire = Wire::answering([]);
    let by_number = sending(&wire).build().unwrap();
    let by_service = sending(&wire).messaging_service_sid(SERVICE).build().unwrap();
    let now = TestClock::new().now();
    let message = |ahead| {
        OutboundMessage::text(to(), "hi").with_send_at(now.saturating_add(Duration::from_secs(ahead)))
    };
    let service = ("MessagingServiceSid", SERVICE);
    for (ahead, time) in [(960, "2026-01-01T00:16:00.000Z"), (3_024_000, "2026-02-05T00:00:00.000Z")] {
        let (form, dropped) = sent(&by_service, &wire, &message(ahead));
        let schedule = [("ScheduleType", "fixed"), ("SendAt", time)];
        let expected = [TO, FROM, service, ("Body", "hi")].into_iter().chain(schedule).collect::<Vec<_>>();
        assert_eq!((form, dropped), (pairs(&expected), vec![]));
        // Twilio would send it at once.
        let error = refused(&by_number, &wire, &message(ahead));
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("send_at")));
        assert_eq!(error.limit(), None);
    }
    for (ahead, limit) in [(0, 960), (959, 960), (3_024_001, 3_024_000)] {
        let error = refused(&by_service, &wire, &message(ahead));
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("send_at")));
        assert_eq!((error.limit(), error.actual()), (Some(limit), Some(ahead)));
    }
}

#[test]
fn a_message_for_later_is_called_back() {
    let canceled = r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"canceled"}"#;
    let sent = r#"{"sid":"SM0123456789abcdef0123456789abcdef","status":"sent"}"#;
    let sender = SenderId::new(ProviderId::TWILIO, NUMBER);
    for (reply, expected) in [
        (Reply::With(200, canceled), Ok(())),
        (Reply::Cut(200), Ok(())),
        (Reply::With(200, sent), Err((ErrorKind::Unrecognized, Acceptance::NotAccepted))),
        (Reply::With(200, "<html>"), Err((ErrorKind::NoAnswer, Acceptance::Unknown))),
        (Reply::With(404, r#"{"code":20404}"#), Err((ErrorKind::InvalidMessage, Acceptance::NotAccepted))),
        (Reply::With(401, r#"{"code":20003}"#), Err((ErrorKind::Credentials, Acceptance::NotAccepted))),
        (Reply::Silence, Err((ErrorKind::NoAnswer, Acceptance::Unknown))),
    ] {
        let wire = Wire::answering([reply.clone()]);
        let twilio = sending(&wire).build().unwrap();
        let result = block_on(twilio.cancel_scheduled(&MessageRef::new(sender.clone(), MESSAGE)));
        let seen = result.map_err(|error| (error.kind(), error.acceptance()));
        assert_eq!(seen, expected, "{reply:?}");
        let recorded = wire.recorded().remove(0);
        let address = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{MESSAGE}.json");
        assert_eq!((recorded.method.as_str(), &recorded.uri), ("POST", &address));
        assert_eq!(recorded.pairs(), pairs(&[("Status", "canceled")]));
    }
    let wire = Wire::answering([]);
    let twilio = sending(&wire).build().unwrap();
    let foreign = MessageRef::new(SenderId::new(ProviderId::META, "1"), MESSAGE);
    let error = block_on(twilio.cancel_scheduled(&foreign)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotPortable, Some("message")));
    for id in ["", "SM1", "../Calls/CA0123456789abcdef0123456789abcdef", "CA0123456789abcdef0123456789abcdef"]
    {
        let error = block_on(twilio.cancel_scheduled(&MessageRef::new(sender.clone(), id))).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some("message")), "{id}");
        assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
    }
    assert!(wire.recorded().is_empty());
}
