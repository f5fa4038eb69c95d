use std::collections::BTreeMap;

use super::directory::Key;
use super::{MAX_VALUE_CHARS, is_content_sid};
use crate::error::{ConfigError, Error, Result};
use crate::ids::ProviderId;
use crate::outbound::{
    ButtonParameter, Dropped, Field, Media, Parameter, Template, TemplateButton, TemplateHeader, Wish,
    chars_between,
};

/// The most characters that a variable's name may have.
const MAX_NAME_CHARS: usize = 16;
/// The most spaces or line breaks in a row.
const MAX_BLANKS: usize = 4;
/// The most variables that one message may have (Twilio 92002).
const MAX_VARIABLES: usize = 100;

/// Which content at Twilio stands for a template of Meta's, and which of its variables for which parameter.
///
/// Twilio keeps every template as a content with a `ContentSid` and *one* flat set of variables, which whoever wrote the
/// content numbered; Meta has parameters in header, body and buttons. Where only the body has parameters there is
/// nothing to say: those by position are the variables `1`, `2`, …, those by name keep their names, and the code of an
/// authentication template is `1`. Everything else is said here, or the message is refused, never guessed.
///
/// ```
/// use whatsapp_provider::twilio::ContentTemplate;
///
/// let template = ContentTemplate::new("order_shipped", "en_US", "HX0123456789abcdef0123456789abcdef")
///     .with_header_variable("1")
///     .with_body_variables(["2", "3"])
///     .with_button_variable(0, "4");
/// ```
#[doc(alias = "ContentSid")]
#[doc(alias = "ContentVariables")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentTemplate {
    name: String,
    language: String,
    /// `None`: it is looked up.
    content_sid: Option<String>,
    places: Places,
    cards: Vec<CardVariables>,
}

/// Which variables of a content are for which parameters of a carousel's card.
///
/// ```
/// use whatsapp_provider::twilio::{CardVariables, ContentTemplate};
///
/// let template = ContentTemplate::looked_up("summer", "en")
///     .with_card(CardVariables::new().with_header_variable("2").with_button_variable(0, "3"))
///     .with_card(CardVariables::new().with_header_variable("4").with_button_variable(0, "5"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardVariables(Places);

/// Which variables are for which parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Places {
    header: Option<String>,
    /// What the content has in front of the header's variable.
    header_prefix: String,
    body: Option<Vec<String>>,
    buttons: Vec<(u8, String)>,
}

/// The setters of what has header, body and buttons.
macro_rules! variables_of_parts {
    ($type:ident, $($place:tt).+) => {
        impl $type {
            /// Names the variable of the header: of its text, or of the address of its media file.
            #[must_use]
            pub fn with_header_variable(mut self, variable: impl Into<String>) -> Self {
                self.$($place).+.header = Some(variable.into());
                self
            }

            /// Says what stands in front of the header's variable in the content, if its media file is
            /// `https://files.example/{{1}}` and not the variable alone. An address that does not begin so is refused.
            #[must_use]
            pub fn with_header_prefix(mut self, prefix: impl Into<String>) -> Self {
                self.$($place).+.header_prefix = prefix.into();
                self
            }

            /// Names the variables of the body, in the order of its parameters, where they are not those that need no
            /// saying.
            #[must_use]
            pub fn with_body_variables<T: Into<String>>(
                mut self,
                variables: impl IntoIterator<Item = T>,
            ) -> Self {
                self.$($place).+.body = Some(variables.into_iter().map(Into::into).collect());
                self
            }

            /// Names the variable of the button at `index`, counted from 0: of the end of its address, of its payload, or of
            /// the code that it copies.
            #[must_use]
            pub fn with_button_variable(mut self, index: u8, variable: impl Into<String>) -> Self {
                self.$($place).+.buttons.push((index, variable.into()));
                self
            }
        }
    };
}

variables_of_parts!(ContentTemplate, places);
variables_of_parts!(CardVariables, 0);

impl CardVariables {
    /// No variables yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl ContentTemplate {
    /// The content that stands for a template, by the template's name and language at Meta. The SID is `HX` and 32
    /// hexadecimal digits; it is checked when the provider is built.
    pub fn new(name: impl Into<String>, language: impl Into<String>, content_sid: impl Into<String>) -> Self {
        Self { content_sid: Some(content_sid.into()), ..Self::looked_up(name, language) }
    }

    /// The variables of a template whose content is looked up in the account's list of approved templates.
    ///
    /// Only a template with parameters in its header, its buttons or its cards, or whose body has other variables than those
    /// that need no saying, needs this; all others are looked up without being named anywhere.
    pub fn looked_up(name: impl Into<String>, language: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            language: language.into(),
            content_sid: None,
            places: Places::default(),
            cards: Vec::new(),
        }
    }

    /// Adds the variables of a carousel's next card. All of its cards are given, in their order.
    #[must_use]
    pub fn with_card(mut self, card: CardVariables) -> Self {
        self.cards.push(card);
        self
    }

    /// By what it is found.
    pub(super) fn key(&self) -> Key {
        (self.name.clone(), self.language.clone())
    }

    pub(super) fn content_sid(&self) -> Option<&str> {
        self.content_sid.as_deref()
    }

    /// Refuses what can be no content of Twilio's.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |problem| Err(ConfigError::new("template", problem));
        if self.name.is_empty() || self.language.is_empty() {
            return invalid("a template has a name and a language");
        }
        if self.content_sid.as_deref().is_some_and(|sid| !is_content_sid(sid)) {
            return invalid("a ContentSid is HX and 32 hexadecimal digits");
        }
        self.cards.iter().map(|card| &card.0).chain([&self.places]).try_for_each(Places::validate)
    }

    /// The variables for a template's parameters, and the wishes that they cannot carry.
    pub(super) fn variables(
        &self,
        provider: &ProviderId,
        template: &Template,
    ) -> Result<(BTreeMap<String, String>, Vec<Dropped>)> {
        let mut filled = Filled { provider, variables: BTreeMap::new(), dropped: Vec::new() };
        // Neither has a place in a flat set of variables.
        if template.offer_ends.is_some() {
            return Err(Error::unsupported("content.offer_ends"));
        }
        if template.tap_target.is_some() {
            return Err(Error::unsupported("content.tap_target"));
        }
        if template.cards.len() != self.cards.len() {
            let (expected, actual) = (self.cards.len() as u64, template.cards.len() as u64);
            return Err(Error::unsupported("content.cards").with_limit(expected, actual));
        }
        if let Some(code) = &template.one_time_code {
            filled.add("content.one_time_code", "1", code)?;
        }
        let header = template.header.as_ref();
        self.places.fill("content", header, &template.body, &template.buttons, &mut filled)?;
        for (index, (card, CardVariables(places))) in template.cards.iter().zip(&self.cards).enumerate() {
            let path = format!("content.cards[{index}]");
            let positional = card.body.iter().any(|parameter| parameter.name.is_none());
            if places.body.is_none() && positional {
                // `1` and so on are the variables of the carousel's own body.
                return Err(Error::unsupported(format!("{path}.body")));
            }
            places.fill(&path, card.header.as_ref(), &card.body, &card.buttons, &mut filled)?;
        }
        let count = filled.variables.len();
        if count > MAX_VARIABLES {
            return Err(Error::over_limit("content", MAX_VARIABLES as u64, count as u64));
        }
        Ok((filled.variables, filled.dropped))
    }
}

impl Places {
    fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |problem| Err(ConfigError::new("template", problem));
        let buttons = self.buttons.iter().map(|(_, variable)| variable);
        let mut variables = self.header.iter().chain(self.body.iter().flatten()).chain(buttons);
        if !variables.all(|variable| is_name(variable)) {
            return invalid("the name of a variable has 1 to 16 letters, digits or `_`");
        }
        let distinct: BTreeMap<_, _> = self.buttons.iter().cloned().collect();
        if distinct.len() != self.buttons.len() {
            return invalid("two variables are named for the same button");
        }
        Ok(())
    }

    /// Fills the variables of one part of a template.
    fn fill(
        &self,
        path: &str,
        header: Option<&TemplateHeader>,
        body: &[Parameter],
        buttons: &[TemplateButton],
        filled: &mut Filled<'_>,
    ) -> Result<()> {
        self.all_have_values(path, header, buttons, filled)?;
        if let Some(header) = header {
            let field = format!("{path}.header");
            let variable = self.header.as_deref();
            let variable = variable.ok_or_else(|| Error::unsupported(field.clone()))?;
            let value = header_value(filled.provider, header, &field)?.strip_prefix(&*self.header_prefix);
            filled.add(field.clone(), variable, value.ok_or_else(|| Error::unsupported(field))?)?;
            if let TemplateHeader::Document { filename: Some(_), .. } = header {
                filled.dropped.push(Dropped::new(Wish::FileName));
            }
        }
        self.fill_body(path, body, filled)?;
        for (position, button) in buttons.iter().enumerate() {
            let field = format!("{path}.buttons[{position}]");
            let mapped = self.buttons.iter().find(|(index, _)| *index == button.index);
            let value = match &button.parameter {
                ButtonParameter::UrlSuffix { text } => Some(text),
                ButtonParameter::QuickReply { payload } => Some(payload),
                ButtonParameter::CopyCode { code } => Some(code),
                _ => None,
            };
            let (Some((_, variable)), Some(value)) = (mapped, value) else {
                return Err(Error::unsupported(field));
            };
            filled.add(field, variable, value)?;
        }
        Ok(())
    }

    /// Refuses a template that brings no value for a variable of header or buttons: nobody knows what Twilio would put
    /// there. The code of an authentication template, which is filled before, may be a button's as well.
    fn all_have_values(
        &self,
        path: &str,
        header: Option<&TemplateHeader>,
        buttons: &[TemplateButton],
        filled: &Filled<'_>,
    ) -> Result<()> {
        let missing = |variable: &String| !filled.variables.contains_key(variable);
        if header.is_none() && self.header.as_ref().is_some_and(missing) {
            return Err(Error::unsupported(format!("{path}.header")));
        }
        for (index, variable) in &self.buttons {
            if missing(variable) && !buttons.iter().any(|button| button.index == *index) {
                return Err(Error::unsupported(format!("{path}.buttons[{index}]")));
            }
        }
        Ok(())
    }

    fn fill_body(&self, path: &str, body: &[Parameter], filled: &mut Filled<'_>) -> Result<()> {
        if let Some(names) = &self.body
            && names.len() != body.len()
        {
            // Too few are not over a limit, but here too the number that is expected and the number that was given say
            // what is wrong.
            let (expected, actual) = (names.len() as u64, body.len() as u64);
            return Err(Error::unsupported(format!("{path}.body")).with_limit(expected, actual));
        }
        for (position, parameter) in body.iter().enumerate() {
            let field = format!("{path}.body[{position}]");
            let mapped = self.body.as_ref().and_then(|names| names.get(position));
            let by_position = (position + 1).to_string();
            let name = mapped.or(parameter.name.as_ref()).unwrap_or(&by_position);
            // Meta allows longer names than Twilio.
            chars_between(field.clone(), name, MAX_NAME_CHARS)?;
            filled.add(field, name, parameter.shown())?;
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=MAX_NAME_CHARS).contains(&name.len()) && name.bytes().all(allowed)
}

fn header_value<'a>(provider: &ProviderId, header: &'a TemplateHeader, field: &str) -> Result<&'a str> {
    match header {
        TemplateHeader::Text(parameter) => Ok(parameter.shown()),
        TemplateHeader::Image(media)
        | TemplateHeader::Video(media)
        | TemplateHeader::Document { media, .. } => link(provider, media, field.to_owned()),
        TemplateHeader::Location(_) | TemplateHeader::Product(_) => Err(Error::unsupported(field.to_owned())),
    }
}

/// The address of a media file. Twilio keeps no files for sending, so nothing else can be sent; only the provider that
/// has a file can send it by its id.
pub(in crate::twilio) fn link<'a>(
    provider: &ProviderId,
    media: &'a Media,
    field: impl Into<Field>,
) -> Result<&'a str> {
    match media {
        Media::Link(link) => Ok(link.as_str()),
        Media::Id(media) if media.sender.provider != *provider => Err(Error::not_portable(field)),
        Media::Id(_) | Media::Bytes(_) => Err(Error::unsupported(field)),
    }
}

/// The variables so far.
struct Filled<'a> {
    provider: &'a ProviderId,
    variables: BTreeMap<String, String>,
    dropped: Vec<Dropped>,
}

impl Filled<'_> {
    /// Twilio refuses empty values (21656), and WhatsApp those with more than four spaces or line breaks in a row (63013).
    /// Two different values for one variable mean that the map is wrong.
    fn add(&mut self, field: impl Into<Field>, name: &str, value: &str) -> Result<()> {
        let field = field.into();
        chars_between(field.clone(), value, MAX_VALUE_CHARS)?;
        let blanks = longest_run_of_blanks(value);
        if blanks > MAX_BLANKS {
            return Err(Error::over_limit(field, MAX_BLANKS as u64, blanks as u64));
        }
        match self.variables.insert(name.to_owned(), value.to_owned()) {
            Some(before) if before != value => Err(Error::unsupported(field)),
            _ => Ok(()),
        }
    }
}

fn longest_run_of_blanks(value: &str) -> usize {
    let mut runs = value.split(|character| !matches!(character, ' ' | '\n' | '\r'));
    runs.by_ref().map(|run| run.chars().count()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
