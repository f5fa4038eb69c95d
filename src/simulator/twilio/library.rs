//! The API for contents: made, shown, listed, deleted, and approved.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::resource::RegisteredContent;
use super::{Form, Refusal};
use crate::clock::Timestamp;
use crate::simulator::accounts::SimulatedAccounts;
use crate::simulator::state::State;

/// Answers a request to an address below `/v1` or `/v2`.
pub(super) fn route(
    accounts: &SimulatedAccounts,
    state: &mut State,
    request: &Request<Bytes>,
    version: &str,
    rest: &[&str],
    now: Timestamp,
) -> Result<(u16, Value), Refusal> {
    let account = accounts.account_sid.as_str();
    let query = Form::read(request.uri().query().unwrap_or_default().as_bytes());
    match (request.method(), rest) {
        (&Method::POST, ["Content"]) if version == "v1" => {
            let content = RegisteredContent::read(request.body(), now)?;
            let sid = format!("HX{:032x}", state.next_id());
            let resource = content.resource(account, &sid);
            state.contents.insert(sid, content);
            Ok((201, resource))
        }
        (&Method::GET, [list @ ("Content" | "ContentAndApprovals")]) => {
            Ok((200, page(account, state, &query, &format!("{version}/{list}"))))
        }
        (&Method::GET, ["Content", sid]) => {
            let content = state.contents.get(*sid).ok_or(const { Refusal::not_found() })?;
            Ok((200, content.resource(account, sid)))
        }
        (&Method::DELETE, ["Content", sid]) => {
            state.contents.remove(*sid).ok_or(const { Refusal::not_found() })?;
            Ok((204, Value::Null))
        }
        (&Method::POST, ["Content", sid, "ApprovalRequests", "whatsapp"]) => {
            let content = state.contents.get_mut(*sid).ok_or(const { Refusal::not_found() })?;
            Ok((201, content.ask_for_approval(request.body())?))
        }
        (&Method::GET, ["Content", sid, "ApprovalRequests"]) => {
            let content = state.contents.get(*sid).ok_or(const { Refusal::not_found() })?;
            Ok((200, json!({ "account_sid": account, "sid": sid, "whatsapp": content.approval() })))
        }
        _ => Err(Refusal::not_found()),
    }
}

/// One page of a list, by the order of the SIDs. Of the filters there is that for the name: `^` and `$` at its ends are
/// understood, and nothing else that a regular expression may have.
fn page(account: &str, state: &State, query: &Form, path: &str) -> Value {
    let number = |name, otherwise| query.text(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let size: usize = number("PageSize", 50).clamp(1, 1000);
    let page: usize = number("Page", 0);
    let name = query.text("ContentName").filter(|_| path.starts_with("v2/"));
    let fits = |content: &RegisteredContent| {
        name.is_none_or(|name| {
            let (begin, end) = (name.strip_prefix('^'), name.strip_suffix('$'));
            let bare = name.trim_start_matches('^').trim_end_matches('$');
            let own = content.friendly_name();
            match (begin, end) {
                (Some(_), Some(_)) => own == bare,
                (Some(_), None) => own.starts_with(bare),
                (None, Some(_)) => own.ends_with(bare),
                (None, None) => own.contains(bare),
            }
        })
    };
    let mut contents = state.contents.iter().filter(|(_, content)| fits(content));
    let with_approvals = path.ends_with("ContentAndApprovals");
    let shown: Vec<Value> = contents
        .by_ref()
        .skip(page.saturating_mul(size))
        .take(size)
        .map(|(sid, content)| {
            let mut resource = content.resource(account, sid);
            if let (true, Some(members)) = (with_approvals, resource.as_object_mut()) {
                members.insert("approval_requests".to_owned(), content.approval());
            }
            resource
        })
        .collect();
    let more = contents.next().is_some();
    // It is Twilio's own address, whoever was asked.
    let at = |page: usize| {
        let token = if page == 0 { String::new() } else { format!("&PageToken=PT{page}") };
        format!("https://content.twilio.com/{path}?PageSize={size}&Page={page}{token}")
    };
    json!({
        "contents": shown,
        "meta": {
            "first_page_url": at(0),
            "key": "contents",
            "next_page_url": more.then(|| at(page.saturating_add(1))),
            "page": page,
            "page_size": size,
            "previous_page_url": page.checked_sub(1).map(at),
            "url": at(page),
        },
    })
}

#[cfg(test)]
mod tests;
