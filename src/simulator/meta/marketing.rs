//! The Marketing Messages API, which takes templates only.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{Refusal, text};

/// Refuses what only `/messages` takes, and settings that are none. Anything else is looked at there.
pub(super) fn look_at(body: &Bytes) -> Result<(), Refusal> {
    let Ok(body) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return Ok(());
    };
    if text(&body, "type") != Some("template") {
        return Err(Refusal::new(400, 131_055, "Method not allowed"));
    }
    let policy =
        body.get("product_policy").is_none_or(|policy| policy == "CLOUD_API_FALLBACK" || policy == "STRICT");
    let sharing = body.get("message_activity_sharing").is_none_or(Value::is_boolean);
    if !policy {
        return Err(Refusal::parameter("Param product_policy is not valid."));
    }
    if sharing {
        Ok(())
    } else {
        Err(Refusal::parameter("Param message_activity_sharing must be a boolean."))
    }
}
