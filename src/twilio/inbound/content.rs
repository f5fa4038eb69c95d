use super::Odd;
use crate::ids::{MediaRef, SenderId};
use crate::inbound::{ButtonReply, InboundContent, InboundMedia, ListReply};
use crate::outbound::Location;
use crate::twilio::form::Fields;

/// What a message says. What it has decides, and then what it calls itself: `MessageType` is missing in older webhooks.
pub(super) fn read(fields: &Fields, sender: &SenderId) -> Result<InboundContent, Odd> {
    let sort = fields.text("MessageType").unwrap_or_default();
    let named = |reason| Odd::new(reason).what(sort);
    if let Some(button) = button(fields, sort) {
        return Ok(InboundContent::Button(button));
    }
    if let Some(id) = fields.text("ListId") {
        let title = fields.text("ListTitle").or(fields.text("Body"));
        return Ok(InboundContent::ListReply(ListReply::new(id, title.unwrap_or(id))));
    }
    if fields.has("FlowData") || fields.has("InteractiveData") {
        return Err(named("the answer of a flow"));
    }
    if has_media(fields) {
        return media(fields, sender, sort);
    }
    if fields.has("Latitude") || fields.has("Longitude") || sort == "location" {
        return location(fields)
            .map(InboundContent::Location)
            .ok_or_else(|| named("a location without a place"));
    }
    match (sort, fields.text("Body")) {
        ("" | "text", Some(body)) => Ok(InboundContent::text(body)),
        ("text", None) if fields.has("Body") => Ok(InboundContent::text("")),
        ("" | "text", None) => Err(Odd::new("a message without content")),
        _ => Err(named("an unknown type of message")),
    }
}

/// A quick reply of a template calls itself `button`, one of another message `interactive`.
fn button(fields: &Fields, sort: &str) -> Option<ButtonReply> {
    let (payload, text) = (fields.text("ButtonPayload"), fields.text("ButtonText"));
    let id = payload.or(text)?;
    let title = text.or(fields.text("Body")).unwrap_or(id);
    let mut button = ButtonReply::new(id, title);
    button.of_template = sort == "button";
    Some(button)
}

fn has_media(fields: &Fields) -> bool {
    let counted = fields.text("NumMedia").is_some_and(|count| count != "0");
    counted || !fields.numbered("MediaUrl").is_empty()
}

fn media(fields: &Fields, sender: &SenderId, sort: &str) -> Result<InboundContent, Odd> {
    let mut types = fields.numbered("MediaContentType");
    let urls = fields.numbered("MediaUrl");
    let announced: usize = match fields.text("NumMedia") {
        None => 0,
        Some(count) => count.parse().map_err(|_| Odd::new("a count of files that is no number"))?,
    };
    if urls.len() < announced {
        return Err(Odd::new("fewer files than announced").what(sort));
    }
    if sort == "contacts" || types.values().copied().any(is_contact_card) {
        return Err(Odd::new("a contact card").what("contacts"));
    }
    let mut files = urls.into_iter().map(|(number, url)| {
        let mut file = InboundMedia::new(MediaRef::new(sender.clone(), url));
        file.mime_type = types.remove(&number).map(str::to_owned);
        file
    });
    let mut first = files.next().ok_or_else(|| Odd::new("fewer files than announced"))?;
    first.more = files.collect();
    first.caption = fields.owned("Body");
    let essence = first.mime_type.as_deref().and_then(|mime_type| mime_type.split('/').next());
    match (sort, essence.map(str::to_ascii_lowercase).as_deref()) {
        // The type of the message comes first: a picture can be sent as a file.
        ("image", _) | ("" | "text", Some("image")) => Ok(InboundContent::Image(first)),
        ("video", _) | ("" | "text", Some("video")) => Ok(InboundContent::Video(first)),
        ("audio" | "voice", _) | ("" | "text", Some("audio")) => Ok(InboundContent::Audio(first)),
        ("document", _) | ("" | "text", Some("application" | "text")) => Ok(InboundContent::Document(first)),
        ("sticker", _) => Ok(InboundContent::Sticker(first)),
        ("" | "text", _) => Err(Odd::new("an unknown type of file")),
        _ => Err(Odd::new("an unknown type of message").what(sort)),
    }
}

fn is_contact_card(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    ["text/vcard", "text/x-vcard", "text/directory"].iter().any(|known| essence.eq_ignore_ascii_case(known))
}

fn location(fields: &Fields) -> Option<Location> {
    let degrees = |name: &str, most: f64| {
        let degrees: f64 = fields.text(name)?.trim().parse().ok()?;
        // `contains` is false for what is not a number.
        (-most..=most).contains(&degrees).then_some(degrees)
    };
    let mut location = Location::new(degrees("Latitude", 90.0)?, degrees("Longitude", 180.0)?);
    location.name = fields.owned("Label").or_else(|| fields.owned("Body"));
    location.address = fields.owned("Address");
    Some(location)
}
