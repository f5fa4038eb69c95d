use super::*;
use crate::error::ErrorKind;
use crate::outbound::{
    AddressRequest, Card, CardAction, Flow, Header, Link, ListRow, ListSection, ProductItem, ProductSection,
    VoiceCall,
};

const VARIABLES: Style<'_> = Style { prefix: "p", literal: false };
const LITERAL: Style<'_> = Style { prefix: "p", literal: true };

fn buttons(count: usize) -> Interactive {
    let button = |index| ReplyButton::new(format!("id-{index}"), format!("Title {index}"));
    Interactive::buttons("Fine?", (1..=count).map(button).collect::<Vec<_>>())
}

fn list(rows: Vec<ListRow>) -> Interactive {
    Interactive::list("Which?", "Choose", [ListSection::new(rows)])
}

fn row(index: usize) -> ListRow {
    ListRow::new(format!("id-{index}"), format!("Row {index}"))
}

fn cta(url: &str) -> Interactive {
    Interactive::cta_url("Look", "See", url)
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn every_text_is_a_variable() {
    let reply = |title, id| json!({ "type": "QUICK_REPLY", "title": title, "id": id });
    for (interactive, types, expected) in [
        (
            buttons(2),
            json!({ "twilio/quick-reply": {
                "body": "{{1}}", "actions": [reply("{{2}}", "{{3}}"), reply("{{4}}", "{{5}}")],
            } }),
            values(&[("1", "Fine?"), ("2", "Title 1"), ("3", "id-1"), ("4", "Title 2"), ("5", "id-2")]),
        ),
        (
            list(vec![row(1), row(2).with_description("More"), row(3).with_description("")]),
            json!({ "twilio/list-picker": { "body": "{{1}}", "button": "{{2}}", "items": [
                { "item": "{{3}}", "id": "{{4}}" },
                { "item": "{{5}}", "id": "{{6}}", "description": "{{7}}" },
                { "item": "{{8}}", "id": "{{9}}" },
            ] } }),
            values(&[
                ("1", "Which?"),
                ("2", "Choose"),
                ("3", "Row 1"),
                ("4", "id-1"),
                ("5", "Row 2"),
                ("6", "id-2"),
                ("7", "More"),
                ("8", "Row 3"),
                ("9", "id-3"),
            ]),
        ),
        (
            cta("https://shop.example/a/b?c=d"),
            json!({ "twilio/call-to-action": { "body": "{{1}}", "actions": [
                { "type": "URL", "title": "See", "url": "https://shop.example/{{2}}" },
            ] } }),
            values(&[("1", "Look"), ("2", "a/b?c=d")]),
        ),
    ] {
        let (made, variables) = skeleton(&interactive, VARIABLES).unwrap();
        assert_eq!((made.types, variables), (types, expected));
    }
}

#[test]
fn an_address_ends_with_its_variable() {
    for (url, place, value) in [
        ("https://a.example", "https://a.example", None),
        ("https://a.example/", "https://a.example/", None),
        ("https://a.example/x", "https://a.example/{{2}}", Some("x")),
        ("https://a.example?x=1", "https://a.example?{{2}}", Some("x=1")),
        ("https://a.example#x", "https://a.example#{{2}}", Some("x")),
        ("HTTP://a.example:8443/x/{{1}}", "HTTP://a.example:8443/{{2}}", Some("x/{{1}}")),
    ] {
        let (made, variables) = skeleton(&cta(url), VARIABLES).unwrap();
        assert_eq!(made.types["twilio/call-to-action"]["actions"][0]["url"], place, "{url}");
        assert_eq!(variables.get("2").map(String::as_str), value, "{url}");
    }
}

#[test]
fn the_name_is_that_of_the_shape() {
    let name = |interactive: &Interactive| skeleton(interactive, VARIABLES).unwrap().0.name;
    let mut other = buttons(2);
    other.body = Some("Another question".to_owned());
    assert_eq!(name(&buttons(2)), name(&other));
    // Were it another one, every account would have all of its skeletons made anew.
    assert_eq!(name(&buttons(2)), "p_buttons_28c99bdfc7fd870a62a5ec23");
    let described = |index: usize| row(index).with_description("x");
    let shapes = [
        buttons(1),
        buttons(2),
        buttons(3),
        list(vec![row(1), row(2)]),
        list(vec![described(1), row(2)]),
        list(vec![row(1), described(2)]),
        cta("https://a.example"),
        cta("https://a.example/x"),
        cta("https://b.example/x"),
        Interactive::cta_url("Look", "Open", "https://a.example/x"),
    ];
    let names: std::collections::BTreeSet<_> = shapes.iter().map(name).collect();
    assert_eq!(names.len(), shapes.len());
    assert_eq!(name(&cta("https://a.example/x")), name(&cta("https://a.example/y?z")));
}

#[test]
fn a_literal_skeleton_has_the_texts_in_it() {
    let (made, variables) = skeleton(&buttons(1), LITERAL).unwrap();
    assert_eq!(
        made.types,
        json!({ "twilio/quick-reply": {
            "body": "Fine?", "actions": [{ "type": "QUICK_REPLY", "title": "Title 1", "id": "id-1" }],
        } })
    );
    assert_eq!(variables, values(&[]));
    // What Twilio would take for a variable is one, with that as its value.
    let mut odd = buttons(1);
    odd.body = Some("Hi {{1}}".to_owned());
    let (made, variables) = skeleton(&odd, LITERAL).unwrap();
    assert_eq!(made.types["twilio/quick-reply"]["body"], "{{1}}");
    assert_eq!(variables, values(&[("1", "Hi {{1}}")]));
}

#[test]
fn limits_at_and_past() {
    let long = |chars| "ä".repeat(chars);
    let with_body = |mut interactive: Interactive, chars| {
        interactive.body = Some(long(chars));
        interactive
    };
    let button = |id, title| Interactive::buttons("x", [ReplyButton::new(long(id), long(title))]);
    let choose = |chars| Interactive::list("x", long(chars), [ListSection::new([row(1)])]);
    let picked = |id, title, description| {
        list(vec![ListRow::new(long(id), long(title)).with_description(long(description))])
    };
    let labelled = |chars| Interactive::cta_url("x", long(chars), "https://a.example");
    let address = |chars: usize| cta(&format!("https://a.example/{}", "x".repeat(chars)));
    let sections = |count| {
        let section = |index| ListSection::new([row(index)]);
        Interactive::list("x", "y", (0..count).map(section).collect::<Vec<_>>())
    };
    const ROW: &str = "content.action.sections[0].rows[0]";
    for (at, past, field, limit) in [
        (with_body(buttons(1), 1024), with_body(buttons(1), 1025), "content.body".to_owned(), 1024),
        (with_body(choose(1), 1024), with_body(choose(1), 1025), "content.body".to_owned(), 1024),
        (with_body(labelled(1), 640), with_body(labelled(1), 641), "content.body".to_owned(), 640),
        (buttons(3), buttons(4), "content.action.buttons".to_owned(), 3),
        (button(200, 20), button(201, 20), "content.action.buttons[0].id".to_owned(), 200),
        (button(200, 20), button(200, 21), "content.action.buttons[0].title".to_owned(), 20),
        (choose(20), choose(21), "content.action.button".to_owned(), 20),
        (picked(200, 24, 72), picked(201, 24, 72), format!("{ROW}.id"), 200),
        (picked(200, 24, 72), picked(200, 25, 72), format!("{ROW}.title"), 24),
        (picked(200, 24, 72), picked(200, 24, 73), format!("{ROW}.description"), 72),
        (
            list((0..10).map(row).collect()),
            list((0..11).map(row).collect()),
            "content.action.sections[0].rows".to_owned(),
            10,
        ),
        (sections(1), sections(2), "content.action.sections".to_owned(), 1),
        (labelled(20), labelled(21), "content.action.display_text".to_owned(), 20),
        (address(1600), address(1601), "content.action.url".to_owned(), 1600),
    ] {
        for style in [VARIABLES, LITERAL] {
            assert!(skeleton(&at, style).is_ok(), "{field}");
            let error = skeleton(&past, style).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some(field.as_str())));
            assert_eq!(error.limit(), Some(limit), "{field}");
            assert_eq!(error.actual(), Some(limit + 1), "{field}");
        }
    }
}

#[test]
fn what_twilio_has_no_place_for_is_refused() {
    let picture: Link = "https://files.example/a.png".parse().unwrap();
    let titled = ListSection::new([row(1)]).with_title("Sorts");
    let card = Card::new(CardAction::Product(ProductItem::new("1", "2")));
    let odd_label = Interactive::cta_url("x", "{{1}}", "https://a.example");
    for (interactive, field) in [
        (buttons(1).with_header(Header::text("x")), "content.header"),
        (buttons(1).with_header(Header::Image(picture.into())), "content.header"),
        (list(vec![row(1)]).with_header(Header::text("x")), "content.header"),
        (buttons(1).with_footer("x"), "content.footer"),
        (cta("https://a.example").with_footer("x"), "content.footer"),
        (Interactive::list("x", "y", [titled]), "content.action.sections[0].title"),
        (odd_label, "content.action.display_text"),
        (cta("https://{{1}}/x"), "content.action.url"),
        (Interactive::carousel("x", [card.clone(), card]), "content"),
        (Interactive::catalog("x", None), "content"),
        (Interactive::product(ProductItem::new("1", "2")), "content"),
        (Interactive::product_list("x", "x", "1", [ProductSection::new("x", ["1".to_owned()])]), "content"),
        (Interactive::new("x", Action::LocationRequest), "content"),
        (Interactive::new("x", Action::ContactRequest), "content"),
        (Interactive::new("x", Action::CallPermission), "content"),
        (Interactive::new("x", Action::Flow(Flow::by_id("1", "x"))), "content"),
        (Interactive::new("x", Action::Address(AddressRequest::new("IN"))), "content"),
        (Interactive::new("x", Action::VoiceCall(VoiceCall::new("x"))), "content"),
    ] {
        let error = skeleton(&interactive, VARIABLES).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some(field)));
    }
    assert!(skeleton(&buttons(1).with_footer(""), VARIABLES).is_ok());
}

#[test]
fn a_content_that_is_found_may_have_more_in_it() {
    let (made, variables) = skeleton(&buttons(1), VARIABLES).unwrap();
    let resource = made.resource(&variables);
    assert_eq!(resource["language"], "en");
    assert_eq!(resource["variables"], json!({ "1": "sample1", "2": "sample2", "3": "sample3" }));
    assert!(made.is(&resource));
    let mut more = resource.clone();
    more["sid"] = "HX".into();
    more["types"]["twilio/quick-reply"]["footer"] = Value::Null;
    more["types"]["twilio/text"] = json!({ "body": "x" });
    assert!(made.is(&more));
    let differ: [fn(&mut Value); 5] = [
        |content| content["friendly_name"] = "p_buttons".into(),
        |content| content["types"]["twilio/quick-reply"]["body"] = "{{2}}".into(),
        |content| content["types"]["twilio/quick-reply"]["actions"] = json!([]),
        |content| content["types"] = json!({}),
        |content| *content = Value::Null,
    ];
    for change in differ {
        let mut other = resource.clone();
        change(&mut other);
        assert!(!made.is(&other), "{other}");
    }
}
