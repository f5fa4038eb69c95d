//! News about the account, the number or a template: a change whose value is one piece of news.

mod account;
mod number;
mod template;

use super::people::named;
use super::{NO_BODY, Scope, digits};
use crate::inbound::{AccountNotice, Notice};
use crate::meta::wire::Object;

/// The news of a change, by its field. `None` if the field's news are not read.
pub(super) fn read(
    field: &str,
    value: &Object<'_>,
    portfolio: Option<&str>,
) -> Option<Result<Notice, &'static str>> {
    let notice = match field {
        "account_update" => account::update(value),
        "account_alerts" => account::alert(value),
        "account_review_update" => account::review(value),
        "business_capability_update" => account::limits(value),
        "phone_number_quality_update" => number::quality(value),
        "phone_number_name_update" => number::name(value),
        "business_username_update" | "business_username_updates" => number::username(value),
        "security" => number::security(value),
        "message_template_status_update"
        | "message_template_quality_update"
        | "message_template_components_update"
        | "template_category_update" => template::read(value),
        "messaging_handovers" => handover(value, portfolio),
        _ => return None,
    };
    Some(notice.ok_or(NO_BODY))
}

/// The news with the account and the number that they are about.
pub(super) fn about(value: &Object<'_>, scope: &Scope, notice: Notice) -> AccountNotice {
    let number = digits(value, "display_phone_number").or_else(|| digits(value, "phone_number"));
    AccountNotice { number: number.or(scope.number), ..scope.notice(notice) }
}

/// Another application is in charge of a conversation now, or this one. It is told when control was passed to us and when
/// it was taken from us.
fn handover(value: &Object<'_>, portfolio: Option<&str>) -> Option<Notice> {
    let event = value.text("type")?;
    let in_control = match event.as_str() {
        "control_passed" => true,
        "control_taken" => false,
        _ => return None,
    };
    let sender = value.object("sender")?;
    let mut user = named(&sender, ["phone_number", "user_id", "parent_user_id"], portfolio);
    user.phone = user.phone.or_else(|| sender.phone("wa_id"));
    let roles = value.object(&event);
    let role = |name: &str| roles.as_ref().and_then(|roles| roles.text(name));
    Some(Notice::Handover {
        user: Box::new(user),
        in_control,
        before: role("previous_owner_role"),
        after: role("new_owner_role"),
        event: Some(event),
    })
}
