use serde::{Deserialize, Serialize};

mod kind;

pub use kind::ContentKind;

use super::contact_card::ContactCard;
use super::interactive::{Action, Interactive};
use super::media::Media;
use super::template::Template;
use crate::ids::{MessageRef, ProviderId};
use crate::json::Json;
use crate::redact::redacted_debug;

/// What a message says.
///
/// As JSON every content has a `type`: `{"type":"text","body":"Hi"}`. `Debug` prints the type and nothing of the
/// content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text: at most 4,096 characters on Meta, 1,600 on Twilio.
    Text(Text),
    /// A picture.
    Image(Image),
    /// A video.
    Video(Video),
    /// A sound file or a voice message.
    Audio(Audio),
    /// A file.
    Document(Document),
    /// A sticker (WebP).
    Sticker(Sticker),
    /// A place.
    Location(Location),
    /// Contact cards.
    Contacts(Contacts),
    /// An emoji on an earlier message.
    Reaction(Reaction),
    /// Buttons, lists and other things to tap.
    Interactive(Interactive),
    /// A template that Meta approved: the only content that may open a conversation.
    Template(Template),
    /// A request body of the provider's own, which this crate does not read. Never failed over.
    Raw(Raw),
}

impl Content {
    /// Text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(Text::new(body))
    }

    /// A picture.
    pub fn image(media: impl Into<Media>) -> Self {
        Self::Image(Image { media: media.into(), caption: None })
    }

    /// A video.
    pub fn video(media: impl Into<Media>) -> Self {
        Self::Video(Video { media: media.into(), caption: None })
    }

    /// A sound file.
    pub fn audio(media: impl Into<Media>) -> Self {
        Self::Audio(Audio { media: media.into(), voice: false })
    }

    /// A voice message (OGG with Opus, mono).
    pub fn voice(media: impl Into<Media>) -> Self {
        Self::Audio(Audio { media: media.into(), voice: true })
    }

    /// A file.
    pub fn document(media: impl Into<Media>) -> Self {
        Self::Document(Document { media: media.into(), caption: None, filename: None })
    }

    /// A sticker.
    pub fn sticker(media: impl Into<Media>) -> Self {
        Self::Sticker(Sticker { media: media.into() })
    }

    /// A place, by its latitude and longitude in degrees.
    pub fn location(latitude: f64, longitude: f64) -> Self {
        Self::Location(Location::new(latitude, longitude))
    }

    /// Contact cards.
    pub fn contacts(cards: impl Into<Vec<ContactCard>>) -> Self {
        Self::Contacts(Contacts { cards: cards.into() })
    }

    /// An emoji on `message`.
    pub fn reaction(message: MessageRef, emoji: impl Into<String>) -> Self {
        Self::Reaction(Reaction { message, emoji: Some(emoji.into()) })
    }

    /// Takes the emoji on `message` away again.
    pub fn remove_reaction(message: MessageRef) -> Self {
        Self::Reaction(Reaction { message, emoji: None })
    }

    /// Adds a caption to a picture, a video or a file; anything else stays as it is.
    #[must_use]
    pub fn with_caption(mut self, text: impl Into<String>) -> Self {
        if let Self::Image(Image { caption, .. })
        | Self::Video(Video { caption, .. })
        | Self::Document(Document { caption, .. }) = &mut self
        {
            *caption = Some(text.into());
        }
        self
    }

    /// Cuts a text into contents of at most `max` characters, at line breaks or spaces where there are any.
    ///
    /// The bodies joined together are the text again. With `max` 0 there is one content with all of it.
    ///
    /// ```
    /// use whatsapp_provider::Content;
    ///
    /// let parts = Content::split_text("one two three", 8);
    /// assert_eq!(parts, [Content::text("one two "), Content::text("three")]);
    /// ```
    pub fn split_text(text: &str, max: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((limit, _)) = rest.char_indices().nth(max).filter(|_| max > 0) {
            let (head, _) = rest.split_at(limit);
            let cut = head.rfind('\n').or_else(|| head.rfind(' ')).map_or(limit, |space| space + 1);
            let (part, tail) = rest.split_at(cut);
            parts.push(Self::text(part));
            rest = tail;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Self::text(rest));
        }
        parts
    }

    /// Which kind of content this is.
    pub fn kind(&self) -> ContentKind {
        match self {
            Self::Text(_) => ContentKind::Text,
            Self::Image(_) => ContentKind::Image,
            Self::Video(_) => ContentKind::Video,
            Self::Audio(_) => ContentKind::Audio,
            Self::Document(_) => ContentKind::Document,
            Self::Sticker(_) => ContentKind::Sticker,
            Self::Location(_) => ContentKind::Location,
            Self::Contacts(_) => ContentKind::Contacts,
            Self::Reaction(_) => ContentKind::Reaction,
            Self::Interactive(interactive) => interactive.action.kind(),
            Self::Template(_) => ContentKind::Template,
            Self::Raw(_) => ContentKind::Raw,
        }
    }

    /// Whether it may be sent at any time, not only within 24 hours of the user's last message.
    pub fn opens_conversations(&self) -> bool {
        matches!(self, Self::Template(_))
    }

    /// Whether there is a [Direct Send](super::OutboundMessage::direct_send) of this content: of a text, reply buttons and
    /// a button that opens an address.
    pub fn fits_direct_send(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Interactive(interactive) => {
                matches!(interactive.action, Action::ReplyButtons { .. } | Action::CtaUrl(_))
            }
            _ => false,
        }
    }

    /// The media file in it, if there is one.
    pub fn media(&self) -> Option<&Media> {
        match self {
            Self::Image(Image { media, .. })
            | Self::Video(Video { media, .. })
            | Self::Audio(Audio { media, .. })
            | Self::Document(Document { media, .. })
            | Self::Sticker(Sticker { media }) => Some(media),
            _ => None,
        }
    }
}

/// Text.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Text {
    /// The text.
    pub body: String,
    /// Whether the first link in it is shown with a preview. A wish; `None` leaves it to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview_url: Option<bool>,
}

impl Text {
    /// A text without a wish about previews.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), preview_url: None }
    }
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// The file: JPEG or PNG, at most 5 MB.
    pub media: Media,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// A video.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Video {
    /// The file: MP4 or 3GPP with H.264 and AAC, at most 16 MB.
    pub media: Media,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// A sound file or a voice message. It has no caption.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Audio {
    /// The file, at most 16 MB.
    pub media: Media,
    /// Shown as a voice message; the file is then OGG with Opus, mono.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub voice: bool,
}

/// A file.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Document {
    /// The file, at most 100 MB on Meta, 16 MB on Twilio.
    pub media: Media,
    /// At most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The name that is shown. A wish: Twilio has no place for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// A sticker.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sticker {
    /// The file: WebP, at most 100 KB, or 500 KB animated.
    pub media: Media,
}

/// A place.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// Degrees north, -90 to 90.
    #[serde(serialize_with = "finite")]
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    #[serde(serialize_with = "finite")]
    pub longitude: f64,
    /// What the place is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// An address on the web that the user attached; inbound only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Location {
    /// A place without a name.
    pub fn new(latitude: f64, longitude: f64) -> Self {
        Self { latitude, longitude, name: None, address: None, url: None }
    }
}

fn finite<S: serde::Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        Err(serde::ser::Error::custom("a coordinate is a finite number"))
    }
}

/// Contact cards, 1 to 257 of them. Twilio carries one, as a vCard, if it has a media host (`twilio::MediaHost`).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Contacts {
    /// The cards.
    pub cards: Vec<ContactCard>,
}

/// An emoji on an earlier message. It quotes nothing: a quote that is asked for is dropped.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reaction {
    /// The message it is put on, at most 30 days old, which the same sender sent or received.
    pub message: MessageRef,
    /// The emoji; `None` takes it away. An empty text is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<String>,
}

/// A request body of one provider's own, for what the neutral form does not have.
///
/// For Meta it is an object with a `type` and the member of that name, as in its reference, without recipient: that is the
/// message's. `messaging_product` and `biz_opaque_callback_data` are written over whatever it has there. This way go
/// payments (`order_details`, `order_status`) and, to a group, pins:
///
/// ```
/// use whatsapp_provider::outbound::{Content, Raw};
/// use whatsapp_provider::{Json, ProviderId};
///
/// let pin = r#"{"type": "pin", "pin": {"type": "pin", "message_id": "wamid.HBgL", "expiration_days": 7}}"#;
/// let content = Content::Raw(Raw::new(ProviderId::META, Json::parse(pin)?));
/// # Ok::<(), whatsapp_provider::InvalidJson>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Raw {
    /// The only provider that is given it.
    pub provider: ProviderId,
    /// The body; the provider adds recipient and ids.
    pub body: Json,
}

impl Raw {
    /// A body for `provider`.
    pub fn new(provider: ProviderId, body: Json) -> Self {
        Self { provider, body }
    }
}

redacted_debug! {
    Text { preview_url }
    Image { media }
    Video { media }
    Audio { media, voice }
    Document { media }
    Sticker { media }
    Location {}
    Contacts {}
    Reaction {}
    Raw { provider }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(parts: &[Content]) -> Vec<&str> {
        parts
            .iter()
            .map(|part| if let Content::Text(text) = part { text.body.as_str() } else { panic!() })
            .collect()
    }

    #[test]
    fn split_text_keeps_every_character() {
        for (text, max, expected) in [
            ("", 5, vec![""]),
            ("short", 5, vec!["short"]),
            ("abcdef", 5, vec!["abcde", "f"]),
            ("ab cd ef", 5, vec!["ab ", "cd ef"]),
            ("a\nb c d", 5, vec!["a\n", "b c d"]),
            ("äöüß€", 2, vec!["äö", "üß", "€"]),
            ("whole", 0, vec!["whole"]),
            ("     x", 5, vec!["     ", "x"]),
        ] {
            let parts = Content::split_text(text, max);
            assert_eq!(bodies(&parts), expected, "{text:?} by {max}");
        }
    }

    #[test]
    fn a_coordinate_that_is_not_a_number_is_not_written() {
        assert!(serde_json::to_string(&Content::location(f64::NAN, 0.0)).is_err());
        assert!(serde_json::to_string(&Content::location(0.0, f64::INFINITY)).is_err());
    }
}
