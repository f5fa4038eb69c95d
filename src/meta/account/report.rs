use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::super::templates::MessageTemplate;
use super::super::wire::Object;
use super::NumberStatus;
use crate::error::Failure;
use crate::ids::SenderId;
use crate::redact::redacted_debug;

/// What [`check_account`](crate::MetaCloud::check_account) found. [`problems`](Self::problems) says what is wrong with it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AccountReport {
    /// The number.
    pub sender: SenderId,
    /// The app whose subscription counts, if it was [named](crate::MetaCloudBuilder::app_id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_id: Option<String>,
    /// What Meta says of the number.
    #[serde(default, skip_serializing_if = "Checked::is_not_asked")]
    pub number: Checked<NumberStatus>,
    /// The apps that get the account's webhooks. Not asked where the account's id is not known.
    #[serde(default, skip_serializing_if = "Checked::is_not_asked")]
    pub webhooks: Checked<Vec<SubscribedApp>>,
    /// The templates that were asked for, in that order. Not asked where the account's id is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateCheck>,
}

/// A part of a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Checked<T> {
    /// What there is.
    Known(T),
    /// It could not be read, and why: a permission that is missing is [`NotEntitled`](crate::ErrorKind::NotEntitled).
    Unknown(Failure),
    /// It was not asked, because the setting for it is missing or the host does not answer it.
    #[default]
    NotAsked,
}

impl<T> Checked<T> {
    /// What there is, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) | Self::NotAsked => None,
        }
    }

    fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }
}

/// An app that gets an account's webhooks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscribedApp {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where this account's webhooks are posted instead of the app's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_callback_uri: Option<String>,
}

/// A template that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateCheck {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// The template, or that there is none.
    #[serde(default, skip_serializing_if = "Checked::is_not_asked")]
    pub template: Checked<Option<MessageTemplate>>,
}

redacted_debug! {
    AccountReport { number, webhooks, templates }
    SubscribedApp { id }
}

impl SubscribedApp {
    /// Reads an element of the list. Whatever it looks like it is one app more.
    pub(super) fn read(element: &RawValue) -> Self {
        let element = Object::read(element);
        let app = element.as_ref().and_then(|element| element.object("whatsapp_business_api_data"));
        // The same members stand in the element itself where a host has flattened it.
        let text = |name| {
            [app.as_ref(), element.as_ref()].into_iter().flatten().find_map(|object| object.text(name))
        };
        Self { id: text("id"), name: text("name"), override_callback_uri: text("override_callback_uri") }
    }
}
