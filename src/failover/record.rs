use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Acceptance, AttemptReport, ErrorKind, Failure};
use crate::ids::{AttemptId, ProviderId};
use crate::json::Version1;
use crate::outbound::SendReceipt;

/// What is kept of a message with an idempotency key. As JSON:
/// `{"v":1,"by":"…","state":"open","until":"2026-11-22T10:01:00.000Z","tries":[…]}`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    v: Version1,
    /// The call that wrote it: no two calls ever write the same.
    by: AttemptId,
    #[serde(flatten)]
    pub(super) state: State,
}

/// How far the message is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum State {
    /// A call is at it. Once `until` is over it is at it no longer, and nobody knows what became of the last try.
    Open { until: Timestamp, tries: Vec<Try> },
    /// A call has ended without knowing what became of a try.
    Unknown { tries: Vec<Try> },
    /// It was accepted.
    Sent { receipt: Box<SendReceipt> },
}

/// One attempt at one member.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Try {
    pub(super) member: ProviderId,
    /// Its id, as it is on the wire and in statuses.
    pub(super) attempt: AttemptId,
    pub(super) began: Timestamp,
    /// Which content was tried: 0 is the message's own.
    #[serde(default)]
    pub(super) content: usize,
    pub(super) outcome: Outcome,
    /// The member made several attempts of its own of which nobody knows; `attempt` is the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) several: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Open,
    Unknown,
    Refused,
}

impl Record {
    pub(super) fn new(by: AttemptId, state: State) -> Self {
        Self { v: Version1, by, state }
    }
}

impl Try {
    /// A try that is about to begin.
    pub(super) fn new(member: ProviderId, attempt: AttemptId, began: Timestamp, content: usize) -> Self {
        Self { member, attempt, began, content, outcome: Outcome::Open, several: false }
    }

    /// What a caller is told of a try whose outcome nobody knows.
    pub(super) fn report(&self) -> AttemptReport {
        let mut failure = Failure::new(ErrorKind::NoAnswer, Acceptance::Unknown);
        failure.provider = Some(self.member.clone());
        AttemptReport::failed(self.attempt, self.member.clone(), failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Record, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn begun() -> Try {
        let began = "2026-01-01T00:00:00Z".parse().unwrap();
        Try::new(ProviderId::META, AttemptId::from_u128(2), began, 0)
    }

    #[test]
    fn the_json_of_every_state() {
        let by = AttemptId::from_u128(1);
        let until = "2026-01-01T00:01:00Z".parse().unwrap();
        let unknown = Try { outcome: Outcome::Unknown, several: true, content: 1, ..begun() };
        let receipt =
            SendReceipt::accepted(AttemptReport::accepted(AttemptId::from_u128(2), ProviderId::META));
        let id = |n| AttemptId::from_u128(n).to_string();
        let begun_json =
            format!(r#""member":"meta","attempt":"{}","began":"2026-01-01T00:00:00.000Z","content""#, id(2));
        for (state, json) in [
            (
                State::Open { until, tries: vec![begun()] },
                format!(
                    r#""state":"open","until":"2026-01-01T00:01:00.000Z","tries":[{{{begun_json}:0,"outcome":"open"}}]"#
                ),
            ),
            (
                State::Unknown { tries: vec![unknown] },
                format!(
                    r#""state":"unknown","tries":[{{{begun_json}:1,"outcome":"unknown","several":true}}]"#
                ),
            ),
            (
                State::Sent { receipt: Box::new(receipt) },
                format!(
                    r#""state":"sent","receipt":{{"v":1,"provider":"meta","attempts":[{{"id":"{}","provider":"meta"}}]}}"#,
                    id(2)
                ),
            ),
        ] {
            let record = Record::new(by, state);
            let json = format!(r#"{{"v":1,"by":"{}",{json}}}"#, id(1));
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
            assert!(read(&json).unwrap() == record, "{json}");
            let newer = json.replacen("\"v\":1", r#""v":1,"new":{"in":2030}"#, 1);
            assert!(read(&newer).unwrap() == record, "{newer}");
        }
    }

    #[test]
    fn what_is_not_understood_is_no_record() {
        let by = AttemptId::from_u128(1);
        let good = serde_json::to_string(&Record::new(by, State::Unknown { tries: vec![begun()] })).unwrap();
        assert!(read(&good).is_ok());
        for (part, other) in [
            ("\"v\":1", "\"v\":2"),
            ("\"v\":1,", ""),
            ("\"unknown\"", "\"paused\""),
            ("\"unknown\"", "\"sent\""),
            ("\"unknown\"", "\"open\""),
            ("\"outcome\":\"open\"", "\"outcome\":\"held\""),
            ("{", ""),
        ] {
            let bad = good.replacen(part, other, 1);
            assert_ne!(bad, good);
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
