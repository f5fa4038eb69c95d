//! Messages with something to tap on Twilio, which needs a content for each shape, and templates that are looked up there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use whatsapp_provider::http_client::{Limits, RequestBody};
use whatsapp_provider::outbound::{
    Interactive, Link, ListRow, ListSection, ReplyButton, Template, TemplateHeader,
};
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{Content, ErrorKind, OutboundMessage, Twilio, WhatsAppProvider};

use super::user;

struct World {
    clock: TestClock,
    simulator: Simulator,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        Self { simulator: Simulator::new(Arc::new(clock.clone())), clock }
    }

    fn twilio(&self) -> Twilio {
        self.simulator.twilio().build().unwrap()
    }

    /// How many requests of this method arrived whose path ends so.
    fn arrived(&self, method: &str, end: &str) -> usize {
        let requests = self.simulator.requests();
        requests.iter().filter(|request| request.method == method && request.path.ends_with(end)).count()
    }

    fn made(&self) -> usize {
        self.arrived("POST", "/v1/Content")
    }

    /// Asks Twilio something as the business's own tools would.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let accounts = self.simulator.accounts();
        let login = STANDARD.encode(format!("{}:{}", accounts.account_sid, accounts.auth_token));
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://content.twilio.com{path}"))
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/json")
            .body(RequestBody::new(if body.is_null() { String::new() } else { body.to_string() }))
            .unwrap();
        self.clock.block_on(async {
            let answer = self.simulator.http_client().execute(request, Limits::default()).await.unwrap();
            assert!(answer.status().is_success(), "{method} {path}: {}", answer.status());
            let body = answer.into_body().read(usize::MAX).await.unwrap();
            serde_json::from_slice(&body).unwrap_or_default()
        })
    }

    /// The SIDs of all contents.
    fn contents(&self) -> Vec<String> {
        let list = self.ask("GET", "/v1/Content", &Value::Null);
        let sids = list["contents"].as_array().unwrap().iter();
        sids.map(|content| content["sid"].as_str().unwrap().to_owned()).collect()
    }
}

fn question(number: usize) -> OutboundMessage {
    let button = |index| ReplyButton::new(format!("{number}-{index}"), format!("No. {number} {index}"));
    let buttons: Vec<_> = (0..=number % 3).map(button).collect();
    OutboundMessage::new(user(), Interactive::buttons(format!("Question {number}?"), buttons))
}

#[test]
fn ten_thousand_different_messages_need_a_handful_of_contents() {
    let world = World::new();
    let twilio = world.twilio();
    world.clock.block_on(async {
        for number in 0..10_000 {
            twilio.send(&question(number)).await.unwrap();
        }
    });
    assert_eq!(world.made(), 3);
    let deliveries = world.simulator.deliveries();
    assert_eq!(deliveries.len(), 10_000);
    let as_sent = |(number, content): (usize, &Content)| *content == question(number).content;
    assert!(deliveries.iter().map(|delivery| &delivery.content).enumerate().all(as_sent));
}

#[test]
fn a_hundred_at_once_make_one() {
    let world = World::new();
    let twilio = world.twilio();
    let messages: Vec<_> = (0..100).map(|number| question(number * 3)).collect();
    let sent = world.clock.block_on(join_all(messages.iter().map(|message| {
        let clone = twilio.clone();
        async move { clone.send(message).await }
    })));
    assert!(sent.iter().all(Result::is_ok));
    assert_eq!((world.made(), world.arrived("GET", "/v2/Content")), (1, 1));
    assert_eq!(world.simulator.deliveries().len(), 100);

    world.clock.advance(Duration::from_secs(60));
    // Gone: all of them find that out, and one makes it again.
    for sid in world.contents() {
        world.ask("DELETE", &format!("/v1/Content/{sid}"), &Value::Null);
    }
    let sent = world.clock.block_on(join_all(messages.iter().map(|message| twilio.send(message))));
    assert!(sent.iter().all(Result::is_ok));
    assert_eq!((world.made(), world.contents().len()), (2, 1));
    assert_eq!(world.simulator.deliveries().len(), 200);
}

#[test]
fn another_machine_finds_what_was_made() {
    let world = World::new();
    for number in [0, 3, 6] {
        world.clock.block_on(world.twilio().send(&question(number))).unwrap();
    }
    assert_eq!((world.made(), world.arrived("GET", "/v2/Content")), (1, 3));
}

#[test]
fn a_content_is_found_again_after_an_outage_of_its_api() {
    let world = World::new();
    let twilio = world.twilio();
    world.simulator.set_fault(Side::Twilio, Some(Fault::AcceptThenDrop));
    let error = world.clock.block_on(twilio.send(&question(0))).unwrap_err();
    assert_eq!(error.acceptance(), whatsapp_provider::Acceptance::NotAccepted);
    world.simulator.set_fault(Side::Twilio, None);
    world.clock.block_on(twilio.send(&question(0))).unwrap();
    assert_eq!(world.simulator.deliveries().len(), 1);
}

#[test]
fn every_shape_of_a_list_has_its_content() {
    let world = World::new();
    let twilio = world.twilio();
    let mut shapes = BTreeSet::new();
    for pattern in 0..32_u32 {
        let rows = (0..4).map(|place| {
            let row = ListRow::new(format!("{pattern}-{place}"), format!("Row {place}"));
            if pattern >> place & 1 == 1 { row.with_description(format!("Of {pattern}")) } else { row }
        });
        shapes.insert(pattern % 16);
        let list =
            Interactive::list(format!("{pattern}?"), "Choose", [ListSection::new(rows.collect::<Vec<_>>())]);
        let message = OutboundMessage::new(user(), list);
        world.clock.block_on(twilio.send(&message)).unwrap();
        assert!(world.simulator.deliveries().last().unwrap().content == message.content);
    }
    assert_eq!(world.made(), shapes.len());
}

#[test]
fn literal_contents_say_the_same() {
    let world = World::new();
    let twilio = world.simulator.twilio().literal_contents(true).build().unwrap();
    let odd = Interactive::buttons("{{1}} {{x}} }}", [ReplyButton::new("{{2}}", "A")]);
    for content in [question(2).content, odd.into(), question(2).content] {
        let message = OutboundMessage::new(user(), content);
        world.clock.block_on(twilio.send(&message)).unwrap();
        assert!(world.simulator.deliveries().last().unwrap().content == message.content);
    }
    assert_eq!(world.made(), 2);
}

#[test]
fn a_template_is_sent_once_it_is_approved() {
    let world = World::new();
    let map = ContentTemplate::looked_up("order_shipped", "en_US")
        .with_header_variable("3")
        .with_button_variable(0, "4");
    let twilio = world.simulator.twilio().template(map).build().unwrap();
    let content = json!({
        "friendly_name": "our own name", "language": "en_US",
        "variables": { "1": "Ada", "2": "77", "3": "a.png", "4": "77" },
        "types": { "whatsapp/card": {
            "body": "Hi {{1}}, {{2}} is on its way", "media": ["{{3}}"],
            "actions": [{ "type": "URL", "title": "Track", "url": "https://a.example/{{4}}" }],
        } },
    });
    let sid = world.ask("POST", "/v1/Content", &content)["sid"].as_str().unwrap().to_owned();
    let picture: Link = "https://files.example/a.png".parse().unwrap();
    let template = Template::new("order_shipped", "en_US")
        .with_header(TemplateHeader::Image(picture.into()))
        .with_body(["Ada", "77"])
        .with_url_suffix(0, "77");
    let message = OutboundMessage::template(user(), template);
    let send = || world.clock.block_on(twilio.send(&message));
    let approvals = format!("/v1/Content/{sid}/ApprovalRequests");
    let request = json!({ "name": "order_shipped", "category": "UTILITY" });
    for decision in ["", "pending", "rejected", "approved"] {
        match decision {
            "" => {}
            "pending" => drop(world.ask("POST", &format!("{approvals}/whatsapp"), &request)),
            decision => world.simulator.decide_about_content(&sid, decision),
        }
        world.clock.advance(Duration::from_secs(60));
        if decision == "approved" {
            send().unwrap();
        } else {
            assert_eq!(send().unwrap_err().kind(), ErrorKind::TemplateUnavailable, "{decision}");
        }
    }
    assert_eq!(world.ask("GET", &approvals, &Value::Null)["whatsapp"]["status"], "approved");
    let [delivery] = &world.simulator.deliveries()[..] else { panic!() };
    assert!(delivery.content == message.content);
}

#[test]
fn a_template_is_found_on_any_page() {
    let world = World::new();
    for number in 0..250_u32 {
        let sid = format!("HX{number:032x}");
        world.simulator.register_content(&sid, &format!("template_{number}"), "en", ["1"]);
    }
    let twilio = world.twilio();
    for number in [0, 120, 249] {
        let template = Template::new(format!("template_{number}"), "en").with_body(["x"]);
        let message = OutboundMessage::template(user(), template);
        world.clock.block_on(twilio.send(&message)).unwrap();
        assert!(world.simulator.deliveries().last().unwrap().content == message.content);
    }
    assert_eq!(world.arrived("GET", "/v1/ContentAndApprovals"), 3);
}
