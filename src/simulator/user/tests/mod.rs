use std::time::Duration;

use super::UserMessage;
use crate::inbound::{
    ButtonReply, EventKind, InboundContent, InboundMessage, InboundReaction, Order, OrderItem,
};
use crate::json::Json;
use crate::outbound::{ContactCard, Content, FileBytes, Interactive, Location, OutboundMessage, ReplyButton};
use crate::simulator::Side;
use crate::simulator::harness::Bench;

mod chat;
mod phones;

/// What arrives of what the user says.
fn arrives(bench: &Bench, side: Side, message: &UserMessage) -> Option<InboundMessage> {
    let webhook = bench.ada().says(side, message)?;
    let [event] = bench.read(&webhook).try_into().unwrap();
    match event.kind() {
        EventKind::Message(message) => Some(message.as_ref().clone()),
        other => panic!("{other:?}"),
    }
}

fn send(bench: &Bench, side: Side, content: impl Into<Content>) -> String {
    let message = OutboundMessage::new(bench.ada().phone(), content);
    let receipt = bench.clock.block_on(bench.provider(side).send(&message)).unwrap();
    receipt.message.unwrap().id
}

fn buttons() -> Interactive {
    Interactive::buttons("Table for two?", [ReplyButton::new("yes", "Yes"), ReplyButton::new("no", "No")])
}

#[test]
fn everything_a_user_says_arrives_as_what_it_is() {
    let bench = Bench::new();
    let of_template = |payload: &str, text: &str| {
        let mut button = ButtonReply::new(payload, text);
        button.of_template = true;
        InboundContent::Button(button)
    };
    let mut place = Location::new(52.5163, 13.3777);
    (place.name, place.address) = (Some("Gate".to_owned()), Some("Pariser Platz".to_owned()));
    for side in Side::ALL {
        let quick = [
            (UserMessage::text("hi /\"\u{1F600}"), InboundContent::text("hi /\"\u{1F600}")),
            (UserMessage::button("yes", "Yes"), InboundContent::Button(ButtonReply::new("yes", "Yes"))),
            (UserMessage::template_button("STOP", "Stop"), of_template("STOP", "Stop")),
            (UserMessage::Location(place.clone()), InboundContent::Location(place.clone())),
        ];
        for (message, expected) in quick {
            let arrived = arrives(&bench, *side, &message).unwrap();
            assert!(arrived.content == expected, "{side:?} {:?}", arrived.content);
        }
        let row = arrives(&bench, *side, &UserMessage::list_row("18", "18:00")).unwrap();
        let InboundContent::ListReply(row) = row.content else { panic!("{row:?}") };
        assert_eq!((row.id.as_str(), row.title.as_str()), ("18", "18:00"));

        let form = Json::parse(r#"{"flow_token":"t","guests":"2"}"#).unwrap();
        let reply = arrives(&bench, *side, &UserMessage::FlowReply(form.clone())).unwrap();
        let InboundContent::FlowReply(reply) = reply.content else { panic!("{reply:?}") };
        assert_eq!((reply.response, reply.body.as_deref()), (form, Some("Sent")));
    }
}

#[test]
fn files_arrive_as_what_their_media_type_makes_them() {
    let bench = Bench::new();
    for side in Side::ALL {
        for (mime_type, kind) in [
            ("image/jpeg", "image"),
            ("video/mp4", "video"),
            ("audio/ogg", "audio"),
            ("image/webp", "sticker"),
            ("application/pdf", "document"),
        ] {
            let file = UserMessage::file(FileBytes::new(b"file".as_slice(), mime_type)).with_caption("look");
            let arrived = arrives(&bench, *side, &file).unwrap();
            assert_eq!(arrived.content.as_str(), kind, "{side:?}");
            let captioned = *side == Side::Twilio || !matches!(kind, "sticker" | "audio");
            assert_eq!(arrived.text(), captioned.then_some("look"), "{side:?} {kind}");
        }
        let contacts =
            UserMessage::Contacts(vec![ContactCard::named("Grace H", "Grace").with_phone("+15550001")]);
        let arrived = arrives(&bench, *side, &contacts).unwrap();
        let InboundContent::Contacts { cards, files } = arrived.content else { panic!() };
        assert_eq!((cards.len(), files.len()), if *side == Side::Meta { (1, 0) } else { (0, 1) });
    }
    let document =
        UserMessage::file(FileBytes::new(b"x".as_slice(), "application/pdf")).with_name("menu.pdf");
    let arrived = arrives(&bench, Side::Meta, &document).unwrap();
    let InboundContent::Document(file) = arrived.content else { panic!() };
    assert_eq!(file.filename.as_deref(), Some("menu.pdf"));
    let voice = UserMessage::Voice(FileBytes::new(b"x".as_slice(), "audio/ogg"));
    let InboundContent::Audio(file) = arrives(&bench, Side::Meta, &voice).unwrap().content else { panic!() };
    assert_eq!(file.voice, Some(true));
    assert_eq!(arrives(&bench, Side::Twilio, &voice).unwrap().content.as_str(), "audio");
}

#[test]
fn what_only_meta_passes_on_is_none_at_twilio() {
    let bench = Bench::new();
    let sender = bench.accounts.meta_sender();
    let business = send(&bench, Side::Meta, Content::text("hello"));
    let mut order = Order::new("catalogue", vec![OrderItem::new("tart", 2)]);
    order.text = Some("please".to_owned());
    order.items[0].price = Some("4.5".to_owned());
    order.items[0].currency = Some("EUR".to_owned());
    let own = |id: &str| crate::ids::MessageRef::new(sender.clone(), id);
    let reaction = |emoji: Option<&str>| {
        InboundContent::Reaction(InboundReaction::new(own(&business), emoji.map(str::to_owned)))
    };
    for (message, expected) in [
        (UserMessage::reaction(business.as_str(), "\u{1F44D}"), Some(reaction(Some("\u{1F44D}")))),
        (UserMessage::no_reaction(business.as_str()), Some(reaction(None))),
        (UserMessage::Order(order.clone()), Some(InboundContent::Order(order))),
        (UserMessage::revoke("wamid.x"), Some(InboundContent::revoke(own("wamid.x")))),
        (UserMessage::edit("wamid.x", "better"), None),
        (UserMessage::Unsupported("poll_creation".to_owned()), None),
    ] {
        assert!(bench.ada().says(Side::Twilio, &message).is_none());
        let arrived = arrives(&bench, Side::Meta, &message).unwrap();
        match (expected, &arrived.content) {
            (Some(expected), content) => assert!(*content == expected, "{content:?}"),
            (None, InboundContent::Edit(edit)) => {
                assert_eq!((edit.original.id.as_str(), arrived.text()), ("wamid.x", Some("better")));
            }
            (None, InboundContent::Unsupported(unsupported)) => {
                assert!(serde_json::to_value(unsupported).unwrap().to_string().contains("poll_creation"));
            }
            (None, other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_tap_belongs_to_the_last_message_and_a_quote_to_what_it_names() {
    for side in Side::ALL {
        let bench = Bench::new();
        let first = send(&bench, *side, Content::text("first"));
        bench.ada().writes(*side, "go on");
        let last = send(&bench, *side, buttons());
        let quoted = |message: &UserMessage| {
            arrives(&bench, *side, message).unwrap().reply_to.map(|quoted| quoted.message.id)
        };
        assert_eq!(quoted(&UserMessage::text("x")), None);
        assert_eq!(quoted(&UserMessage::button("yes", "Yes")), Some(last.clone()), "{side:?}");
        assert_eq!(quoted(&UserMessage::text("x").quoting(first.as_str())), Some(first));
        assert_eq!(quoted(&UserMessage::image().quoting("a").quoting(last.as_str())), Some(last));
    }
}

#[test]
fn a_user_without_a_number_is_known_by_an_id_alone() {
    let bench = Bench::new();
    let ada = bench.ada();
    ada.hides_number();
    for side in Side::ALL {
        let [event] = bench.read(&ada.writes(*side, "hi")).try_into().unwrap();
        let EventKind::Message(message) = event.kind() else { panic!() };
        assert_eq!((message.from.phone, message.from.user.clone()), (None, ada.user_id(*side)), "{side:?}");
        let webhook = ada.writes(*side, "hi");
        let body = String::from_utf8_lossy(webhook.request.body()).into_owned();
        assert!(!body.contains("\"15557654321\"") && !body.contains("%2B15557654321"), "{body}");

        let to = ada.user_id(*side).unwrap();
        let message = OutboundMessage::text(to, "hello");
        let receipt = bench.clock.block_on(bench.provider(*side).send(&message)).unwrap();
        assert_eq!(ada.received().last().unwrap().message_id, receipt.message.unwrap().id);
        bench.clock.advance(Duration::from_secs(10));
        let due = bench.simulator.due_webhooks();
        assert_eq!(due.len(), 3, "{side:?}");
        for webhook in due {
            let [event] = bench.read(&webhook).try_into().unwrap();
            let EventKind::Status(status) = event.kind() else { panic!() };
            assert_eq!(status.to.user, ada.user_id(*side), "{side:?}");
            assert_eq!(status.to.phone, None, "{side:?}");
        }
    }
    ada.shows_number();
    let [event] = bench.read(&ada.writes(Side::Meta, "hi")).try_into().unwrap();
    let EventKind::Message(message) = event.kind() else { panic!() };
    assert_eq!(message.from.phone, Some(ada.phone()));
}
