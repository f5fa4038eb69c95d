//! Direct Send: messages that may open a conversation without a template.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::outbound::{Category, Content, OutboundMessage};

/// How long Meta tries to deliver a utility message, in seconds.
const UTILITY: (u64, u64) = (30, 43_200);
/// How long Meta tries to deliver a code, in seconds.
const AUTHENTICATION: (u64, u64) = (30, 900);

/// Adds the category under which it is billed, and how long Meta tries. Answers whether it did, and so has kept the
/// wish for a time to live.
pub(super) fn write(body: &mut Map<String, Value>, message: &OutboundMessage) -> Result<bool> {
    // A template opens a conversation anyway.
    if !message.direct_send || matches!(message.content, Content::Template(_)) {
        return Ok(false);
    }
    if !message.content.fits_direct_send() || message.to.group().is_some() {
        return Err(Error::unsupported("direct_send"));
    }
    let (category, bounds) = match message.category {
        Some(Category::Utility) => (Category::Utility, UTILITY),
        Some(Category::Authentication) => (Category::Authentication, AUTHENTICATION),
        _ => return Err(Error::invalid("category")),
    };
    body.insert("category".to_owned(), category.as_str().into());
    if let Some(ttl) = message.ttl {
        body.insert("ttl_seconds".to_owned(), seconds(ttl, bounds)?.into());
    }
    Ok(true)
}

/// Whole seconds, not more than were asked for.
fn seconds(ttl: Duration, (least, most): (u64, u64)) -> Result<u64> {
    if ttl < Duration::from_secs(least) {
        return Err(Error::over_limit("ttl", least, ttl.as_secs()));
    }
    if ttl > Duration::from_secs(most) {
        // A part of a second is past the limit too, and is said as the second that it has begun.
        let begun = u64::from(ttl.subsec_nanos() > 0);
        return Err(Error::over_limit("ttl", most, ttl.as_secs().saturating_add(begun)));
    }
    Ok(ttl.as_secs())
}
