use crate::inbound::Order;
use crate::json::Json;
use crate::outbound::{ContactCard, FileBytes, Location};
use crate::redact::redacted_debug;

/// What a user can say.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum UserMessage {
    /// A text.
    Text(String),
    /// A tap on a reply button of the last message.
    #[non_exhaustive]
    Button {
        /// The button's id.
        id: String,
        /// What it says.
        title: String,
    },
    /// A tap on a quick-reply button of a template, the last message.
    #[non_exhaustive]
    TemplateButton {
        /// What the template's sender put behind the button.
        payload: String,
        /// What it says.
        text: String,
    },
    /// A row of a list, the last message.
    #[non_exhaustive]
    ListRow {
        /// The row's id.
        id: String,
        /// What it says.
        title: String,
        /// What stands below.
        description: Option<String>,
    },
    /// A file, as what its media type makes it: a picture, a video, a sound, a sticker (WebP) or a document.
    #[non_exhaustive]
    File {
        /// The file.
        file: FileBytes,
        /// The text below it. At Meta a sticker and a sound have none.
        caption: Option<String>,
        /// Its name, if it is a document. Twilio does not tell it.
        name: Option<String>,
    },
    /// A sound that was recorded in the chat. Twilio does not tell it from another sound.
    Voice(FileBytes),
    /// A place.
    Location(Location),
    /// Contact cards. Twilio posts the first of them, as a file.
    Contacts(Vec<ContactCard>),
    /// An emoji on a message of the business's, or none any more. Not with Twilio.
    #[non_exhaustive]
    Reaction {
        /// The message's id.
        message_id: String,
        /// The emoji; `None` takes it away.
        emoji: Option<String>,
    },
    /// What was filled into a WhatsApp Flow.
    FlowReply(Json),
    /// An order from a catalogue. Not with Twilio.
    Order(Order),
    /// Another text in the place of an earlier message of the user's. Not with Twilio.
    #[non_exhaustive]
    Edit {
        /// The earlier message's id.
        message_id: String,
        /// The text.
        text: String,
    },
    /// The user takes an earlier message back. Not with Twilio.
    #[non_exhaustive]
    Revoke {
        /// The earlier message's id.
        message_id: String,
    },
    /// Something of a type that the provider does not pass on, such as `poll_creation`. Not with Twilio.
    Unsupported(String),
    /// A message that quotes an earlier one, the user's or the business's.
    #[non_exhaustive]
    Quote {
        /// The id of the earlier message.
        message_id: String,
        /// The message.
        message: Box<Self>,
    },
}

impl UserMessage {
    /// A text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(body.into())
    }

    /// A tap on a reply button.
    pub fn button(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::Button { id: id.into(), title: title.into() }
    }

    /// A tap on a quick-reply button of a template.
    pub fn template_button(payload: impl Into<String>, text: impl Into<String>) -> Self {
        Self::TemplateButton { payload: payload.into(), text: text.into() }
    }

    /// A row of a list.
    pub fn list_row(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::ListRow { id: id.into(), title: title.into(), description: None }
    }

    /// A file.
    pub fn file(file: FileBytes) -> Self {
        Self::File { file, caption: None, name: None }
    }

    /// A small picture, for where any will do.
    pub fn image() -> Self {
        Self::file(FileBytes::new(JPEG, "image/jpeg"))
    }

    /// An emoji on a message of the business's.
    pub fn reaction(message_id: impl Into<String>, emoji: impl Into<String>) -> Self {
        Self::Reaction { message_id: message_id.into(), emoji: Some(emoji.into()) }
    }

    /// No emoji on a message any more.
    pub fn no_reaction(message_id: impl Into<String>) -> Self {
        Self::Reaction { message_id: message_id.into(), emoji: None }
    }

    /// Another text for an earlier message.
    pub fn edit(message_id: impl Into<String>, text: impl Into<String>) -> Self {
        Self::Edit { message_id: message_id.into(), text: text.into() }
    }

    /// An earlier message is taken back.
    pub fn revoke(message_id: impl Into<String>) -> Self {
        Self::Revoke { message_id: message_id.into() }
    }

    /// The same with a text below, if it is a file.
    #[must_use]
    pub fn with_caption(mut self, text: impl Into<String>) -> Self {
        if let Self::File { caption, .. } = &mut self {
            *caption = Some(text.into());
        }
        self
    }

    /// The same with a name, if it is a file.
    #[must_use]
    pub fn with_name(mut self, file_name: impl Into<String>) -> Self {
        if let Self::File { name, .. } = &mut self {
            *name = Some(file_name.into());
        }
        self
    }

    /// The same as an answer to an earlier message.
    #[must_use]
    pub fn quoting(self, message_id: impl Into<String>) -> Self {
        Self::Quote { message_id: message_id.into(), message: Box::new(self.bare().clone()) }
    }

    /// The message without its quote.
    pub(in crate::simulator) fn bare(&self) -> &Self {
        match self {
            Self::Quote { message, .. } => message.bare(),
            other => other,
        }
    }
}

/// The beginning and the end of a picture, which is all that a picture needs here.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9";

redacted_debug! {
    UserMessage {}
}
