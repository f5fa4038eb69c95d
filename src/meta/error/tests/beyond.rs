//! What a code says beyond its kind: that nobody got the message, and what comes next.

use super::super::Operation::{Send, Status};
use super::super::*;
use super::answer;

/// The codes of statuses after which the user certainly did not get the message.
const UNDELIVERED: &[i64] = &[
    130_403, 130_429, 130_472, 130_497, 131_009, 131_026, 131_042, 131_047, 131_048, 131_049, 131_050,
    131_053, 131_056, 131_064, 132_005, 132_015, 137_000,
];

/// The codes of statuses after which the user may have it all the same.
const UNSURE: &[i64] = &[1026, 131_000, 131_016, 135_000];

fn failure(code: i64, failed: bool) -> Failure {
    let error = serde_json::value::to_raw_value(&serde_json::json!({ "code": code })).unwrap();
    webhook_failures(Operation::Status, &ProviderId::META, &error, failed).remove(0)
}

#[test]
fn only_a_code_that_excludes_it_proves_that_nobody_got_the_message() {
    for row in CODES {
        let proof = UNDELIVERED.contains(&row.first);
        let listed = proof || UNSURE.contains(&row.first);
        assert_eq!(listed, row.places.contains(&Status), "{}", row.first);
        for code in [row.first, row.last] {
            assert_eq!(failure(code, true).proves_undelivered, proof, "{code}");
            // The message has not failed, whatever else went wrong.
            assert!(!failure(code, false).proves_undelivered, "{code}");
            // The answer to a send says itself whether it was accepted.
            let body = format!(r#"{{"error":{{"code":{code}}}}}"#);
            assert!(!refusal(Send, &answer(400, &body), false).failure().proves_undelivered, "{code}");
        }
    }
    let of_statuses = CODES.iter().filter(|row| row.places.contains(&Status)).count();
    assert_eq!(of_statuses, UNDELIVERED.len() + UNSURE.len(), "no code that has no row");
    assert!(!failure(999_999, true).proves_undelivered);
    let odd = serde_json::value::to_raw_value("131047").unwrap();
    assert!(!webhook_failures(Operation::Status, &ProviderId::META, &odd, true)[0].proves_undelivered);
}

#[test]
fn what_a_code_says_beyond_its_kind() {
    for row in CODES {
        let hint = match row.first {
            1 => Some(Hint::TryElsewhere),
            131_048 => Some(Hint::PauseMarketing),
            _ => None,
        };
        let code = row.first;
        let body = format!(r#"{{"error":{{"code":{code}}}}}"#);
        for status in [400, 500] {
            assert_eq!(refusal(Send, &answer(status, &body), false).failure().hint, hint, "{code}");
        }
        for failed in [true, false] {
            assert_eq!(failure(code, failed).hint, hint, "{code}");
        }
    }
    assert_eq!(failure(999_999, true).hint, None);
}
