//! The answer of a flow: JSON within parameters.

use serde_json::{Value, json};

use super::Source;
use crate::inbound::FlowReply;
use crate::json::Json;

/// How deep JSON may be nested to be taken for JSON. Deeper it stays a text, or nobody could read the event again.
const MAX_DEPTH: usize = 64;

const FLOW: &str = "FlowData";
const INTERACTIVE: &str = "InteractiveData";

/// What the user filled in is in one parameter or the other, and there may be both: then the second is a member of the
/// first, under Twilio's name for it.
pub(super) fn read(source: &Source<'_>) -> Option<FlowReply> {
    let json = |name: &str| source.fields.text(name).map(parse);
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

/// What is no JSON stays a text.
fn parse(text: &str) -> Value {
    let json = serde_json::from_str(text).ok();
    json.filter(|json| is_at_most(MAX_DEPTH, json)).unwrap_or_else(|| text.into())
}

fn is_at_most(depth: usize, json: &Value) -> bool {
    let inner = |json| depth > 0 && is_at_most(depth - 1, json);
    match json {
        Value::Array(list) => list.iter().all(inner),
        Value::Object(object) => object.values().all(inner),
        _ => true,
    }
}
