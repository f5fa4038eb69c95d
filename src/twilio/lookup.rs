//! Looks for a message whose answer was lost, in the list of the account's messages.
//!
//! The list shows of each message the recipient, the sender, the text, the time and the state. It does not show the
//! attempt, which travels in the status callback. So what is found there may be another message with the same text; that
//! there is none, only the caller can know.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::account::{Account, sid};
use super::error::{self, Operation, status_failure};
use super::form;
use super::outbound::{Form, Outgoing};
use crate::clock::Timestamp;
use crate::error::{Acceptance, AttemptReport, Result};
use crate::http_client::internet_date;
use crate::ids::ProviderId;
use crate::outbound::{Content, SendReceipt};
use crate::provider::{SentLookup, SentQuery};

/// How many messages are looked at: the newest to the recipient. Nobody gets more within minutes.
const PAGE_SIZE: &str = "50";
/// How far Twilio's clock may be behind ours. It also shows whole seconds only.
const SKEW: Duration = Duration::from_secs(5);
/// How long after the attempt began its message may be made. Requests are given up long before, and Twilio takes half a
/// minute at most.
const LATEST: Duration = Duration::from_secs(300);

impl Account {
    /// Looks once, at one page of the list.
    ///
    /// There is no filter by time: Twilio's is by the time of sending, which a message in its queue does not have.
    pub(super) async fn find_sent(
        &self,
        provider: &ProviderId,
        outgoing: Outgoing,
        query: &SentQuery,
    ) -> Result<SentLookup> {
        let sought = Sought::new(&outgoing.form, query);
        let (messages, is_last) = self
            .newest(&sought)
            .await
            // That nobody could look says nothing about the message.
            .map_err(|error| error.with_acceptance(Acceptance::Unknown))?;
        // Ours may be further back than this page, unless everything there is too old.
        let seen_all = is_last || messages.iter().any(|message| sought.is_older(message));
        let mut alike = messages.iter().filter(|message| sought.is_like(message));
        Ok(match (alike.next(), alike.next()) {
            (None, _) if seen_all => SentLookup::NotSeen,
            (Some(message), None) if seen_all && self.same_text_is_same_message && sought.text.is_some() => {
                self.found(provider, outgoing, query, message)
            }
            _ => SentLookup::CannotTell,
        })
    }

    /// The newest messages, and whether there are no others.
    async fn newest(&self, sought: &Sought<'_>) -> Result<(Vec<Value>, bool)> {
        let url = self.messages(&format!("?{}", sought.query()));
        let answer = self.ask(Operation::Read, self.request(Method::GET, url, String::new())?).await?;
        let body = answer.body.as_deref().unwrap_or_default();
        let mut json: Value = serde_json::from_slice(body).unwrap_or_default();
        let is_last = json.get("next_page_uri").is_some_and(Value::is_null);
        match json.get_mut("messages").map(Value::take) {
            Some(Value::Array(messages)) => Ok((messages, is_last)),
            // Cut off, or somebody answered, but not Twilio.
            _ => Err(answer.without_envelope()),
        }
    }

    fn found(
        &self,
        provider: &ProviderId,
        outgoing: Outgoing,
        query: &SentQuery,
        message: &Value,
    ) -> SentLookup {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        if matches!(text("status"), Some("failed" | "undelivered")) {
            let code = message.get("error_code").and_then(error::code);
            let failure = status_failure(provider, code, text("error_message"), true);
            if failure.proves_undelivered {
                return SentLookup::Refused(Box::new(failure));
            }
        }
        let receipt = SendReceipt::accepted(AttemptReport::accepted(query.attempt, provider.clone()))
            .with_sender(outgoing.sender)
            .with_dropped(outgoing.dropped);
        SentLookup::Found(Box::new(self.describe(message, receipt)))
    }
}

/// The message that is sought, as the list would show it.
struct Sought<'a> {
    to: &'a str,
    from: Option<&'a str>,
    service: Option<&'a str>,
    /// What other contents look like in the list is not documented.
    text: Option<&'a str>,
    since: Timestamp,
}

impl<'a> Sought<'a> {
    fn new(form: &'a Form, query: &'a SentQuery) -> Self {
        Self {
            to: form.value("To").unwrap_or_default(),
            from: form.value("From"),
            service: form.value("MessagingServiceSid"),
            text: match &query.message.content {
                Content::Text(text) => Some(&text.body),
                _ => None,
            },
            since: query.since,
        }
    }

    fn query(&self) -> String {
        // A message of a service has no number until the service has chosen one.
        let from = self.from.filter(|_| self.service.is_none()).map(|from| ("From", from));
        form::encode([("To", self.to)].into_iter().chain(from).chain([("PageSize", PAGE_SIZE)]))
    }

    /// Whether a message is older than the sought one, which then comes before it: the list has the newest first.
    fn is_older(&self, message: &Value) -> bool {
        created(message).is_some_and(|created| created < self.earliest())
    }

    fn earliest(&self) -> Timestamp {
        self.since.saturating_sub(SKEW)
    }

    /// Whether this may be the one that is sought.
    fn is_like(&self, message: &Value) -> bool {
        let text = |name: &str| message.get(name).and_then(Value::as_str);
        let from = text("from");
        let sender = match self.service {
            Some(service) => {
                let unchosen = from.is_none() || self.from.is_none();
                text("messaging_service_sid") == Some(service) && (unchosen || from == self.from)
            }
            None => from == self.from,
        };
        let content = self.text.is_none_or(|body| {
            // A file may have the text as its caption.
            text("body") == Some(body) && text("num_media") == Some("0")
        });
        let times = self.earliest()..=self.since.saturating_add(LATEST);
        sender
            && content
            && sid(message).is_some()
            && text("to") == Some(self.to)
            && text("direction") == Some("outbound-api")
            && created(message).is_some_and(|created| times.contains(&created))
    }
}

fn created(message: &Value) -> Option<Timestamp> {
    internet_date(message.get("date_created")?.as_str()?)
}
