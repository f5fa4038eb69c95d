//! Law 7: no secret, number or body is in anything that the crate prints.
//!
//! Everything that anybody says here, and every number and secret, is a canary. All of it goes through the crate, in good
//! days and bad ones, and everything that could be printed on the way is collected.

use std::sync::Arc;

use base64::Engine as _;
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{Acceptance, Error, ErrorKind};

mod collector;
mod echo;
mod receiving;
mod said;
mod sending;
mod settings;
mod world;

use self::collector::Collector;
use self::said::{LATITUDE, MARK, STRANGER, USER, user_id};

/// What the crate must never print: the mark that everything begins with, and what can have no mark.
fn canaries() -> Vec<String> {
    let accounts = Simulator::new(Arc::new(TestClock::new())).accounts();
    let basic = format!("{}:{}", accounts.account_sid, accounts.auth_token);
    let mut canaries = vec![
        MARK.to_owned(),
        USER.to_owned(),
        STRANGER.to_owned(),
        LATITUDE.to_string(),
        accounts.meta_number.replace('+', ""),
        accounts.twilio_number.replace('+', ""),
        base64::engine::general_purpose::STANDARD.encode(basic),
        accounts.access_token,
        accounts.app_secret,
        accounts.verify_token,
        accounts.account_sid,
        accounts.auth_token,
        accounts.webhook_url,
        // What Meta's ids of messages begin with, and Twilio's: the former hold the user's number.
        "wamid.".to_owned(),
        "SM000000".to_owned(),
        "MM000000".to_owned(),
    ];
    canaries.extend(Side::ALL.iter().map(|side| user_id(*side).as_str().to_owned()));
    canaries
}

#[test]
fn nothing_is_printed_that_is_secret_or_somebody_elses() {
    let collector = Collector::default();
    collector.listen(|| {
        sending::every_content(&collector);
        sending::every_fault(&collector);
        sending::every_word_of_a_refusal(&collector);
        sending::an_outage(&collector);
        sending::the_same_message_again(&collector);
        sending::a_store_that_is_down(&collector);
        receiving::what_users_write(&collector);
        receiving::what_is_not_understood(&collector);
        receiving::every_event_of_the_model(&collector);
        settings::wrong_settings(&collector);
    });

    let leaks = collector.leaks(&canaries());
    assert!(leaks.is_empty(), "{leaks:#?}");
    for message in [
        "routed",
        "the flag names no member",
        "planned",
        "attempt started",
        "attempt ended",
        "send finished",
        "outcome unknown",
        "sent by an earlier call",
        "not claimed",
        "probed",
        "health changed",
        "switched",
        "paused",
        "attention needed",
        "knowledge unavailable",
    ] {
        let said = format!("message={message}");
        assert!(collector.has("tracing by whatsapp_provider::failover", &said), "nobody said {message:?}");
    }
    assert!(collector.has("tracing", "reference=order-77"), "the caller's own name is there");
    assert!(collector.has("a metric", "whatsapp_attempts_total provider=meta"));
}

#[test]
fn the_collector_finds_what_is_there() {
    #[derive(Debug)]
    struct Careless(#[allow(dead_code, reason = "it is printed")] &'static str);

    let finds = |print: &dyn Fn(&Collector)| {
        let collector = Collector::default();
        collector.listen(|| print(&collector));
        assert!(!collector.leaks(&canaries()).is_empty());
    };
    finds(&|collector| collector.debug("a value", &Careless("Canary-Body")));
    finds(&|collector| collector.text("a text", &format_args!("call +{USER}")));
    let hidden = Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_source("canary-cause");
    finds(&|collector| collector.error("a failure", &hidden));
    finds(&|_| tracing::event!(target: "anybody", tracing::Level::TRACE, text = "canary-text"));
    finds(&|_| tracing::trace!("canary-message"));
    finds(&|_| tracing::trace!(value = ?Careless("canary-value"), "a message"));
    finds(&|_| drop(tracing::trace_span!("a span", text = "canary-text")));
    finds(&|_| {
        let span = tracing::trace_span!("a span", text = tracing::field::Empty);
        span.record("text", "canary-text");
    });
    finds(&|_| metrics::counter!("sends", "to" => USER).increment(1));
    finds(&|_| metrics::gauge!("canary-gauge").set(1.0));
    finds(&|_| metrics::histogram!("latency", "key" => "canary-key").record(1.0));
    finds(&|_| metrics::describe_counter!("sends", "canary-description"));

    let collector = Collector::default();
    collector.debug("what its cause tells alone", &hidden);
    assert!(collector.leaks(&canaries()).is_empty());
}
