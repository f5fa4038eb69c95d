use std::time::Duration;

use super::*;
use crate::error::Acceptance::{NotAccepted, Unknown};
use crate::error::ErrorKind;
use crate::ids::{AttemptId, MessageRef, ProviderId, SenderId};
use crate::outbound::{AcceptedStatus, Attempt, OutboundMessage, SendReceipt};
use crate::provider::WhatsAppProvider;
use crate::{Acceptance, Result};

fn answered(reply: Reply) -> Result<SendReceipt> {
    let wire = Wire::answering([reply]);
    let twilio = sending(&wire).build().unwrap();
    let attempt = Attempt::with_id(AttemptId::from_u128(7));
    let result = block_on(twilio.send_attempt(&OutboundMessage::text(to(), "hi"), &attempt));
    if let Err(error) = &result {
        assert_eq!(error.provider(), Some(&ProviderId::TWILIO));
    }
    result
}

#[test]
fn acceptance_is_what_was_seen() {
    use ErrorKind::{
        AccountBlocked, Credentials, NoAnswer, RecipientRefused, Throttled, Unavailable, Unrecognized,
        Unsupported, WindowClosed,
    };
    let refusal = r#"{"code":63007,"message":"m","more_info":"i","status":400}"#;
    for (reply, kind, acceptance) in [
        (Reply::NoConnection, Unavailable, NotAccepted),
        (Reply::Silence, NoAnswer, Unknown),
        // Somebody else's success.
        (Reply::With(200, "<html>welcome</html>"), NoAnswer, Unknown),
        (Reply::With(201, ""), NoAnswer, Unknown),
        (Reply::With(201, r#"{"status":"queued"}"#), NoAnswer, Unknown),
        (Reply::With(201, r#"{"sid":7}"#), NoAnswer, Unknown),
        (Reply::With(201, r#"{"sid":"CA1"}"#), NoAnswer, Unknown),
        (Reply::With(204, ""), NoAnswer, Unknown),
        (Reply::With(302, ""), NoAnswer, Unknown),
        (Reply::With(307, refusal), NoAnswer, Unknown),
        // Refusals.
        (Reply::With(400, refusal), AccountBlocked, NotAccepted),
        (Reply::With(401, r#"{"code":20003,"message":"m","status":401}"#), Credentials, NotAccepted),
        (Reply::With(400, r#"{"code":21610}"#), RecipientRefused, NotAccepted),
        (Reply::With(400, r#"{"code":21617}"#), Unsupported, NotAccepted),
        (Reply::With(400, r#"{"code":63016}"#), WindowClosed, NotAccepted),
        (Reply::With(400, r#"{"code":63999}"#), Unrecognized, NotAccepted),
        (Reply::With(429, r#"{"code":20429}"#), Throttled, NotAccepted),
        (Reply::With(400, "<html>"), Unavailable, NotAccepted),
        (Reply::With(403, ""), Unavailable, NotAccepted),
        (Reply::With(429, ""), Throttled, NotAccepted),
        (Reply::Cut(400), Unavailable, NotAccepted),
        // What may have been passed on before it broke.
        (Reply::With(408, ""), NoAnswer, Unknown),
        (Reply::With(500, r#"{"code":20500,"message":"m","status":500}"#), NoAnswer, Unknown),
        (Reply::With(503, r#"{"code":20503}"#), Unavailable, Unknown),
        (Reply::WithHeader(503, r#"{"code":20503}"#, ("retry-after", "5")), Unavailable, Unknown),
        (Reply::With(500, refusal), AccountBlocked, Unknown),
        (Reply::With(502, "<html>"), NoAnswer, Unknown),
        (Reply::With(504, ""), NoAnswer, Unknown),
        (Reply::Cut(500), NoAnswer, Unknown),
        // Taken, and given up in the same breath.
        (
            Reply::With(201, r#"{"sid":"SM1","status":"failed","error_code":63016,"error_message":"m"}"#),
            WindowClosed,
            NotAccepted,
        ),
        (
            Reply::With(201, r#"{"sid":"SM1","status":"canceled","error_code":"30036"}"#),
            ErrorKind::Expired,
            NotAccepted,
        ),
    ] {
        let error = answered(reply.clone()).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (kind, acceptance), "{reply:?}");
    }
}

#[test]
fn errors_keep_what_support_asks_for() {
    let error = answered(Reply::WithHeader(
        429,
        r#"{"code":20429,"message":"Too Many Requests","status":429}"#,
        ("retry-after", "7"),
    ))
    .unwrap_err();
    assert_eq!((error.code(), error.status()), (Some(20429), Some(429)));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(error.details(), Some("Too Many Requests"));
    let error = answered(Reply::WithHeader(500, "", ("twilio-request-id", "RQ1"))).unwrap_err();
    assert_eq!(error.trace_id(), Some("RQ1"));
}

#[test]
fn unavailable_with_a_time_to_return_can_be_believed() {
    let reply = || Reply::WithHeader(503, r#"{"code":20503}"#, ("retry-after", "5"));
    let bare = || Reply::WithHeader(503, "", ("retry-after", "5"));
    let wire = Wire::answering([reply(), bare()]);
    let twilio = sending(&wire).unavailable_with_retry_after_is_refusal(true).build().unwrap();
    let message = OutboundMessage::text(to(), "hi");
    let error = block_on(twilio.send(&message)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, NotAccepted));
    let error = block_on(twilio.send(&message)).unwrap_err();
    assert_eq!(error.acceptance(), Unknown, "that was not Twilio");
}

#[test]
fn receipts_say_what_twilio_said() {
    let sender = SenderId::new(ProviderId::TWILIO, NUMBER);
    for (body, status) in [
        (r#"{"sid":"MM1","status":"accepted"}"#, Some(AcceptedStatus::Accepted)),
        (r#"{"sid":"MM1","status":"queued"}"#, Some(AcceptedStatus::Queued)),
        (r#"{"sid":"MM1","status":"sent"}"#, Some(AcceptedStatus::Other("sent".into()))),
        (r#"{"sid":"MM1","status":null}"#, None),
        (r#"{"sid":"MM1","status":7,"from":{}}"#, None),
        // Failed for a reason that nobody knows: the status webhook will tell.
        (
            r#"{"sid":"MM1","status":"failed","error_code":null}"#,
            Some(AcceptedStatus::Other("failed".into())),
        ),
        (r#"{"sid":"MM1","status":"failed","error_code":0}"#, Some(AcceptedStatus::Other("failed".into()))),
        // Of codes that leave it open: NoAnswer, Unavailable, and Unrecognized with and without a row.
        (
            r#"{"sid":"MM1","status":"failed","error_code":30410}"#,
            Some(AcceptedStatus::Other("failed".into())),
        ),
        (
            r#"{"sid":"MM1","status":"canceled","error_code":30500}"#,
            Some(AcceptedStatus::Other("canceled".into())),
        ),
        (
            r#"{"sid":"MM1","status":"failed","error_code":30008}"#,
            Some(AcceptedStatus::Other("failed".into())),
        ),
        (
            r#"{"sid":"MM1","status":"failed","error_code":63999}"#,
            Some(AcceptedStatus::Other("failed".into())),
        ),
        // What is undelivered had left, whatever the code.
        (
            r#"{"sid":"MM1","status":"undelivered","error_code":30410}"#,
            Some(AcceptedStatus::Other("undelivered".into())),
        ),
        (
            r#"{"sid":"MM1","status":"undelivered","error_code":63016}"#,
            Some(AcceptedStatus::Other("undelivered".into())),
        ),
        // A code without a failure.
        (r#"{"sid":"MM1","status":"queued","error_code":63037}"#, Some(AcceptedStatus::Queued)),
    ] {
        let receipt = answered(Reply::With(201, body)).unwrap();
        assert_eq!(receipt.status, status, "{body}");
        assert_eq!(receipt.message, Some(MessageRef::new(sender.clone(), "MM1")));
        assert_eq!(receipt.sender, Some(sender.clone()));
        assert_eq!(receipt.attempts[0].id, AttemptId::from_u128(7));
    }
    let receipt = answered(Reply::With(
        201,
        r#"{"sid":"SM1","from":"whatsapp:+14155238886","to":"whatsapp:+15551234568"}"#,
    ))
    .unwrap();
    assert_eq!(receipt.phone.unwrap().to_e164(), "+15551234568");
    assert_eq!(receipt.user, None);
    let receipt = answered(Reply::With(201, r#"{"sid":"SM1","to":"whatsapp:US.1349"}"#)).unwrap();
    assert_eq!((receipt.phone, receipt.user.unwrap().as_str()), (None, "US.1349"));
}

#[test]
fn a_service_names_the_number_it_took() {
    let body =
        r#"{"sid":"SM1","status":"accepted","from":"whatsapp:+14155550100","messaging_service_sid":"MG1"}"#;
    let wire = Wire::answering([Reply::With(201, body), Reply::With(201, CREATED)]);
    let twilio = with_wire(&wire).messaging_service_sid(SERVICE).build().unwrap();
    let message = OutboundMessage::text(to(), "hi");
    let receipt = block_on(twilio.send(&message)).unwrap();
    assert_eq!(receipt.sender.unwrap().id, "+14155550100");
    let receipt = block_on(twilio.send(&message)).unwrap();
    assert_eq!(receipt.sender.unwrap().id, SERVICE);
}

#[test]
fn an_answer_that_breaks_off_is_a_receipt_without_an_id() {
    let receipt = answered(Reply::Cut(201)).unwrap();
    assert_eq!(receipt.message, None);
    assert_eq!(receipt.status, None);
    assert_eq!(receipt.sender.unwrap().id, NUMBER);
}

#[test]
fn departure_and_deadline_are_kept() {
    let wire = Wire::answering([Reply::NoConnection]);
    let twilio = sending(&wire).build().unwrap();
    let message = OutboundMessage::text(to(), "hi");
    let attempt = Attempt::with_id(AttemptId::from_u128(7)).with_deadline(Duration::from_secs(5));
    assert!(block_on(twilio.send_attempt(&message, &attempt)).is_err());
    assert!(!attempt.departure.departed());
    // It was given up with that, so nothing can leave any more.
    assert!(block_on(twilio.send_attempt(&message, &attempt)).is_err());
    assert!(wire.recorded().is_empty());

    let attempt = Attempt::with_id(AttemptId::from_u128(8)).with_deadline(Duration::from_secs(5));
    block_on(twilio.send_attempt(&message, &attempt)).unwrap();
    assert!(attempt.departure.departed());
    assert_eq!(wire.recorded()[0].limits.total, Duration::from_secs(5));

    // A refusal before any request arms the mark all the same: it proves that nothing left.
    let attempt = Attempt::with_id(AttemptId::from_u128(9));
    assert!(block_on(twilio.send_attempt(&OutboundMessage::text(to(), ""), &attempt)).is_err());
    assert!(attempt.departure.revoke());
}

#[test]
fn only_twilio_answers_typing_and_probe() {
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE);
    let foreign = Err((ErrorKind::NoAnswer, Unknown, Some(200)));
    let html = "<html>welcome</html>";
    for (reply, typing, probe) in [
        (Reply::With(200, html), foreign, foreign),
        (Reply::With(200, ""), foreign, foreign),
        (Reply::With(200, "{}"), foreign, foreign),
        (Reply::With(200, r#"{"success":"true"}"#), foreign, foreign),
        (Reply::With(200, r#"{"messages":null}"#), foreign, foreign),
        (Reply::With(200, r#"{"success":true}"#), Ok(()), foreign),
        (Reply::With(200, r#"{"messages":[{"sid":"SM1"}],"page":0}"#), foreign, Ok(())),
        (Reply::Cut(200), Ok(()), Ok(())),
    ] {
        let wire = Wire::answering([reply.clone(), reply.clone()]);
        let twilio = sending(&wire).build().unwrap();
        let seen =
            |result: Result<()>| result.map_err(|error| (error.kind(), error.acceptance(), error.status()));
        assert_eq!(seen(block_on(twilio.show_typing(&message))), typing, "{reply:?}");
        assert_eq!(seen(block_on(twilio.probe())), probe, "{reply:?}");
    }
}

#[test]
fn typing_and_probe() {
    let wire = Wire::answering([
        Reply::With(200, r#"{"success":true}"#),
        Reply::With(200, r#"{"success":false}"#),
        Reply::With(404, r#"{"code":20404,"message":"m","status":404}"#),
        Reply::With(200, r#"{"messages":[]}"#),
        Reply::With(401, r#"{"code":20003,"message":"m","status":401}"#),
        Reply::With(404, r#"{"code":20404,"message":"m","status":404}"#),
    ]);
    let twilio = sending(&wire).build().unwrap();
    let message = MessageRef::new(SenderId::new(ProviderId::TWILIO, NUMBER), MESSAGE);
    let kind = |result: Result<()>| result.map_err(|error| error.kind());
    assert_eq!(kind(block_on(twilio.show_typing(&message))), Ok(()));
    assert_eq!(kind(block_on(twilio.show_typing(&message))), Err(ErrorKind::Unrecognized));
    assert_eq!(kind(block_on(twilio.show_typing(&message))), Err(ErrorKind::InvalidMessage));
    assert_eq!(kind(block_on(twilio.probe())), Ok(()));
    assert_eq!(kind(block_on(twilio.probe())), Err(ErrorKind::Credentials));
    assert_eq!(kind(block_on(twilio.probe())), Err(ErrorKind::AccountBlocked));

    let recorded = wire.recorded();
    assert_eq!(recorded[0].uri, "https://messaging.twilio.com/v2/Indicators/Typing.json");
    assert_eq!(
        recorded[0].pairs(),
        [("messageId", MESSAGE), ("channel", "whatsapp")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(recorded[3].method, http::Method::GET);
    assert_eq!(
        recorded[3].uri,
        format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=1")
    );
    assert!(recorded[3].headers["authorization"].is_sensitive());
    assert!(recorded[3].body.is_empty());

    let foreign = MessageRef::new(SenderId::new(ProviderId::META, "1"), "wamid.HBgL");
    let error = block_on(twilio.show_typing(&foreign)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotPortable, Some("message")));
    assert_eq!(error.acceptance(), NotAccepted);
    let error = block_on(twilio.mark_read(&message)).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unsupported, Acceptance::NotAccepted));
    assert_eq!(wire.recorded().len(), 6);
}
