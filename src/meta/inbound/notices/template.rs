//! News about templates.

use crate::inbound::{Notice, TemplateUpdate};
use crate::json::Json;
use crate::meta::inbound::date;
use crate::meta::wire::Object;

/// The parts of a template, as news of their change name them.
const PARTS: [&str; 4] = [
    "message_template_title",
    "message_template_element",
    "message_template_footer",
    "message_template_buttons",
];

/// What happened to a template. What it is about is told by its members: Meta's own samples have it under the wrong field.
pub(super) fn read(value: &Object<'_>) -> Option<Notice> {
    let (aspect, event) = if let Some(score) = value.text("new_quality_score") {
        ("quality", score)
    } else if let Some(category) = value.text("new_category").or_else(|| value.text("correct_category")) {
        ("category", category)
    } else if PARTS.iter().any(|part| value.get(part).is_some()) {
        ("components", value.text("event").unwrap_or_else(|| "UPDATED".to_owned()))
    } else {
        ("status", value.text("event")?)
    };
    let mut update = TemplateUpdate::new(value.text("message_template_name")?, event);
    update.aspect = Some(aspect.to_owned());
    update.id = value.text("message_template_id");
    update.language = value.text("message_template_language");
    update.category = value.text("message_template_category");
    update.reason = value.text("reason");
    update.before = value.text("previous_quality_score").or_else(|| value.text("previous_category"));
    update.planned = value.text("correct_category");
    let disabled = value.object("disable_info");
    update.disabled_at = disabled.and_then(|disabled| date::read(&disabled, "disable_date"));
    if let Some(pause) = value.object("other_info") {
        update.title = pause.text("title");
        update.text = pause.text("description");
    }
    if let Some(rejection) = value.object("rejection_info") {
        update.text = rejection.text("reason").or(update.text);
        update.recommendation = rejection.text("recommendation");
    }
    if aspect == "components" {
        update.data = Some(parts(value)?);
    }
    Some(Notice::template(update))
}

fn parts(value: &Object<'_>) -> Option<Json> {
    let mut parts = serde_json::Map::new();
    for name in PARTS {
        if let Some(part) = value.get(name) {
            parts.insert(name.to_owned(), serde_json::from_str(part.get()).ok()?);
        }
    }
    Some(Json(serde_json::Value::Object(parts)))
}
