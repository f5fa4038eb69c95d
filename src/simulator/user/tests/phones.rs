use std::future::ready;
use std::time::Duration;

use http::StatusCode;

use super::{buttons, send};
use crate::inbound::{DeliveryState, EventKind};
use crate::outbound::{Content, OutboundMessage};
use crate::simulator::harness::Bench;
use crate::simulator::{Fault, Side, SimulatedWebhook, UserMessage};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What the webhooks tell that are due: texts of users, states of messages.
fn told(bench: &Bench) -> Vec<String> {
    let tell = |webhook: SimulatedWebhook| {
        let [event] = bench.read(&webhook).try_into().unwrap();
        match event.kind() {
            EventKind::Message(message) => message.text().unwrap_or("?").to_owned(),
            EventKind::Status(status) => status.state.to_string(),
            other => panic!("{other:?}"),
        }
    };
    bench.simulator.due_webhooks().into_iter().map(tell).collect()
}

#[test]
fn a_scripted_user_answers_what_came_by_where_it_came_from() {
    for side in Side::ALL {
        let bench = Bench::new();
        bench.simulator.enforce_windows(true);
        let ada = bench.ada();
        let simulator = bench.simulator.clone();
        // The script looks at the simulator, which must not be locked.
        ada.answers(move |delivery| match &delivery.content {
            Content::Interactive(_) => Some(UserMessage::button("yes", "Yes")),
            _ if simulator.deliveries().len() > 1 => None,
            _ => Some(UserMessage::text("who is there?")),
        });
        bench.simulator.post(ada.writes(*side, "hi"));
        assert_eq!(told(&bench), ["hi"]);
        send(&bench, *side, Content::text("hello"));
        bench.clock.advance(seconds(1));
        assert!(told(&bench).contains(&"who is there?".to_owned()), "{side:?}");
        send(&bench, *side, buttons());
        send(&bench, *side, Content::text("and?"));
        bench.clock.advance(seconds(1));
        let told = told(&bench);
        assert_eq!(told.iter().filter(|text| *text == "Yes").count(), 1, "{told:?}");
        assert!(!told.contains(&"who is there?".to_owned()), "{told:?}");
    }
}

#[test]
fn an_answer_opens_the_window_when_it_is_written() {
    let bench = Bench::new();
    bench.simulator.enforce_windows(true);
    let ada = bench.ada();
    ada.answers_after(seconds(60), |_| Some(UserMessage::text("yes?")));
    let template = crate::outbound::Template::new("hello", "en");
    send(&bench, Side::Meta, template);
    assert_eq!(ada.window_closes(Side::Meta), None);
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(59), |_| ready(StatusCode::OK)));
    assert_eq!(ada.window_closes(Side::Meta), None);
    bench.clock.block_on(bench.simulator.post_webhooks_for(seconds(1), |_| ready(StatusCode::OK)));
    let day = seconds(24 * 60 * 60);
    let answered = ada.received()[0].at.saturating_add(seconds(60));
    assert_eq!(ada.window_closes(Side::Meta), Some(answered.saturating_add(day)));
    assert_eq!(ada.window_closes(Side::Twilio), None);
    bench.clock.advance(day);
    assert_eq!(ada.window_closes(Side::Meta), None);
}

#[test]
fn answers_from_a_list_are_used_up_one_by_one() {
    let bench = Bench::new();
    bench.ada().answers_with([UserMessage::text("one"), UserMessage::text("two")]);
    for _ in 0..3 {
        send(&bench, Side::Meta, Content::text("x"));
    }
    bench.clock.advance(seconds(2));
    let told = told(&bench);
    let texts: Vec<&String> = told.iter().filter(|text| *text == "one" || *text == "two").collect();
    assert_eq!(texts, ["one", "two"]);
}

#[test]
fn what_never_reached_the_user_is_not_answered() {
    let bench = Bench::new();
    bench.ada().answers(|_| Some(UserMessage::text("yes?")));
    bench.simulator.fault_next(Side::Meta, Fault::FailLater { code: 131_026 });
    send(&bench, Side::Meta, Content::text("x"));
    bench.clock.advance(seconds(10));
    assert_eq!(told(&bench), ["failed"]);
}

#[test]
fn a_phone_that_is_off_gets_its_messages_later() {
    for side in Side::ALL {
        let bench = Bench::new();
        let ada = bench.ada();
        ada.answers(|_| Some(UserMessage::text("back again")));
        ada.goes_offline();
        send(&bench, *side, Content::text("are you there?"));
        bench.clock.advance(seconds(3600));
        assert_eq!(told(&bench), ["sent"], "{side:?}");
        assert!(ada.received().is_empty() && ada.chat(*side).is_empty());
        ada.comes_online();
        assert_eq!(ada.received().len(), 1);
        bench.clock.advance(seconds(10));
        assert_eq!(told(&bench), ["delivered", "back again", "read"], "{side:?}");
        send(&bench, *side, Content::text("at once"));
        bench.clock.advance(seconds(1));
        assert_eq!(told(&bench).len(), 3, "sent, delivered, and an answer");
    }
}

#[test]
fn a_discreet_user_does_not_tell_what_was_read() {
    for side in Side::ALL {
        let bench = Bench::new();
        bench.ada().sends_read_receipts(false);
        send(&bench, *side, Content::text("x"));
        bench.clock.advance(seconds(10));
        assert_eq!(told(&bench), ["sent", "delivered"], "{side:?}");
        bench.ada().sends_read_receipts(true);
        send(&bench, *side, Content::text("x"));
        bench.clock.advance(seconds(10));
        assert_eq!(told(&bench), ["sent", "delivered", "read"], "{side:?}");
    }
}

#[test]
fn a_message_that_fails_is_told_of_even_if_the_phone_is_off() {
    let bench = Bench::new();
    bench.ada().goes_offline();
    bench.simulator.fault_next(Side::Meta, Fault::FailLater { code: 131_049 });
    let provider = bench.provider(Side::Meta);
    let message = OutboundMessage::text(bench.ada().phone(), "x");
    assert!(bench.clock.block_on(provider.send(&message)).is_ok());
    bench.clock.advance(seconds(10));
    let [webhook] = bench.simulator.due_webhooks().try_into().unwrap();
    let [event] = bench.read(&webhook).try_into().unwrap();
    let EventKind::Status(status) = event.kind() else { panic!() };
    assert_eq!((&status.state, status.failures[0].code), (&DeliveryState::Failed, Some(131_049)));
}
