use super::*;
use crate::clock::Timestamp;
use crate::error::{Acceptance, ErrorKind};
use crate::ids::{MediaRef, ProviderId, SenderId};
use crate::outbound::{FileBytes, Link, Location, TemplateCard};

const SID: &str = "HX0123456789abcdef0123456789abcdef";

/// The variables as JSON.
fn fill(content: &ContentTemplate, template: &Template) -> Result<String, (ErrorKind, String)> {
    match content.variables(&ProviderId::TWILIO, template) {
        Ok((variables, _)) if variables.is_empty() => Ok(String::new()),
        Ok((variables, _)) => Ok(serde_json::to_string(&variables).unwrap()),
        Err(error) => {
            assert_eq!(error.acceptance(), Acceptance::NotAccepted);
            Err((error.kind(), error.field().unwrap().to_owned()))
        }
    }
}

fn content() -> ContentTemplate {
    ContentTemplate::new("t", "en", SID)
}

fn template() -> Template {
    Template::new("t", "en")
}

#[test]
fn more_than_four_blanks_in_a_row_are_refused_before_they_fail() {
    for (value, fits) in [
        ("a    b", true),
        ("a\n\n \nb", true),
        ("a     b", false),
        ("a\n\n\n\n\nb", false),
        ("a \n \n b", false),
    ] {
        let filled = fill(&content(), &template().with_body([value]));
        let refused = Err((ErrorKind::Unsupported, "content.body[0]".to_owned()));
        assert!(if fits { filled.is_ok() } else { filled == refused }, "{value:?}: {filled:?}");
    }
}

#[test]
fn a_body_alone_needs_no_map() {
    for (template, expected) in [
        (template(), ""),
        (template().with_body(["a", "b \"c\""]), r#"{"1":"a","2":"b \"c\""}"#),
        (template().with_named("who", "Ada"), r#"{"who":"Ada"}"#),
        (Template::authentication("t", "en", "123456"), r#"{"1":"123456"}"#),
    ] {
        assert_eq!(fill(&content(), &template).as_deref(), Ok(expected));
    }
}

#[test]
fn everything_else_goes_where_the_map_says() {
    let link = Link::new("https://example.com/a.png").unwrap();
    let content = content()
        .with_header_variable("pic")
        .with_body_variables(["9", "8"])
        .with_button_variable(1, "end")
        .with_button_variable(0, "load");
    let template = template()
        .with_header(TemplateHeader::Image(link.into()))
        .with_body(["a", "b"])
        .with_url_suffix(1, "x/77")
        .with_button(0, ButtonParameter::quick_reply("yes"));
    assert_eq!(
        fill(&content, &template).as_deref(),
        Ok(r#"{"8":"b","9":"a","end":"x/77","load":"yes","pic":"https://example.com/a.png"}"#)
    );
}

#[test]
fn what_the_map_does_not_say_is_refused() {
    use ErrorKind::{InvalidMessage, NotPortable, Unsupported};
    let media = |provider| MediaRef::new(SenderId::new(provider, "1"), "2");
    let text = |text: &str| TemplateHeader::Text(Parameter::text(text));
    let header = content().with_header_variable("h");
    let button = content().with_button_variable(0, "b");
    let cases = [
        (content(), template().with_header(text("x")), Unsupported, "content.header"),
        (content(), template().with_url_suffix(0, "x"), Unsupported, "content.buttons[0]"),
        (
            button.clone(),
            template().with_url_suffix(0, "x").with_url_suffix(1, "x"),
            Unsupported,
            "content.buttons[1]",
        ),
        (
            button.clone(),
            template().with_button(0, ButtonParameter::catalog(None)),
            Unsupported,
            "content.buttons[0]",
        ),
        (
            header.clone(),
            template().with_header(TemplateHeader::Location(Location::new(0.0, 0.0))),
            Unsupported,
            "content.header",
        ),
        (
            header.clone(),
            template().with_header(TemplateHeader::document(media(ProviderId::META))),
            NotPortable,
            "content.header",
        ),
        (
            header.clone(),
            template().with_header(TemplateHeader::document(media(ProviderId::TWILIO))),
            Unsupported,
            "content.header",
        ),
        (
            header.clone(),
            template().with_header(TemplateHeader::Video(FileBytes::new("x", "video/mp4").into())),
            Unsupported,
            "content.header",
        ),
        (header.clone(), template().with_header(text("")), InvalidMessage, "content.header"),
        // A variable of the content without a value.
        (header.clone(), template(), Unsupported, "content.header"),
        (header.clone(), template().with_body(["x"]), Unsupported, "content.header"),
        (header, Template::authentication("t", "en", "123456"), Unsupported, "content.header"),
        (button.clone(), template(), Unsupported, "content.buttons[0]"),
        (button.clone(), Template::authentication("t", "en", "123456"), Unsupported, "content.buttons[0]"),
        (
            button.clone().with_button_variable(2, "c"),
            template().with_url_suffix(0, "x"),
            Unsupported,
            "content.buttons[2]",
        ),
        (button, template().with_url_suffix(0, ""), InvalidMessage, "content.buttons[0]"),
        (content().with_body_variables(["1"]), template().with_body(["a", "b"]), Unsupported, "content.body"),
        (
            content().with_header_variable("1"),
            template().with_header(text("x")).with_body(["y"]),
            Unsupported,
            "content.body[0]",
        ),
        (content(), template().with_named("n".repeat(17), "x"), Unsupported, "content.body[0]"),
        (
            content(),
            Template { offer_ends: Some(Timestamp::UNIX_EPOCH), ..template() },
            Unsupported,
            "content.offer_ends",
        ),
        (
            content(),
            Template { cards: vec![TemplateCard::default()], ..template() },
            Unsupported,
            "content.cards",
        ),
    ];
    for (content, template, kind, field) in cases {
        assert_eq!(fill(&content, &template), Err((kind, field.to_owned())));
    }
}

#[test]
fn the_code_may_be_that_of_a_button_too() {
    let template = Template::authentication("t", "en", "123456");
    let content = content().with_button_variable(0, "1");
    assert_eq!(fill(&content, &template).as_deref(), Ok(r#"{"1":"123456"}"#));
}

#[test]
fn a_body_has_as_many_values_as_variables() {
    let content = content().with_body_variables(["9", "8"]);
    for (values, given) in [(&["a", "b", "c"][..], 3), (&["a"], 1), (&[], 0)] {
        let template = template().with_body(values.iter().copied());
        let error = content.variables(&ProviderId::TWILIO, &template).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("content.body")));
        assert_eq!((error.limit(), error.actual()), (Some(2), Some(given)));
    }
}

#[test]
fn limits_at_and_past() {
    let long = |chars| template().with_body(["ä".repeat(chars)]);
    assert!(fill(&content(), &long(1600)).is_ok());
    let error = content().variables(&ProviderId::TWILIO, &long(1601)).unwrap_err();
    assert_eq!(error.field(), Some("content.body[0]"));
    assert_eq!((error.limit(), error.actual()), (Some(1600), Some(1601)));
    assert!(fill(&content(), &template().with_body(["x"; 100])).is_ok());
    let error = content().variables(&ProviderId::TWILIO, &template().with_body(["x"; 101])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!((error.limit(), error.actual()), (Some(100), Some(101)));
    assert!(fill(&content(), &template().with_named("n".repeat(16), "x")).is_ok());
}

#[test]
fn a_map_that_cannot_be_right_is_refused() {
    for content in [
        ContentTemplate::new("", "en", SID),
        ContentTemplate::new("t", "", SID),
        ContentTemplate::new("t", "en", "HX0123"),
        ContentTemplate::new("t", "en", SID.replace("HX", "MG")),
        ContentTemplate::new("t", "en", SID.replace('f', "g")),
        ContentTemplate::looked_up("", "en"),
        content().with_header_variable(""),
        content().with_body_variables(["1", "a b"]),
        content().with_button_variable(0, "v".repeat(17)),
        content().with_button_variable(0, "1").with_button_variable(0, "2"),
    ] {
        assert_eq!(content.validate().unwrap_err().field, "template", "{content:?}");
    }
    for content in [content(), ContentTemplate::looked_up("t", "en").with_header_variable("1")] {
        assert_eq!(content.validate(), Ok(()));
    }
}

#[test]
fn a_code_that_is_copied_is_a_variable_too() {
    let template = template().with_button(0, ButtonParameter::copy_code("SALE"));
    assert_eq!(fill(&content().with_button_variable(0, "c"), &template).as_deref(), Ok(r#"{"c":"SALE"}"#));
}

#[test]
fn a_file_may_be_the_end_of_an_address_only() {
    let content = content().with_header_variable("1").with_header_prefix("https://files.example/");
    let file = |url: &str| {
        let link = Link::new(url).unwrap();
        template().with_header(TemplateHeader::Image(link.into()))
    };
    assert_eq!(fill(&content, &file("https://files.example/a.png")).as_deref(), Ok(r#"{"1":"a.png"}"#));
    let refused = |kind| Err((kind, "content.header".to_owned()));
    assert_eq!(fill(&content, &file("https://other.example/a.png")), refused(ErrorKind::Unsupported));
    assert_eq!(fill(&content, &file("https://files.example/")), refused(ErrorKind::InvalidMessage));
}

#[test]
fn cards_have_variables_of_their_own() {
    let link = |name: &str| Link::new(format!("https://files.example/{name}")).unwrap();
    let card = |name: &str| {
        let header = TemplateHeader::Image(link(name).into());
        TemplateCard::default().with_header(header).with_button(0, ButtonParameter::url_suffix(name))
    };
    let map = |header: &str, body: &[&str], button: &str| {
        let variables = CardVariables::new().with_header_variable(header).with_button_variable(0, button);
        variables.with_body_variables(body.iter().copied())
    };
    let carousel = content().with_card(map("2", &["3"], "4")).with_card(map("5", &[], "6"));
    let sent =
        template().with_body(["Ada"]).with_card(card("a.png").with_body(["A"])).with_card(card("b.png"));
    assert_eq!(
        fill(&carousel, &sent).as_deref(),
        Ok(concat!(
            r#"{"1":"Ada","2":"https://files.example/a.png","3":"A","4":"a.png","#,
            r#""5":"https://files.example/b.png","6":"b.png"}"#,
        ))
    );
    let bare = || template().with_body(["Ada"]);
    let plain = content().with_card(CardVariables::new());
    for (content, template, field) in [
        (&carousel, bare().with_card(card("a.png")), "content.cards"),
        (&carousel, bare(), "content.cards"),
        (&carousel, bare().with_card(card("a.png")).with_card(card("b.png")), "content.cards[0].body"),
        (
            &carousel,
            bare().with_card(card("a.png").with_body(["A"])).with_card(TemplateCard::default()),
            "content.cards[1].header",
        ),
        (&plain, bare().with_card(card("a.png")), "content.cards[0].header"),
        (&plain, bare().with_card(TemplateCard::default().with_body(["A"])), "content.cards[0].body"),
    ] {
        assert_eq!(fill(content, &template), Err((ErrorKind::Unsupported, field.to_owned())));
    }
    let twice = CardVariables::new().with_button_variable(0, "1").with_button_variable(0, "2");
    assert_eq!(content().with_card(twice).validate().unwrap_err().field, "template");
}
