mod contacts;
mod interactive;
mod template;

use super::*;
use crate::address::{PhoneNumber, UserId};
use crate::error::ErrorKind;
use crate::ids::{MessageRef, ProviderId, SenderId};
use crate::json::Json;
use crate::outbound::Template;

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15551234567").unwrap()
}

fn refused(message: &OutboundMessage) -> Option<String> {
    validate(message).err().map(|error| {
        assert_eq!(error.kind(), ErrorKind::InvalidMessage);
        error.field().unwrap().to_owned()
    })
}

fn refused_content(content: impl Into<Content>) -> Option<String> {
    refused(&OutboundMessage::new(to(), content))
}

#[test]
fn each_rule_on_both_sides_of_its_boundary() {
    let template = Template::new("t", "en");
    let user = UserId::new("US.1").unwrap();
    let mut marked = Location::new(1.0, 2.0);
    marked.url = Some("https://maps.example".to_owned());
    let mut via_nobody = OutboundMessage::text(to(), "x");
    via_nobody.via_only = true;
    for (message, field) in [
        (OutboundMessage::text(to(), "x"), None),
        (OutboundMessage::text(to(), ""), Some("content.body")),
        (OutboundMessage::text(Recipient::Unknown, "x"), Some("to")),
        (OutboundMessage::text(to(), "x").with_reference("r".repeat(400)), None),
        (OutboundMessage::text(to(), "x").with_reference("r".repeat(401)), Some("reference")),
        (via_nobody, Some("via")),
        (OutboundMessage::new(to(), Content::location(90.0, -180.0)), None),
        (OutboundMessage::new(to(), Content::location(90.1, 0.0)), Some("content.latitude")),
        (OutboundMessage::new(to(), Content::location(f64::NAN, 0.0)), Some("content.latitude")),
        (OutboundMessage::new(to(), Content::location(0.0, 180.5)), Some("content.longitude")),
        (OutboundMessage::new(to(), Content::Location(marked)), Some("content.url")),
        (OutboundMessage::new(to(), Content::contacts([])), Some("content.cards")),
        (OutboundMessage::template(to(), template.clone()), None),
        (OutboundMessage::template(to(), Template::new("", "en")), Some("content.name")),
        (OutboundMessage::template(to(), Template::new("t", "")), Some("content.language")),
        (OutboundMessage::template(to(), template.clone().with_body(["a", "b"])), None),
        (OutboundMessage::template(to(), template.clone().with_body(["a", ""])), Some("content.body[1]")),
        (
            OutboundMessage::template(to(), template.clone().with_body(["a"]).with_named("n", "b")),
            Some("content.body"),
        ),
        (OutboundMessage::template(to(), Template::authentication("t", "en", "1".repeat(15))), None),
        (
            OutboundMessage::template(to(), Template::authentication("t", "en", "1".repeat(16))),
            Some("content.one_time_code"),
        ),
        (
            OutboundMessage::template(to(), Template::authentication("t", "en", "")),
            Some("content.one_time_code"),
        ),
        (
            OutboundMessage::template(to(), Template::authentication("t", "en", "1").with_body(["a"])),
            Some("content.one_time_code"),
        ),
        (OutboundMessage::template(user, Template::authentication("t", "en", "1")), Some("to")),
    ] {
        assert_eq!(refused(&message).as_deref(), field, "{message:?}");
    }
}

#[test]
fn reactions_and_bodies_of_ones_own() {
    let message = |id| MessageRef::new(SenderId::new(ProviderId::META, "1"), id);
    let raw = |text| Content::Raw(Raw::new(ProviderId::META, Json::parse(text).unwrap()));
    for (content, field) in [
        (Content::reaction(message("wamid.IN"), "👍"), None),
        (Content::remove_reaction(message("wamid.IN")), None),
        (Content::reaction(message(""), "👍"), Some("content.message")),
        (Content::reaction(message("wamid.IN"), ""), Some("content.emoji")),
        (raw("{}"), None),
        (raw("[]"), Some("content.body")),
        (raw("null"), Some("content.body")),
    ] {
        assert_eq!(refused_content(content).as_deref(), field);
    }
}

#[test]
fn a_direct_send_says_under_which_category_it_is_billed() {
    let text = || OutboundMessage::text(to(), "x");
    for category in Category::ALL {
        let billed = matches!(category, Category::Utility | Category::Authentication);
        let message = text().with_direct_send(*category);
        assert_eq!(refused(&message).as_deref(), (!billed).then_some("category"), "{category:?}");
        assert_eq!(refused(&text().with_category(*category)), None);
    }
    let mut without = text();
    without.direct_send = true;
    assert_eq!(refused(&without).as_deref(), Some("category"));
}

#[test]
fn addresses_on_the_web() {
    for good in ["https://a.example", "HTTP://a.example/b?c=d#e", "https://bücher.example/ä", "http://[::1]/"]
    {
        assert!(is_web_address(good), "{good}");
    }
    for bad in [
        "",
        "a.example",
        "//a.example",
        "ftp://a.example",
        "tel:+1555",
        "https://",
        "https:///b",
        "https://?b",
        "https://#b",
        "https://:80",
        "https://a.example/b c",
        "https://a.example\n",
        "https://a.example/\u{7f}",
        "javascript:alert(1)",
    ] {
        assert!(!is_web_address(bad), "{bad}");
    }
}

#[test]
fn an_empty_text_counts_as_missing() {
    assert_eq!(present(&None), None);
    assert_eq!(present(&Some(String::new())), None);
    assert_eq!(present(&Some(" ".to_owned())), Some(" "));
}

#[test]
fn a_place_names_its_path() {
    let mut place = Location::new(90.0, 180.0);
    assert!(validate_location("content.header", &place).is_ok());
    place.url = Some("https://maps.example".to_owned());
    let error = validate_location("content.header", &place).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidMessage, Some("content.header.url")));
}

#[test]
fn length_names_limit_and_actual() {
    assert!(chars_between("f", "ä", 1).is_ok());
    let error = chars_between("f", "ää", 1).unwrap_err();
    assert_eq!((error.kind(), error.limit(), error.actual()), (ErrorKind::Unsupported, Some(1), Some(2)));
    let error = chars_between("f", "", 1).unwrap_err();
    assert_eq!((error.kind(), error.limit(), error.actual()), (ErrorKind::InvalidMessage, Some(1), Some(0)));
}
