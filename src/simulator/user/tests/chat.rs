use std::time::Duration;

use super::send;
use crate::ids::MessageRef;
use crate::outbound::Content;
use crate::simulator::harness::Bench;
use crate::simulator::{ChatEntry, ChatMessage, Side, Tick, UserMessage};

/// A chat in words.
fn shown(entries: &[ChatEntry]) -> Vec<String> {
    let show = |entry: &ChatEntry| {
        let said = match &entry.said {
            ChatMessage::FromBusiness(content) => match &**content {
                Content::Text(text) => format!("< {}", text.body),
                other => format!("< {}", other.kind().as_str()),
            },
            ChatMessage::FromUser(UserMessage::Text(text)) => format!("> {text}"),
            ChatMessage::FromUser(_) => "> ?".to_owned(),
        };
        format!("{said} {:?}{}", entry.tick, entry.reaction.as_deref().unwrap_or_default())
    };
    entries.iter().map(show).collect()
}

#[test]
fn a_phone_shows_both_sides_of_a_chat_with_ticks() {
    let bench = Bench::new();
    let ada = bench.ada();
    ada.writes(Side::Meta, "hi");
    bench.clock.advance(Duration::from_secs(1));
    send(&bench, Side::Meta, Content::text("hello"));
    ada.writes(Side::Twilio, "elsewhere");
    assert_eq!(shown(&ada.chat(Side::Meta)), ["> hi Delivered", "< hello Sent"]);
    assert_eq!(shown(&ada.chat(Side::Twilio)), ["> elsewhere Delivered"]);
    bench.clock.advance(Duration::from_millis(900));
    assert_eq!(shown(&ada.chat(Side::Meta))[1], "< hello Delivered");
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(shown(&ada.chat(Side::Meta))[1], "< hello Read");
    ada.sends_read_receipts(false);
    assert_eq!(shown(&ada.chat(Side::Meta))[1], "< hello Delivered");
}

#[test]
fn reactions_edits_and_what_is_taken_back_change_the_bubbles() {
    let bench = Bench::new();
    let ada = bench.ada();
    let sender = bench.accounts.meta_sender();
    ada.writes(Side::Meta, "one");
    ada.writes(Side::Meta, "two");
    let hello = send(&bench, Side::Meta, Content::text("hello"));
    ada.reacts(Side::Meta, &hello, "\u{2764}");
    let ids: Vec<String> = ada.chat(Side::Meta).into_iter().map(|entry| entry.message_id).collect();
    send(
        &bench,
        Side::Meta,
        Content::reaction(MessageRef::new(sender.clone(), ids[0].as_str()), "\u{1F44D}"),
    );
    assert_eq!(
        shown(&ada.chat(Side::Meta)),
        ["> one Delivered\u{1F44D}", "> two Delivered", "< hello Sent\u{2764}"]
    );
    ada.says(Side::Meta, &UserMessage::edit(ids[0].as_str(), "better")).unwrap();
    ada.says(Side::Meta, &UserMessage::revoke(ids[1].as_str())).unwrap();
    ada.says(Side::Meta, &UserMessage::edit(hello.as_str(), "not mine")).unwrap();
    ada.says(Side::Meta, &UserMessage::revoke(hello.as_str())).unwrap();
    ada.says(Side::Meta, &UserMessage::no_reaction(hello.as_str()).quoting(hello)).unwrap();
    assert_eq!(shown(&ada.chat(Side::Meta)), ["> better Delivered\u{1F44D}", "< hello Sent"]);
}

#[test]
fn the_business_marks_as_read_and_types() {
    for side in Side::ALL {
        let bench = Bench::new();
        let ada = bench.ada();
        let whatsapp = bench.provider(*side);
        for text in ["one", "two", "three"] {
            ada.writes(*side, text);
        }
        let id = ada.chat(*side)[1].message_id.clone();
        let message = MessageRef::new(whatsapp.senders()[0].clone(), id.as_str());
        if *side == Side::Meta {
            bench.clock.block_on(whatsapp.mark_read(&message)).unwrap();
            assert!(!ada.sees_typing(*side));
        }
        bench.clock.block_on(whatsapp.show_typing(&message)).unwrap();
        let ticks: Vec<Tick> = ada.chat(*side).iter().map(|entry| entry.tick).collect();
        assert_eq!(ticks, [Tick::Read, Tick::Read, Tick::Delivered], "{side:?}");
        assert!(ada.sees_typing(*side));
        bench.clock.advance(Duration::from_secs(25));
        assert!(!ada.sees_typing(*side));
        bench.clock.block_on(whatsapp.show_typing(&message)).unwrap();
        assert!(ada.sees_typing(*side));
        send(&bench, *side, Content::text("here"));
        assert!(!ada.sees_typing(*side), "{side:?}");
    }
}
