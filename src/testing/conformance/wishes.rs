//! Which wishes a message has, and which of them a content shows.

use crate::outbound::{Content, OutboundMessage, TemplateHeader, Wish};

/// Whether the message has this wish.
pub(super) fn has(message: &OutboundMessage, wish: Wish) -> bool {
    match wish {
        Wish::Quote => message.reply_to.is_some(),
        Wish::Ttl => message.ttl.is_some(),
        Wish::Reference => given(&message.reference),
        wish => shows(&message.content, wish).unwrap_or(true),
    }
}

/// The wishes that a content can show.
pub(super) const SHOWN: [Wish; 5] =
    [Wish::LinkPreview, Wish::FileName, Wish::Caption, Wish::Voice, Wish::LocationAddress];

/// Whether the content shows this wish; `None` for a wish that no content shows.
pub(super) fn shows(content: &Content, wish: Wish) -> Option<bool> {
    let header = match content {
        Content::Template(template) => template.header.as_ref(),
        _ => None,
    };
    Some(match wish {
        Wish::LinkPreview => matches!(content, Content::Text(text) if text.preview_url.is_some()),
        Wish::Voice => matches!(content, Content::Audio(audio) if audio.voice),
        Wish::Caption => match content {
            Content::Image(image) => given(&image.caption),
            Content::Video(video) => given(&video.caption),
            Content::Document(document) => given(&document.caption),
            _ => false,
        },
        Wish::FileName => match (content, header) {
            (Content::Document(document), _) => given(&document.filename),
            (_, Some(TemplateHeader::Document { filename, .. })) => given(filename),
            _ => false,
        },
        Wish::LocationAddress => match (content, header) {
            (Content::Location(place), _) | (_, Some(TemplateHeader::Location(place))) => {
                given(&place.address)
            }
            _ => false,
        },
        _ => return None,
    })
}

/// Takes the wish out of a content that shows it.
pub(super) fn take_out(content: &mut Content, wish: Wish) {
    match (wish, content) {
        (Wish::LinkPreview, Content::Text(text)) => text.preview_url = None,
        (Wish::Voice, Content::Audio(audio)) => audio.voice = false,
        (Wish::Caption, Content::Image(image)) => image.caption = None,
        (Wish::Caption, Content::Video(video)) => video.caption = None,
        (Wish::Caption, Content::Document(document)) => document.caption = None,
        (Wish::FileName, Content::Document(document)) => document.filename = None,
        (Wish::LocationAddress, Content::Location(place)) => place.address = None,
        (wish, Content::Template(template)) => match (wish, &mut template.header) {
            (Wish::FileName, Some(TemplateHeader::Document { filename, .. })) => *filename = None,
            (Wish::LocationAddress, Some(TemplateHeader::Location(place))) => place.address = None,
            _ => {}
        },
        _ => {}
    }
}

/// An empty text that may be missing is missing.
pub(super) fn given(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
}
