//! One message of every sort, and what the bot answers.

use whatsapp_provider::MessageRef;
use whatsapp_provider::inbound::{InboundContent, InboundMessage};
use whatsapp_provider::outbound::{
    ContactCard, Content, Interactive, Link, ListRow, ListSection, ReplyButton, Template,
};
use whatsapp_provider::simulator::Simulator;

use super::Problem;

/// The template with which a conversation may be opened.
pub(crate) const TEMPLATE: &str = "table_ready";
const CONTENT_SID: &str = "HX00000000000000000000000000000001";

/// What can be sent: its key, and what the page calls it.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("text", "Text"),
    ("buttons", "Reply buttons"),
    ("list", "List"),
    ("link", "Button with a link"),
    ("image", "Picture"),
    ("video", "Video"),
    ("audio", "Sound"),
    ("document", "Document"),
    ("sticker", "Sticker (Meta only)"),
    ("location", "Location"),
    ("contact", "Contact card (Meta only here)"),
    ("reaction", "Reaction (Meta only)"),
    ("template", "Template"),
];

/// Makes the template known to both, and gives its name at Twilio.
pub(crate) fn register_templates(simulator: &Simulator) -> &'static str {
    simulator.register_template(TEMPLATE, "en", "Hello {{1}}, your table is ready.", "APPROVED");
    simulator.register_content(CONTENT_SID, TEMPLATE, "en", ["1"]);
    CONTENT_SID
}

pub(crate) fn template(name: &str) -> Content {
    Template::new(TEMPLATE, "en").with_body([name]).into()
}

/// A message of this sort. `last` is the last message that the user wrote.
pub(crate) fn make(kind: &str, text: &str, name: &str, last: Option<MessageRef>) -> Result<Content, Problem> {
    let link = |file: &str| Link::new(format!("https://restaurant.example/{file}"));
    Ok(match kind {
        "text" => Content::text(text),
        "image" => Content::image(link("table.jpg")?).with_caption(text),
        "video" => Content::video(link("tour.mp4")?).with_caption(text),
        "audio" => Content::audio(link("greeting.mp3")?),
        "document" => Content::document(link("menu.pdf")?),
        "sticker" => Content::sticker(link("wave.webp")?),
        "location" => Content::location(52.5163, 13.3777),
        "contact" => {
            Content::contacts([ContactCard::named("Grace, the host", "Grace").with_phone("+15550100009")])
        }
        "reaction" => {
            let message = last.ok_or("there is no message to react to: write one to Meta's number first")?;
            Content::reaction(message, "👍")
        }
        "buttons" => {
            let buttons = [ReplyButton::new("yes", "Yes"), ReplyButton::new("later", "Later")];
            Interactive::buttons(text, buttons).into()
        }
        "list" => {
            let rows = [
                ListRow::new("18", "18:00").with_description("at the window"),
                ListRow::new("19", "19:30").with_description("in the garden"),
                ListRow::new("21", "21:00"),
            ];
            Interactive::list(text, "Choose a time", [ListSection::new(rows)]).into()
        }
        "link" => Interactive::cta_url(text, "See the menu", "https://restaurant.example/menu").into(),
        "template" => template(name),
        other => return Err(format!("there is no sort of message called {other}").into()),
    })
}

/// What the bot says to a message; `None` where an answer would be odd.
pub(crate) fn answer(message: &InboundMessage) -> Option<String> {
    Some(match &message.content {
        InboundContent::Reaction(_) => return None,
        InboundContent::Location(_) => "That is not far from us.".to_owned(),
        InboundContent::Image(_) => "A fine picture.".to_owned(),
        _ => match message.text() {
            Some(text) => format!("You wrote: {}", text.chars().take(200).collect::<String>()),
            None => "Thank you! A person will look at it.".to_owned(),
        },
    })
}
