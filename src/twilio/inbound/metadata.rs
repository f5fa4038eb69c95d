//! `ChannelMetadata`: what WhatsApp itself said, as JSON within a parameter.

use serde_json::Value;

use crate::twilio::form::Fields;

/// What it says beside the parameters, and mostly the same: `{"type":"whatsapp","data":{"context":{"WaId":"…"}}}`.
pub(super) struct Metadata(Option<Value>);

impl Metadata {
    /// Reads it. What is not of that shape says nothing; the parameters are still there.
    pub(super) fn read(fields: &Fields) -> Self {
        let json = fields.text("ChannelMetadata").and_then(|text| serde_json::from_str(text).ok());
        Self(json.filter(|json: &Value| {
            json.get("type").and_then(Value::as_str).is_none_or(|channel| channel == "whatsapp")
        }))
    }

    /// A text, unless it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let context = self.0.as_ref()?.get("data")?.get("context")?;
        context.get(name)?.as_str().filter(|value| !value.is_empty())
    }
}
