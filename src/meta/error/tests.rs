mod beyond;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};

use super::Operation::{Fetch, File, Inbound, Management, Send, Status};
use super::*;
use crate::error::Acceptance::{NotAccepted, Unknown};
use crate::error::ErrorKind as K;

fn classify(
    operation: Operation,
    http_status: Option<u16>,
    code: i64,
    subcode: Option<i64>,
    details: &str,
) -> (ErrorKind, Acceptance) {
    let meaning = super::classify(operation, http_status, code, subcode, details);
    (meaning.kind, meaning.acceptance)
}

/// Every documented code, the ends of ranges in their stead: where it applies, and what it means there.
const EXPECTED: &[(&[i64], &[Operation], Option<K>)] = &[
    (&[0], &[Send], Some(K::Credentials)),
    (&[1], &[Send], Some(K::Unrecognized)),
    (&[2], &[Send], Some(K::Unavailable)),
    (&[3], &[Send], Some(K::NotEntitled)),
    (&[4], &[Send], Some(K::Throttled)),
    (&[10], &[Send], Some(K::NotEntitled)),
    (&[33], &[Send], Some(K::AccountBlocked)),
    (&[100], &[Send, Fetch, File, Management], Some(K::InvalidMessage)),
    (&[104], &[Send], Some(K::Credentials)),
    (&[190], &[Send], Some(K::Credentials)),
    (&[200], &[Send], Some(K::AccountBlocked)),
    (&[201, 250, 299], &[Send], Some(K::Credentials)),
    (&[368], &[Send], Some(K::AccountBlocked)),
    (&[613], &[Management], None),
    (&[1026], &[Status], Some(K::RecipientUnreachable)),
    (&[80007], &[Send], Some(K::Throttled)),
    (&[130_403], &[Send, Status], Some(K::RecipientRefused)),
    (&[130_429], &[Send, Status], Some(K::Throttled)),
    (&[130_472], &[Status], Some(K::RecipientRefused)),
    (&[130_497], &[Send, Status], Some(K::RecipientRefused)),
    (&[130_501], &[Inbound], None),
    (&[131_000], &[Send, Status], Some(K::Unavailable)),
    (&[131_005], &[Send], Some(K::Credentials)),
    (&[131_008], &[Send], Some(K::InvalidMessage)),
    (&[131_009], &[Send, Status], Some(K::InvalidMessage)),
    (&[131_016], &[Send, Status], Some(K::Unavailable)),
    (&[131_020], &[Send], Some(K::RecipientUnreachable)),
    (&[131_021], &[Send], Some(K::InvalidMessage)),
    (&[131_026], &[Send, Status], Some(K::RecipientUnreachable)),
    (&[131_030], &[Send], Some(K::NotEntitled)),
    (&[131_031], &[Send], Some(K::AccountBlocked)),
    (&[131_037], &[Send], Some(K::AccountBlocked)),
    (&[131_041], &[Send], Some(K::RecipientUnreachable)),
    (&[131_042], &[Send, Status], Some(K::AccountBlocked)),
    (&[131_044], &[Management], None),
    (&[131_045], &[Send], Some(K::AccountBlocked)),
    (&[131_047], &[Send, Status], Some(K::WindowClosed)),
    (&[131_048], &[Send, Status], Some(K::RecipientRefused)),
    (&[131_049], &[Status], Some(K::RecipientRefused)),
    (&[131_050], &[Status], Some(K::RecipientRefused)),
    (&[131_051], &[Send, Inbound], Some(K::Unsupported)),
    (&[131_052], &[Inbound], None),
    (&[131_053], &[Send, Status], Some(K::InvalidMessage)),
    (&[131_055], &[Send], Some(K::NotEntitled)),
    (&[131_056], &[Send, Status], Some(K::RecipientThrottled)),
    (&[131_057], &[Send], Some(K::Unavailable)),
    (&[131_059], &[Management], None),
    (&[131_060], &[Inbound], None),
    (&[131_062], &[Send], Some(K::InvalidMessage)),
    (&[131_063], &[Send], Some(K::NotEntitled)),
    (&[131_064], &[Send, Status], Some(K::NotEntitled)),
    (&[131_201], &[Management], None),
    (&[131_202], &[Management], None),
    (&[131_204], &[Management], None),
    (&[131_207], &[Send], Some(K::RecipientUnreachable)),
    (&[131_208], &[Send], Some(K::RecipientThrottled)),
    (&[131_209, 131_212, 131_215], &[Management], None),
    (&[132_000], &[Send], Some(K::InvalidMessage)),
    (&[132_001], &[Send], Some(K::TemplateUnavailable)),
    (&[132_005], &[Send, Status], Some(K::InvalidMessage)),
    (&[132_007], &[Send], Some(K::InvalidMessage)),
    (&[132_008], &[Send], Some(K::InvalidMessage)),
    (&[132_012], &[Send], Some(K::InvalidMessage)),
    (&[132_015], &[Send, Status], Some(K::TemplateUnavailable)),
    (&[132_016], &[Send], Some(K::TemplateUnavailable)),
    (&[132_018], &[Send], Some(K::InvalidMessage)),
    (&[132_068], &[Send], Some(K::NotEntitled)),
    (&[132_069], &[Send], Some(K::NotEntitled)),
    (&[133_000], &[Management], None),
    (&[133_004], &[Send], Some(K::Unavailable)),
    (&[133_005], &[Management], None),
    (&[133_006], &[Send], Some(K::AccountBlocked)),
    (&[133_008], &[Management], None),
    (&[133_009], &[Management], None),
    (&[133_010], &[Send], Some(K::AccountBlocked)),
    (&[133_015], &[Management], None),
    (&[133_016], &[Management], None),
    (&[134_011], &[Send], Some(K::NotEntitled)),
    (&[134_100], &[Send], Some(K::NotEntitled)),
    (&[134_101], &[Send], Some(K::NotEntitled)),
    (&[134_102], &[Send], Some(K::NotEntitled)),
    (&[135_000], &[Send, Status], Some(K::Unrecognized)),
    (&[137_000], &[Status], Some(K::RecipientRefused)),
    (&[138_000], &[Send], Some(K::NotEntitled)),
    (&[138_001], &[Send], Some(K::NotEntitled)),
    (&[138_002], &[Send], Some(K::NotEntitled)),
    (&[138_003], &[Send], Some(K::NotEntitled)),
    (&[138_004], &[Send], Some(K::NotEntitled)),
    (&[138_005], &[Send], Some(K::NotEntitled)),
    (&[138_006], &[Send], Some(K::NotEntitled)),
    (&[138_007], &[Send], Some(K::NotEntitled)),
    (&[138_009], &[Send], Some(K::RecipientThrottled)),
    (&[138_012], &[Send], Some(K::NotEntitled)),
    (&[138_013], &[Send], Some(K::NotEntitled)),
    (&[138_014], &[Send], Some(K::NotEntitled)),
    (&[138_015], &[Send], Some(K::NotEntitled)),
    (&[138_017], &[Send], Some(K::NotEntitled)),
    (&[138_018], &[Send], Some(K::NotEntitled)),
    (&[138_019, 138_023], &[Management], None),
    (&[139_000, 139_004], &[Management], None),
    (&[139_100], &[Management], None),
    (&[139_101], &[Management], None),
    (&[139_102], &[Management], None),
    (&[139_103], &[Management], None),
    (&[139_200], &[Send], Some(K::NotEntitled)),
    (&[141_000, 141_010, 141_999], &[Management], None),
    (&[147_001, 147_005], &[Management], None),
    (&[1_752_041], &[Management], None),
    (&[2_388_000, 2_388_999], &[Management], None),
    (&[2_494_100], &[Send], Some(K::Unavailable)),
    (&[2_593_107, 2_593_108, 2_593_109], &[Management, Inbound], None),
];

#[test]
fn every_documented_code_has_its_row() {
    for (codes, places, kind) in EXPECTED {
        for code in *codes {
            let row = find(places[0], *code, None, "").unwrap_or_else(|| panic!("{code}"));
            assert_eq!((row.places, row.kind), (*places, *kind), "{code}");
            for place in *places {
                let says = classify(*place, Some(400), *code, None, "");
                assert_eq!(says, (kind.unwrap_or(K::Unrecognized), NotAccepted), "{code}");
            }
            let sends = places.iter().any(|place| matches!(place, Send | Status));
            assert_eq!(kind.is_some(), sends, "{code}: sends and statuses have a kind, nothing else has");
        }
    }
    let covered: usize =
        CODES.iter().filter(|row| EXPECTED.iter().any(|(codes, ..)| codes.contains(&row.first))).count();
    assert_eq!(covered, CODES.len(), "no row that is not listed here");
}

#[test]
fn the_table_is_in_order_and_has_gaps_where_the_list_has() {
    for pair in CODES.windows(2) {
        assert!(pair[0].first <= pair[0].last);
        let same = pair[0].first == pair[1].first && pair[0].last == pair[1].last;
        assert!(same || pair[0].last < pair[1].first, "{:?}", pair[1]);
    }
    for absent in [
        -1,
        5,
        34,
        101,
        300,
        131_001,
        131_015,
        131_054,
        131_216,
        132_017,
        138_008,
        138_010,
        138_016,
        138_024,
        139_005,
        142_000,
        2_387_999,
        2_389_000,
        i64::MIN,
        i64::MAX,
    ] {
        assert!(find(Send, absent, None, "").is_none(), "{absent}");
        assert_eq!(classify(Send, Some(400), absent, None, ""), (K::Unrecognized, NotAccepted));
    }
}

#[test]
fn the_status_speaks_where_the_code_says_nothing() {
    // One without a row, and one with a row for another place only.
    for code in [999_999, 131_052] {
        for (status, kind, acceptance) in [
            (400, K::Unrecognized, NotAccepted),
            (403, K::Unrecognized, NotAccepted),
            (428, K::Unrecognized, NotAccepted),
            (429, K::Throttled, NotAccepted),
            (430, K::Unrecognized, NotAccepted),
            (408, K::NoAnswer, Unknown),
            (500, K::NoAnswer, Unknown),
            (599, K::NoAnswer, Unknown),
            (200, K::NoAnswer, Unknown),
        ] {
            assert_eq!(
                classify(Send, Some(status), code, None, ""),
                (kind, acceptance),
                "{code} at {status}"
            );
        }
        assert_eq!(classify(Status, None, code, None, ""), (K::Unrecognized, Unknown));
    }
    // A code that is known keeps its kind, and one whose row says that it says nothing is known.
    assert_eq!(classify(Send, Some(429), 131_047, None, ""), (K::WindowClosed, NotAccepted));
    assert_eq!(classify(Send, Some(503), 131_047, None, ""), (K::WindowClosed, Unknown));
    assert_eq!(classify(Send, Some(500), 1, None, ""), (K::Unrecognized, Unknown));
}

#[test]
fn one_code_with_two_meanings() {
    let kind = |operation, subcode, details| classify(operation, Some(400), 100, subcode, details).0;
    let gone = "Unsupported post request. Object with ID '1' does not exist, cannot be loaded due to missing permissions";
    assert_eq!(kind(Send, Some(33), ""), K::AccountBlocked);
    assert_eq!(kind(Send, None, gone), K::AccountBlocked);
    assert_eq!(kind(Send, None, "You do not have PERMISSION for this"), K::AccountBlocked);
    assert_eq!(kind(Send, Some(34), "(#100) Invalid parameter"), K::InvalidMessage);
    assert_eq!(kind(Send, None, "type must be one of {text, call_permission_request}"), K::InvalidMessage);
    // The file of a message, or the one that is asked for, is gone, and not the number.
    let unknown = "Param image['id'] is not a valid whatsapp business account media attachment ID";
    assert_eq!(kind(Send, None, unknown), K::MediaExpired);
    assert_eq!(kind(File, Some(33), ""), K::MediaExpired);
    assert_eq!(kind(File, None, gone), K::MediaExpired);
    assert_eq!(kind(File, None, "You do not have permission for this"), K::InvalidMessage);
    assert_eq!(classify(File, Some(401), 190, None, "").0, K::Credentials);
    // What was to be fetched is gone, and not the number.
    assert_eq!(kind(Fetch, Some(33), gone), K::InvalidMessage);
    // A code that has rows for other places only means there what it means elsewhere.
    assert_eq!(classify(Status, None, 190, None, "").0, K::Credentials);
    assert_eq!(classify(Fetch, Some(400), 131_049, None, "").0, K::RecipientRefused);
    assert_eq!(classify(Send, Some(400), 131_052, None, "").0, K::Unrecognized);
}

#[test]
fn who_may_not_read_the_account_may_well_send() {
    let kind = |operation, code, subcode, details| classify(operation, Some(400), code, subcode, details).0;
    for code in [3, 10, 200, 201, 250, 299, 131_005] {
        assert_eq!(kind(Management, code, None, ""), K::NotEntitled, "{code}");
    }
    let gone = "Object with ID '1' does not exist, cannot be loaded due to missing permissions";
    assert_eq!(kind(Management, 100, Some(33), ""), K::NotEntitled);
    assert_eq!(kind(Management, 100, None, gone), K::NotEntitled);
    assert_eq!(kind(Management, 100, None, "Tried accessing nonexisting field"), K::InvalidMessage);
    for (code, expected) in [
        (4, K::Throttled),
        (80007, K::Throttled),
        (190, K::Credentials),
        (368, K::AccountBlocked),
        (33, K::AccountBlocked),
        (131_059, K::Unrecognized),
    ] {
        assert_eq!(kind(Management, code, None, ""), expected, "{code}");
    }
    for operation in [Send, Management, Fetch] {
        let proof = "Invalid appsecret_proof provided in the API argument";
        assert_eq!(kind(operation, 100, None, proof), K::Credentials);
    }
}

#[test]
fn at_5xx_only_some_codes_are_refusals() {
    let refuses = [2, 3, 131_016, 131_045, 131_057, 133_004];
    for (codes, _, kind) in EXPECTED {
        for code in *codes {
            let expected = if refuses.contains(code) { NotAccepted } else { Unknown };
            for status in [500, 503, 599] {
                let says = classify(Send, Some(status), *code, None, "");
                assert_eq!(says, (kind.unwrap_or(K::NoAnswer), expected), "{code} at {status}");
            }
            // In a webhook the message was accepted, and after 408 nothing is certain.
            assert_eq!(classify(Status, None, *code, None, "").1, Unknown);
            for status in [200, 302, 408] {
                assert_eq!(classify(Send, Some(status), *code, None, ""), (K::NoAnswer, Unknown));
            }
        }
    }
}

fn answer(status: u16, body: &str) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, "9".parse().unwrap());
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body: Some(Bytes::copy_from_slice(body.as_bytes())),
    }
}

#[test]
fn an_error_keeps_what_support_asks_for() {
    let body = r#"{"error":{"message":"(#130429) Rate limit hit","type":"OAuthException","code":"130429",
        "error_data":{"messaging_product":"whatsapp","details":"Too much."},"error_subcode":2494055,"fbtrace_id":"Az8"}}"#;
    let error = refusal(Send, &answer(400, body), false);
    assert_eq!((error.kind(), error.acceptance()), (K::Throttled, NotAccepted));
    assert_eq!((error.code(), error.subcode(), error.status()), (Some(130_429), Some(2_494_055), Some(400)));
    assert_eq!(error.details(), Some("(#130429) Rate limit hit: Too much."));
    assert_eq!(error.trace_id(), Some("Az8"));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));

    let mut dated = answer(503, body);
    dated.headers.insert(header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
    dated.headers.insert(header::RETRY_AFTER, "Sun, 06 Nov 1994 08:50:07 GMT".parse().unwrap());
    assert_eq!(refusal(Send, &dated, false).retry_after(), Some(Duration::from_secs(30)));

    let body = r#"{"error":{"message":"Invalid","code":131009,"error_data":"free text"}}"#;
    let error = refusal(Send, &answer(400, body), false);
    assert_eq!(error.kind(), K::InvalidMessage);
    assert_eq!(error.details(), Some("Invalid: free text"));
    assert_eq!((error.subcode(), error.trace_id()), (None, None));
}

#[test]
fn what_is_not_metas_envelope_proves_what_its_status_proves() {
    for body in [
        "",
        "<html>502 Bad Gateway</html>",
        "[]",
        "{}",
        r#"{"error":"invalid_request"}"#,
        r#"{"error":{"message":"no code"}}"#,
        r#"{"error":{"code":"soon"}}"#,
        r#"{"code":190}"#,
    ] {
        for (status, kind, acceptance) in [
            (200, K::NoAnswer, Unknown),
            (302, K::NoAnswer, Unknown),
            (401, K::Unavailable, NotAccepted),
            (429, K::Throttled, NotAccepted),
            (502, K::NoAnswer, Unknown),
        ] {
            let error = refusal(Send, &answer(status, body), true);
            assert_eq!((error.kind(), error.acceptance()), (kind, acceptance), "{body}");
            assert_eq!(error.code(), None);
        }
    }
}

#[test]
fn the_unknown_error_is_a_refusal_only_where_that_was_decided() {
    let body = r#"{"error":{"message":"Something went wrong","code":131000}}"#;
    let says = |status, decided| {
        let error = refusal(Send, &answer(status, body), decided);
        (error.kind(), error.acceptance())
    };
    assert_eq!(says(500, false), (K::Unavailable, Unknown));
    assert_eq!(says(500, true), (K::Unavailable, NotAccepted));
    assert_eq!(says(400, false), (K::Unavailable, NotAccepted));
    assert_eq!(says(200, true), (K::NoAnswer, Unknown));
    assert_eq!(says(408, true), (K::NoAnswer, Unknown));
    let other = refusal(Send, &answer(500, &body.replace("131000", "131026")), true);
    assert_eq!(other.acceptance(), Unknown);
}
