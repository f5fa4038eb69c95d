//! Templates that are looked up in the account's list.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::Result;
use crate::clock::{Clock, Timestamp};
use crate::error::{Acceptance, ErrorKind};
use crate::ids::{AttemptId, ProviderId};
use crate::outbound::{Attempt, Link, OutboundMessage, Parameter, SendReceipt, Template, TemplateHeader};
use crate::provider::WhatsAppProvider;
use crate::webhook::{VerifiedWebhook, WebhookRequest};

const OTHER: &str = "HXfedcba9876543210fedcba9876543210";
const MINUTE: Duration = Duration::from_secs(60);

fn shipped() -> OutboundMessage {
    OutboundMessage::template(to(), Template::new("shipped", "en_US").with_body(["Ada", "77"]))
}

/// An approved template with a text, as it stands in the list.
fn entry(sid: &str, name: &str, language: &str, body: &str) -> Value {
    json!({
        "sid": sid, "friendly_name": "somebody's name for it", "language": language, "variables": {},
        "types": { "twilio/text": { "body": body } },
        "approval_requests": {
            "name": name, "status": "approved", "content_type": "twilio/text", "category": "UTILITY",
            "rejection_reason": "", "allow_category_change": true,
        },
    })
}

fn own() -> Value {
    entry(CONTENT, "shipped", "en_US", "Hi {{1}}, {{2}} is on its way")
}

fn page(contents: &[Value], next: Option<&str>) -> Reply {
    let meta = json!({ "key": "contents", "next_page_url": next });
    Reply::With(200, json!({ "contents": contents, "meta": meta }).to_string().leak())
}

fn refused(code: i64) -> Reply {
    Reply::With(400, json!({ "code": code, "message": "x" }).to_string().leak())
}

struct World {
    wire: Arc<Wire>,
    clock: TestClock,
    twilio: Twilio,
}

impl World {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::with(replies, |builder| builder)
    }

    fn with(
        replies: impl IntoIterator<Item = Reply>,
        settings: impl Fn(TwilioBuilder) -> TwilioBuilder,
    ) -> Self {
        let (wire, clock) = (Wire::answering(replies), TestClock::new());
        let twilio = settings(sending(&wire).clock(Arc::new(clock.clone()))).build().unwrap();
        Self { wire, clock, twilio }
    }

    fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.wire.replies.lock().unwrap().extend(replies);
    }

    fn send(&self, message: &OutboundMessage) -> Result<SendReceipt> {
        self.clock.block_on(self.twilio.send(message))
    }

    /// Sends, and answers with the parameters of the content.
    fn sent(&self, message: &OutboundMessage) -> (String, String) {
        self.send(message).unwrap();
        let pairs = self.wire.recorded().last().unwrap().pairs();
        let value = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        (value("ContentSid").unwrap(), value("ContentVariables").unwrap_or_default())
    }

    /// How often the list, and how often a message was posted, since the last time.
    fn asked(&self) -> (usize, usize) {
        let recorded = std::mem::take(&mut *self.wire.recorded.lock().unwrap());
        let lists = recorded.iter().filter(|request| request.method == http::Method::GET).count();
        (lists, recorded.len() - lists)
    }
}

#[test]
fn a_template_is_found_by_its_name_at_whatsapp_and_its_language() {
    let mut pending = own();
    pending["approval_requests"]["status"] = "pending".into();
    pending["sid"] = "HXaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".into();
    let mut channel = entry(OTHER, "shipped", "pt_BR", "Oi {{1}}, {{2}}");
    channel["approval_requests"] = json!({ "whatsapp": channel["approval_requests"] });
    let nonsense = [json!(null), json!({ "sid": 7 }), json!({ "sid": CONTENT, "approval_requests": [] })];
    let contents: Vec<_> = nonsense.into_iter().chain([pending, channel, own()]).collect();
    let world = World::new([page(&contents, None)]);
    world.twilio.check(&shipped()).unwrap();
    assert_eq!(world.sent(&shipped()), (CONTENT.to_owned(), r#"{"1":"Ada","2":"77"}"#.to_owned()));
    let other = OutboundMessage::template(to(), Template::new("shipped", "pt_BR").with_body(["Ada", "77"]));
    assert_eq!(world.sent(&other).0, OTHER);
    let list = world.wire.recorded()[0].clone();
    assert_eq!(list.uri, "https://content.twilio.com/v1/ContentAndApprovals?PageSize=100");
    assert_eq!(world.asked(), (1, 2));
}

#[test]
fn pages_are_followed_by_their_tokens_and_never_to_another_host() {
    let next = "https://evil.example/v1/x?PageSize=100&Page=1&PageToken=PTabc#f";
    let world = World::new([
        page(&[entry(OTHER, "a", "en", "x")], Some(next)),
        // A page that was there already ends the list.
        page(&[own()], Some("https://content.twilio.com/v1/ContentAndApprovals?PageSize=100")),
    ]);
    assert_eq!(world.sent(&shipped()).0, CONTENT);
    let uris: Vec<_> = world.wire.recorded().into_iter().map(|request| request.uri).take(2).collect();
    assert_eq!(
        uris,
        [
            "https://content.twilio.com/v1/ContentAndApprovals?PageSize=100",
            "https://content.twilio.com/v1/ContentAndApprovals?PageSize=100&Page=1&PageToken=PTabc",
        ]
    );
    assert_eq!(world.clock.elapsed(), Duration::from_millis(50), "20 pages a second");
}

#[test]
fn a_list_holds_for_its_time_and_what_it_lacks_for_a_minute() {
    let world = World::with([page(&[own()], None)], |builder| builder.template_refresh(10 * MINUTE));
    let missing = OutboundMessage::template(to(), Template::new("other", "en_US"));
    world.sent(&shipped());
    assert_eq!(world.asked(), (1, 1));
    let unavailable = |message: &OutboundMessage| {
        let error = world.send(message).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::TemplateUnavailable, Some("content.name")));
        assert_eq!(error.acceptance(), Acceptance::NotAccepted);
        world.asked()
    };
    assert_eq!(unavailable(&missing), (0, 0));
    assert_eq!(world.twilio.check(&missing).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    world.clock.advance(MINUTE);
    assert!(world.twilio.check(&missing).is_ok(), "a send would look again");
    world.then([page(&[own()], None)]);
    assert_eq!(unavailable(&missing), (1, 0));
    world.clock.advance(9 * MINUTE);
    world.sent(&shipped());
    assert_eq!(world.asked(), (0, 1));
    world.clock.advance(MINUTE);
    world.then([page(&[entry(OTHER, "shipped", "en_US", "{{1}} {{2}}")], None)]);
    assert_eq!(world.sent(&shipped()).0, OTHER);
    assert_eq!(world.asked(), (1, 1));
}

#[test]
fn nobody_suffers_because_a_list_cannot_be_read_again() {
    for failure in [Reply::NoConnection, Reply::With(500, ""), Reply::With(429, "")] {
        let world = World::with([page(&[own()], None)], |builder| builder.template_refresh(10 * MINUTE));
        world.sent(&shipped());
        world.clock.advance(10 * MINUTE);
        world.then([failure]);
        assert_eq!(world.sent(&shipped()).0, CONTENT);
        world.asked();
        world.sent(&shipped());
        assert_eq!(world.asked(), (0, 1), "nor is it tried by every message");
        world.clock.advance(MINUTE);
        world.then([page(&[entry(OTHER, "shipped", "en_US", "{{1}} {{2}}")], None)]);
        assert_eq!(world.sent(&shipped()).0, OTHER);
    }
    let world = World::new([Reply::With(500, "")]);
    let error = world.send(&shipped()).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::NoAnswer, Acceptance::NotAccepted));
}

#[test]
fn a_template_that_is_refused_is_looked_up_once_more() {
    for code in [21_655, 63_027, 63_040, 63_041, 63_042] {
        let world = World::new([page(&[own()], None)]);
        world.sent(&shipped());
        world.clock.advance(MINUTE);
        world.asked();
        // There is another one now.
        world.then([refused(code), page(&[entry(OTHER, "shipped", "en_US", "{{1}} {{2}}")], None)]);
        assert_eq!(world.sent(&shipped()).0, OTHER, "{code}");
        assert_eq!(world.asked(), (1, 2));
        // Read less than a minute ago: it cannot be better now.
        world.then([refused(code)]);
        let error = world.send(&shipped()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::TemplateUnavailable, Some(code)));
        assert_eq!(world.asked(), (0, 1));
        world.clock.advance(MINUTE);
        // It is still the same one, or nobody can look.
        for list in [page(&[entry(OTHER, "shipped", "en_US", "{{1}} {{2}}")], None), Reply::With(500, "")] {
            world.then([list, refused(code)]);
            let error = world.send(&shipped()).err().map(|error| (error.kind(), error.acceptance()));
            assert!(error.is_some_and(|(_, acceptance)| acceptance == Acceptance::NotAccepted));
            world.clock.advance(MINUTE);
        }
    }
}

/// A status says that a template is not there.
fn hear_a_doubt(world: &World, assumed: bool) {
    let status = format!(
        "MessageSid={MESSAGE}&AccountSid={ACCOUNT}&MessageStatus=failed&ErrorCode=63027\
         &From=whatsapp%3A%2B14155238886&To=whatsapp%3A%2B15551234567"
    );
    let request = http::Request::post("https://wa.example/hook")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(status)
        .unwrap();
    let request = WebhookRequest::from_http(&request, Timestamp::UNIX_EPOCH);
    let webhook = if assumed {
        VerifiedWebhook::assume_verified(request, ProviderId::TWILIO)
    } else {
        request.attest(&ProviderId::TWILIO)
    };
    assert_eq!(world.twilio.parse_inbound(&webhook).unwrap().len(), 1);
}

#[test]
fn a_status_that_says_so_makes_the_list_doubtful() {
    for (assumed, lists) in [(true, 0), (false, 1)] {
        let world = World::new([page(&[own()], None)]);
        world.sent(&shipped());
        world.clock.advance(MINUTE);
        world.asked();
        hear_a_doubt(&world, assumed);
        world.then((0..lists).map(|_| page(&[own()], None)));
        world.sent(&shipped());
        assert_eq!(world.asked(), (lists, 1));
    }
}

#[test]
fn variables_are_those_of_the_content() {
    let named = entry(OTHER, "named", "en", "Hi {{ who }}, again {{who}}");
    let mut media = entry(OTHER, "media", "en", "");
    media["types"] = json!({
        "twilio/media": { "body": "{{1}}", "media": ["{{2}}"] },
        "twilio/text": { "body": "{{1}} see {{3}}" },
    });
    media["approval_requests"]["content_type"] = "twilio/media".into();
    let mut code = entry(OTHER, "login", "en", "");
    code["types"] = json!({ "whatsapp/authentication": { "actions": [{ "type": "COPY_CODE" }] } });
    let contents = [own(), named, media, code, entry(OTHER, "plain", "en", "Hi")];
    let map = ContentTemplate::looked_up("media", "en").with_header_variable("2");
    let picture: Link = "https://files.example/a.png".parse().unwrap();
    let media = || {
        let header = TemplateHeader::Image(picture.clone().into());
        Template::new("media", "en").with_header(header)
    };
    for cached in [false, true] {
        for (template, expected) in [
            (Template::new("shipped", "en_US").with_body(["a", "b"]), Ok(r#"{"1":"a","2":"b"}"#)),
            (Template::new("shipped", "en_US").with_body(["a"]), Err(Some((2, 1)))),
            (Template::new("shipped", "en_US").with_body(["a", "b", "c"]), Err(Some((2, 3)))),
            (Template::new("shipped", "en_US").with_named("a", "x").with_named("b", "y"), Err(None)),
            (Template::new("named", "en").with_named("who", "Ada"), Ok(r#"{"who":"Ada"}"#)),
            (Template::new("named", "en").with_body(["Ada"]), Err(None)),
            (media().with_body(["a"]), Ok(r#"{"1":"a","2":"https://files.example/a.png"}"#)),
            (media(), Err(Some((2, 1)))),
            (Template::authentication("login", "en", "123456"), Ok(r#"{"1":"123456"}"#)),
            (Template::new("login", "en"), Err(Some((1, 0)))),
            (Template::new("plain", "en"), Ok("")),
            (Template::new("plain", "en").with_body(["a"]), Err(Some((0, 1)))),
        ] {
            let message = OutboundMessage::template(to(), template);
            let world = World::with([page(&contents, None)], |builder| builder.template(map.clone()));
            if cached {
                world.sent(&shipped());
                assert_eq!(world.twilio.check(&message).is_ok(), expected.is_ok());
                world.asked();
            }
            match expected {
                Ok(variables) => assert_eq!(world.sent(&message).1, variables),
                Err(counts) => {
                    let error = world.send(&message).unwrap_err();
                    assert_eq!(error.field(), Some("content.body"));
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    assert_eq!(error.limit().zip(error.actual()), counts);
                    let lists = usize::from(!cached);
                    assert_eq!(world.asked(), (lists, 0));
                }
            }
        }
    }
}

#[test]
fn what_needs_a_map_is_refused_without_one() {
    let world = World::new([]);
    let header = TemplateHeader::Text(Parameter::text("x"));
    for (template, field) in [
        (Template::new("shipped", "en").with_header(header), "content.header"),
        (Template::new("shipped", "en").with_url_suffix(0, "x"), "content.buttons[0]"),
    ] {
        let message = OutboundMessage::template(to(), template);
        let error = world.send(&message).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some(field)));
        assert_eq!(world.twilio.check(&message).unwrap_err().field(), Some(field));
    }
    assert_eq!(world.asked(), (0, 0));
}

#[test]
fn what_was_given_is_not_looked_up() {
    let given = ContentTemplate::new("shipped", "en_US", OTHER);
    let world = World::with([], |builder| builder.template(given.clone()));
    assert_eq!(world.sent(&shipped()).0, OTHER);
    assert_eq!(world.asked(), (0, 1));
    world.then([refused(21_655)]);
    assert_eq!(world.send(&shipped()).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    assert_eq!(world.asked(), (0, 1));
    let world = World::with([], |builder| builder.look_up_templates(false));
    assert_eq!(world.twilio.check(&shipped()).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    assert_eq!(world.send(&shipped()).unwrap_err().kind(), ErrorKind::TemplateUnavailable);
    assert_eq!(world.asked(), (0, 0));
}

#[test]
fn a_long_list_is_read_on_where_it_was_left() {
    let next = |page: usize| format!("https://content.twilio.com/v1/ContentAndApprovals?Page={page}");
    let pages: Vec<_> = (1..=9).map(|number| page(&[], Some(&next(number)))).collect();
    let world = World::new(pages.into_iter().chain([page(&[own()], None)]));
    let hasty = || Attempt::with_id(AttemptId::from_u128(7)).with_deadline(Duration::from_millis(220));
    let mut tries = 0;
    while world.clock.block_on(world.twilio.send_attempt(&shipped(), &hasty())).is_err() {
        tries += 1;
        assert!(tries < 10, "it never comes to its end");
    }
    assert!(tries > 0);
    assert_eq!(world.asked(), (10, 1), "no page was asked for twice");
}

#[test]
fn a_place_in_the_list_that_is_one_no_longer_is_forgotten() {
    let next = "https://content.twilio.com/v1/ContentAndApprovals?Page=1&PageToken=PTold";
    for (failure, first) in [(Reply::With(400, r#"{"code":20001}"#), true), (Reply::With(429, ""), false)] {
        let world = World::new([page(&[], Some(next)), failure]);
        assert_eq!(world.send(&shipped()).unwrap_err().acceptance(), Acceptance::NotAccepted);
        world.then([page(&[own()], None)]);
        assert_eq!(world.sent(&shipped()).0, CONTENT);
        let uri = &world.wire.recorded()[2].uri;
        assert_eq!(uri.ends_with("?PageSize=100"), first, "{uri}");
    }
}

#[test]
fn a_doubt_is_no_reason_to_send_nothing() {
    let world = World::new([page(&[own()], None)]);
    world.sent(&shipped());
    world.then([refused(63_041)]);
    assert!(world.send(&shipped()).is_err());
    world.clock.advance(MINUTE);
    world.then([Reply::NoConnection]);
    assert_eq!(world.sent(&shipped()).0, CONTENT, "perhaps it is no longer paused");
}

const SECOND_PAGE: &str = "https://content.twilio.com/v1/ContentAndApprovals?Page=1";

/// Sends, and hears of a doubt between the first page and the second one.
fn send_and_doubt(world: &World) {
    world.clock.block_on(async {
        let message = shipped();
        let mut send = std::pin::pin!(world.twilio.send(&message));
        assert!(futures_util::poll!(&mut send).is_pending());
        hear_a_doubt(world, false);
        send.await.unwrap();
    });
}

#[test]
fn a_doubt_while_the_list_is_read_is_about_what_is_read() {
    let pages = || [page(&[], Some(SECOND_PAGE)), page(&[own()], None)];
    let world = World::new(pages());
    send_and_doubt(&world);
    world.clock.advance(MINUTE);
    world.then(pages());
    assert_eq!((world.asked(), world.sent(&shipped()).0), ((2, 1), CONTENT.to_owned()));
    assert_eq!(world.asked(), (2, 1), "it is read again");
    world.clock.advance(MINUTE);
    world.sent(&shipped());
    assert_eq!(world.asked(), (0, 1), "nobody has doubted this one");
}

#[test]
fn a_doubt_while_the_list_cannot_be_read_is_not_forgotten() {
    let world = World::with([page(&[own()], None)], |builder| builder.template_refresh(10 * MINUTE));
    world.sent(&shipped());
    world.clock.advance(10 * MINUTE);
    world.then([page(&[], Some(SECOND_PAGE)), Reply::With(503, "")]);
    send_and_doubt(&world);
    world.asked();
    world.then([page(&[own()], None)]);
    world.sent(&shipped());
    assert_eq!(world.asked(), (1, 1), "the older list is not relied on for a minute");
}

#[test]
fn whoever_goes_on_late_does_not_end_the_list_of_another_one() {
    let world = World::new([page(&[], Some(SECOND_PAGE)), page(&[own()], None)]);
    world.clock.block_on(async {
        let (first, second) = (shipped(), shipped());
        let mut first = Box::pin(world.twilio.send(&first));
        assert!(futures_util::poll!(&mut first).is_pending());
        // Whoever keeps the first one waits for the second one before it goes on.
        world.twilio.send(&second).await.unwrap();
        assert_eq!(world.clock.elapsed(), Duration::from_secs(61));
        assert_eq!(world.asked(), (2, 1));
        world.then([page(&[], None)]);
        first.await.unwrap();
    });
    assert_eq!(world.asked(), (1, 1));
    assert_eq!(world.sent(&shipped()).0, CONTENT);
    assert_eq!(world.asked(), (0, 1));
}
