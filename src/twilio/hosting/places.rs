//! Where files stand in a content.

use super::kind::FileKind;
use crate::outbound::{Action, Content, Field, FileBytes, Header, Media, TemplateHeader, present};

/// A file in a content.
pub(super) struct Place<'c> {
    pub(super) kind: FileKind,
    pub(super) field: Field,
    pub(super) name: Option<String>,
    pub(super) media: &'c mut Media,
}

impl<'c> Place<'c> {
    fn new(kind: FileKind, field: impl Into<Field>, media: &'c mut Media) -> Self {
        Self { kind, field: field.into(), name: None, media }
    }

    fn named(mut self, name: &Option<String>) -> Self {
        self.name = present(name).map(str::to_owned);
        self
    }

    /// The file, if the message brings it along.
    pub(super) fn bytes(&self) -> Option<&FileBytes> {
        if let Media::Bytes(file) = &*self.media { Some(file) } else { None }
    }
}

/// Every file of a content that Twilio may carry, in the order in which they stand there.
pub(super) fn files(content: &mut Content) -> Vec<Place<'_>> {
    const FIELD: &str = "content.media";
    match content {
        Content::Image(image) => vec![Place::new(FileKind::Image, FIELD, &mut image.media)],
        Content::Video(video) => vec![Place::new(FileKind::Video, FIELD, &mut video.media)],
        Content::Audio(audio) => vec![Place::new(FileKind::Audio, FIELD, &mut audio.media)],
        Content::Document(document) => {
            vec![Place::new(FileKind::Document, FIELD, &mut document.media).named(&document.filename)]
        }
        Content::Interactive(interactive) => {
            let mut places = Vec::new();
            places.extend(of_header("content.header.media".into(), &mut interactive.header));
            if let Action::Carousel { cards } = &mut interactive.action {
                for (index, card) in cards.iter_mut().enumerate() {
                    let field = format!("content.action.cards[{index}].header.media");
                    places.extend(of_header(field.into(), &mut card.header));
                }
            }
            places
        }
        Content::Template(template) => {
            let mut places = Vec::new();
            places.extend(of_template("content.header.media".into(), &mut template.header));
            for (index, card) in template.cards.iter_mut().enumerate() {
                let field = format!("content.cards[{index}].header.media");
                places.extend(of_template(field.into(), &mut card.header));
            }
            places
        }
        // Twilio has no stickers, and the others have no files.
        Content::Text(_)
        | Content::Sticker(_)
        | Content::Location(_)
        | Content::Contacts(_)
        | Content::Reaction(_)
        | Content::Raw(_) => Vec::new(),
    }
}

fn of_header(field: Field, header: &mut Option<Header>) -> Option<Place<'_>> {
    match header {
        Some(Header::Image(media)) => Some(Place::new(FileKind::Image, field, media)),
        Some(Header::Video(media)) => Some(Place::new(FileKind::Video, field, media)),
        Some(Header::Document(media)) => Some(Place::new(FileKind::Document, field, media)),
        Some(Header::Text(_)) | None => None,
    }
}

fn of_template(field: Field, header: &mut Option<TemplateHeader>) -> Option<Place<'_>> {
    match header {
        Some(TemplateHeader::Image(media)) => Some(Place::new(FileKind::Image, field, media)),
        Some(TemplateHeader::Video(media)) => Some(Place::new(FileKind::Video, field, media)),
        Some(TemplateHeader::Document { media, filename }) => {
            Some(Place::new(FileKind::Document, field, media).named(filename))
        }
        Some(TemplateHeader::Text(_) | TemplateHeader::Location(_) | TemplateHeader::Product(_)) | None => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Card, CardAction, CtaUrl, Interactive, Link, Template, TemplateCard};

    fn media(name: &str) -> Media {
        FileBytes::new(name.to_owned(), "image/png").into()
    }

    /// The files of a content: what they are sent as, where they stand, what is in them and how they are called.
    fn found(mut content: Content) -> Vec<(FileKind, String, String, Option<String>)> {
        let places = files(&mut content).into_iter();
        places
            .map(|place| {
                let data = String::from_utf8(place.bytes().unwrap().data.to_vec()).unwrap();
                (place.kind, place.field.clone().into_owned(), data, place.name)
            })
            .collect()
    }

    #[test]
    fn every_place_of_every_content() {
        use FileKind::{Audio, Document, Image, Video};
        let place = |kind, field: &str, data: &str| (kind, field.to_owned(), data.to_owned(), None);
        for (content, kind) in [
            (Content::image(media("a")), Image),
            (Content::video(media("a")), Video),
            (Content::audio(media("a")), Audio),
            (Content::voice(media("a")), Audio),
            (Content::document(media("a")), Document),
        ] {
            assert_eq!(found(content), [place(kind, "content.media", "a")]);
        }
        for (header, kind) in [
            (Header::Image(media("a")), Image),
            (Header::Video(media("a")), Video),
            (Header::Document(media("a")), Document),
        ] {
            let mut interactive = Interactive::buttons("?", []);
            interactive.header = Some(header);
            assert_eq!(found(interactive.into()), [place(kind, "content.header.media", "a")]);
        }
        let card = |header| {
            let mut card = Card::new(CardAction::CtaUrl(CtaUrl::new("Open", "https://files.example")));
            card.header = header;
            card
        };
        let cards =
            vec![card(Some(Header::Image(media("a")))), card(None), card(Some(Header::Video(media("b"))))];
        assert_eq!(
            found(Interactive::new("?", Action::Carousel { cards }).into()),
            [
                place(Image, "content.action.cards[0].header.media", "a"),
                place(Video, "content.action.cards[2].header.media", "b"),
            ]
        );
        let header = TemplateHeader::named_document(media("a"), "a.pdf");
        let mut template = Template::new("t", "en").with_header(header);
        template.cards = vec![
            TemplateCard::default().with_header(TemplateHeader::Video(media("b"))),
            TemplateCard::default().with_header(TemplateHeader::Image(media("c"))),
        ];
        let named = (Document, "content.header.media".to_owned(), "a".to_owned(), Some("a.pdf".to_owned()));
        assert_eq!(
            found(template.into()),
            [
                named,
                place(Video, "content.cards[0].header.media", "b"),
                place(Image, "content.cards[1].header.media", "c"),
            ]
        );
        for content in [Content::text("x"), Content::sticker(media("a")), Content::location(1.0, 2.0)] {
            assert_eq!(found(content), []);
        }
    }

    #[test]
    fn only_bytes_are_brought_along() {
        let mut content = Content::image(Link::new("https://files.example/a.png").unwrap());
        assert!(files(&mut content).iter().all(|place| place.bytes().is_none()));
    }
}
