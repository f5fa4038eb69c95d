use std::time::Duration;

use super::*;
use crate::outbound::{
    Action, ButtonParameter, Card, CardAction, Category, ContactCard, CtaUrl, Header, Interactive, ListRow,
    ListSection, Media, Parameter, ProductItem, ProductSection, ReplyButton, Template, TemplateButton,
    TemplateCard, TemplateHeader, VoiceCall,
};

/// A text of so many characters, each of them two bytes long.
fn long(count: usize) -> String {
    "ä".repeat(count)
}

fn template() -> Template {
    Template::new("t", "en")
}

fn buttons(count: usize) -> Interactive {
    let button = |n| ReplyButton::new(n, n);
    let ids: Vec<_> = (0..count).map(|n| n.to_string()).collect();
    Interactive::buttons("?", ids.iter().map(|id| button(id.as_str())).collect::<Vec<_>>())
}

fn rows(range: std::ops::Range<usize>) -> Vec<ListRow> {
    range.map(|n| ListRow::new(n.to_string(), "Row")).collect()
}

fn list(change: impl FnOnce(&mut ListRow)) -> Interactive {
    let mut row = ListRow::new("a", "A");
    change(&mut row);
    Interactive::list("?", "Choose", [ListSection::new([row])])
}

fn products(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

fn product_list(sections: Vec<ProductSection>) -> Interactive {
    let catalog_id = "7".to_owned();
    Interactive::new("?", Action::ProductList { catalog_id, sections }).with_header(Header::text("Ours"))
}

fn sections(count: usize) -> Vec<ProductSection> {
    (0..count).map(|_| ProductSection::new("S", products(1))).collect()
}

fn web_card() -> Card {
    let header = Some(Header::Image(Media::from(stored())));
    Card { header, ..Card::new(CardAction::CtaUrl(CtaUrl::new("See", "https://shop.example"))) }
}

fn carousel(change: impl FnOnce(&mut Card)) -> Interactive {
    let mut cards = vec![web_card(), web_card()];
    change(&mut cards[1]);
    Interactive::new("?", Action::Carousel { cards })
}

fn product_cards(count: usize) -> Interactive {
    let card = Card::new(CardAction::Product(ProductItem::new("7", "a")));
    Interactive::new("?", Action::Carousel { cards: vec![card; count] })
}

fn multi_product(sections: Vec<ProductSection>) -> Template {
    let thumbnail_product = "a".to_owned();
    template().with_button(0, ButtonParameter::MultiProduct { thumbnail_product, sections })
}

fn cards(count: usize) -> Template {
    Template { cards: vec![TemplateCard::default().with_body(["x"]); count], ..template() }
}

fn cards_with(card: TemplateCard) -> Template {
    Template { cards: vec![TemplateCard::default().with_body(["x"]), card], ..template() }
}

type Make<'a> = &'a dyn Fn(usize) -> Content;

#[test]
fn texts_at_their_limits_and_past_them() {
    let limits: [(&str, usize, Make<'_>); 31] = [
        ("content.body", 4096, &|n| Content::text(long(n))),
        ("content.caption", 1024, &|n| Content::image(stored()).with_caption(long(n))),
        ("content.caption", 1024, &|n| Content::video(stored()).with_caption(long(n))),
        ("content.caption", 1024, &|n| Content::document(stored()).with_caption(long(n))),
        ("content.body", 1024, &|n| Interactive::buttons(long(n), [ReplyButton::new("1", "Yes")]).into()),
        ("content.body", 1024, &|n| Interactive::cta_url(long(n), "See", "https://a.example").into()),
        ("content.body", 1024, &|n| Interactive::new(long(n), Action::ContactRequest).into()),
        ("content.body", 4096, &|n| Interactive { body: Some(long(n)), ..list(|_| ()) }.into()),
        ("content.header", 60, &|n| buttons(1).with_header(Header::text(long(n))).into()),
        ("content.header", 60, &|n| list(|_| ()).with_header(Header::text(long(n))).into()),
        ("content.footer", 60, &|n| buttons(1).with_footer(long(n)).into()),
        ("content.action.buttons[0].id", 256, &|n| {
            Interactive::buttons("?", [ReplyButton::new(long(n), "Yes")]).into()
        }),
        ("content.action.buttons[0].title", 20, &|n| {
            Interactive::buttons("?", [ReplyButton::new("1", long(n))]).into()
        }),
        ("content.action.button", 20, &|n| {
            Interactive::list("?", long(n), [ListSection::new([ListRow::new("a", "A")])]).into()
        }),
        ("content.action.sections[0].title", 24, &|n| {
            Interactive::list("?", "Choose", [ListSection::new(rows(0..1)).with_title(long(n))]).into()
        }),
        ("content.action.sections[0].rows[0].id", 200, &|n| list(|row| row.id = long(n)).into()),
        ("content.action.sections[0].rows[0].title", 24, &|n| list(|row| row.title = long(n)).into()),
        ("content.action.sections[0].rows[0].description", 72, &|n| {
            list(|row| row.description = Some(long(n))).into()
        }),
        ("content.action.display_text", 20, &|n| {
            Interactive::cta_url("?", long(n), "https://a.example").into()
        }),
        ("content.action.display_text", 20, &|n| {
            Interactive::new("?", Action::VoiceCall(VoiceCall::new(long(n)))).into()
        }),
        ("content.action.sections[0].title", 24, &|n| {
            product_list(vec![ProductSection::new(long(n), products(1))]).into()
        }),
        ("content.action.cards[1].body", 160, &|n| carousel(|card| card.body = Some(long(n))).into()),
        ("content.action.cards[1].action.display_text", 20, &|n| {
            let url = CtaUrl::new(long(n), "https://shop.example");
            carousel(|card| card.action = CardAction::CtaUrl(url)).into()
        }),
        ("content.body[0]", 1024, &|n| template().with_body([long(n)]).into()),
        ("content.body[0]", 1024, &|n| {
            let mut template = template().with_body(["x"]);
            template.body[0].value = crate::outbound::ParameterValue::date_time(long(n));
            template.into()
        }),
        ("content.header", 60, &|n| {
            template().with_header(TemplateHeader::Text(Parameter::text(long(n)))).into()
        }),
        ("content.buttons[0].code", 20, &|n| {
            template().with_button(0, ButtonParameter::copy_code(long(n))).into()
        }),
        ("content.buttons[0].sections[0].title", 24, &|n| {
            multi_product(vec![ProductSection::new(long(n), products(1))]).into()
        }),
        ("content.cards[1].body[0]", 1024, &|n| {
            cards_with(TemplateCard::default().with_body([long(n)])).into()
        }),
        ("content.cards[1].buttons[0].code", 20, &|n| {
            cards_with(TemplateCard::default().with_button(0, ButtonParameter::copy_code(long(n)))).into()
        }),
        ("content.one_time_code", 15, &|n| Template::authentication("t", "en", long(n)).into()),
    ];
    let may_be_missing = [
        "content.caption",
        "content.footer",
        "content.action.sections[0].title",
        "content.action.sections[0].rows[0].description",
        "content.action.cards[1].body",
        "content.buttons[0].sections[0].title",
    ];
    for (field, limit, make) in limits {
        content(make(limit));
        let kind = if field == "content.one_time_code" { InvalidMessage } else { Unsupported };
        past(kind, field, limit, limit + 1, &OutboundMessage::new(to(), make(limit + 1)));
        // No provider carries what is empty; an empty text that may be missing is none.
        if may_be_missing.contains(&field) {
            content(make(0));
        } else {
            assert_eq!(refused_content(make(0)), (InvalidMessage, field.to_owned()));
        }
    }
}

#[test]
fn numbers_at_their_limits_and_past_them() {
    let breaks = |n: usize| carousel(|card| card.body = Some(format!("a{}", "\nb".repeat(n))));
    let split = |n: usize| {
        // Ten rows in all, however they are divided.
        let sections =
            [ListSection::new(rows(0..5)).with_title("A"), ListSection::new(rows(5..n)).with_title("B")];
        Interactive::list("?", "Choose", sections)
    };
    let many = |n: usize| {
        let sections: Vec<_> = (0..n).map(|n| ListSection::new(rows(n..n + 1)).with_title("S")).collect();
        Interactive::list("?", "Choose", sections)
    };
    let button = |index: usize| {
        let parameter = ButtonParameter::url_suffix("x");
        TemplateButton { index: index.try_into().unwrap(), parameter }
    };
    let two =
        |n: usize| vec![ProductSection::new("A", products(15)), ProductSection::new("B", products(n - 15))];
    let limits: [(&str, usize, Make<'_>); 14] = [
        ("content.cards", 257, &|n| Content::contacts(vec![ContactCard::named("Ada L", "Ada"); n])),
        ("content.action.buttons", 3, &|n| buttons(n).into()),
        ("content.action.sections[].rows", 10, &|n| {
            Interactive::list("?", "Choose", [ListSection::new(rows(0..n))]).into()
        }),
        ("content.action.sections[].rows", 10, &|n| split(n).into()),
        ("content.action.sections[].rows", 10, &|n| many(n).into()),
        ("content.action.sections", 10, &|n| product_list(sections(n)).into()),
        ("content.action.sections[].products", 30, &|n| product_list(two(n)).into()),
        ("content.action.cards", 10, &|n| product_cards(n).into()),
        ("content.action.cards[1].body", 2, &|n| breaks(n).into()),
        ("content.buttons[0].index", 9, &|n| Template { buttons: vec![button(n)], ..template() }.into()),
        ("content.buttons[0].sections", 10, &|n| multi_product(sections(n)).into()),
        ("content.buttons[0].sections[].products", 30, &|n| multi_product(two(n)).into()),
        ("content.cards", 10, &|n| cards(n).into()),
        ("content.cards[1].buttons[0].index", 9, &|n| {
            cards_with(TemplateCard { buttons: vec![button(n)], ..TemplateCard::default() }).into()
        }),
    ];
    for (field, limit, make) in limits {
        content(make(limit));
        past(Unsupported, field, limit, limit + 1, &OutboundMessage::new(to(), make(limit + 1)));
    }
    let least: [(&str, usize, Make<'_>); 2] = [
        ("content.action.cards", 2, &|n| product_cards(n).into()),
        ("content.cards", 2, &|n| cards(n).into()),
    ];
    for (field, limit, make) in least {
        content(make(limit));
        past(Unsupported, field, limit, limit - 1, &OutboundMessage::new(to(), make(limit - 1)));
    }
}

#[test]
fn times_to_live_at_their_limits_and_past_them() {
    for (category, most) in [(Category::Utility, 43_200), (Category::Authentication, 900)] {
        let message = |millis| {
            let text = OutboundMessage::text(to(), "Your order has shipped").with_direct_send(category);
            text.with_ttl(Duration::from_millis(millis))
        };
        for (millis, seconds) in [(30_000, 30), (30_999, 30), (most * 1000, most)] {
            let (body, receipt) = posted(&message(millis));
            assert_eq!(body["ttl_seconds"], seconds);
            assert_eq!(receipt.dropped(), []);
        }
        past(Unsupported, "ttl", 30, 29, &message(29_999));
        past(Unsupported, "ttl", 30, 0, &message(0));
        for millis in [most * 1000 + 1, most * 1000 + 1000] {
            past(Unsupported, "ttl", most as usize, most as usize + 1, &message(millis));
        }
    }
}

/// Refused, by `check` and by a send, with the limit and what there was.
fn past(kind: ErrorKind, field: &str, limit: usize, actual: usize, message: &OutboundMessage) {
    assert_eq!(refused(message), (kind, field.to_owned()));
    let error = meta(&Fake::new([])).check(message).unwrap_err();
    assert_eq!((error.limit(), error.actual()), (Some(limit as u64), Some(actual as u64)), "{field}");
}
