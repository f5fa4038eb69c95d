//! What Twilio keeps of contents, and what a message says that names one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Refusal;
use super::content::by_ending;
use crate::clock::Timestamp;
use crate::outbound::{
    Content, Interactive, Link, ListRow, ListSection, Media, Parameter, ReplyButton, Template, TemplateHeader,
};
use crate::simulator::templates::places_of;

/// What Twilio knows by a `ContentSid`.
pub(in crate::simulator) struct RegisteredContent {
    friendly_name: String,
    language: String,
    /// A sample for each variable.
    variables: BTreeMap<String, String>,
    types: Value,
    approval: Option<Approval>,
    created: Timestamp,
}

/// What became of a request to approve a content as a template.
struct Approval {
    name: String,
    category: String,
    status: String,
}

impl RegisteredContent {
    /// An approved template whose body has these variables.
    pub(in crate::simulator) fn body(
        name: &str,
        language: &str,
        variables: Vec<String>,
        now: Timestamp,
    ) -> Self {
        let places: Vec<_> = variables.iter().map(|name| format!("{{{{{name}}}}}")).collect();
        let types = json!({ "twilio/text": { "body": places.join(" ") } });
        let samples = variables.into_iter().map(|name| (name, "sample".to_owned())).collect();
        Self::approved(name, language, samples, types, now)
    }

    /// An approved authentication template.
    pub(in crate::simulator) fn one_time_code(name: &str, language: &str, now: Timestamp) -> Self {
        let action = json!({ "type": "COPY_CODE", "copy_code_text": "Copy" });
        let types = json!({ "whatsapp/authentication": { "actions": [action] } });
        let samples = BTreeMap::from([("1".to_owned(), "123456".to_owned())]);
        Self::approved(name, language, samples, types, now)
    }

    fn approved(
        name: &str,
        language: &str,
        variables: BTreeMap<String, String>,
        types: Value,
        created: Timestamp,
    ) -> Self {
        let approval =
            Approval { name: name.to_owned(), category: "UTILITY".to_owned(), status: "approved".to_owned() };
        Self {
            friendly_name: name.to_owned(),
            language: language.to_owned(),
            variables,
            types,
            approval: Some(approval),
            created,
        }
    }

    /// Reads what is to be made.
    pub(super) fn read(body: &[u8], now: Timestamp) -> Result<Self, Refusal> {
        let invalid = const { Refusal::invalid(20_001, "Invalid parameter") };
        let Ok(json) = serde_json::from_slice::<Value>(body) else { return Err(invalid) };
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let types = json.get("types").and_then(Value::as_object).filter(|types| !types.is_empty());
        let (Some(language), Some(types)) = (text("language"), types) else { return Err(invalid) };
        let no_variables = Map::new();
        let variables = json.get("variables").and_then(Value::as_object).unwrap_or(&no_variables);
        if variables.len() > 100 {
            return Err(Refusal::invalid(92_002, "The 'variables' parameter exceeds the allowed limit"));
        }
        let sample = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        Ok(Self {
            friendly_name: text("friendly_name").unwrap_or_default(),
            language,
            variables: variables.iter().filter_map(sample).collect(),
            types: Value::Object(types.clone()),
            approval: None,
            created: now,
        })
    }

    pub(super) fn friendly_name(&self) -> &str {
        &self.friendly_name
    }

    /// Asks to have it approved; a person decides, and that takes a while.
    pub(super) fn ask_for_approval(&mut self, body: &[u8]) -> Result<Value, Refusal> {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(name), Some(category)) = (text("name"), text("category")) else {
            return Err(Refusal::invalid(20_001, "Invalid parameter"));
        };
        self.approval = Some(Approval { name, category, status: "received".to_owned() });
        Ok(self.approval())
    }

    /// Decides about it.
    pub(in crate::simulator) fn decide(&mut self, decision: &str) {
        if let Some(approval) = &mut self.approval {
            decision.clone_into(&mut approval.status);
        }
    }

    /// The code with which WhatsApp refuses it as a template, if somebody has decided so.
    pub(super) fn refusal(&self) -> Option<i64> {
        match self.approval.as_ref()?.status.as_str() {
            "rejected" => Some(63_040),
            "paused" => Some(63_041),
            "disabled" => Some(63_042),
            _ => None,
        }
    }

    /// What became of it.
    pub(super) fn approval(&self) -> Value {
        let content_type = self.types.as_object().and_then(|types| types.keys().next());
        let (name, category, status) = self.approval.as_ref().map_or(("", "", "unsubmitted"), |approval| {
            (approval.name.as_str(), approval.category.as_str(), approval.status.as_str())
        });
        json!({
            "allow_category_change": true,
            "category": category,
            "content_type": content_type,
            "name": name,
            "rejection_reason": "",
            "status": status,
        })
    }

    /// How the API shows it.
    pub(super) fn resource(&self, account_sid: &str, sid: &str) -> Value {
        json!({
            "account_sid": account_sid,
            "date_created": self.created.to_string(),
            "date_updated": self.created.to_string(),
            "friendly_name": self.friendly_name,
            "language": self.language,
            "sid": sid,
            "types": self.types,
            "url": format!("https://content.twilio.com/v1/Content/{sid}"),
            "variables": self.variables,
        })
    }

    /// What a message says that names this content with these variables.
    pub(super) fn fill(&self, variables: &BTreeMap<String, String>) -> Result<Content, Refusal> {
        let (kind, type_) =
            self.types.as_object().and_then(|types| types.iter().next()).ok_or(const { unreadable() })?;
        let mut known = BTreeMap::new();
        collect_variables(type_, &mut known);
        if kind == "whatsapp/authentication" {
            known.insert("1".to_owned(), ());
        }
        if variables.keys().any(|name| !known.contains_key(name)) {
            return Err(invalid_variables());
        }
        let approval = self.approval.as_ref().filter(|approval| approval.status == "approved");
        let Some(approval) = approval else {
            let value = |name: &str| variables.get(name).or_else(|| self.variables.get(name)).cloned();
            return in_session(kind, &substitute(type_, &value)?).ok_or(const { unreadable() });
        };
        if known.keys().any(|name| !variables.contains_key(name)) {
            return Err(invalid_variables());
        }
        let (name, language) = (approval.name.as_str(), self.language.as_str());
        if let (true, Some(code)) = (kind == "whatsapp/authentication", variables.get("1")) {
            return Ok(Template::authentication(name, language, code.as_str()).into());
        }
        template(Template::new(name, language), type_, variables).map(Content::Template)
    }
}

pub(super) fn invalid_variables() -> Refusal {
    Refusal::invalid(21_656, "The ContentVariables Parameter is invalid.")
}

const fn unreadable() -> Refusal {
    Refusal::invalid(63_006, "Could not format given content for the channel")
}

fn collect_variables(json: &Value, names: &mut BTreeMap<String, ()>) {
    match json {
        Value::String(text) => names.extend(places_of(text).map(|name| (name.to_owned(), ()))),
        Value::Array(elements) => elements.iter().for_each(|element| collect_variables(element, names)),
        Value::Object(members) => members.values().for_each(|member| collect_variables(member, names)),
        _ => {}
    }
}

/// Puts values into the places of variables. What a value says is not looked at again.
fn substitute(json: &Value, value: &impl Fn(&str) -> Option<String>) -> Result<Value, Refusal> {
    Ok(match json {
        Value::String(text) => {
            let mut pieces = text.split("{{");
            let mut whole = pieces.next().unwrap_or_default().to_owned();
            for piece in pieces {
                match piece.split_once("}}") {
                    Some((name, rest)) => {
                        whole.push_str(&value(name.trim()).ok_or_else(invalid_variables)?);
                        whole.push_str(rest);
                    }
                    None => whole.extend(["{{", piece]),
                }
            }
            whole.into()
        }
        Value::Array(elements) => {
            elements.iter().map(|element| substitute(element, value)).collect::<Result<_, _>>()?
        }
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| Ok((name.clone(), substitute(member, value)?)))
                .collect::<Result<_, Refusal>>()?,
        ),
        other => other.clone(),
    })
}

/// What may be sent to a user who has just written, without an approval. `None` if WhatsApp takes no such thing.
fn in_session(kind: &str, type_: &Value) -> Option<Content> {
    let text = |json: &Value, name: &str| {
        let text = json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let list = |name: &str| type_.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
    let body = || text(type_, "body");
    match kind {
        "twilio/text" => Some(Content::text(body()?)),
        "twilio/media" => {
            let link = Link::new(list("media")?.first()?.as_str()?).ok()?;
            let content = by_ending(link);
            Some(body().map_or(content.clone(), |caption| content.with_caption(caption)))
        }
        "twilio/quick-reply" => {
            let buttons = list("actions")?.iter().map(|action| {
                let title = text(action, "title")?;
                Some(ReplyButton::new(text(action, "id").unwrap_or_else(|| title.clone()), title))
            });
            let buttons = buttons.collect::<Option<Vec<_>>>().filter(|buttons| buttons.len() <= 3)?;
            Some(Interactive::buttons(body()?, buttons).into())
        }
        "twilio/list-picker" => {
            let rows = list("items")?.iter().map(|item| {
                let mut row = ListRow::new(text(item, "id")?, text(item, "item")?);
                row.description = text(item, "description");
                Some(row)
            });
            let rows = rows.collect::<Option<Vec<_>>>().filter(|rows| rows.len() <= 10)?;
            Some(Interactive::list(body()?, text(type_, "button")?, [ListSection::new(rows)]).into())
        }
        "twilio/call-to-action" => {
            let [action] = list("actions")?.as_slice() else { return None };
            let is_url = action.get("type").and_then(Value::as_str) == Some("URL");
            is_url.then_some(())?;
            Some(Interactive::cta_url(body()?, text(action, "title")?, text(action, "url")?).into())
        }
        _ => None,
    }
}

/// An approved template whose places are filled.
fn template(
    mut template: Template,
    type_: &Value,
    variables: &BTreeMap<String, String>,
) -> Result<Template, Refusal> {
    let value = |name: &str| variables.get(name).cloned();
    let text = |json: &Value| json.as_str().map(str::to_owned).unwrap_or_default();
    let member = |name: &str| type_.get(name).unwrap_or(&Value::Null);
    let first = |json: &Value| places_of(&text(json)).next().and_then(value);
    if let Some(filled) = first(member("header_text")) {
        template = template.with_header(TemplateHeader::Text(Parameter::text(filled)));
    }
    let media = match member("media") {
        Value::Array(media) => media.first().unwrap_or(&Value::Null),
        media => media,
    };
    if first(media).is_some() {
        let link = Link::new(text(&substitute(media, &value)?)).map_err(|_| unreadable())?;
        template = template.with_header(match by_ending(link.clone()) {
            Content::Image(_) => TemplateHeader::Image(Media::Link(link)),
            Content::Video(_) => TemplateHeader::Video(Media::Link(link)),
            _ => TemplateHeader::document(link),
        });
    }
    for name in places_of(&text(member("body"))) {
        let filled = value(name).unwrap_or_default();
        template = if name.bytes().all(|byte| byte.is_ascii_digit()) {
            template.with_body([filled])
        } else {
            template.with_named(name, filled)
        };
    }
    let actions = member("actions").as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, action) in (0..=u8::MAX).zip(actions) {
        let filled = |name: &str| action.get(name).and_then(first);
        if let Some(end) = filled("url") {
            template = template.with_url_suffix(index, end);
        } else if let Some(payload) = filled("id") {
            template = template.with_button(index, crate::outbound::ButtonParameter::quick_reply(payload));
        }
    }
    Ok(template)
}
