//! Where files stand in a content.

use super::{Action, Content, Document, Field, Header, Media, TemplateHeader, present};

/// What a file stands there as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Image,
    Audio,
    Video,
    Document,
    Sticker,
}

/// A file in a content.
pub(crate) struct Place<'c, M> {
    pub(crate) kind: FileKind,
    pub(crate) field: Field,
    /// The name that is shown, if the content gives one.
    #[cfg_attr(not(feature = "twilio"), allow(dead_code, reason = "Meta reads it from the content"))]
    pub(crate) name: Option<&'c str>,
    pub(crate) media: M,
}

impl<'c, M> Place<'c, M> {
    fn new(kind: FileKind, field: impl Into<Field>, media: M) -> Self {
        Self { kind, field: field.into(), name: None, media }
    }

    fn document(field: impl Into<Field>, media: M, name: &'c Option<String>) -> Self {
        Self { name: present(name), ..Self::new(FileKind::Document, field, media) }
    }
}

/// The same walk twice: to look at the files, and to replace them.
macro_rules! walk {
    ($content:ident, $interactive:ident, $template:ident $(, $mutable:tt)?) => {
        /// Every file of a content, in the order in which they stand there.
        pub(crate) fn $content(content: &$($mutable)? Content) -> Vec<Place<'_, &$($mutable)? Media>> {
            const FIELD: &str = "content.media";
            match content {
                Content::Image(image) => vec![Place::new(FileKind::Image, FIELD, &$($mutable)? image.media)],
                Content::Video(video) => vec![Place::new(FileKind::Video, FIELD, &$($mutable)? video.media)],
                Content::Audio(audio) => vec![Place::new(FileKind::Audio, FIELD, &$($mutable)? audio.media)],
                Content::Document(Document { media, filename, .. }) => {
                    vec![Place::document(FIELD, media, filename)]
                }
                Content::Sticker(sticker) => {
                    vec![Place::new(FileKind::Sticker, FIELD, &$($mutable)? sticker.media)]
                }
                Content::Interactive(interactive) => {
                    let mut places = Vec::new();
                    places.extend($interactive("content.header.media".into(), &$($mutable)? interactive.header));
                    if let Action::Carousel { cards } = &$($mutable)? interactive.action {
                        for (index, card) in cards.into_iter().enumerate() {
                            let field = format!("content.action.cards[{index}].header.media");
                            places.extend($interactive(field.into(), &$($mutable)? card.header));
                        }
                    }
                    places
                }
                Content::Template(template) => {
                    let mut places = Vec::new();
                    places.extend($template("content.header.media".into(), &$($mutable)? template.header));
                    for (index, card) in (&$($mutable)? template.cards).into_iter().enumerate() {
                        let field = format!("content.cards[{index}].header.media");
                        places.extend($template(field.into(), &$($mutable)? card.header));
                    }
                    places
                }
                Content::Text(_)
                | Content::Location(_)
                | Content::Contacts(_)
                | Content::Reaction(_)
                | Content::Raw(_) => Vec::new(),
            }
        }

        fn $interactive(
            field: Field,
            header: &$($mutable)? Option<Header>,
        ) -> Option<Place<'_, &$($mutable)? Media>> {
            match header {
                Some(Header::Image(media)) => Some(Place::new(FileKind::Image, field, media)),
                Some(Header::Video(media)) => Some(Place::new(FileKind::Video, field, media)),
                Some(Header::Document(media)) => Some(Place::new(FileKind::Document, field, media)),
                Some(Header::Text(_)) | None => None,
            }
        }

        fn $template(
            field: Field,
            header: &$($mutable)? Option<TemplateHeader>,
        ) -> Option<Place<'_, &$($mutable)? Media>> {
            match header {
                Some(TemplateHeader::Image(media)) => Some(Place::new(FileKind::Image, field, media)),
                Some(TemplateHeader::Video(media)) => Some(Place::new(FileKind::Video, field, media)),
                Some(TemplateHeader::Document { media, filename }) => {
                    Some(Place::document(field, media, filename))
                }
                Some(TemplateHeader::Text(_) | TemplateHeader::Location(_) | TemplateHeader::Product(_))
                | None => None,
            }
        }
    };
}

walk!(files, of_header, of_template_header);
walk!(files_mut, of_header_mut, of_template_header_mut, mut);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Card, CardAction, CtaUrl, FileBytes, Interactive, Link, Template, TemplateCard};

    fn media(name: &str) -> Media {
        FileBytes::new(name.to_owned(), "image/png").into()
    }

    type Found = (FileKind, String, String, Option<String>);

    fn found(content: &Content) -> Vec<Found> {
        let name = |media: &Media| match media {
            Media::Bytes(file) => String::from_utf8(file.data.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        };
        let places = files(content);
        let called = |place: &Place<'_, &Media>| place.name.map(str::to_owned);
        let seen = places.into_iter().map(|place| {
            let called = called(&place);
            (place.kind, place.field.into_owned(), name(place.media), called)
        });
        let seen: Vec<_> = seen.collect();
        // The other walk goes the same way, and reaches what it shows.
        let mut copy = content.clone();
        for (place, (kind, field, _, called)) in files_mut(&mut copy).into_iter().zip(&seen) {
            assert_eq!((place.kind, place.name), (*kind, called.as_deref()));
            assert_eq!(place.field.into_owned(), *field);
            *place.media = Link::new("https://files.example/x").unwrap().into();
        }
        let left = files(&copy);
        assert_eq!(left.len(), seen.len());
        assert!(left.iter().all(|place| matches!(place.media, Media::Link(_))));
        seen
    }

    #[test]
    fn every_place_of_every_content() {
        use FileKind::{Audio, Document, Image, Sticker, Video};
        let place = |kind, field: &str, name: &str| (kind, field.to_owned(), name.to_owned(), None);
        for (content, kind) in [
            (Content::image(media("a")), Image),
            (Content::video(media("a")), Video),
            (Content::audio(media("a")), Audio),
            (Content::voice(media("a")), Audio),
            (Content::document(media("a")), Document),
            (Content::sticker(media("a")), Sticker),
        ] {
            assert_eq!(found(&content), [place(kind, "content.media", "a")]);
        }
        for (header, kind) in [
            (Header::Image(media("a")), Image),
            (Header::Video(media("a")), Video),
            (Header::Document(media("a")), Document),
        ] {
            let mut interactive = Interactive::buttons("?", []);
            interactive.header = Some(header);
            assert_eq!(found(&Content::Interactive(interactive)), [place(kind, "content.header.media", "a")]);
        }
        let card = |header| {
            let mut card = Card::new(CardAction::CtaUrl(CtaUrl::new("Open", "https://files.example")));
            card.header = header;
            card
        };
        let cards =
            vec![card(Some(Header::Image(media("a")))), card(None), card(Some(Header::Video(media("b"))))];
        let carousel = Interactive::new("?", Action::Carousel { cards });
        assert_eq!(
            found(&Content::Interactive(carousel)),
            [
                place(Image, "content.action.cards[0].header.media", "a"),
                place(Video, "content.action.cards[2].header.media", "b")
            ]
        );
        let card = |header| TemplateCard { header: Some(header), ..TemplateCard::default() };
        let mut template = Template::new("t", "en").with_header(TemplateHeader::document(media("a")));
        template.cards =
            vec![card(TemplateHeader::Video(media("b"))), card(TemplateHeader::Image(media("c")))];
        assert_eq!(
            found(&template.into()),
            [
                place(Document, "content.header.media", "a"),
                place(Video, "content.cards[0].header.media", "b"),
                place(Image, "content.cards[1].header.media", "c")
            ]
        );
        let (named, header) = ("a.pdf".to_owned(), TemplateHeader::named_document(media("a"), "a.pdf"));
        for (content, field) in [
            (
                Content::Document(super::Document {
                    media: media("a"),
                    caption: None,
                    filename: Some(named.clone()),
                }),
                "content.media",
            ),
            (Template::new("t", "en").with_header(header).into(), "content.header.media"),
        ] {
            let called = Some(named.clone());
            assert_eq!(found(&content), [(Document, field.to_owned(), "a".to_owned(), called)]);
        }
        for content in [Content::text("x"), Content::location(1.0, 2.0), Template::new("t", "en").into()] {
            assert_eq!(found(&content), []);
        }
    }
}
