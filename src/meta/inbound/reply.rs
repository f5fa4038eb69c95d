//! What a user chose or filled in.

use super::NO_BODY;
use crate::inbound::{ButtonReply, CallPermissionReply, FlowReply, InboundContent, ListReply};
use crate::json::Json;
use crate::meta::wire::{Object, string};

pub(super) const UNKNOWN_REPLY: &str = "a reply that is not read";

/// The body of an interactive message.
pub(super) fn read(body: &Object<'_>) -> Result<InboundContent, &'static str> {
    let kind = body.text("type").ok_or(NO_BODY)?;
    let chosen = || body.object(&kind).ok_or(NO_BODY);
    let content = match kind.as_str() {
        "button_reply" => button(&chosen()?),
        "list_reply" => row(&chosen()?),
        "nfm_reply" => form(&chosen()?).map(InboundContent::FlowReply),
        "call_permission_reply" => call_permission(&chosen()?).map(InboundContent::CallPermission),
        _ => return Err(UNKNOWN_REPLY),
    };
    content.ok_or(NO_BODY)
}

fn button(chosen: &Object<'_>) -> Option<InboundContent> {
    let title = chosen.text("title").unwrap_or_default();
    Some(InboundContent::Button(ButtonReply::new(chosen.text("id")?, title)))
}

fn row(chosen: &Object<'_>) -> Option<InboundContent> {
    let mut row = ListReply::new(chosen.text("id")?, chosen.text("title").unwrap_or_default());
    row.description = chosen.text("description");
    Some(InboundContent::ListReply(row))
}

/// The answer of a form. It is JSON within a string; what is in the string and is no JSON stays one, and JSON that is in
/// no string is taken as it is.
fn form(filled: &Object<'_>) -> Option<FlowReply> {
    let json = filled.get("response_json")?;
    let response = match string(json) {
        Some(inner) => Json::or_text(&inner),
        None => Json::parse(json.get()).ok()?,
    };
    let mut reply = FlowReply::new(response);
    reply.name = filled.text("name");
    reply.body = filled.text("body");
    Some(reply)
}

fn call_permission(answer: &Object<'_>) -> Option<CallPermissionReply> {
    let mut reply = CallPermissionReply::new(match answer.text("response")?.as_str() {
        "accept" => true,
        "reject" => false,
        _ => return None,
    });
    reply.permanent = answer.flag("is_permanent") == Some(true);
    reply.expires_at = answer.time("expiration_timestamp");
    reply.source = answer.text("response_source");
    Some(reply)
}
