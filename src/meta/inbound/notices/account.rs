//! News about a whole account.

use serde_json::value::RawValue;

use crate::inbound::{Notice, RestrictedMessages, Restriction};
use crate::json::Json;
use crate::meta::inbound::date;
use crate::meta::wire::{Object, elements};

/// An event of the account. The event's name alone does not say whether it can send: that is in the parts beside it.
pub(super) fn update(value: &Object<'_>) -> Option<Notice> {
    let event = value.text("event")?;
    Some(match event.as_str() {
        "DISABLED_UPDATE" => return ban(value),
        "ACCOUNT_RESTRICTION" => Notice::Restricted { restrictions: restrictions(value)? },
        "ACCOUNT_VIOLATION" => {
            let violation = value.object("violation_info");
            Notice::Violation { what: violation.and_then(|violation| violation.text("violation_type")) }
        }
        // The account is gone, or is no longer ours to send for.
        "ACCOUNT_DELETED" | "ACCOUNT_OFFBOARDED" => Notice::blocked(Some(event)),
        // A customer has left. An application that serves many hears of all of them, and which of them is ours to send
        // for it does not say: the next message does.
        "PARTNER_REMOVED" | "PARTNER_APP_UNINSTALLED" => {
            let info = value.object("disconnection_info");
            let text = info.and_then(|info| info.text("reason"));
            Notice::Alert { event, severity: None, status: None, text }
        }
        "ACCOUNT_RECONNECTED" => Notice::Reinstated,
        _ => Notice::Updated { data: whole(value)?, event },
    })
}

fn ban(value: &Object<'_>) -> Option<Notice> {
    let info = value.object("ban_info")?;
    let state = info.text("waba_ban_state")?;
    Some(match state.as_str() {
        "DISABLE" => Notice::blocked(Some(state)),
        "SCHEDULE_FOR_DISABLE" => match date::read(&info, "waba_ban_date") {
            Some(from) => Notice::Blocked { reason: Some(state), from: Some(from) },
            // It can still send; nobody knows until when.
            None => {
                Notice::Alert { event: state, severity: None, status: None, text: info.text("waba_ban_date") }
            }
        },
        "REINSTATE" => Notice::Reinstated,
        _ => Notice::Updated { event: state, data: whole(value)? },
    })
}

/// What is restricted. An odd one among them makes all of them odd: the rest would not be all that is restricted.
fn restrictions(value: &Object<'_>) -> Option<Vec<Restriction>> {
    let Some(list) = value.get("restriction_info") else { return Some(Vec::new()) };
    elements(list)?.into_iter().map(restriction).collect()
}

fn restriction(json: &RawValue) -> Option<Restriction> {
    let info = Object::read(json)?;
    let what = info.text("restriction_type")?;
    let messages = match what.as_str() {
        "RESTRICTED_BIZ_INITIATED_MESSAGING" => RestrictedMessages::BusinessInitiated,
        "RESTRICTED_CUSTOMER_INITIATED_MESSAGING" => RestrictedMessages::UserInitiated,
        _ => RestrictedMessages::None,
    };
    let mut restriction = Restriction::new(what).with_messages(messages);
    restriction.until = date::read(&info, "expiration");
    Some(restriction)
}

pub(super) fn alert(value: &Object<'_>) -> Option<Notice> {
    // Documented as an object of its own; older samples have its members in the value.
    let info = value.object("alert_info");
    let text = |name: &str| info.as_ref().and_then(|info| info.text(name)).or_else(|| value.text(name));
    Some(Notice::Alert {
        event: text("alert_type")?,
        severity: text("alert_severity"),
        status: text("alert_status"),
        text: text("alert_description"),
    })
}

pub(super) fn review(value: &Object<'_>) -> Option<Notice> {
    Some(Notice::Review { decision: value.text("decision")? })
}

/// The limit is a number or a word such as `TIER_2K`, and is called by the name of the portfolio, the business or, in
/// older versions, the number.
pub(super) fn limits(value: &Object<'_>) -> Option<Notice> {
    let messages = value
        .text("max_daily_conversations_per_business")
        .or_else(|| value.text("max_daily_conversation_per_phone"));
    let numbers =
        value.number("max_phone_numbers_per_waba").or_else(|| value.number("max_phone_numbers_per_business"));
    (messages.is_some() || numbers.is_some()).then_some(Notice::Limits { messages, numbers })
}

/// The value as it is, for what has no form of its own.
fn whole(value: &Object<'_>) -> Option<Json> {
    let mut members = serde_json::Map::new();
    for (name, json) in value.members() {
        members.insert(name.to_owned(), serde_json::from_str(json.get()).ok()?);
    }
    Some(Json(serde_json::Value::Object(members)))
}
