//! Whether a message fits the template that it names.

use std::collections::BTreeSet;

use super::{
    ButtonKind, HeaderFormat, MessageTemplate, TemplateCategory, TemplateParameters, TemplateStatus,
};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::outbound::{ButtonParameter, Field, Parameter, Template, TemplateButton, TemplateHeader};

impl MessageTemplate {
    /// Whether Meta would take this message: it names this template, fills every place and no other, and the template may
    /// be sent. For the start of a service and for its tests, so that a template that was edited is noticed before a
    /// message fails.
    ///
    /// Only what the template's components tell is held against the message; nothing is, if Meta did not list them. How
    /// long a text may be says [`check`](crate::WhatsAppProvider::check) of the provider.
    ///
    /// ```no_run
    /// # use whatsapp_provider::{MetaCloud, outbound::Template};
    /// # async fn run(meta: MetaCloud) -> Result<(), Box<dyn std::error::Error>> {
    /// let message = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]);
    /// let listed = meta.template(&message.name, &message.language).await?.ok_or("there is no such template")?;
    /// listed.check(&message)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`](ErrorKind::InvalidMessage) names the field that does not fit, and where it is a matter of
    /// numbers how many the template takes; [`TemplateUnavailable`](ErrorKind::TemplateUnavailable) if all fits and the
    /// template is not [approved](TemplateStatus::Approved).
    pub fn check(&self, message: &Template) -> Result<()> {
        if message.name != self.name {
            return Err(Error::invalid("content.name"));
        }
        if message.language != self.language {
            return Err(Error::invalid("content.language"));
        }
        if self.components.is_some() || !self.parameters.is_empty() {
            match message.one_time_code {
                Some(_) => self.takes_code()?,
                None => self.parameters.take(message)?,
            }
        }
        if self.status == TemplateStatus::Approved {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::TemplateUnavailable, Acceptance::NotAccepted)
                .with_field("content.name"))
        }
    }

    /// A one-time code fills the one place of the text and the button that copies it, and nothing else.
    fn takes_code(&self) -> Result<()> {
        let parameters = &self.parameters;
        let copies = |kind: &ButtonKind| matches!(kind, ButtonKind::Otp | ButtonKind::Url);
        let needed = parameters.buttons.iter().filter(|button| button.required);
        let fits =
            self.category.as_ref().is_none_or(|category| *category == TemplateCategory::Authentication)
                && parameters.header.is_none()
                && parameters.body.len() <= 1
                && needed.into_iter().all(|button| button.index == 0 && copies(&button.kind))
                && !parameters.offer_expiration
                && parameters.cards.is_empty();
        if fits { Ok(()) } else { Err(Error::invalid("content.one_time_code")) }
    }
}

impl TemplateParameters {
    fn take(&self, message: &Template) -> Result<()> {
        self.take_parts("content", message.header.as_ref(), &message.body, &message.buttons)?;
        if self.offer_expiration != message.offer_ends.is_some() {
            return Err(Error::invalid("content.offer_ends"));
        }
        same_count("content.cards", self.cards.len(), message.cards.len())?;
        for (index, (card, filled)) in self.cards.iter().zip(&message.cards).enumerate() {
            let path = format!("content.cards[{index}]");
            card.take_parts(&path, filled.header.as_ref(), &filled.body, &filled.buttons)?;
        }
        Ok(())
    }

    fn take_parts(
        &self,
        path: &str,
        header: Option<&TemplateHeader>,
        body: &[Parameter],
        buttons: &[TemplateButton],
    ) -> Result<()> {
        self.take_header(format!("{path}.header"), header)?;
        fill(&format!("{path}.body"), &self.body, &body.iter().collect::<Vec<_>>())?;
        for (position, button) in buttons.iter().enumerate() {
            let place = self.buttons.iter().find(|place| place.index == usize::from(button.index));
            match place {
                None => return Err(Error::invalid(format!("{path}.buttons[{position}].index"))),
                Some(place) if !fills(&button.parameter, &place.kind) => {
                    return Err(Error::invalid(format!("{path}.buttons[{position}]")));
                }
                Some(_) => {}
            }
        }
        let filled: BTreeSet<usize> = buttons.iter().map(|button| button.index.into()).collect();
        let missing = self.buttons.iter().any(|place| place.required && !filled.contains(&place.index));
        if missing { Err(Error::invalid(format!("{path}.buttons"))) } else { Ok(()) }
    }

    fn take_header(&self, field: String, header: Option<&TemplateHeader>) -> Result<()> {
        let fits = match (&self.header, header) {
            (Some(HeaderFormat::Text), Some(TemplateHeader::Text(parameter))) => {
                return fill(&field, &self.header_text, &[parameter]);
            }
            (None, None)
            | (Some(HeaderFormat::Image), Some(TemplateHeader::Image(_)))
            | (Some(HeaderFormat::Video), Some(TemplateHeader::Video(_)))
            | (Some(HeaderFormat::Document), Some(TemplateHeader::Document { .. }))
            | (Some(HeaderFormat::Location), Some(TemplateHeader::Location(_)))
            | (Some(HeaderFormat::Product), Some(TemplateHeader::Product(_)))
            // What such a header takes is not known.
            | (Some(HeaderFormat::Other(_)), _) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(Error::invalid(field)) }
    }
}

/// Fills places that are numbered by their order, or named ones by their names in any order.
fn fill(field: &str, places: &[String], parameters: &[&Parameter]) -> Result<()> {
    same_count(field.to_owned(), places.len(), parameters.len())?;
    let numbered = places.iter().all(|place| place.bytes().all(|byte| byte.is_ascii_digit()));
    let places: BTreeSet<&str> = places.iter().map(String::as_str).collect();
    let mut filled = BTreeSet::new();
    for (index, parameter) in parameters.iter().enumerate() {
        let fits = match &parameter.name {
            None => numbered,
            Some(name) => !numbered && places.contains(name.as_str()) && filled.insert(name),
        };
        if !fits {
            return Err(Error::invalid(format!("{field}[{index}].name")));
        }
    }
    Ok(())
}

fn same_count(field: impl Into<Field>, wanted: usize, given: usize) -> Result<()> {
    if wanted == given { Ok(()) } else { Err(Error::invalid(field).with_limit(wanted as u64, given as u64)) }
}

/// Whether a parameter is one for a button of this kind.
fn fills(parameter: &ButtonParameter, kind: &ButtonKind) -> bool {
    match parameter {
        ButtonParameter::UrlSuffix { .. } => matches!(kind, ButtonKind::Url | ButtonKind::Otp),
        ButtonParameter::QuickReply { .. } => *kind == ButtonKind::QuickReply,
        ButtonParameter::CopyCode { .. } => *kind == ButtonKind::CopyCode,
        ButtonParameter::Catalog { .. } => *kind == ButtonKind::Catalog,
        ButtonParameter::MultiProduct { .. } => *kind == ButtonKind::Products,
        ButtonParameter::Flow { .. } => *kind == ButtonKind::Flow,
        ButtonParameter::VoiceCall { .. } => *kind == ButtonKind::VoiceCall,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::ids::{MediaRef, ProviderId, SenderId};
    use crate::outbound::TemplateCard;

    fn listed(category: &str, components: &serde_json::Value) -> MessageTemplate {
        let json = json!({
            "name": "t", "language": "en", "status": "APPROVED", "category": category, "components": components,
        });
        MessageTemplate::read(&serde_json::value::to_raw_value(&json).unwrap()).unwrap()
    }

    fn message() -> Template {
        Template::new("t", "en")
    }

    fn image() -> TemplateHeader {
        TemplateHeader::Image(MediaRef::new(SenderId::new(ProviderId::META, "1"), "2").into())
    }

    fn refused(listed: &MessageTemplate, message: &Template) -> (String, Option<u64>, Option<u64>) {
        let error = listed.check(message).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::InvalidMessage, Acceptance::NotAccepted));
        (error.field().unwrap().to_owned(), error.limit(), error.actual())
    }

    fn field(listed: &MessageTemplate, message: &Template) -> String {
        refused(listed, message).0
    }

    #[test]
    fn what_has_no_places_takes_nothing() {
        let listed = listed("UTILITY", &json!([{ "type": "BODY", "text": "Hi" }, { "type": "FOOTER" }]));
        assert!(listed.check(&message()).is_ok());
        assert_eq!(field(&listed, &Template::new("u", "en")), "content.name");
        assert_eq!(field(&listed, &Template::new("t", "en_US")), "content.language");
        assert_eq!(
            refused(&listed, &message().with_body(["a"])),
            ("content.body".to_owned(), Some(0), Some(1))
        );
        assert_eq!(field(&listed, &message().with_header(image())), "content.header");
        assert_eq!(field(&listed, &message().with_url_suffix(0, "a")), "content.buttons[0].index");
        assert_eq!(field(&listed, &message().with_offer_end(Timestamp::UNIX_EPOCH)), "content.offer_ends");
        assert_eq!(field(&listed, &message().with_card(TemplateCard::default())), "content.cards");
        assert_eq!(field(&listed, &Template::authentication("t", "en", "1")), "content.one_time_code");
    }

    #[test]
    fn what_cannot_be_sent_is_not_available_and_what_is_not_known_is_let_through() {
        let mut listed = listed("UTILITY", &json!([{ "type": "BODY", "text": "{{1}}" }]));
        listed.status = TemplateStatus::Paused;
        assert_eq!(field(&listed, &message()), "content.body");
        let error = listed.check(&message().with_body(["a"])).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::TemplateUnavailable, Some("content.name")));
        let mut unknown = listed.clone();
        (unknown.components, unknown.status) = (None, TemplateStatus::Approved);
        unknown.parameters = TemplateParameters::default();
        assert!(unknown.check(&message().with_body(["a", "b"])).is_ok());
    }

    #[test]
    fn places_are_filled_by_number_or_by_name() {
        let numbered = listed("UTILITY", &json!([{ "type": "BODY", "text": "{{1}} {{2}} {{1}}" }]));
        assert!(numbered.check(&message().with_body(["a", "b"])).is_ok());
        assert_eq!(
            refused(&numbered, &message().with_body(["a"])),
            ("content.body".to_owned(), Some(2), Some(1))
        );
        let named = message().with_named("1", "a").with_named("2", "b");
        assert_eq!(field(&numbered, &named), "content.body[0].name");

        let listed = listed("UTILITY", &json!([{ "type": "BODY", "text": "{{who}} {{what}}" }]));
        assert!(listed.check(&message().with_named("what", "a").with_named("who", "b")).is_ok());
        assert_eq!(field(&listed, &message().with_body(["a", "b"])), "content.body[0].name");
        let twice = message().with_named("who", "a").with_named("who", "b");
        assert_eq!(field(&listed, &twice), "content.body[1].name");
        let other = message().with_named("who", "a").with_named("Who", "b");
        assert_eq!(field(&listed, &other), "content.body[1].name");
    }

    #[test]
    fn a_header_is_of_the_sort_that_was_approved() {
        let of = |header: serde_json::Value| listed("UTILITY", &json!([header]));
        let text = |text: &str| message().with_header(TemplateHeader::Text(Parameter::text(text)));
        let place = message().with_header(TemplateHeader::Location(crate::outbound::Location::new(1.0, 2.0)));
        let picture = of(json!({ "type": "HEADER", "format": "IMAGE" }));
        assert!(picture.check(&message().with_header(image())).is_ok());
        for wrong in [message(), text("a"), place.clone()] {
            assert_eq!(field(&picture, &wrong), "content.header");
        }
        let title = of(json!({ "type": "HEADER", "format": "TEXT", "text": "{{1}}" }));
        assert!(title.check(&text("a")).is_ok());
        assert_eq!(field(&title, &message()), "content.header");
        let named = TemplateHeader::Text(Parameter::text("a").with_name("x"));
        assert_eq!(field(&title, &message().with_header(named)), "content.header[0].name");
        let map = of(json!({ "type": "HEADER", "format": "LOCATION" }));
        assert!(map.check(&place).is_ok());
        let new = of(json!({ "type": "HEADER", "format": "HOLOGRAM" }));
        assert!(new.check(&message()).is_ok() && new.check(&place).is_ok());
    }

    #[test]
    fn buttons_are_filled_where_they_take_something() {
        let listed = listed(
            "MARKETING",
            &json!([{ "type": "BUTTONS", "buttons": [
                { "type": "PHONE_NUMBER" },
                { "type": "URL", "url": "https://example.com/{{1}}" },
                { "type": "QUICK_REPLY", "text": "Stop" },
                { "type": "COPY_CODE" },
            ] }, { "type": "LIMITED_TIME_OFFER", "limited_time_offer": { "has_expiration": true } }]),
        );
        let least = || {
            let message = message().with_url_suffix(1, "a").with_offer_end(Timestamp::UNIX_EPOCH);
            message.with_button(3, ButtonParameter::copy_code("25OFF"))
        };
        assert!(listed.check(&least()).is_ok());
        assert!(listed.check(&least().with_button(2, ButtonParameter::quick_reply("x"))).is_ok());
        let mut lacking = least();
        lacking.buttons.truncate(1);
        assert_eq!(field(&listed, &lacking), "content.buttons");
        assert_eq!(field(&listed, &least().with_url_suffix(2, "x")), "content.buttons[2]");
        assert_eq!(field(&listed, &least().with_url_suffix(0, "x")), "content.buttons[2].index");
        let mut endless = least();
        endless.offer_ends = None;
        assert_eq!(field(&listed, &endless), "content.offer_ends");
    }

    #[test]
    fn every_card_is_filled() {
        let card = json!({ "components": [{ "type": "HEADER", "format": "IMAGE" }, { "type": "BODY", "text": "{{1}}" }] });
        let listed = listed("MARKETING", &json!([{ "type": "CAROUSEL", "cards": [card, card] }]));
        let filled = || TemplateCard::default().with_header(image()).with_body(["a"]);
        assert!(listed.check(&message().with_card(filled()).with_card(filled())).is_ok());
        assert_eq!(
            refused(&listed, &message().with_card(filled())),
            ("content.cards".to_owned(), Some(2), Some(1))
        );
        let bare = TemplateCard::default().with_header(image());
        assert_eq!(field(&listed, &message().with_card(filled()).with_card(bare)), "content.cards[1].body");
    }

    #[test]
    fn a_one_time_code_goes_into_its_own_templates() {
        let code = Template::authentication("t", "en", "123456");
        for button in [
            json!({ "type": "OTP", "otp_type": "COPY_CODE" }),
            json!({ "type": "URL", "url": "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}" }),
        ] {
            let components = json!([{ "type": "BODY", "text": "{{1}} is it" }, { "type": "BUTTONS", "buttons": [button] }]);
            let listed = listed("AUTHENTICATION", &components);
            assert!(listed.check(&code).is_ok());
            // Written out it is the same.
            assert!(listed.check(&message().with_body(["1"]).with_url_suffix(0, "1")).is_ok());
            assert_eq!(field(&listed, &message().with_body(["1"])), "content.buttons");
        }
        let two = listed("AUTHENTICATION", &json!([{ "type": "BODY", "text": "{{1}} {{2}}" }]));
        assert_eq!(field(&two, &code), "content.one_time_code");
    }
}
