use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use whatsapp_provider::outbound::{
    ButtonParameter, Parameter, ParameterValue, TapTarget, Template, TemplateButton, TemplateCard,
    TemplateHeader,
};

use super::{FILES, IMAGES, Make, VIDEOS, address, json, moment};

/// How the places of a template are called.
#[derive(Debug, Clone, Copy)]
enum Places {
    Named,
    Numbered,
    Mixed,
}

impl Make {
    pub(super) fn template(&self) -> BoxedStrategy<Template> {
        prop_oneof![1 => self.one_time_code(), 4 => self.filled_template()].boxed()
    }

    fn named_template(&self) -> BoxedStrategy<Template> {
        let name = if self.past { self.text(30) } else { "[a-z_0-9]{1,30}".boxed() };
        (name, select(&["en", "en_US", "pt_BR"][..]))
            .prop_map(|(name, language)| Template::new(name, language))
            .boxed()
    }

    fn one_time_code(&self) -> BoxedStrategy<Template> {
        let spoiled = if self.past { prop::bool::weighted(0.1).boxed() } else { Just(false).boxed() };
        (self.named_template(), self.text(15), spoiled)
            .prop_map(|(template, code, spoiled)| {
                let template = Template::authentication(template.name, template.language, code);
                if spoiled { template.with_body(["x"]) } else { template }
            })
            .boxed()
    }

    fn filled_template(&self) -> BoxedStrategy<Template> {
        let places = if self.past {
            prop_oneof![5 => Just(Places::Numbered), 5 => Just(Places::Named), 1 => Just(Places::Mixed)]
                .boxed()
        } else {
            prop_oneof![Just(Places::Numbered), Just(Places::Named)].boxed()
        };
        let make = self.clone();
        places
            .prop_flat_map(move |places| {
                let count = if make.past { 0..=11 } else { 2..=4 };
                let cards =
                    prop_oneof![3 => Just(Vec::new()), 1 => vec(make.card_of_template(places), count)];
                let target = (address(), make.text(30)).prop_map(|(url, title)| TapTarget::new(url, title));
                let parts = (
                    option::of(make.template_header(places)),
                    make.parameters(places),
                    make.template_buttons(),
                );
                (make.named_template(), parts, option::of(moment()), cards, option::of(target))
            })
            .prop_map(|(mut template, (header, body, buttons), offer_ends, cards, tap_target)| {
                (template.header, template.body, template.buttons) = (header, body, buttons);
                (template.offer_ends, template.cards, template.tap_target) = (offer_ends, cards, tap_target);
                template
            })
            .boxed()
    }

    fn value(&self, max: usize) -> BoxedStrategy<ParameterValue> {
        let text = self.text(max);
        prop_oneof![
            4 => text.clone().prop_map(|text| Parameter::text(text).value),
            1 => (text.clone(), "[A-Z]{3}", any::<i64>())
                .prop_map(|(shown, code, amount)| ParameterValue::currency(shown, code, amount)),
            1 => text.prop_map(ParameterValue::date_time),
        ]
        .boxed()
    }

    fn parameter(&self, places: Places, max: usize) -> BoxedStrategy<Parameter> {
        let named = match places {
            Places::Named => Just(true).boxed(),
            Places::Numbered => Just(false).boxed(),
            Places::Mixed => any::<bool>().boxed(),
        };
        (self.value(max), named, "[a-z]{1,8}")
            .prop_map(|(value, named, name)| {
                let parameter = Parameter::new(value);
                if named { parameter.with_name(name) } else { parameter }
            })
            .boxed()
    }

    fn parameters(&self, places: Places) -> BoxedStrategy<Vec<Parameter>> {
        let apart = if self.past { prop::bool::weighted(0.9).boxed() } else { Just(true).boxed() };
        (vec(self.parameter(places, 1024), 0..=4), apart)
            .prop_map(|(mut parameters, apart)| {
                let names = parameters.iter_mut().filter_map(|parameter| parameter.name.as_mut());
                names
                    .enumerate()
                    .filter(|_| apart)
                    .for_each(|(place, name)| name.push_str(&place.to_string()));
                parameters
            })
            .boxed()
    }

    fn template_header(&self, places: Places) -> BoxedStrategy<TemplateHeader> {
        let text = (self.parameter(places, 60), self.text(60), prop::bool::weighted(0.2));
        let money = self.past;
        let text = text.prop_map(move |(mut parameter, text, other)| {
            // Money and times have no place there.
            if !(money && other) {
                parameter.value = Parameter::text(text).value;
            }
            parameter
        });
        prop_oneof![
            2 => text.prop_map(TemplateHeader::Text),
            1 => self.media(IMAGES).prop_map(TemplateHeader::Image),
            1 => self.media(VIDEOS).prop_map(TemplateHeader::Video),
            1 => (self.media(FILES), self.maybe(60)).prop_map(|(media, name)| match name {
                Some(name) => TemplateHeader::named_document(media, name),
                None => TemplateHeader::document(media),
            }),
            1 => self.location().prop_map(TemplateHeader::Location),
            1 => self.product().prop_map(TemplateHeader::Product),
        ]
        .boxed()
    }

    fn template_buttons(&self) -> BoxedStrategy<Vec<TemplateButton>> {
        let parameter = prop_oneof![
            self.text(60).prop_map(ButtonParameter::url_suffix),
            self.text(60).prop_map(ButtonParameter::quick_reply),
            self.text(20).prop_map(ButtonParameter::copy_code),
            self.maybe(20).prop_map(ButtonParameter::catalog),
            (self.text(20), self.product_sections())
                .prop_map(|(thumbnail, sections)| ButtonParameter::multi_product(thumbnail, sections)),
            (self.maybe(30), option::of(json())).prop_map(|(token, data)| ButtonParameter::flow(token, data)),
            (option::of(self.minutes()), self.maybe(40))
                .prop_map(|(minutes, payload)| ButtonParameter::voice_call(minutes, payload)),
        ];
        let (step, first) = if self.past { (0..=2_u8, 0..=9_u8) } else { (1..=2, 0..=1) };
        // Any buttons, and not always the first ones.
        (vec(parameter, 0..=4), step, first)
            .prop_map(|(parameters, step, first)| {
                let indices = (0..).map(|place| first + place * step);
                let buttons = indices.zip(parameters);
                buttons
                    .fold(Template::new("", ""), |filled, (index, part)| filled.with_button(index, part))
                    .buttons
            })
            .boxed()
    }

    fn card_of_template(&self, places: Places) -> BoxedStrategy<TemplateCard> {
        let header = if self.past {
            self.template_header(places)
        } else {
            prop_oneof![
                self.media(IMAGES).prop_map(TemplateHeader::Image),
                self.media(VIDEOS).prop_map(TemplateHeader::Video),
                self.product().prop_map(TemplateHeader::Product),
            ]
            .boxed()
        };
        (option::of(header), self.parameters(places), self.template_buttons())
            .prop_map(|(header, body, buttons)| {
                let mut card = TemplateCard::default();
                (card.header, card.body, card.buttons) = (header, body, buttons);
                card
            })
            .boxed()
    }
}
