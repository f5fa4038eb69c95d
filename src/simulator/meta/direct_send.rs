//! Direct Send: a category on a message that may open a conversation without a template.

use serde_json::{Map, Value};

use super::Refusal;
use crate::outbound::Content;

/// Whether the message is a Direct Send, if it may be one.
pub(super) fn look_at(body: &Map<String, Value>, content: &Content) -> Result<bool, Refusal> {
    let ttl = body.get("ttl_seconds");
    let Some(category) = body.get("category") else {
        // Without a category nobody lives by it.
        return match ttl {
            Some(_) => Err(Refusal::parameter("Param ttl_seconds needs a category.")),
            None => Ok(false),
        };
    };
    let longest = match category.as_str() {
        Some("utility") => 43_200,
        Some("authentication") => 900,
        _ => return Err(Refusal::parameter("Param category must be utility or authentication.")),
    };
    if !content.fits_direct_send() {
        return Err(Refusal::parameter("Param category is not allowed for this type."));
    }
    if ttl.is_some_and(|ttl| ttl.as_u64().is_none_or(|ttl| !(30..=longest).contains(&ttl))) {
        return Err(Refusal::parameter("Param ttl_seconds is out of range."));
    }
    Ok(true)
}
