//! Each rule of the directory by itself, and all of them under traffic.

use std::error::Error as _;

use http::Request;

use super::*;
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::inbound::InboundEvent;
use crate::testing::{EventMaker, MemoryProvider, TestClock};
use crate::webhook::{SignatureError, WebhookRequest};

mod receiving;
#[cfg(feature = "simulator")]
mod traffic;

fn id(id: &str) -> LineId {
    LineId::new(id).unwrap()
}

fn memory(provider: &str, sender: &str) -> MemoryProvider {
    MemoryProvider::new(provider.parse().unwrap()).with_sender(sender)
}

fn sender(provider: &str, sender: &str) -> SenderId {
    SenderId::new(provider.parse().unwrap(), sender)
}

fn message() -> OutboundMessage {
    OutboundMessage::text(PhoneNumber::parse("+15551234567").unwrap(), "hello")
}

/// The error of the directory behind that of a message, which was refused before any request.
fn cause(error: &Error) -> LineError {
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoRoute, crate::Acceptance::NotAccepted));
    error.source().unwrap().downcast_ref::<LineError>().unwrap().clone()
}

/// Two lines, `a` with the sender `a/1` and `b` with `b/2`.
fn two() -> (Lines, MemoryProvider, MemoryProvider) {
    let (lines, a, b) = (Lines::new(), memory("a", "1"), memory("b", "2"));
    lines.insert(id("a"), a.clone()).unwrap();
    lines.insert(id("b"), b.clone()).unwrap();
    (lines, a, b)
}

fn receive(lines: &Lines, webhook: &Request<Vec<u8>>) -> Result<Vec<InboundEvent>, SignatureError> {
    let request = WebhookRequest::from_http(webhook, Timestamp::UNIX_EPOCH);
    Ok(lines.parse_inbound(&lines.verify_signature(&request)?).unwrap())
}

#[test]
fn names_and_senders_are_of_one_line() {
    let (lines, ..) = two();
    let before = lines.credentials_version();
    assert_eq!(lines.insert(id("a"), memory("c", "3")), Err(LineError::Exists { line: id("a") }));
    let taken = lines.insert(id("c"), memory("b", "2")).unwrap_err();
    assert_eq!((&taken, taken.field()), (&LineError::SenderTaken { line: id("b") }, "senders"));
    let taken = lines.replace(id("a"), memory("b", "2")).unwrap_err();
    assert_eq!(taken, LineError::SenderTaken { line: id("b") });
    let missing = lines.replace(id("c"), memory("c", "3")).unwrap_err();
    assert_eq!(missing, LineError::Missing { line: id("c") });
    assert_eq!(lines.retire(&id("c")), Err(LineError::Missing { line: id("c") }));
    assert!(lines.remove(&id("c")).is_none());
    // Nothing of this has left a trace.
    assert_eq!((lines.len(), lines.credentials_version()), (2, before));
    assert_eq!(lines.line_of(&sender("c", "3")), None);

    assert_eq!(lines.replace(id("a"), memory("c", "3")).unwrap().id().as_str(), "a");
    assert_eq!(lines.line_of(&sender("a", "1")), None);
    assert_eq!(lines.line_of(&sender("c", "3")), Some(id("a")));
    assert_ne!(lines.credentials_version(), before);
    lines.insert(id("c"), memory("a", "1")).unwrap();
    assert_eq!(lines.ids().collect::<Vec<_>>(), [id("a"), id("b"), id("c")]);
}

#[test]
fn a_message_goes_by_the_line_of_its_sender_and_by_no_other() {
    let (lines, a, b) = two();
    TestClock::new().block_on(async {
        lines.send(&message().with_from(sender("b", "2"))).await.unwrap();
        lines.send_by(&id("a"), &message()).await.unwrap();
        assert_eq!((a.sent().len(), b.sent().len()), (1, 1));

        let error = lines.send(&message()).await.unwrap_err();
        assert_eq!((cause(&error), error.field()), (LineError::NoSender, Some("from")));
        for unknown in [sender("a", "2"), sender("x", "1")] {
            let message = message().with_from(unknown);
            let error = lines.send(&message).await.unwrap_err();
            assert_eq!((cause(&error), error.field()), (LineError::UnknownSender, Some("from")));
            assert_eq!(cause(&lines.check(&message).unwrap_err()), LineError::UnknownSender);
        }
        let error = lines.send_by(&id("c"), &message()).await.unwrap_err();
        assert_eq!((cause(&error), error.field()), (LineError::Missing { line: id("c") }, Some("line")));

        lines.remove(&id("a")).unwrap();
        lines.send(&message()).await.unwrap();
        assert_eq!((a.attempts(), b.attempts()), (1, 2));
    });
}

#[test]
fn a_retired_line_receives_and_does_not_send() {
    let (lines, _, b) = two();
    lines.retire(&id("b")).unwrap();
    let retired = LineError::Retired { line: id("b") };
    let webhook = b.webhook(&[EventMaker::new(sender("b", "2")).text("15557654321", "Hi")]).unwrap();
    TestClock::new().block_on(async {
        let from_b = message().with_from(sender("b", "2"));
        assert_eq!(cause(&lines.send(&from_b).await.unwrap_err()), retired);
        assert_eq!(cause(&lines.send_by(&id("b"), &message()).await.unwrap_err()), retired);
        // It counts: a message that had to name its sender before must not go elsewhere now.
        assert_eq!(cause(&lines.send(&message()).await.unwrap_err()), LineError::NoSender);
        assert_eq!(b.attempts(), 0);
        assert!(lines.line(&id("b")).is_none() && lines.is_retired(&id("b")));
        assert_eq!(receive(&lines, &webhook).unwrap().len(), 1);

        lines.replace(id("b"), b.clone()).unwrap();
        lines.send(&from_b).await.unwrap();
        lines.remove(&id("b")).unwrap();
        assert_eq!(receive(&lines, &webhook), Err(SignatureError::Mismatch));
    });
}
