use std::time::Duration;

use super::ContentTemplate;
use crate::twilio::TwilioBuilder;

/// What a builder says about contents.
#[derive(Debug, Clone)]
pub(in crate::twilio) struct ContentSettings {
    pub(super) templates: Vec<ContentTemplate>,
    pub(super) prefix: String,
    pub(super) literal: bool,
    pub(super) look_up: bool,
    pub(super) refresh: Duration,
}

impl Default for ContentSettings {
    fn default() -> Self {
        Self {
            templates: Vec::new(),
            prefix: "whatsapp_provider_v1".to_owned(),
            literal: false,
            look_up: true,
            refresh: Duration::from_secs(60 * 60),
        }
    }
}

/// Contents: templates, and what is made for buttons and lists.
impl TwilioBuilder {
    /// The content that stands for a template, or the variables of one that is looked up. Can be given several times, once
    /// for each name and language.
    pub fn template(mut self, template: ContentTemplate) -> Self {
        self.contents.templates.push(template);
        self
    }

    /// Whether a template whose `ContentSid` was not given is looked up in the account's list of approved templates. Default
    /// yes. With no, such a template is refused before any request.
    pub fn look_up_templates(mut self, look_up: bool) -> Self {
        self.contents.look_up = look_up;
        self
    }

    /// How long the account's list of templates holds before it is read again. Default one hour. It is read sooner when a
    /// template is missing in it, or Twilio refuses one, but at most once a minute.
    pub fn template_refresh(mut self, refresh: Duration) -> Self {
        self.contents.refresh = refresh;
        self
    }

    /// What the names of the contents begin with that are made for buttons and lists: 1 to 64 letters, digits, `_` or `-`.
    /// Default `whatsapp_provider_v1`. Services that share an account share these contents as well, unless their prefixes
    /// differ.
    pub fn content_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.contents.prefix = prefix.into();
        self
    }

    /// Whether the contents that are made for buttons and lists have the texts of their messages in them rather than
    /// variables. Default no.
    ///
    /// With yes, every message that differs from those before leaves one more content in the account, and takes one more
    /// request; the last 1,000 are remembered. It is a way out, should Twilio refuse texts that are nothing but a variable:
    /// it documents that each of them may have variables, and not that they may have nothing else.
    pub fn literal_contents(mut self, literal: bool) -> Self {
        self.contents.literal = literal;
        self
    }
}
