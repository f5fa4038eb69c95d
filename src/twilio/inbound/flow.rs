//! The answer of a flow: JSON within parameters.

use serde_json::{Value, json};

use super::Source;
use crate::inbound::FlowReply;
use crate::json::Json;

const FLOW: &str = "FlowData";
const INTERACTIVE: &str = "InteractiveData";

/// What the user filled in is in one parameter or the other, and there may be both: then the second is a member of the
/// first, under Twilio's name for it.
pub(super) fn read(source: &Source<'_>) -> Option<FlowReply> {
    let json = |name: &str| source.fields.text(name).map(|text| Json::or_text(text).0);
    let flow = json(FLOW);
    let is_flow = flow.is_some();
    let response = match (flow, json(INTERACTIVE)) {
        (Some(Value::Object(mut flow)), Some(interactive)) if !flow.contains_key(INTERACTIVE) => {
            flow.insert(INTERACTIVE.to_owned(), interactive);
            flow.into()
        }
        (Some(flow), Some(interactive)) => json!({ FLOW: flow, INTERACTIVE: interactive }),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => return None,
    };
    let mut reply = FlowReply::new(Json(response));
    reply.name = is_flow.then(|| "flow".to_owned());
    reply.body = source.fields.owned("Body");
    Some(reply)
}
