use super::*;
use Acceptance::{NotAccepted, Unknown};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

fn classify(operation: Operation, code: i64, seen: Circumstances) -> (ErrorKind, Acceptance) {
    let meaning = super::classify(operation, code, seen);
    (meaning.kind, meaning.acceptance)
}

fn http(status: u16) -> Circumstances {
    Circumstances { http: Some(status), ..Circumstances::STATUS }
}

/// Every code that is known, with the operation in which it appears; `None` where it concerns no message.
#[test]
fn every_code_has_its_kind() {
    use ErrorKind as K;
    use Operation::{Send, Status};
    let table: [(i64, &[Operation], Option<ErrorKind>); 100] = [
        (11200, &[], None),
        (11205, &[], None),
        (12300, &[], None),
        (14107, &[Send, Status], Some(K::RecipientThrottled)),
        (20003, &[Send], Some(K::Credentials)),
        (20005, &[Send], Some(K::AccountBlocked)),
        (20008, &[Send], Some(K::Credentials)),
        (20403, &[Send], Some(K::AccountBlocked)),
        (20404, &[Send], Some(K::AccountBlocked)),
        (20429, &[Send], Some(K::Throttled)),
        (20500, &[Send], Some(K::NoAnswer)),
        (20503, &[Send], Some(K::Unavailable)),
        (20504, &[Send], Some(K::NoAnswer)),
        (21211, &[Send], Some(K::RecipientUnreachable)),
        (21212, &[Send], Some(K::AccountBlocked)),
        (21217, &[Send], Some(K::RecipientUnreachable)),
        (21408, &[Send], Some(K::NotEntitled)),
        (21602, &[Send], Some(K::Unsupported)),
        (21603, &[Send], Some(K::Unsupported)),
        (21604, &[Send], Some(K::Unsupported)),
        (21606, &[Send], Some(K::NotEntitled)),
        (21608, &[Send], Some(K::NotEntitled)),
        (21609, &[Send], Some(K::Unsupported)),
        (21610, &[Send], Some(K::RecipientRefused)),
        (21611, &[Send], Some(K::Throttled)),
        (21612, &[Send], Some(K::NotEntitled)),
        (21614, &[Send], Some(K::RecipientUnreachable)),
        (21617, &[Send], Some(K::Unsupported)),
        (21620, &[Send], Some(K::Unsupported)),
        (21623, &[Send], Some(K::Unsupported)),
        (21654, &[Send], Some(K::Unsupported)),
        (21655, &[Send], Some(K::TemplateUnavailable)),
        (21656, &[Send], Some(K::InvalidMessage)),
        (21663, &[Send], Some(K::Credentials)),
        (21701, &[Send], Some(K::AccountBlocked)),
        (21703, &[Send, Status], Some(K::AccountBlocked)),
        (21704, &[Send, Status], Some(K::AccountBlocked)),
        (21705, &[Send], Some(K::AccountBlocked)),
        (21910, &[Send], Some(K::Unsupported)),
        (30001, &[Status], Some(K::Throttled)),
        (30002, &[Status], Some(K::AccountBlocked)),
        (30003, &[Status], Some(K::RecipientUnreachable)),
        (30004, &[Status], Some(K::RecipientRefused)),
        (30005, &[Status], Some(K::RecipientUnreachable)),
        (30006, &[Status], Some(K::RecipientUnreachable)),
        (30007, &[Status], Some(K::RecipientRefused)),
        (30008, &[Status], Some(K::Unrecognized)),
        (30036, &[Status], Some(K::Expired)),
        (30410, &[Status], Some(K::NoAnswer)),
        (30500, &[Status], Some(K::Unavailable)),
        (35127, &[Send], Some(K::Unsupported)),
        (57012, &[], None),
        (63001, &[Status], Some(K::AccountBlocked)),
        (63002, &[Send, Status], Some(K::AccountBlocked)),
        (63003, &[Status], Some(K::RecipientUnreachable)),
        (63005, &[Status], Some(K::InvalidMessage)),
        (63006, &[Send, Status], Some(K::Unsupported)),
        (63007, &[Send], Some(K::AccountBlocked)),
        (63008, &[Status], Some(K::AccountBlocked)),
        (63009, &[Status], Some(K::Unavailable)),
        (63010, &[Status], Some(K::Unavailable)),
        (63011, &[Status], Some(K::InvalidMessage)),
        (63012, &[Status], Some(K::Unavailable)),
        (63013, &[Status], Some(K::RecipientRefused)),
        (63014, &[Status], Some(K::RecipientRefused)),
        (63015, &[Status], Some(K::NotEntitled)),
        (63016, &[Status], Some(K::WindowClosed)),
        (63017, &[Status], Some(K::Throttled)),
        (63018, &[Status], Some(K::RecipientThrottled)),
        (63019, &[Status], Some(K::Unsupported)),
        (63020, &[Status], Some(K::AccountBlocked)),
        (63021, &[Status], Some(K::InvalidMessage)),
        (63022, &[Status], Some(K::AccountBlocked)),
        (63023, &[Status], Some(K::Unrecognized)),
        (63024, &[Status], Some(K::RecipientRefused)),
        (63025, &[Status], Some(K::Unsupported)),
        (63026, &[Status], Some(K::RecipientRefused)),
        (63027, &[Status], Some(K::TemplateUnavailable)),
        (63028, &[Status], Some(K::InvalidMessage)),
        (63029, &[Status], Some(K::RecipientUnreachable)),
        (63030, &[Status], Some(K::Unsupported)),
        (63031, &[Send, Status], Some(K::InvalidMessage)),
        (63032, &[Status], Some(K::RecipientRefused)),
        (63033, &[Status], Some(K::RecipientRefused)),
        (63034, &[Status], Some(K::Unsupported)),
        (63035, &[], None),
        (63036, &[], None),
        (63037, &[Status], Some(K::Unrecognized)),
        (63038, &[Send, Status], Some(K::Throttled)),
        (63039, &[], None),
        (63040, &[Send, Status], Some(K::TemplateUnavailable)),
        (63041, &[Send, Status], Some(K::TemplateUnavailable)),
        (63042, &[Send, Status], Some(K::TemplateUnavailable)),
        (63049, &[Status], Some(K::RecipientRefused)),
        (63051, &[Send, Status], Some(K::AccountBlocked)),
        (63059, &[Status], Some(K::AccountBlocked)),
        (63062, &[Status], Some(K::NotEntitled)),
        (63101, &[], None),
        (92002, &[], None),
        (92005, &[Send], Some(K::Unsupported)),
    ];
    let known: std::collections::BTreeSet<_> = table.iter().map(|(code, ..)| *code).collect();
    assert_eq!(known.len(), 100);
    assert!(codes::ROWS.iter().all(|row| known.contains(&row.code)));
    for (code, operations, kind) in table {
        let rows: Vec<_> = codes::rows(code).filter(|row| row.place != Place::OneMessage).collect();
        assert_eq!(rows.len(), 1, "{code}");
        assert_eq!(rows[0].kind, kind, "{code}");
        let places: &[Operation] = match rows[0].place {
            Place::Send => &[Send],
            Place::Status | Place::Remark => &[Status],
            Place::SendOrStatus => &[Send, Status],
            _ => &[],
        };
        assert_eq!(places, operations, "{code}");
        let expected = kind.unwrap_or(K::Unrecognized);
        for operation in [Send, Status] {
            let seen = if operation == Send { http(400) } else { Circumstances::STATUS };
            let acceptance = if operation == Send { NotAccepted } else { Unknown };
            assert_eq!(classify(operation, code, seen), (expected, acceptance), "{code}");
        }
        // The code says what was wrong; that nothing was accepted, only a refusal by status says.
        for status in [401, 403, 404, 429, 499] {
            let unknown = if status == 429 { K::Throttled } else { K::Unrecognized };
            let seen = (kind.unwrap_or(unknown), NotAccepted);
            assert_eq!(classify(Send, code, http(status)), seen, "{code} {status}");
        }
        for status in [500, 502, 503, 504, 599] {
            let seen = (kind.unwrap_or(K::NoAnswer), Unknown);
            assert_eq!(classify(Send, code, http(status)), seen, "{code} {status}");
        }
        assert_eq!(classify(Send, code, http(408)), (K::NoAnswer, Unknown), "{code}");
    }
}

/// The codes of statuses after which the user certainly did not get the message.
const UNDELIVERED: &[i64] = &[
    14107, 21703, 21704, 30001, 30002, 30004, 30007, 30036, 63001, 63002, 63003, 63006, 63008, 63013, 63014,
    63015, 63016, 63017, 63018, 63019, 63020, 63021, 63022, 63024, 63026, 63027, 63028, 63030, 63031, 63032,
    63033, 63034, 63038, 63040, 63041, 63042, 63049, 63051, 63059, 63062,
];

/// The codes of statuses after which the user may have it all the same.
const UNSURE: &[i64] = &[
    30003, 30005, 30006, 30008, 30410, 30500, 63005, 63009, 63010, 63011, 63012, 63023, 63025, 63029, 63037,
];

fn failure(code: i64, failed: bool) -> Failure {
    status_failure(&ProviderId::TWILIO, Some(code), None, failed)
}

#[test]
fn only_a_code_that_excludes_it_proves_that_nobody_got_the_message() {
    let in_statuses = |row: &&Row| matches!(row.place, Place::Status | Place::SendOrStatus | Place::Remark);
    for row in codes::ROWS {
        let code = row.code;
        let proof = UNDELIVERED.contains(&code);
        assert_eq!(proof || UNSURE.contains(&code), in_statuses(&row), "{code}");
        assert_eq!(failure(code, true).proves_undelivered, proof, "{code}");
        // The message has not failed, whatever else went wrong.
        assert!(!failure(code, false).proves_undelivered, "{code}");
        // The answer to a send says itself whether it was accepted.
        assert!(!refused_with(code).failure().proves_undelivered, "{code}");
    }
    let of_statuses = codes::ROWS.iter().filter(in_statuses).count();
    assert_eq!(of_statuses, UNDELIVERED.len() + UNSURE.len(), "no code that has no row");
    assert!(!failure(63999, true).proves_undelivered);
    assert!(!status_failure(&ProviderId::TWILIO, None, Some("63016"), true).proves_undelivered);
}

#[test]
fn what_a_code_says_beyond_its_kind() {
    for code in codes::ROWS.iter().map(|row| row.code).chain([63999]) {
        let hint = match code {
            63018 => Some(Hint::ThrottledIfRepeated),
            63026 => Some(Hint::PauseMarketing),
            _ => None,
        };
        assert_eq!(refused_with(code).failure().hint, hint, "{code}");
        assert_eq!(failure(code, true).hint, hint, "{code}");
        assert_eq!(failure(code, false).hint, hint, "{code}");
    }
}

fn refused_with(code: i64) -> Error {
    let body = format!(r#"{{"code":{code}}}"#);
    let status = StatusCode::BAD_REQUEST;
    let answer = Answer { status, headers: HeaderMap::new(), body: Some(body.into()) };
    refusal(Operation::Send, &answer, false)
}

#[test]
fn the_operation_decides_where_a_code_means_several_things() {
    for (operation, kind) in [
        (Operation::Send, ErrorKind::AccountBlocked),
        (Operation::OneMessage, ErrorKind::InvalidMessage),
        (Operation::Read, ErrorKind::AccountBlocked),
    ] {
        assert_eq!(classify(operation, 20404, http(404)).0, kind);
    }
    assert_eq!(classify(Operation::Read, 20003, http(401)).0, ErrorKind::Credentials);
    assert_eq!(classify(Operation::OneMessage, 63016, http(400)).0, ErrorKind::Unrecognized);
}

#[test]
fn codes_without_a_row_are_no_guess() {
    for (code, status, expected) in [
        (63999, 400, (ErrorKind::Unrecognized, NotAccepted)),
        (99999, 401, (ErrorKind::Unrecognized, NotAccepted)),
        (99999, 429, (ErrorKind::Throttled, NotAccepted)),
        (99999, 408, (ErrorKind::NoAnswer, Unknown)),
        (99999, 500, (ErrorKind::NoAnswer, Unknown)),
        (20003, 500, (ErrorKind::Credentials, Unknown)),
        (20003, 408, (ErrorKind::NoAnswer, Unknown)),
    ] {
        assert_eq!(classify(Operation::Send, code, http(status)), expected, "{code} {status}");
    }
    assert_eq!(classify(Operation::Status, 63999, Circumstances::STATUS), (ErrorKind::Unrecognized, Unknown));
}

#[test]
fn unavailable_is_a_refusal_only_if_it_is_believed_and_names_a_time() {
    for (code, believe, retry_after, acceptance) in [
        (20503, false, None, Unknown),
        (20503, false, Some(1), Unknown),
        (20503, true, None, Unknown),
        (20503, true, Some(1), NotAccepted),
        (20500, true, Some(1), Unknown),
    ] {
        let seen = Circumstances {
            http: Some(503),
            retry_after: retry_after.map(Duration::from_secs),
            believe_retry_after: believe,
        };
        assert_eq!(classify(Operation::Send, code, seen).1, acceptance, "{code} {believe} {retry_after:?}");
    }
}

fn answer(status: u16, body: Option<&'static str>) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("twilio-request-id", "RQ1".parse().unwrap());
    headers.insert("retry-after", "3".parse().unwrap());
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.map(Bytes::from) }
}

#[test]
fn a_date_to_return_at_is_honoured() {
    let now = "Sun, 06 Nov 1994 08:49:37 GMT";
    for body in [r#"{"code":20503,"message":"Service unavailable","status":503}"#, "<html>busy</html>"] {
        let mut answer = answer(503, Some(body));
        answer.headers.insert("date", now.parse().unwrap());
        answer.headers.insert("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT".parse().unwrap());
        let cautious = refusal(Operation::Send, &answer, false);
        assert_eq!(cautious.retry_after(), Some(Duration::from_secs(30)), "{body}");
        assert_eq!(cautious.acceptance(), Unknown);
        let acceptance = refusal(Operation::Send, &answer, true).acceptance();
        assert_eq!(acceptance == NotAccepted, body.starts_with('{'), "only Twilio is believed");
    }
}

#[test]
fn all_shapes_of_error_bodies_are_read() {
    for body in [
        r#"{"code":63007,"message":"words","more_info":"https://www.twilio.com/docs/errors/63007","status":400}"#,
        r#"{"code":"63007","message":"words"}"#,
        r#"{"type":"about:blank","title":"Bad","status":400,"code":63007,"detail":"words","errors":[]}"#,
        r#"{"type":"about:blank","title":"words","status":400,"code":63007,"instance":"/x",
            "errors":[{"detail":"is required","pointer":"/to"}]}"#,
        r#"{"errors":[{"code":63007,"message":"words","infoUrl":"x"},{"code":1}]}"#,
        r#"{"code":null,"errors":[{"code":"63007","message":"words","context":{}}]}"#,
    ] {
        let error = refusal(Operation::Send, &answer(400, Some(body)), false);
        assert_eq!(error.kind(), ErrorKind::AccountBlocked, "{body}");
        assert_eq!(error.acceptance(), NotAccepted);
        assert_eq!((error.code(), error.status()), (Some(63007), Some(400)));
        assert_eq!(error.details(), Some("words"));
        assert_eq!(error.trace_id(), Some("RQ1"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
    }
    for (status, body, kind, acceptance) in [
        (400, Some("<html>Bad Request</html>"), ErrorKind::Unavailable, NotAccepted),
        (400, Some(r#"{"message":"no code"}"#), ErrorKind::Unavailable, NotAccepted),
        (400, Some(r#"[{"code":63007}]"#), ErrorKind::Unavailable, NotAccepted),
        (400, Some(r#"{"code":1e300}"#), ErrorKind::Unavailable, NotAccepted),
        (400, Some(r#"{"errors":[]}"#), ErrorKind::Unavailable, NotAccepted),
        (400, Some(r#"{"errors":{"0":{"code":63007}}}"#), ErrorKind::Unavailable, NotAccepted),
        (404, Some("<!DOCTYPE html><html><body>404</body></html>"), ErrorKind::Unavailable, NotAccepted),
        (500, Some("<html>"), ErrorKind::NoAnswer, Unknown),
        (503, Some("upstream connect error"), ErrorKind::NoAnswer, Unknown),
        (400, Some(""), ErrorKind::Unavailable, NotAccepted),
        (400, None, ErrorKind::Unavailable, NotAccepted),
        (429, None, ErrorKind::Throttled, NotAccepted),
        (502, Some("<html>"), ErrorKind::NoAnswer, Unknown),
        // A redirect is no refusal, whatever its body says.
        (307, Some(r#"{"code":63007}"#), ErrorKind::NoAnswer, Unknown),
    ] {
        let error = refusal(Operation::Send, &answer(status, body), false);
        assert_eq!((error.kind(), error.acceptance()), (kind, acceptance), "{status} {body:?}");
        assert_eq!(error.code(), None);
    }
}
