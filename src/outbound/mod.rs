//! What is sent: provider-neutral messages, and the receipt of their acceptance.
//!
//! Everything here is plain data: `Clone`, comparable, and the same after a trip through JSON. Unknown fields are
//! ignored when JSON is read, so a newer writer does not break an older reader.
//!
//! ```
//! use whatsapp_provider::{OutboundMessage, PhoneNumber};
//!
//! let message = OutboundMessage::text(PhoneNumber::parse("+15551234567")?, "Your table is ready");
//! assert_eq!(
//!     serde_json::to_string(&message)?,
//!     r#"{"v":1,"to":{"phone":"+15551234567"},"content":{"type":"text","body":"Your table is ready"}}"#,
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attempt;
mod contact_card;
mod content;
mod interactive;
mod media;
mod message;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod places;
mod policy;
mod receipt;
#[cfg(any(feature = "meta", feature = "twilio"))]
mod remaining;
mod template;
#[cfg(any(
    feature = "meta",
    feature = "twilio",
    feature = "testing",
    test,
    all(feature = "queue", any(feature = "postgres", feature = "sqlite"))
))]
mod validate;

pub use attempt::{Attempt, Departure};
pub use contact_card::{
    ContactAddress, ContactCard, ContactEmail, ContactName, ContactOrganization, ContactPhone, ContactUrl,
};
pub use content::{
    Audio, Contacts, Content, ContentKind, Document, Image, Location, Raw, Reaction, Sticker, Text, Video,
};
pub use interactive::{
    Action, AddressRequest, Card, CardAction, CtaUrl, Flow, FlowMode, FlowName, FlowStart, Header,
    HeaderText, Interactive, List, ListRow, ListSection, ProductItem, ProductSection, ReplyButton, VoiceCall,
};
pub use media::{FileBytes, InvalidLink, Link, Media};
pub use message::{OutboundMessage, Quote};
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use places::{FileKind, files, files_mut};
pub use policy::{Category, OnUnknown, Otherwise};
pub use receipt::{AcceptedStatus, Dropped, SendReceipt, Wish};
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use remaining::Remaining;
pub use template::{
    ButtonParameter, Parameter, ParameterValue, TapTarget, Template, TemplateButton, TemplateCard,
    TemplateHeader,
};
#[cfg(feature = "meta")]
pub(crate) use validate::filled;
#[cfg(any(
    feature = "meta",
    feature = "twilio",
    feature = "testing",
    test,
    all(feature = "queue", any(feature = "postgres", feature = "sqlite"))
))]
pub(crate) use validate::validate;
#[cfg(any(feature = "meta", feature = "twilio"))]
pub(crate) use validate::{Field, chars_between, present};
