//! News of the account, its numbers, its templates and its users, as Meta posts them.

use serde_json::{Map, Value, json};

use super::webhook::{self, SimulatedWebhook};
use super::{Side, SimulatedUser, Simulator};
use crate::inbound::{Notice, TemplateUpdate};

impl Simulator {
    /// The webhook by which Meta tells of something; Twilio tells nothing. What it says is said and no more: whether an
    /// account that is blocked refuses messages is for [`set_fault`](Self::set_fault). `None` for what has no wire form of
    /// its own here: calls, handovers, users' actions, address books.
    pub fn tells(&self, notice: &Notice) -> Option<SimulatedWebhook> {
        let now = self.0.clock.now().unix_seconds();
        let accounts = &self.0.accounts;
        let url = self.state().webhook_url.clone();
        let (field, mut value) = written(notice, now)?;
        let of_number =
            ["phone_number_quality_update", "phone_number_name_update", "business_username_update"];
        if let (true, Some(fields)) = (of_number.contains(&field), value.as_object_mut()) {
            let number = accounts.meta_number.trim_start_matches('+');
            fields.insert("display_phone_number".to_owned(), number.into());
        }
        let entry = match field {
            // These two are about the number whose messages come here.
            "messages" | "user_preferences" => webhook::meta_change(accounts, field, value),
            _ => json!({
                "id": accounts.business_account_id,
                "time": now,
                "changes": [{ "field": field, "value": value }],
            }),
        };
        Some(webhook::meta(accounts, &url, &[entry]))
    }
}

impl SimulatedUser {
    /// The user has another number, and so another id at the business; the webhook is Meta's, Twilio has none. Whoever has
    /// the new number is the same person from now on, whose phone is as this one was, and has no chats yet.
    pub fn changes_number(&self, to: &Self) -> SimulatedWebhook {
        let simulator = self.simulator();
        let (now, accounts) = (simulator.0.clock.now(), &simulator.0.accounts);
        let (before, after) = (self.phone(), to.phone());
        let mut state = simulator.state();
        let number = state.next_id();
        let url = state.webhook_url.clone();
        let hidden = state.people.move_in(before, after);
        drop(state);
        let shown = |text: String| (!hidden).then(|| Value::from(text));
        let body = if hidden {
            "User changed the number".to_owned()
        } else {
            format!("User changed from {} to {}", before.to_digits(), after.to_digits())
        };
        let system = object([
            ("type", Some("user_changed_number".into())),
            ("body", Some(body.into())),
            ("wa_id", shown(after.to_digits())),
            ("user_id", Some(Side::Meta.user_id(after).into())),
            ("previous_user_id", Some(Side::Meta.user_id(before).into())),
        ]);
        let message = object([
            ("from", shown(before.to_digits())),
            ("from_user_id", Some(Side::Meta.user_id(before).into())),
            ("id", Some(super::meta::message_id(before, number).into())),
            ("timestamp", Some(now.unix_seconds().to_string().into())),
            ("type", Some("system".into())),
            ("system", Some(system)),
        ]);
        // News of this sort comes without contacts.
        let entry = webhook::meta_change(accounts, "messages", json!({ "messages": [message] }));
        webhook::meta(accounts, &url, &[entry])
    }
}

/// The field of the webhook, and its value.
fn written(notice: &Notice, now: u64) -> Option<(&'static str, Value)> {
    Some(match notice {
        Notice::Blocked { reason, from } => {
            let reason = reason.as_deref().unwrap_or("DISABLE");
            let value = match reason {
                "ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED" => json!({ "event": reason }),
                _ => ban(reason, from.map(|from| from.to_string())),
            };
            ("account_update", value)
        }
        Notice::Reinstated => ("account_update", ban("REINSTATE", None)),
        Notice::Restricted { restrictions } => {
            let list = restrictions.iter().map(|restriction| {
                object([
                    ("restriction_type", Some(restriction.what.as_str().into())),
                    ("expiration", restriction.until.map(|until| until.unix_seconds().into())),
                ])
            });
            let list: Vec<Value> = list.collect();
            ("account_update", json!({ "event": "ACCOUNT_RESTRICTION", "restriction_info": list }))
        }
        Notice::Violation { what } => {
            let info = object([("violation_type", text(what.as_ref()))]);
            ("account_update", json!({ "event": "ACCOUNT_VIOLATION", "violation_info": info }))
        }
        Notice::Alert { event, severity, status, text: description } => {
            let info = object([
                ("alert_type", Some(event.as_str().into())),
                ("alert_severity", text(severity.as_ref())),
                ("alert_status", text(status.as_ref())),
                ("alert_description", text(description.as_ref())),
            ]);
            ("account_alerts", json!({ "alert_info": info }))
        }
        Notice::Review { decision } => ("account_review_update", json!({ "decision": decision })),
        Notice::Limits { messages, numbers } => {
            let value = object([
                ("max_daily_conversations_per_business", text(messages.as_ref())),
                ("max_phone_numbers_per_waba", numbers.map(Value::from)),
            ]);
            ("business_capability_update", value)
        }
        Notice::NumberQuality { event, limit, previous_limit } => {
            let value = object([
                ("event", Some(event.as_str().into())),
                ("max_daily_conversations_per_business", text(limit.as_ref())),
                ("old_limit", text(previous_limit.as_ref())),
            ]);
            ("phone_number_quality_update", value)
        }
        Notice::NumberName { decision, name, reason } => {
            let value = object([
                ("decision", Some(decision.as_str().into())),
                ("requested_verified_name", text(name.as_ref())),
                ("rejection_reason", text(reason.as_ref())),
            ]);
            ("phone_number_name_update", value)
        }
        Notice::Username { username, status } => {
            let value = object([("username", text(username.as_ref())), ("status", text(status.as_ref()))]);
            ("business_username_update", value)
        }
        Notice::Security { event, by } => {
            let value = object([("event", Some(event.as_str().into())), ("requester", text(by.as_ref()))]);
            ("security", value)
        }
        Notice::Template(update) => template(update),
        Notice::MarketingPreference { user, wanted, detail, signup_id } => {
            let preference = object([
                ("wa_id", user.phone.map(|phone| phone.to_digits().into())),
                ("user_id", user.user.as_ref().map(|user| user.as_str().into())),
                ("category", Some("marketing_messages".into())),
                ("value", Some(wish(*wanted, signup_id.is_some()).into())),
                ("detail", text(detail.as_ref())),
                ("signup_id", text(signup_id.as_ref())),
                ("timestamp", Some(now.into())),
            ]);
            ("user_preferences", json!({ "user_preferences": [preference] }))
        }
        Notice::Failed { failure } => {
            let details = failure.details.as_deref().unwrap_or_default();
            let error = json!({ "code": failure.code?, "title": details, "message": details });
            ("messages", json!({ "errors": [error] }))
        }
        _ => return None,
    })
}

const fn wish(wanted: bool, signed_up: bool) -> &'static str {
    match (wanted, signed_up) {
        (false, _) => "stop",
        (true, false) => "resume",
        (true, true) => "signup",
    }
}

fn ban(state: &str, date: Option<String>) -> Value {
    let info = object([("waba_ban_state", Some(state.into())), ("waba_ban_date", date.map(Value::from))]);
    json!({ "event": "DISABLED_UPDATE", "ban_info": info })
}

fn template(update: &TemplateUpdate) -> (&'static str, Value) {
    let aspect = update.aspect.as_deref().unwrap_or("status");
    let event: Value = update.event.as_str().into();
    let mut value = object([
        // Meta writes a number.
        ("message_template_id", update.id.as_ref().and_then(|id| serde_json::from_str(id).ok())),
        ("message_template_name", Some(update.name.as_str().into())),
        ("message_template_language", text(update.language.as_ref())),
        ("message_template_category", text(update.category.as_ref())),
        ("reason", text(update.reason.as_ref())),
    ]);
    let (field, own) = match aspect {
        "quality" => (
            "message_template_quality_update",
            object([
                ("previous_quality_score", text(update.before.as_ref())),
                ("new_quality_score", Some(event)),
            ]),
        ),
        "category" => (
            "template_category_update",
            object([
                ("previous_category", text(update.before.as_ref())),
                ("new_category", Some(event)),
                ("correct_category", text(update.planned.as_ref())),
            ]),
        ),
        "components" => (
            "message_template_components_update",
            update.data.as_ref().map_or(json!({}), |data| data.0.clone()),
        ),
        _ => {
            let disabled = update.disabled_at.map(|at| json!({ "disable_date": at.to_string() }));
            let pause =
                object([("title", text(update.title.as_ref())), ("description", text(update.text.as_ref()))]);
            let pause = pause.as_object().is_some_and(|pause| !pause.is_empty()).then_some(pause);
            (
                "message_template_status_update",
                object([("event", Some(event)), ("disable_info", disabled), ("other_info", pause)]),
            )
        }
    };
    if let (Some(value), Value::Object(own)) = (value.as_object_mut(), own) {
        value.extend(own);
    }
    (field, value)
}

/// An object with the members that there are.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect::<Map<_, _>>())
}

fn text(value: Option<&String>) -> Option<Value> {
    value.map(|value| value.as_str().into())
}

#[cfg(test)]
mod tests;
