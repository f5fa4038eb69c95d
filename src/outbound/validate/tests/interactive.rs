use super::*;
use crate::outbound::{
    Action, AddressRequest, Card, CardAction, CtaUrl, Flow, FlowName, FlowStart, Header, Interactive, Link,
    ListRow, ListSection, Media, ProductItem, ProductSection, ReplyButton, VoiceCall,
};

fn button(id: &str, title: &str) -> ReplyButton {
    ReplyButton::new(id, title)
}

fn row(id: &str, title: &str) -> ListRow {
    ListRow::new(id, title)
}

fn image() -> Header {
    Header::Image(Media::Link(Link::new("https://files.example/a.png").unwrap()))
}

fn video() -> Header {
    Header::Video(Media::Link(Link::new("https://files.example/a.mp4").unwrap()))
}

fn check(rows: impl IntoIterator<Item = (Interactive, Option<&'static str>)>) {
    for (place, (interactive, field)) in rows.into_iter().enumerate() {
        assert_eq!(refused_content(interactive).as_deref(), field, "row {place}");
    }
}

#[test]
fn buttons_and_lists_are_there_filled_and_told_apart() {
    let buttons = |buttons: Vec<ReplyButton>| Interactive::buttons("?", buttons);
    let list = |sections: Vec<ListSection>| Interactive::list("?", "Choose", sections);
    let titled = |title: &str, rows: Vec<ListRow>| ListSection::new(rows).with_title(title);
    check([
        (buttons(vec![button("1", "Yes"), button("2", "No")]), None),
        (buttons(vec![]), Some("content.action.buttons")),
        (buttons(vec![button("", "Yes")]), Some("content.action.buttons[0].id")),
        (buttons(vec![button("1", "")]), Some("content.action.buttons[0].title")),
        (buttons(vec![button("1", "Yes"), button("1", "No")]), Some("content.action.buttons[1].id")),
        (buttons(vec![button("1", "Yes"), button("2", "Yes")]), Some("content.action.buttons[1].title")),
        (Interactive::buttons("", [button("1", "Yes")]), Some("content.body")),
        (Interactive { body: None, ..buttons(vec![button("1", "Yes")]) }, Some("content.body")),
        (buttons(vec![button("1", "Yes")]).with_header(Header::text("")), Some("content.header")),
        (buttons(vec![button("1", "Yes")]).with_footer(""), None),
        (list(vec![ListSection::new([row("1", "A"), row("2", "A")])]), None),
        (list(vec![titled("S", vec![row("1", "A")]), titled("S", vec![row("2", "A")])]), None),
        (list(vec![]), Some("content.action.sections")),
        (list(vec![ListSection::new([])]), Some("content.action.sections[0].rows")),
        (list(vec![ListSection::new([row("", "A")])]), Some("content.action.sections[0].rows[0].id")),
        (list(vec![ListSection::new([row("1", "")])]), Some("content.action.sections[0].rows[0].title")),
        (
            list(vec![ListSection::new([row("1", "A"), row("1", "B")])]),
            Some("content.action.sections[0].rows[1].id"),
        ),
        (
            list(vec![titled("S", vec![row("1", "A")]), titled("T", vec![row("2", "B"), row("1", "C")])]),
            Some("content.action.sections[1].rows[1].id"),
        ),
        (
            list(vec![titled("S", vec![row("1", "A")]), ListSection::new([row("2", "B")])]),
            Some("content.action.sections[1].title"),
        ),
        (
            list(vec![titled("", vec![row("1", "A")]), titled("T", vec![row("2", "B")])]),
            Some("content.action.sections[0].title"),
        ),
        (Interactive::list("?", "", [ListSection::new([row("1", "A")])]), Some("content.action.button")),
    ]);
}

#[test]
fn addresses_flows_and_calls_are_named() {
    let flow = |change: fn(&mut Flow)| {
        let mut flow = Flow::by_id("1", "Open");
        change(&mut flow);
        Interactive::new("?", Action::Flow(flow))
    };
    let call = |minutes| {
        let call = VoiceCall { ttl_minutes: minutes, ..VoiceCall::new("Call") };
        Interactive::new("?", Action::VoiceCall(call))
    };
    let bare = |action| Interactive { body: None, ..Interactive::new("", action) };
    check([
        (Interactive::cta_url("?", "See", "https://a.example"), None),
        (Interactive::cta_url("?", "", "https://a.example"), Some("content.action.display_text")),
        (Interactive::cta_url("?", "See", "a.example"), Some("content.action.url")),
        (flow(|_| ()), None),
        (flow(|flow| flow.start = Some(FlowStart::DataExchange)), None),
        (flow(|flow| flow.flow = FlowName::Id(String::new())), Some("content.action.flow")),
        (flow(|flow| flow.flow = FlowName::Name(String::new())), Some("content.action.flow")),
        (flow(|flow| flow.cta.clear()), Some("content.action.cta")),
        (
            flow(|flow| flow.start = Some(FlowStart::Navigate { screen: String::new(), data: None })),
            Some("content.action.start.screen"),
        ),
        (call(None), None),
        (call(Some(1)), None),
        (call(Some(0)), Some("content.action.ttl_minutes")),
        (Interactive::new("?", Action::VoiceCall(VoiceCall::new(""))), Some("content.action.display_text")),
        (Interactive::new("?", Action::Address(AddressRequest::new("IN"))), None),
        (Interactive::new("?", Action::Address(AddressRequest::new(""))), Some("content.action.country")),
        (bare(Action::CallPermission), None),
        (bare(Action::LocationRequest), Some("content.body")),
        (bare(Action::ContactRequest), Some("content.body")),
        (bare(Action::Catalog { thumbnail_product: None }), Some("content.body")),
    ]);
}

#[test]
fn products_are_named_and_cards_are_alike() {
    let bare = |action| Interactive { body: None, ..Interactive::new("", action) };
    let products = |sections: Vec<ProductSection>| {
        let catalog_id = "7".to_owned();
        Interactive::new("?", Action::ProductList { catalog_id, sections }).with_header(Header::text("Ours"))
    };
    let section = |title: &str, products: &[&str]| {
        ProductSection::new(title, products.iter().map(|product| (*product).to_owned()).collect::<Vec<_>>())
    };
    let web = |header: Option<Header>| {
        let action = CardAction::CtaUrl(CtaUrl::new("See", "https://a.example"));
        Card { header, ..Card::new(action) }
    };
    let product = || Card::new(CardAction::Product(ProductItem::new("7", "a")));
    let carousel = |cards: Vec<Card>| Interactive::new("?", Action::Carousel { cards });
    let mut wrong = web(Some(image()));
    wrong.action = CardAction::CtaUrl(CtaUrl::new("See", "a"));
    check([
        (bare(Action::Product(ProductItem::new("7", "a"))), None),
        (bare(Action::Product(ProductItem::new("", "a"))), Some("content.action.catalog_id")),
        (bare(Action::Product(ProductItem::new("7", ""))), Some("content.action.product")),
        (products(vec![section("", &["a"])]), None),
        (products(vec![section("S", &["a"]), section("S", &["a"])]), None),
        (Interactive { header: None, ..products(vec![section("S", &["a"])]) }, Some("content.header")),
        (products(vec![]), Some("content.action.sections")),
        (products(vec![section("S", &[])]), Some("content.action.sections[0].products")),
        (products(vec![section("S", &["a", ""])]), Some("content.action.sections[0].products[1]")),
        (products(vec![section("S", &["a"]), section("", &["b"])]), Some("content.action.sections[1].title")),
        (carousel(vec![web(Some(image())), web(Some(image()))]), None),
        (carousel(vec![product(), product()]), None),
        (carousel(vec![]), Some("content.action.cards")),
        (carousel(vec![web(Some(image())), web(None)]), Some("content.action.cards[1].header")),
        (carousel(vec![web(Some(image())), web(Some(video()))]), Some("content.action.cards[1].header")),
        (carousel(vec![web(Some(image())), product()]), Some("content.action.cards[1].action")),
        (carousel(vec![web(Some(image())), wrong]), Some("content.action.cards[1].action.url")),
        (
            carousel(vec![product(), Card::new(CardAction::Product(ProductItem::new("7", "")))]),
            Some("content.action.cards[1].action.product"),
        ),
    ]);
}
