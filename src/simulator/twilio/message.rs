use serde_json::{Value, json};

use super::{API_VERSION, Form};
use crate::clock::Timestamp;
use crate::simulator::accounts::SimulatedAccounts;
use crate::simulator::status::{FAILURE, LIFE, Step};

/// A message that Twilio accepted.
pub(in crate::simulator) struct StoredMessage {
    pub(super) sid: String,
    pub(super) to: String,
    pub(super) from: String,
    pub(super) service: Option<String>,
    pub(super) body: String,
    pub(super) media: bool,
    pub(in crate::simulator) at: Timestamp,
    /// When it is sent: at once, or at the time that was asked for.
    pub(in crate::simulator) sends_at: Timestamp,
    /// Whether that time was asked for. If not, it waits for the number's rate.
    pub(super) scheduled: bool,
    pub(super) canceled: bool,
    pub(super) error: Option<i64>,
}

impl StoredMessage {
    /// The answer to the request that sent it.
    pub(super) fn accepted(&self, accounts: &SimulatedAccounts) -> Value {
        self.resource(accounts, self.at)
    }

    fn life(&self) -> &'static [Step] {
        if self.error.is_some() { &FAILURE } else { &LIFE }
    }

    /// What it has reached since it was sent, and how long after that.
    fn reached(&self, now: Timestamp) -> Option<&'static Step> {
        let mut life = self.life().iter().rev().filter(|_| !self.canceled);
        life.find(|(_, after)| now >= self.sends_at.saturating_add(*after))
    }

    /// Whether it is kept to be sent later, as was asked for.
    pub(super) fn waits(&self, now: Timestamp) -> bool {
        self.scheduled && !self.canceled && now < self.sends_at
    }

    /// The number it comes from. A Messaging Service chooses one only when it sends.
    fn shown_from(&self, now: Timestamp) -> Option<&str> {
        (self.service.is_none() || self.reached(now).is_some()).then_some(self.from.as_str())
    }

    /// How the API shows it at this time.
    pub(super) fn resource(&self, accounts: &SimulatedAccounts, now: Timestamp) -> Value {
        let reached = self.reached(now);
        let first = match &self.service {
            _ if self.canceled => "canceled",
            _ if self.waits(now) => "scheduled",
            Some(_) => "accepted",
            None => "queued",
        };
        let date = rfc_2822(self.at);
        let sent = self.life().first().filter(|_| self.error.is_none() && reached.is_some());
        let path = format!("/{API_VERSION}/Accounts/{}/Messages/{}", accounts.account_sid, self.sid);
        json!({
            "account_sid": accounts.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": date,
            "date_sent": sent.map(|(_, after)| rfc_2822(self.sends_at.saturating_add(*after))),
            "date_updated": rfc_2822(reached.map_or(self.at, |(_, after)| self.sends_at.saturating_add(*after))),
            "direction": "outbound-api",
            "error_code": reached.and(self.error),
            "error_message": Value::Null,
            "from": self.shown_from(now),
            "messaging_service_sid": self.service,
            "num_media": if self.media { "1" } else { "0" },
            "num_segments": "1",
            "price": Value::Null,
            "price_unit": Value::Null,
            "sid": self.sid,
            "status": reached.map_or(first, |(status, _)| *status),
            "subresource_uris": { "media": format!("{path}/Media.json") },
            "to": self.to,
            "uri": format!("{path}.json"),
        })
    }
}

/// The list of messages, the newest first, one page of it. `To` and `From` filter; dates do not.
pub(super) fn list(
    accounts: &SimulatedAccounts,
    messages: &[StoredMessage],
    query: &Form,
    now: Timestamp,
) -> Value {
    let number = |name, otherwise| query.text(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let size: usize = number("PageSize", 50).clamp(1, 1000);
    let page: usize = number("Page", 0);
    let (to, from) = (query.text("To"), query.text("From"));
    let start = page.saturating_mul(size);
    let found: Vec<Value> = messages
        .iter()
        .rev()
        .filter(|message| {
            let fits = to.is_none_or(|to| to == message.to)
                && from.is_none_or(|from| message.shown_from(now) == Some(from));
            // What is still on its way is not there yet.
            fits && message.at <= now
        })
        .skip(start)
        .take(size.saturating_add(1))
        .map(|message| message.resource(accounts, now))
        .collect();
    let at = |page: usize| {
        let filters: Vec<(&str, &str)> = [("To", to), ("From", from)]
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            .collect();
        let filters = serde_urlencoded::to_string(filters).unwrap_or_default();
        let and = if filters.is_empty() { "" } else { "&" };
        format!(
            "/{API_VERSION}/Accounts/{}/Messages.json?{filters}{and}PageSize={size}&Page={page}",
            accounts.account_sid
        )
    };
    let more = found.len() > size;
    let shown = found.len().min(size);
    json!({
        "end": start.saturating_add(shown).saturating_sub(1),
        "first_page_uri": at(0),
        "messages": found.into_iter().take(size).collect::<Vec<_>>(),
        "next_page_uri": more.then(|| at(page.saturating_add(1))),
        "page": page,
        "page_size": size,
        "previous_page_uri": page.checked_sub(1).map(at),
        "start": start,
        "uri": at(page),
    })
}

/// `Thu, 24 Aug 2023 05:01:45 +0000`.
fn rfc_2822(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // 1970 began on a Thursday.
    let weekday = usize::try_from(at.unix_seconds() / 86_400 % 7).unwrap_or_default();
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or_default();
    let time = time.split('.').next().unwrap_or_default();
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month
        .and_then(|month| month.parse::<usize>().ok())
        .and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!(
        "{}, {} {} {} {time} +0000",
        DAYS.get(weekday).unwrap_or(&""),
        day.unwrap_or_default(),
        month.unwrap_or(&""),
        year.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_mail() {
        for (moment, expected) in [
            ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            ("2023-08-24T05:01:45Z", "Thu, 24 Aug 2023 05:01:45 +0000"),
            ("2026-12-31T23:59:59.999Z", "Thu, 31 Dec 2026 23:59:59 +0000"),
            ("2028-02-29T12:00:00Z", "Tue, 29 Feb 2028 12:00:00 +0000"),
        ] {
            assert_eq!(rfc_2822(moment.parse().unwrap()), expected);
        }
    }
}
