//! News about one of the business's own numbers.

use crate::inbound::Notice;
use crate::meta::wire::Object;

/// The limit has one name, and two older ones for now and before.
pub(super) fn quality(value: &Object<'_>) -> Option<Notice> {
    Some(Notice::NumberQuality {
        event: value.text("event")?,
        limit: value.text("max_daily_conversations_per_business").or_else(|| value.text("current_limit")),
        previous_limit: value.text("old_limit"),
    })
}

pub(super) fn name(value: &Object<'_>) -> Option<Notice> {
    Some(Notice::NumberName {
        decision: value.text("decision")?,
        name: value.text("requested_verified_name"),
        reason: value.text("rejection_reason"),
    })
}

pub(super) fn username(value: &Object<'_>) -> Option<Notice> {
    let (username, status) = (value.text("username"), value.text("status"));
    (username.is_some() || status.is_some()).then_some(Notice::Username { username, status })
}

pub(super) fn security(value: &Object<'_>) -> Option<Notice> {
    Some(Notice::Security { event: value.text("event")?, by: value.text("requester") })
}
