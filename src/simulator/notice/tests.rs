use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::error::{Acceptance, ErrorKind, Failure};
use crate::inbound::{
    EventKind, InboundEvent, Notice, RestrictedMessages, Restriction, TemplateUpdate, User,
};
use crate::json::Json;
use crate::simulator::harness::Bench;
use crate::simulator::{Side, SimulatedWebhook};

/// The one event of a webhook.
fn read(bench: &Bench, webhook: &SimulatedWebhook) -> InboundEvent {
    let [event] = bench.read(webhook).try_into().unwrap();
    event
}

fn notices(bench: &Bench) -> Vec<Notice> {
    let some = |text: &str| Some(text.to_owned());
    let until: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let ada =
        User { phone: Some(bench.ada().phone()), user: bench.ada().user_id(Side::Meta), ..User::default() };
    let restriction = Restriction::new("RESTRICTED_BIZ_INITIATED_MESSAGING")
        .with_messages(RestrictedMessages::BusinessInitiated)
        .with_end(until);
    let template = |event: &str, aspect: &str| {
        let mut update = TemplateUpdate::new("shipped", event);
        (update.language, update.aspect, update.id) = (some("en"), some(aspect), some("12345"));
        update
    };
    let mut paused = template("PAUSED", "status");
    (paused.title, paused.text) = (some("FIRST_PAUSE"), some("low quality"));
    let mut disabled = template("DISABLED", "status");
    (disabled.disabled_at, disabled.reason) = (Some(until), some("ABUSIVE_CONTENT"));
    let mut quality = template("RED", "quality");
    quality.before = some("GREEN");
    let mut category = template("MARKETING", "category");
    category.before = some("UTILITY");
    let mut changed = template("UPDATED", "components");
    changed.data = Some(Json::parse(r#"{"message_template_element":"Hello {{1}}"}"#).unwrap());
    let mut signed_up = Notice::marketing_preference(ada.clone(), true);
    if let Notice::MarketingPreference { signup_id, .. } = &mut signed_up {
        *signup_id = some("signup-1");
    }
    let mut failure = Failure::new(ErrorKind::Throttled, Acceptance::NotAccepted);
    failure.code = Some(130_429);
    vec![
        Notice::blocked(some("DISABLE")),
        Notice::Blocked { reason: some("SCHEDULE_FOR_DISABLE"), from: Some(until) },
        Notice::blocked(some("ACCOUNT_DELETED")),
        Notice::Reinstated,
        Notice::restricted(vec![restriction]),
        Notice::Violation { what: some("SCAM") },
        Notice::Alert {
            event: "OBA_APPROVED".to_owned(),
            severity: some("INFORMATIONAL"),
            status: some("NONE"),
            text: some("fine"),
        },
        Notice::Review { decision: "APPROVED".to_owned() },
        Notice::Limits { messages: some("TIER_2K"), numbers: Some(25) },
        Notice::NumberQuality {
            event: "FLAGGED".to_owned(),
            limit: some("TIER_250"),
            previous_limit: some("TIER_2K"),
        },
        Notice::NumberName {
            decision: "REJECTED".to_owned(),
            name: some("Shop"),
            reason: some("NAME_FORMAT"),
        },
        Notice::Username { username: some("shop"), status: some("approved") },
        Notice::Security { event: "PIN_CHANGED".to_owned(), by: some("1234") },
        Notice::template(paused),
        Notice::template(disabled),
        Notice::template(quality),
        Notice::template(category),
        Notice::template(changed),
        Notice::marketing_preference(ada.clone(), false),
        Notice::marketing_preference(ada, true),
        Notice::failed(failure),
        signed_up,
    ]
}

#[test]
fn every_notice_arrives_as_it_was_told() {
    let bench = Bench::new();
    for told in notices(&bench) {
        let event = read(&bench, &bench.simulator.tells(&told).unwrap());
        let EventKind::Account(arrived) = event.kind() else { panic!("{told:?}: {:?}", event.kind()) };
        match (&told, &arrived.notice) {
            (Notice::Failed { failure: told }, Notice::Failed { failure }) => {
                assert_eq!(failure.code, told.code);
            }
            (told, arrived) => assert!(
                arrived == told,
                "{}\n{}",
                serde_json::to_string(told).unwrap(),
                serde_json::to_string(arrived).unwrap()
            ),
        }
    }
}

#[test]
fn what_has_no_form_here_is_none() {
    let bench = Bench::new();
    let action = Notice::UserAction { action: "tap".to_owned(), data: Json::parse("{}").unwrap() };
    assert!(bench.simulator.tells(&action).is_none());
}

#[test]
fn a_user_who_shares_no_number_shares_none_when_it_changes() {
    let bench = Bench::new();
    let new = bench.simulator.user(PhoneNumber::parse("+15557654399").unwrap());
    bench.ada().hides_number();
    let webhook = bench.ada().changes_number(&new);
    let event = read(&bench, &webhook);
    let EventKind::Identity(change) = event.kind() else { panic!("{:?}", event.kind()) };
    assert_eq!((change.before.phone, change.after.phone), (None, None));
    assert_eq!(change.after.user, new.user_id(Side::Meta));
    let EventKind::Message(message) = read(&bench, &new.writes(Side::Meta, "hi")).kind().clone() else {
        panic!()
    };
    assert_eq!(message.from.phone, None, "the same person");
}

#[test]
fn a_user_who_changes_the_number_has_other_names() {
    let bench = Bench::new();
    let new = bench.simulator.user(PhoneNumber::parse("+15557654399").unwrap());
    let event = read(&bench, &bench.ada().changes_number(&new));
    let EventKind::Identity(change) = event.kind() else { panic!("{:?}", event.kind()) };
    assert!(change.number_changed);
    assert_eq!((change.before.phone, change.after.phone), (Some(bench.ada().phone()), Some(new.phone())));
    assert_eq!(
        (change.before.user.clone(), change.after.user.clone()),
        (bench.ada().user_id(Side::Meta), new.user_id(Side::Meta))
    );
}
