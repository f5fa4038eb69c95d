//! Bodies of the caller's own.

use serde_json::{Map, Value};

use super::Origin;
use crate::error::{Error, Result};
use crate::outbound::Raw;

/// Whom a message goes to is said by the message alone, so that what is said of it everywhere else stays true. And a
/// `status` would make it no message, but a receipt of one.
const NOT_ITS_OWN: [&str; 4] = ["recipient_type", "to", "recipient", "status"];

/// The members of the body. What every message has is written over them afterwards.
pub(super) fn members(raw: &Raw, origin: &Origin<'_>) -> Result<Map<String, Value>> {
    if raw.provider != *origin.provider {
        return Err(Error::not_portable("content.provider"));
    }
    let Value::Object(members) = &raw.body.0 else {
        return Err(Error::invalid("content.body"));
    };
    if let Some(name) = NOT_ITS_OWN.into_iter().find(|name| members.contains_key(*name)) {
        return Err(Error::invalid(format!("content.body.{name}")));
    }
    if members.get("type").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Error::invalid("content.body.type"));
    }
    Ok(members.clone())
}
