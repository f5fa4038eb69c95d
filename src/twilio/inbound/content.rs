use super::{Odd, Source, flow};
use crate::ids::{MediaRef, SenderId};
use crate::inbound::{ButtonReply, InboundContent, InboundMedia, ListReply};
use crate::outbound::Location;
use crate::twilio::form::Fields;

/// What a message says. What it has decides, and then what it calls itself: `MessageType` is missing in older webhooks.
pub(super) fn read(source: &Source<'_>, sender: &SenderId) -> Result<InboundContent, Odd> {
    let fields = source.fields;
    let sort = fields.text("MessageType").unwrap_or_default();
    let named = |reason| Odd::new(reason).what(sort);
    if let Some(button) = button(source, sort) {
        return Ok(InboundContent::Button(button));
    }
    if let Some(row) = row(source) {
        return Ok(InboundContent::ListReply(row));
    }
    if let Some(form) = flow::read(source) {
        return Ok(InboundContent::FlowReply(form));
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
fn button(source: &Source<'_>, sort: &str) -> Option<ButtonReply> {
    let (payload, text) = (source.text("ButtonPayload"), source.text("ButtonText"));
    let id = payload.or(text)?;
    let title = text.or(source.fields.text("Body")).unwrap_or(id);
    let mut button = ButtonReply::new(id, title);
    button.of_template = sort == "button";
    Some(button)
}

fn row(source: &Source<'_>) -> Option<ListReply> {
    let (id, title) = (source.text("ListId"), source.text("ListTitle"));
    let id = id.or(title)?;
    Some(ListReply::new(id, title.or(source.fields.text("Body")).unwrap_or(id)))
}

fn has_media(fields: &Fields) -> bool {
    let counted = fields.text("NumMedia").is_some_and(|count| count.trim() != "0");
    counted || !fields.numbered("MediaUrl").is_empty()
}

fn media(fields: &Fields, sender: &SenderId, sort: &str) -> Result<InboundContent, Odd> {
    let mut types = fields.numbered("MediaContentType");
    let urls = fields.numbered("MediaUrl");
    let announced: usize = match fields.text("NumMedia") {
        None => 0,
        Some(count) => count.trim().parse().map_err(|_| Odd::new("a count of files that is no number"))?,
    };
    if urls.len() < announced {
        return Err(Odd::new("fewer files than announced").what(sort));
    }
    let mut files = urls.into_iter().map(|(number, url)| {
        let mut file = InboundMedia::new(MediaRef::new(sender.clone(), url));
        file.mime_type = types.remove(&number).map(str::to_owned);
        file
    });
    let mut first = files.next().ok_or_else(|| Odd::new("fewer files than announced"))?;
    first.more = files.collect();
    first.caption = fields.owned("Body");
    let mime_type = first.mime_type.as_deref().unwrap_or_default();
    let family = mime_type.split('/').next().map(str::to_ascii_lowercase);
    // The type of the message comes first: a picture can be sent as a file.
    match (sort, family.as_deref()) {
        ("contacts", _) => Ok(contacts(first)),
        ("" | "text", _) if is_contact_card(mime_type) => Ok(contacts(first)),
        ("image", _) | ("" | "text", Some("image")) => Ok(InboundContent::Image(first)),
        ("video", _) | ("" | "text", Some("video")) => Ok(InboundContent::Video(first)),
        ("audio", _) | ("" | "text", Some("audio")) => Ok(InboundContent::Audio(first)),
        ("voice", _) => {
            first.voice = Some(true);
            Ok(InboundContent::Audio(first))
        }
        ("document", _) | ("" | "text", Some("application" | "text")) => Ok(InboundContent::Document(first)),
        ("sticker", _) => Ok(InboundContent::Sticker(first)),
        ("" | "text", _) => Err(Odd::new("an unknown type of file")),
        _ => Err(Odd::new("an unknown type of message").what(sort)),
    }
}

/// Twilio brings contact cards as files, one card or several in each.
fn contacts(mut first: InboundMedia) -> InboundContent {
    let more = std::mem::take(&mut first.more);
    let mut files = vec![first];
    files.extend(more);
    InboundContent::contact_files(files)
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
