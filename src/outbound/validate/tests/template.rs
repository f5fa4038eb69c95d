use super::*;
use crate::outbound::{
    ButtonParameter, Parameter, ProductItem, ProductSection, TapTarget, TemplateCard, TemplateHeader,
};

#[test]
fn names_and_numbers_do_not_mix_wherever_they_stand() {
    let template = || Template::new("t", "en");
    let named = |name: &str| Parameter { name: Some(name.to_owned()), ..Parameter::text("x") };
    let card = |parameter: Parameter| TemplateCard { body: vec![parameter], ..TemplateCard::default() };
    let header = |parameter| TemplateHeader::Text(parameter);
    for (place, (template, field)) in [
        (template().with_header(header(named("a"))).with_named("a", "x").with_named("b", "x"), None),
        (template().with_header(header(Parameter::text("x"))).with_body(["x", "x"]), None),
        (template().with_header(header(named("a"))).with_body(["x"]), Some("content.body")),
        (template().with_header(header(Parameter::text("x"))).with_named("a", "x"), Some("content.body")),
        (template().with_named("a", "x").with_named("a", "y"), Some("content.body[1].name")),
        (template().with_named("", "x"), Some("content.body[0].name")),
        (template().with_header(header(named(""))), Some("content.header.name")),
        (template().with_body(["x"]).with_card(card(Parameter::text("x"))), None),
        (template().with_body(["x"]).with_card(card(named("a"))), Some("content.cards[0].body")),
        (
            template()
                .with_card(card(named("a")))
                .with_card(TemplateCard::default().with_header(header(Parameter::text("x")))),
            Some("content.cards[1].header"),
        ),
        (template().with_card(card(named("a"))).with_card(card(named("a"))), None),
        (template().with_card(card(Parameter::text(""))), Some("content.cards[0].body[0]")),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(refused_content(template).as_deref(), field, "row {place}");
    }
}

#[test]
fn parts_are_filled() {
    let template = || Template::new("t", "en");
    let button = |parameter| template().with_button(0, parameter);
    let products = |thumbnail: &str, title: &str, products: &[&str]| {
        let products: Vec<_> = products.iter().map(|product| (*product).to_owned()).collect();
        let sections = vec![ProductSection::new(title, products)];
        button(ButtonParameter::MultiProduct { thumbnail_product: thumbnail.to_owned(), sections })
    };
    let call = |ttl_minutes| button(ButtonParameter::VoiceCall { ttl_minutes, payload: None });
    let target =
        |url: &str, title: &str| Template { tap_target: Some(TapTarget::new(url, title)), ..template() };
    let place = |latitude| TemplateHeader::Location(Location::new(latitude, 0.0));
    let product = |catalog: &str| TemplateHeader::Product(ProductItem::new(catalog, "a"));
    for (place, (template, field)) in [
        (template().with_url_suffix(0, "a").with_url_suffix(1, "a"), None),
        (template().with_url_suffix(0, "a").with_url_suffix(0, "b"), Some("content.buttons[1].index")),
        (button(ButtonParameter::url_suffix("")), Some("content.buttons[0].text")),
        (button(ButtonParameter::quick_reply("")), Some("content.buttons[0].payload")),
        (button(ButtonParameter::copy_code("")), Some("content.buttons[0].code")),
        (button(ButtonParameter::Catalog { thumbnail_product: None }), None),
        (button(ButtonParameter::flow(None, None)), None),
        (products("a", "", &["a"]), None),
        (products("", "", &["a"]), Some("content.buttons[0].thumbnail_product")),
        (products("a", "", &[]), Some("content.buttons[0].sections[0].products")),
        (call(None), None),
        (call(Some(0)), Some("content.buttons[0].ttl_minutes")),
        (target("https://a.example", "A"), None),
        (target("a.example", "A"), Some("content.tap_target.url")),
        (target("https://a.example", ""), Some("content.tap_target.title")),
        (template().with_header(TemplateHeader::Text(Parameter::text(""))), Some("content.header")),
        (template().with_header(place(90.5)), Some("content.header.latitude")),
        (template().with_header(product("7")), None),
        (template().with_header(product("")), Some("content.header.catalog_id")),
        (
            template().with_card(TemplateCard::default().with_header(place(f64::NAN))),
            Some("content.cards[0].header.latitude"),
        ),
        (
            template().with_card(TemplateCard::default().with_button(1, ButtonParameter::quick_reply(""))),
            Some("content.cards[0].buttons[0].payload"),
        ),
        (
            Template {
                tap_target: Some(TapTarget::new("https://a.example", "A")),
                ..Template::authentication("t", "en", "1")
            },
            Some("content.one_time_code"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(refused_content(template).as_deref(), field, "row {place}");
    }
}
