//! What can be read of the account: its number, its templates, its apps.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit, Mac};
use http::Uri;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::Refusal;
use crate::hex::hex;
use crate::outbound::Template;
use crate::simulator::accounts::SimulatedAccounts;
use crate::simulator::state::State;
use crate::simulator::templates::places_of;

/// How many templates a page has unless the request says it.
const PAGE_SIZE: usize = 25;
/// The most that a request may ask for.
const MAX_PAGE_SIZE: usize = 100;

/// A template of the account's list. Its name and language are the key of the list.
pub(in crate::simulator) struct RegisteredTemplate {
    id: u64,
    body: String,
    status: String,
}

impl RegisteredTemplate {
    pub(in crate::simulator) fn new(id: u64, body: &str, status: &str) -> Self {
        Self { id, body: body.to_owned(), status: status.to_owned() }
    }

    /// Why a message with this template is refused, if it is.
    pub(super) fn refusal(&self, template: &Template) -> Option<Refusal> {
        match self.status.as_str() {
            "APPROVED" => {}
            "PAUSED" => return Some(Refusal::new(400, 132_015, "Template is Paused")),
            "DISABLED" => return Some(Refusal::new(400, 132_016, "Template is Disabled")),
            _ => return Some(Refusal::no_template()),
        }
        let (places, given) = (places_of(&self.body).collect::<BTreeSet<_>>().len(), template.body.len());
        (template.one_time_code.is_none() && places != given).then(|| Refusal {
            details: Some(format!(
                "body: number of localizable_params ({given}) does not match the expected number of params ({places})"
            )),
            ..Refusal::new(400, 132_000, "Number of parameters does not match the expected number of params")
        })
    }
}

/// Refuses a proof that is not the token's. Without one every request is as good.
pub(super) fn check_proof(accounts: &SimulatedAccounts, query: Option<&str>) -> Result<(), Refusal> {
    let Some(shown) = parameter(query, "appsecret_proof") else { return Ok(()) };
    let mac = Hmac::<Sha256>::new_from_slice(accounts.app_secret.as_bytes());
    let mac = mac.map(|mac| mac.chain_update(&accounts.access_token));
    if mac.is_ok_and(|mac| hex(&mac.finalize().into_bytes()) == shown) {
        Ok(())
    } else {
        Err(Refusal {
            message: "Invalid appsecret_proof provided in the API argument".to_owned(),
            ..Refusal::new(400, 100, "")
        })
    }
}

/// The number, with the fields that are asked for, or with those that are given unasked.
pub(super) fn number(accounts: &SimulatedAccounts, query: Option<&str>) -> Result<Value, Refusal> {
    let entity =
        |kind: &str, id: &str| json!({ "entity_type": kind, "id": id, "can_send_message": "AVAILABLE" });
    let known = json!({
        "verified_name": "Simulated Business",
        "code_verification_status": "VERIFIED",
        "display_phone_number": accounts.meta_number,
        "quality_rating": "GREEN",
        "platform_type": "CLOUD_API",
        "throughput": { "level": "STANDARD" },
        "name_status": "APPROVED",
        "status": "CONNECTED",
        "account_mode": "LIVE",
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [
                entity("PHONE_NUMBER", &accounts.phone_number_id),
                entity("WABA", &accounts.business_account_id),
                entity("APP", &accounts.app_id),
            ],
        },
    });
    let asked = parameter(query, "fields")
        .unwrap_or_else(|| "verified_name,display_phone_number,quality_rating".to_owned());
    let mut fields = Map::new();
    for field in asked.split(',').filter(|field| *field != "id") {
        let value = known
            .get(field)
            .ok_or_else(|| Refusal::new(400, 100, &format!("Tried accessing nonexisting field ({field})")))?;
        fields.insert(field.to_owned(), value.clone());
    }
    fields.insert("id".to_owned(), accounts.phone_number_id.clone().into());
    Ok(fields.into())
}

pub(super) fn subscribed_apps(accounts: &SimulatedAccounts) -> Value {
    let link = "https://www.facebook.com/games/?app_id=".to_owned() + &accounts.app_id;
    let app = json!({ "id": accounts.app_id, "link": link, "name": "Simulated App" });
    json!({ "data": [{ "whatsapp_business_api_data": app }] })
}

/// A page of the templates. A cursor is the number of those in front of it.
pub(super) fn templates(state: &State, uri: &Uri) -> Result<Value, Refusal> {
    let query = uri.query();
    let number = |name| match parameter(query, name) {
        None => Ok(None),
        Some(text) => {
            text.parse().map(Some).map_err(|_| Refusal::parameter(format!("Param {name} is not valid.")))
        }
    };
    let size = number("limit")?.unwrap_or(PAGE_SIZE);
    if !(1..=MAX_PAGE_SIZE).contains(&size) {
        return Err(Refusal::parameter("Param limit must be 1 to 100."));
    }
    let after = number("after")?.unwrap_or(0);
    let wanted = parameter(query, "name").unwrap_or_default();
    let all: Vec<Value> = state
        .templates
        .iter()
        .filter(|((name, _), _)| name.contains(&wanted))
        .map(|((name, language), template)| {
            json!({
                "id": template.id.to_string(),
                "name": name,
                "language": language,
                "status": template.status,
                "category": "UTILITY",
                "quality_score": { "score": "UNKNOWN" },
                "parameter_format": "POSITIONAL",
                "rejected_reason": "NONE",
                "components": [{ "type": "BODY", "text": template.body }],
            })
        })
        .collect();
    let page: Vec<&Value> = all.iter().skip(after).take(size).collect();
    let end = after.saturating_add(page.len());
    let mut answer = json!({ "data": page });
    if let (Some(fields), false) = (answer.as_object_mut(), page.is_empty()) {
        let mut paging = json!({ "cursors": { "before": after.to_string(), "after": end.to_string() } });
        if let (Some(paging), true) = (paging.as_object_mut(), end < all.len()) {
            let next = format!("https://graph.facebook.com{}?after={end}", uri.path());
            paging.insert("next".to_owned(), next.into());
        }
        fields.insert("paging".to_owned(), paging);
    }
    Ok(answer)
}

/// A parameter of the query, decoded.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query?).ok()?;
    pairs.into_iter().find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests;
