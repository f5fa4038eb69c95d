//! What the provider asks Twilio for is what Twilio's own schema has: `tests/official/schema.sh` runs these against
//! Stoplight's Prism, which refuses any other request. It lets parameters pass whose names it does not know, so those
//! are looked up here.
//!
//! Prism answers with Twilio's examples, whatever it was asked. So a message counts as sent once it was posted.

mod names;
mod recorder;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;
use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::outbound::{
    FileBytes, Interactive, Link, ListRow, ListSection, Location, Media, ReplyButton, Template,
};
use whatsapp_provider::twilio::{ContentTemplate, MediaHost, MediaHostError};
use whatsapp_provider::{
    AttemptId, Category, Content, MediaRef, MessageRef, OutboundMessage, PhoneNumber, ProviderId, SenderId,
    SentQuery, Twilio, TwilioBuilder, UserId, WhatsAppProvider,
};

use recorder::{Asked, Recorder};

use crate::contents::make::Make;
use crate::contents::{normal, sample};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const CONTENT: &str = "HX0123456789abcdef0123456789abcdef";
const MESSAGE: &str = "SM0123456789abcdef0123456789abcdef";
const NUMBER: &str = "+15550007777";

const FORM: &str = "application/x-www-form-urlencoded";

/// For each kind of content.
const CASES: u32 = 48;

/// What the script says.
fn setting(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is missing: see tests/official/schema.sh"))
}

/// Files are where they would be.
#[derive(Debug)]
struct Shelf;

#[async_trait]
impl MediaHost for Shelf {
    async fn host(&self, _: &FileBytes, name: &str) -> Result<Link, MediaHostError> {
        let ending = name.rsplit('.').next().unwrap_or_default();
        Ok(format!("https://files.example/1.{ending}").parse()?)
    }
}

fn builder(recorder: &Arc<Recorder>) -> TwilioBuilder {
    Twilio::builder()
        .account_sid(ACCOUNT)
        .auth_token("an-invented-token")
        .from_number(NUMBER)
        .base_url(setting("PRISM_MESSAGES"))
        .content_url(setting("PRISM_CONTENT"))
        .messaging_url(setting("PRISM_TYPING"))
        .media_host(Arc::new(Shelf))
        .template(ContentTemplate::new("order_shipped", "en_US", CONTENT))
        .http_client(Arc::<Recorder>::clone(recorder))
}

fn sender() -> SenderId {
    SenderId::new(ProviderId::TWILIO, NUMBER)
}

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

/// Sends a message, and answers what was asked for, all of which the schema must have. The last of it is the message.
async fn goes(
    recorder: &Recorder,
    twilio: &Twilio,
    message: &OutboundMessage,
) -> Result<Vec<String>, String> {
    let sent = twilio.send(message).await;
    let asked = recorder.take();
    if let Some(refused) = asked.iter().find(|asked| !asked.is_allowed()) {
        return Err(format!("{refused:?}"));
    }
    let asked: Vec<_> = asked.into_iter().map(|asked| asked.request).collect();
    match asked.last() {
        Some(last) if *last == format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json") => Ok(asked),
        _ => Err(format!("no message was posted, but {asked:?}: {sent:?}")),
    }
}

#[tokio::test]
#[ignore = "needs Prism"]
async fn every_kind_that_twilio_carries_is_within_its_schema() {
    let recorder = Recorder::new();
    let provider = builder(&recorder).build().unwrap();
    for kind in provider.capabilities().contents {
        let message = OutboundMessage::new(to(), sample::of(kind, &sender()));
        let asked = goes(&recorder, &provider, &message).await;
        let asked = asked.unwrap_or_else(|refused| panic!("{kind:?}: {refused}"));
        println!("{}: {}", kind.as_str(), asked.join(", "));
        let made = asked.iter().any(|request| request == "POST /v1/Content");
        let taps = matches!(message.content, Content::Interactive(_));
        assert_eq!(made, taps, "{kind:?}");
    }
}

#[tokio::test]
#[ignore = "needs Prism"]
async fn every_wish_and_setting_is_within_the_schema() {
    let recorder = Recorder::new();
    let link = |file: &str| format!("https://files.example/{file}").parse::<Link>().unwrap();
    let mut place = Location::new(-12.25, 170.5);
    (place.name, place.address) = (Some("Café, 5|6".to_owned()), Some("Main Street".to_owned()));
    let row = |id: &str| ListRow::new(id, format!("Row {id}")).with_description("More of it");
    let rows = ListSection::new([row("a"), row("b")]);
    let file = FileBytes::new("…".to_owned(), "application/pdf");
    let text = || Content::text("Olá, & = + % 👍");
    let contents = [
        text(),
        Content::image(link("a%20b.png")).with_caption("Olá"),
        Content::video(link("a.mp4?x=1&y=2")).with_caption("Olá"),
        Content::document(link("a.pdf")).with_caption("dropped"),
        Content::document(file),
        Content::voice(link("a.ogg")),
        Content::Location(place),
        Interactive::buttons("{{1}}?", ["a", "b", "c"].map(|id| ReplyButton::new(id, id))).into(),
        Interactive::list("Which?", "Choose", [rows]).into(),
        Interactive::cta_url("Look", "See", "https://shop.example/offers?of=today#top").into(),
        // Out of Twilio's own example of an account's list.
        Template::new("Media Test", "en").with_body(["Ada", "a.png"]).into(),
        Template::new("order_shipped", "en_US").into(),
        Template::authentication("order_shipped", "en_US", "123456").into(),
    ];
    let numbered = || builder(&recorder);
    let serviced = || numbered().messaging_service_sid(SERVICE);
    let providers = [
        numbered(),
        numbered().literal_contents(true),
        numbered().api_key("SK0123456789abcdef0123456789abcdef", "an-invented-secret"),
        numbered().status_callback("https://app.example/webhook?tenant=7"),
        serviced().status_callback("https://app.example/webhook#rc=2"),
    ]
    .map(|builder| builder.build().unwrap());
    for (number, provider) in providers.iter().enumerate() {
        for content in &contents {
            let message = OutboundMessage::new(to(), content.clone()).with_reference("order 77 | ä");
            let asked = goes(&recorder, provider, &message.with_ttl(Duration::from_secs(60))).await;
            assert!(asked.is_ok(), "{:?} by provider {number}: {asked:?}", content.kind());
        }
    }

    let pool = Twilio::builder().account_sid(ACCOUNT).auth_token("an-invented-token");
    let pool = pool.messaging_service_sid(SERVICE).base_url(setting("PRISM_MESSAGES"));
    let pool = pool.http_client(Arc::<Recorder>::clone(&recorder)).build().unwrap();
    let in_an_hour = TokioClock::new().now().saturating_add(Duration::from_secs(3600));
    let user = UserId::new("US.1000000000000001").unwrap();
    for message in [
        OutboundMessage::new(to(), text()),
        OutboundMessage::new(to(), text()).with_from(sender()),
        OutboundMessage::new(to(), text()).with_send_at(in_an_hour).with_category(Category::Utility),
        OutboundMessage::new(user, text()).with_ttl(Duration::from_millis(1)),
    ] {
        let asked = goes(&recorder, &pool, &message).await;
        assert!(asked.is_ok(), "{asked:?}");
    }
}

#[tokio::test]
#[ignore = "needs Prism"]
async fn all_other_requests_are_within_the_schema() {
    let recorder = Recorder::new();
    let twilio = builder(&recorder).build().unwrap();
    let message = MessageRef::new(sender(), MESSAGE);
    let text = OutboundMessage::text(to(), "Hi");
    let query = SentQuery::new(AttemptId::from_u128(1), text, TokioClock::new().now());
    let messages = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages");
    let file =
        format!("{messages}/MM0123456789abcdef0123456789abcdef/Media/ME0123456789abcdef0123456789abcdef");
    let media = MediaRef::new(sender(), format!("https://api.twilio.com{file}"));
    // Here Twilio's examples fit what was asked.
    twilio.probe().await.unwrap();
    twilio.find_sent(&query).await.unwrap();
    twilio.show_typing(&message).await.unwrap();
    twilio.cancel_scheduled(&message).await.unwrap();
    twilio.delete_media(&media).await.unwrap();
    let asked = recorder.take();
    assert!(asked.iter().all(Asked::is_allowed), "{asked:?}");
    let requests: Vec<_> = asked.into_iter().map(|asked| asked.request).collect();
    assert_eq!(
        requests,
        [
            format!("GET {messages}.json"),
            format!("GET {messages}.json"),
            "POST /v2/Indicators/Typing.json".to_owned(),
            format!("POST {messages}/{MESSAGE}.json"),
            format!("DELETE {file}.json"),
        ]
    );
}

#[test]
#[ignore = "needs Prism"]
fn contents_of_every_kind_are_within_the_schema() {
    let recorder = Recorder::new();
    let runtime = Runtime::new().unwrap();
    let make = Make { links_only: true, max_text: 1600, ..Make::carried(sender()) };
    let config = ProptestConfig {
        failure_persistence: None,
        max_global_rejects: 100 * CASES,
        ..ProptestConfig::with_cases(CASES)
    };
    for kind in builder(&recorder).build().unwrap().capabilities().contents {
        let result = TestRunner::new(config.clone()).run(&make.of(kind), |mut content| {
            // Prism takes no address with a `%` that encodes nothing; Twilio says that it does not look at the form.
            if let Some(Media::Link(link)) = content.media() {
                prop_assume!(!link.as_str().contains('%'));
            }
            let mut twilio = builder(&recorder);
            match &mut content {
                Content::Interactive(message) => normal::as_twilio_has_it(message),
                Content::Template(template) => {
                    let bare = Template::new(&*template.name, &*template.language);
                    *template = template.body.drain(..).fold(bare, Template::with_parameter);
                    twilio =
                        twilio.template(ContentTemplate::new(&*template.name, &*template.language, CONTENT));
                }
                Content::Contacts(contacts) => contacts.cards.truncate(1),
                _ => {}
            }
            let message = OutboundMessage::new(to(), content);
            let twilio = twilio.build().unwrap();
            // A label with what Twilio would take for a variable. Too many of these are a failure.
            prop_assume!(twilio.check(&message).is_ok());
            runtime.block_on(goes(&recorder, &twilio, &message)).map_err(TestCaseError::fail)?;
            Ok(())
        });
        assert!(result.is_ok(), "{kind:?}: {}", result.unwrap_err());
    }
}

/// The other tests could not fail if nobody looked.
#[tokio::test]
#[ignore = "needs Prism"]
async fn prism_refuses_what_the_schema_does_not_have() {
    const JSON: &str = "application/json";
    let recorder = Recorder::new();
    let (messages, content, typing) =
        (setting("PRISM_MESSAGES"), setting("PRISM_CONTENT"), setting("PRISM_TYPING"));
    let account = format!("{messages}/2010-04-01/Accounts/{ACCOUNT}");
    let message = format!("{account}/Messages.json");
    let typing = format!("{typing}/v2/Indicators/Typing.json");
    let button = |kind: &str, more: &str| {
        let action = format!(r#"{{"type":"{kind}","title":"a","id":"b"{more}}}"#);
        let types = format!(r#"{{"twilio/quick-reply":{{"body":"Hi","actions":[{action}]}}}}"#);
        format!(r#"{{"language":"en","types":{types}}}"#)
    };
    let (odd, more, good) =
        (button("REPLY", ""), button("QUICK_REPLY", r#","x":1"#), button("QUICK_REPLY", ""));
    let misspelt = good.replacen('{', r#"{"friendly_nam":"a","#, 1);
    let typed = format!("messageId={MESSAGE}&channel=whatsapp");
    let post = Method::POST;
    for (method, url, kind, body, status) in [
        (&post, message.clone(), FORM, "To=1&Body=Hi", None),
        (&post, message.clone(), FORM, "Body=Hi", Some(422)),
        (&post, message.clone(), FORM, "To=1&ValidityPeriod=soon", Some(422)),
        (&post, message.clone(), FORM, "To=1&SendAt=soon", Some(422)),
        (&post, message.clone(), FORM, "To=1&ScheduleType=later", Some(422)),
        (&post, message.clone(), FORM, "To=1&ContentSid=HX1", Some(422)),
        (&post, message.clone(), FORM, "To=1&MediaUrl=a", Some(422)),
        (&post, message.clone(), FORM, "To=1&StatusCallback=a", Some(422)),
        (&post, message.clone(), JSON, r#"{"To":"1"}"#, Some(415)),
        (&post, message.replace(ACCOUNT, "me"), FORM, "To=1", Some(422)),
        (&post, format!("{account}/Message.json"), FORM, "To=1", Some(404)),
        (&post, format!("{account}/Messages/{MESSAGE}.json"), FORM, "Status=cancelled", Some(422)),
        (&Method::GET, format!("{message}?PageSize=1001"), FORM, "", Some(422)),
        (&Method::PUT, message.clone(), FORM, "To=1", Some(405)),
        (&post, format!("{content}/v1/Content"), JSON, &good, None),
        (&post, format!("{content}/v1/Content"), JSON, &odd, Some(422)),
        (&post, format!("{content}/v1/Content"), JSON, &more, Some(422)),
        (&post, format!("{content}/v1/Content"), JSON, &misspelt, Some(422)),
        (&post, typing.clone(), FORM, &typed, None),
        (&post, typing.clone(), FORM, "channel=whatsapp", Some(422)),
        (&post, typing, FORM, "messageId=1&channel=whatsapp", Some(422)),
    ] {
        let asked = recorder.raw(method.clone(), url, kind, body).await;
        let refused = asked.refusal.as_ref().map(|(status, _)| *status);
        assert_eq!(refused, status, "{body}: {asked:?}");
    }
    for (method, query, body, unknown) in [
        (Method::POST, "", "To=1&Body=Hi&Bodi=Hi", &["Bodi"][..]),
        (Method::POST, "?To=1", "To=1&PageSize=1", &["To", "PageSize"]),
        (Method::GET, "?To=1&PageSize=1&DateSent%3C=2026-01-01", "", &[]),
        (Method::GET, "?Too=1", "", &["Too"]),
    ] {
        let asked = recorder.raw(method, format!("{message}{query}"), FORM, body).await;
        assert!(asked.refusal.is_none() && asked.unknown == unknown, "{query} {body}: {asked:?}");
    }
}
