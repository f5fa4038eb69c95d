//! Makers of contents, for properties that hold of every content of a kind: with all of their optional parts, in
//! any characters, at their limits, and past them where that is asked for.

mod contacts;
mod interactive;
mod template;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::outbound::{ContentKind, Link, Location, Media, Raw};
use whatsapp_provider::{Content, Json, MediaRef, MessageRef, ProviderId, SenderId};

/// What is made.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    /// Who sends: files and messages of others cannot be referred to.
    pub(crate) sender: SenderId,
    /// Whether some of it may be past a limit, empty, malformed or somebody else's. Otherwise Meta carries all of it.
    pub(crate) past: bool,
    /// Whether files are given by their address only.
    pub(crate) links_only: bool,
    /// The most characters of a text.
    pub(crate) max_text: usize,
}

impl Make {
    /// Contents that Meta carries.
    pub(crate) fn carried(sender: SenderId) -> Self {
        Self { sender, past: false, links_only: false, max_text: 4096 }
    }

    /// Contents that somebody may well refuse.
    pub(crate) fn anything(sender: SenderId) -> Self {
        Self { past: true, ..Self::carried(sender) }
    }

    /// A content of this kind.
    pub(crate) fn of(&self, kind: ContentKind) -> BoxedStrategy<Content> {
        let captioned = |make: fn(Media) -> Content, endings| {
            (self.media(endings), self.maybe(1024))
                .prop_map(move |(media, caption)| {
                    let content = make(media);
                    caption.map_or(content.clone(), |caption| content.with_caption(caption))
                })
                .boxed()
        };
        match kind {
            ContentKind::Text => (self.text(self.max_text), option::of(any::<bool>()))
                .prop_map(|(body, preview)| {
                    let mut content = Content::text(body);
                    if let Content::Text(text) = &mut content {
                        text.preview_url = preview;
                    }
                    content
                })
                .boxed(),
            ContentKind::Image => captioned(Content::image, IMAGES),
            ContentKind::Video => captioned(Content::video, VIDEOS),
            ContentKind::Audio => (self.media(SOUNDS), any::<bool>())
                .prop_map(|(media, voice)| if voice { Content::voice(media) } else { Content::audio(media) })
                .boxed(),
            ContentKind::Document => (captioned(Content::document, FILES), self.maybe(100))
                .prop_map(|(mut content, filename)| {
                    if let Content::Document(document) = &mut content {
                        document.filename = filename;
                    }
                    content
                })
                .boxed(),
            ContentKind::Sticker => self.media(STICKERS).prop_map(Content::sticker).boxed(),
            ContentKind::Location => self.location().prop_map(Content::Location).boxed(),
            ContentKind::Contacts => self.contacts(),
            ContentKind::Reaction => self.reaction(),
            ContentKind::Template => self.template().prop_map(Content::from).boxed(),
            ContentKind::Raw => self.raw(),
            other => self.interactive(other).prop_map(Content::from).boxed(),
        }
    }

    /// A text that is there: of a few characters, or of as many as there may be.
    fn text(&self, max: usize) -> BoxedStrategy<String> {
        let few = vec(any::<char>(), 1..=max.min(12)).prop_map(String::from_iter);
        let repeated = |count| any::<char>().prop_map(move |c| c.to_string().repeat(count));
        if self.past {
            prop_oneof![40 => few, 1 => repeated(max), 1 => repeated(max + 1), 1 => Just(String::new())]
                .boxed()
        } else {
            // A place of Twilio's templates takes no long run of spaces.
            let spaces = "a run of spaces";
            let long = repeated(max).prop_filter(spaces, |text| !text.starts_with([' ', '\n', '\r']));
            prop_oneof![12 => few, 1 => long].boxed()
        }
    }

    /// A text that may be missing, and is so too when it is empty.
    fn maybe(&self, max: usize) -> BoxedStrategy<Option<String>> {
        prop_oneof![3 => Just(None), 3 => self.text(max).prop_map(Some), 1 => Just(Some(String::new()))]
            .boxed()
    }

    /// A file at an address that ends so, or one that the provider has.
    fn media(&self, endings: &'static [&'static str]) -> BoxedStrategy<Media> {
        let link = (
            "https://[a-z]{1,12}\\.example/[a-z0-9/%-]{0,20}",
            select(endings),
            option::of("[a-z0-9=&%]{0,20}"),
        )
            .prop_map(|(address, ending, query)| {
                let query = query.map_or_else(String::new, |query| format!("?{query}"));
                Media::from(Link::new(format!("{address}a.{ending}{query}")).unwrap())
            })
            .boxed();
        if self.links_only {
            return link;
        }
        let own = self.sender.clone();
        // What has expired by the test clock's time is refused.
        let earliest = if self.past { 0 } else { 1_767_225_600_001 };
        // The simulator knows which ids that begin with a nine it gave out.
        let id = ("[1-8][0-9]{0,19}", option::of(moment_from(earliest))).prop_map(move |(id, expiry)| {
            let media = MediaRef::new(own.clone(), id);
            Media::from(expiry.map_or(media.clone(), |expiry| media.with_expiry(expiry)))
        });
        if self.past {
            let foreign = MediaRef::new(SenderId::new(ProviderId::TWILIO, "+15550100009"), "1");
            let nobody = MediaRef::new(self.sender.clone(), "");
            prop_oneof![10 => link, 10 => id, 1 => Just(foreign.into()), 1 => Just(nobody.into())].boxed()
        } else {
            prop_oneof![link, id].boxed()
        }
    }

    fn location(&self) -> BoxedStrategy<Location> {
        let (latitude, longitude) = if self.past {
            let nowhere = || Just(f64::NAN);
            (
                prop_oneof![10 => degrees(90.0), 1 => degrees(100.0), 1 => nowhere()].boxed(),
                prop_oneof![10 => degrees(180.0), 1 => degrees(200.0), 1 => nowhere()].boxed(),
            )
        } else {
            (degrees(90.0), degrees(180.0))
        };
        let url =
            if self.past { option::weighted(0.1, "https://a\\.example").boxed() } else { Just(None).boxed() };
        (latitude, longitude, self.maybe(300), self.maybe(300), url)
            .prop_map(|(latitude, longitude, name, address, url)| {
                let mut place = Location::new(latitude, longitude);
                (place.name, place.address, place.url) = (name, address, url);
                place
            })
            .boxed()
    }

    fn reaction(&self) -> BoxedStrategy<Content> {
        let own = self.sender.clone();
        let message =
            "wamid\\.[A-Za-z0-9+/=]{1,60}".prop_map(move |id| MessageRef::new(own.clone(), id)).boxed();
        let message = if self.past {
            let nobody = MessageRef::new(self.sender.clone(), "");
            let foreign = MessageRef::new(SenderId::new(ProviderId::META, "other"), "wamid.X");
            prop_oneof![8 => message, 1 => Just(nobody), 1 => Just(foreign)].boxed()
        } else {
            message
        };
        (message, option::of(self.text(8)))
            .prop_map(|(message, emoji)| match emoji {
                Some(emoji) => Content::reaction(message, emoji),
                None => Content::remove_reaction(message),
            })
            .boxed()
    }

    /// A body of a type that nobody knows, or of one that the neutral form does not have.
    fn raw(&self) -> BoxedStrategy<Content> {
        let known = serde_json::json!({ "type": "interactive", "interactive": {
            "type": "order_details", "body": { "text": "x" }, "action": { "name": "review_and_pay" },
        } });
        let own = ("x_[a-z_]{0,10}", btree_map("x_[a-z]{1,6}", json(), 0..4)).prop_map(|(kind, members)| {
            let mut body: serde_json::Map<_, _> =
                members.into_iter().map(|(name, member)| (name, member.to_value().unwrap())).collect();
            body.insert("type".to_owned(), kind.into());
            Value::Object(body)
        });
        let body = prop_oneof![4 => own.clone(), 1 => Just(known)];
        let (body, provider) = if self.past {
            let broken = (own, select(&["to", "recipient", "recipient_type", "type"][..])).prop_map(
                |(mut body, name)| {
                    body[name] = Value::Null;
                    body
                },
            );
            let odd =
                prop_oneof![4 => body, 1 => broken, 1 => json().prop_map(|json| json.to_value().unwrap())];
            (odd.boxed(), select(vec![ProviderId::META, ProviderId::META, ProviderId::TWILIO]).boxed())
        } else {
            (body.boxed(), Just(self.sender.provider.clone()).boxed())
        };
        (body, provider)
            .prop_map(|(body, provider)| Content::Raw(Raw::new(provider, Json::from_value(&body).unwrap())))
            .boxed()
    }
}

const IMAGES: &[&str] = &["png", "jpg", "JPEG"];
const VIDEOS: &[&str] = &["mp4", "3gp"];
const SOUNDS: &[&str] = &["mp3", "ogg"];
const FILES: &[&str] = &["pdf", "txt"];
const STICKERS: &[&str] = &["webp"];

/// A coordinate, with those that are hard to write among them.
fn degrees(most: f64) -> BoxedStrategy<f64> {
    prop_oneof![4 => -most..=most, 1 => Just(0.1 + 0.2), 1 => Just(-0.0), 1 => Just(f64::MIN_POSITIVE), 1 => Just(-most)]
        .boxed()
}

fn moment() -> BoxedStrategy<Timestamp> {
    moment_from(0)
}

fn moment_from(earliest: u64) -> BoxedStrategy<Timestamp> {
    (earliest..=253_402_300_799_999).prop_map(|millis| Timestamp::from_unix_millis(millis).unwrap()).boxed()
}

/// An address on the web.
fn address() -> BoxedStrategy<String> {
    "https?://[a-z]{1,12}\\.example(/[a-z0-9/?=&#%ä-]{0,30})?".boxed()
}

/// Any piece of JSON.
fn json() -> BoxedStrategy<Json> {
    let text = || vec(any::<char>(), 0..8).prop_map(String::from_iter);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .prop_map(|value| Json::from_value(&value).unwrap())
    .boxed()
}

/// The text with another first character for each place, so that those of different places differ.
fn told_apart(place: usize, text: &str) -> String {
    let first = char::from_digit(u32::try_from(place).unwrap() % 36, 36).unwrap();
    std::iter::once(first).chain(text.chars().skip(1)).collect()
}
