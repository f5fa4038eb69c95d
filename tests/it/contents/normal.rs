//! What a content becomes on its way: the normal form of each provider.

use serde_json::Value;
use whatsapp_provider::outbound::{
    Action, ButtonParameter, ContactCard, Header, Interactive, ListSection, Location, Media, Parameter,
    ParameterValue, Template, TemplateButton, TemplateHeader,
};
use whatsapp_provider::{Content, Json, MediaRef};

/// Meta's: an empty text that may be missing is missing, the provider's own files have no expiry, a one-time code is
/// known by where it stands, and a body of one's own is without what every message has.
pub(crate) fn meta(mut content: Content) -> Content {
    match &mut content {
        Content::Image(image) => (plain(&mut image.media), missing(&mut image.caption)).1,
        Content::Video(video) => (plain(&mut video.media), missing(&mut video.caption)).1,
        Content::Audio(audio) => plain(&mut audio.media),
        Content::Document(document) => {
            plain(&mut document.media);
            missing(&mut document.caption);
            missing(&mut document.filename);
        }
        Content::Sticker(sticker) => plain(&mut sticker.media),
        Content::Location(place) => location(place),
        Content::Contacts(contacts) => contacts.cards.iter_mut().for_each(card),
        Content::Interactive(message) => interactive(message),
        Content::Template(filled) => template(filled),
        Content::Raw(raw) => {
            let mut body: Value = raw.body.to_value().unwrap();
            for name in ["messaging_product", "biz_opaque_callback_data", "context"] {
                body.as_object_mut().unwrap().remove(name);
            }
            raw.body = Json::from_value(&body).unwrap();
        }
        _ => {}
    }
    content
}

/// Twilio's: beside what it drops and says so, an empty text that may be missing is missing, every place has a name, and
/// values are what is shown of them.
pub(crate) fn twilio(mut content: Content) -> Content {
    match &mut content {
        Content::Text(text) => text.preview_url = None,
        Content::Image(image) => missing(&mut image.caption),
        Content::Video(video) => missing(&mut video.caption),
        Content::Audio(audio) => audio.voice = false,
        Content::Document(document) => (document.caption, document.filename) = (None, None),
        Content::Location(place) => {
            location(place);
            let address = place.address.take();
            let name = place.name.take().or(address);
            place.name = Some(name.unwrap_or_else(|| format!("{},{}", place.latitude, place.longitude)));
        }
        Content::Interactive(message) => interactive(message),
        Content::Template(template) => {
            for parameter in &mut template.body {
                parameter.value = Parameter::text(parameter.shown()).value;
            }
        }
        _ => {}
    }
    content
}

/// The message without what Twilio has no place for, and no longer than it may be there.
pub(crate) fn as_twilio_has_it(message: &mut Interactive) {
    fn cut(text: &mut String, max: usize) {
        *text = text.chars().take(max).collect();
    }
    (message.header, message.footer) = (None, None);
    let max_body = if matches!(message.action, Action::CtaUrl(_)) { 640 } else { 1024 };
    message.body.iter_mut().for_each(|body| cut(body, max_body));
    match &mut message.action {
        Action::ReplyButtons { buttons, .. } => {
            buttons.iter_mut().for_each(|button| cut(&mut button.id, 200));
        }
        Action::List(list) => {
            let rows: Vec<_> = list.sections.drain(..).flat_map(|section| section.rows).collect();
            list.sections = vec![ListSection::new(rows)];
        }
        // What looks like the place of a variable would be one.
        Action::CtaUrl(button) => button.display_text = button.display_text.replace("{{", "(("),
        _ => {}
    }
}

fn missing(text: &mut Option<String>) {
    *text = text.take().filter(|text| !text.is_empty());
}

fn plain(media: &mut Media) {
    if let Media::Id(file) = media {
        *file = MediaRef::new(file.sender.clone(), file.id.clone());
    }
}

fn location(place: &mut Location) {
    missing(&mut place.name);
    missing(&mut place.address);
}

fn card(card: &mut ContactCard) {
    missing(&mut card.birthday);
    let name = card.name.as_mut().unwrap();
    [&mut name.first, &mut name.middle, &mut name.last, &mut name.prefix, &mut name.suffix]
        .into_iter()
        .for_each(missing);
    for entry in &mut card.phones {
        [&mut entry.phone, &mut entry.wa_id, &mut entry.label].into_iter().for_each(missing);
    }
    card.emails.iter_mut().for_each(|entry| missing(&mut entry.label));
    card.urls.iter_mut().for_each(|entry| missing(&mut entry.label));
    for entry in &mut card.addresses {
        [&mut entry.street, &mut entry.city, &mut entry.state, &mut entry.zip].into_iter().for_each(missing);
        [&mut entry.country, &mut entry.country_code, &mut entry.label].into_iter().for_each(missing);
    }
    if let Some(place) = &mut card.organization {
        [&mut place.company, &mut place.department, &mut place.title].into_iter().for_each(missing);
    }
}

fn header(header: &mut Option<Header>) {
    if let Some(Header::Image(media) | Header::Video(media) | Header::Document(media)) = header {
        plain(media);
    }
}

fn interactive(message: &mut Interactive) {
    header(&mut message.header);
    missing(&mut message.body);
    missing(&mut message.footer);
    match &mut message.action {
        Action::List(list) => {
            for section in &mut list.sections {
                missing(&mut section.title);
                section.rows.iter_mut().for_each(|row| missing(&mut row.description));
            }
        }
        Action::Flow(flow) => missing(&mut flow.token),
        Action::Catalog { thumbnail_product, .. } => missing(thumbnail_product),
        Action::Carousel { cards, .. } => {
            for card in cards {
                header(&mut card.header);
                missing(&mut card.body);
            }
        }
        Action::VoiceCall(call) => missing(&mut call.payload),
        _ => {}
    }
}

fn template(template: &mut Template) {
    template_header(&mut template.header);
    template.buttons.iter_mut().for_each(button);
    for card in &mut template.cards {
        template_header(&mut card.header);
        card.buttons.iter_mut().for_each(button);
    }
    // Where a code stands, and nothing else, is an authentication template.
    if let ([body], [end]) = (&template.body[..], &template.buttons[..])
        && let (None, ParameterValue::Text { text, .. }) = (&body.name, &body.value)
        && let (0, ButtonParameter::UrlSuffix { text: again, .. }) = (end.index, &end.parameter)
        && text == again
    {
        let bare = Template::new(&*template.name, &*template.language);
        let same = bare.with_body([text.as_str()]).with_url_suffix(0, text.as_str());
        if same == *template {
            *template = Template::authentication(&*template.name, &*template.language, text.as_str());
        }
    }
}

fn template_header(header: &mut Option<TemplateHeader>) {
    match header {
        Some(TemplateHeader::Image(media) | TemplateHeader::Video(media)) => plain(media),
        Some(TemplateHeader::Document { media, filename, .. }) => {
            plain(media);
            missing(filename);
        }
        Some(TemplateHeader::Location(place)) => location(place),
        _ => {}
    }
}

fn button(button: &mut TemplateButton) {
    match &mut button.parameter {
        ButtonParameter::Catalog { thumbnail_product, .. } => missing(thumbnail_product),
        ButtonParameter::Flow { token, .. } => missing(token),
        ButtonParameter::VoiceCall { payload, .. } => missing(payload),
        _ => {}
    }
}
