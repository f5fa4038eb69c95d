//! Both providers against the simulator: what is sent is what the user's phone shows, and what the user sends is what
//! arrives.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use whatsapp_provider::clock::Clock;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::inbound::{DeliveryState, InboundContent};
use whatsapp_provider::outbound::{Link, Location, Template, TemplateHeader, Wish};
use whatsapp_provider::simulator::{Delivery, Fault, Side, SimulatedWebhook, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    Acceptance, Content, ErrorKind, EventKind, InboundEvent, MetaCloud, OutboundMessage, PhoneNumber,
    ProviderId, SendReceipt, SignatureError, Twilio, WebhookHead, WebhookRequest, WhatsAppProvider,
    WhatsAppProviderExt,
};

const SHIPPED: &str = "HX00000000000000000000000000000001";
const CODE: &str = "HX00000000000000000000000000000002";

struct World {
    clock: TestClock,
    simulator: Simulator,
    meta: MetaCloud,
    twilio: Twilio,
    failover: FailoverProvider,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        simulator.register_content(SHIPPED, "order_shipped", "en_US", ["1", "2"]);
        simulator.register_one_time_code(CODE, "login", "en_US");
        let meta = simulator.meta().build().unwrap();
        let twilio = simulator
            .twilio()
            .look_up_templates(false)
            .template(ContentTemplate::new("order_shipped", "en_US", SHIPPED))
            .template(ContentTemplate::new("login", "en_US", CODE))
            .build()
            .unwrap();
        let failover = FailoverProvider::builder()
            .primary(meta.clone())
            .fallback(twilio.clone())
            .clock(Arc::new(clock.clone()))
            .build()
            .unwrap();
        Self { clock, simulator, meta, twilio, failover }
    }

    fn of(&self, side: Side) -> &dyn WhatsAppProvider {
        if side == Side::Meta { &self.meta } else { &self.twilio }
    }

    fn send(&self, side: Side, message: &OutboundMessage) -> whatsapp_provider::Result<SendReceipt> {
        self.clock.block_on(self.of(side).send(message))
    }

    fn receive(&self, webhook: &SimulatedWebhook) -> Vec<InboundEvent> {
        self.failover.receive(&WebhookRequest::from_http(&webhook.request, self.clock.now())).unwrap()
    }
}

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

/// The simulator tells files apart by the ends of their names, as a web server tells them apart by their media types.
fn link(file: &str) -> Link {
    format!("https://example.com/{file}?k=v&w=%20").parse().unwrap()
}

fn place(name: Option<&str>, address: Option<&str>) -> Content {
    let mut location = Location::new(37.442_162_518_686_83, -122.161_535_820_493_94);
    location.name = name.map(str::to_owned);
    location.address = address.map(str::to_owned);
    Content::Location(location)
}

/// A content, and whether each side carries it as it is (`Some(&[])`), without some wishes, or not at all.
type Row = (Content, Option<&'static [Wish]>, Option<&'static [Wish]>);

fn table() -> Vec<Row> {
    let mut named = Content::document(link("a.pdf"));
    if let Content::Document(document) = &mut named {
        document.filename = Some("menu.pdf".to_owned());
    }
    vec![
        (Content::text("Grüße 😀 & 100 % \"done\"\n+1\\"), Some(&[]), Some(&[])),
        (Content::text("x".repeat(1_600)), Some(&[]), Some(&[])),
        (Content::text("x".repeat(1_601)), Some(&[]), None),
        (Content::text("x".repeat(4_096)), Some(&[]), None),
        (Content::text("x".repeat(4_097)), None, None),
        (Content::image(link("a.png")), Some(&[]), Some(&[])),
        (Content::image(link("a.png")).with_caption("c".repeat(1_024)), Some(&[]), Some(&[])),
        (Content::image(link("a.png")).with_caption("c".repeat(1_025)), None, None),
        (Content::video(link("a.mp4")).with_caption("c"), Some(&[]), Some(&[])),
        (Content::audio(link("a.mp3")), Some(&[]), Some(&[])),
        (Content::voice(link("a.ogg")), Some(&[]), Some(&[Wish::Voice])),
        (Content::document(link("a.pdf")), Some(&[]), Some(&[])),
        (Content::document(link("a.pdf")).with_caption("c"), Some(&[]), Some(&[Wish::Caption])),
        (named, Some(&[]), Some(&[Wish::FileName])),
        (Content::sticker(link("a.webp")), Some(&[]), None),
        (place(None, None), Some(&[]), Some(&[])),
        (place(Some("Café | Bar"), None), Some(&[]), Some(&[])),
        (place(Some("Café"), Some("1 Main St")), Some(&[]), Some(&[Wish::LocationAddress])),
        (
            Template::new("order_shipped", "en_US").with_body(["Ada", "77 & more"]).into(),
            Some(&[]),
            Some(&[]),
        ),
        (Template::authentication("login", "en_US", "123456").into(), Some(&[]), Some(&[])),
        (Template::new("unknown", "en_US").into(), Some(&[]), None),
        (
            Template::new("order_shipped", "en_US")
                .with_header(TemplateHeader::Image(link("a.png").into()))
                .into(),
            Some(&[]),
            None,
        ),
        (Template::new("order_shipped", "en_US").with_url_suffix(0, "77").into(), Some(&[]), None),
        (
            Content::contacts([whatsapp_provider::outbound::ContactCard::named("Ada L", "Ada")]),
            Some(&[]),
            None,
        ),
    ]
}

/// The content without what the side drops: what the phone can show. At Twilio every place has a name.
fn without(mut content: Content, dropped: &[Wish], side: Side) -> Content {
    match &mut content {
        Content::Location(location) if side == Side::Twilio && location.name.is_none() => {
            location.name = Some(format!("{},{}", location.latitude, location.longitude));
        }
        Content::Audio(audio) if dropped.contains(&Wish::Voice) => audio.voice = false,
        Content::Document(document) => {
            document.caption = document.caption.take().filter(|_| !dropped.contains(&Wish::Caption));
            document.filename = document.filename.take().filter(|_| !dropped.contains(&Wish::FileName));
        }
        Content::Location(location) if dropped.contains(&Wish::LocationAddress) => location.address = None,
        _ => {}
    }
    content
}

#[test]
fn what_is_sent_is_what_the_phone_shows_and_the_rest_is_said() {
    for (place, (content, meta, twilio)) in table().into_iter().enumerate() {
        for (side, expected) in [(Side::Meta, meta), (Side::Twilio, twilio)] {
            let world = World::new();
            let what = format!("row {place}, {content:?}, by {side:?}");
            let message = OutboundMessage::new(to(), content.clone()).with_reference("order-77");
            let result = world.send(side, &message);
            let deliveries = world.simulator.deliveries();
            let carries = world.of(side).capabilities().carries(content.kind());
            match expected {
                Some(dropped) => {
                    assert!(carries, "{what}");
                    let receipt =
                        result.unwrap_or_else(|error| panic!("{what}: {error}: {:?}", error.details()));
                    let wishes: Vec<_> = receipt.dropped().iter().map(|dropped| dropped.wish).collect();
                    assert_eq!(wishes, dropped, "{what}");
                    let [Delivery { content: shown, reference, attempt, message_id, .. }] = &deliveries[..]
                    else {
                        panic!("{what}: {deliveries:?}")
                    };
                    let same = *shown == without(content.clone(), dropped, side);
                    assert!(same, "{what}: {}", serde_json::to_string(shown).unwrap());
                    assert_eq!(reference.as_deref(), Some("order-77"), "{what}");
                    assert_eq!(*attempt, Some(receipt.attempts[0].id), "{what}");
                    assert_eq!(*message_id, receipt.message.unwrap().id, "{what}");
                }
                None => {
                    let error = result.unwrap_err();
                    let refusal = world.of(side).check(&message).unwrap_err();
                    assert_eq!((error.kind(), error.field()), (refusal.kind(), refusal.field()), "{what}");
                    assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{what}");
                    assert!(world.simulator.requests().is_empty(), "{what}: before any request");
                    assert!(deliveries.is_empty(), "{what}");
                }
            }
        }
    }
}

#[test]
fn a_quote_is_sent_or_dropped_or_required() {
    let world = World::new();
    for (side, drops) in [(Side::Meta, false), (Side::Twilio, true)] {
        let events = world.receive(&world.simulator.user(to()).writes(side, "hi"));
        let reply = events[0].reply(Content::text("hello"));
        let receipt = world.send(side, &reply).unwrap();
        let wishes: Vec<_> = receipt.dropped().iter().map(|dropped| dropped.wish).collect();
        assert_eq!(wishes, if drops { vec![Wish::Quote] } else { vec![] }, "{side:?}");
        let required = world.send(side, &reply.quote_required());
        assert_eq!(
            required.err().map(|error| error.kind()),
            drops.then_some(ErrorKind::NotPortable),
            "{side:?}"
        );
    }
}

#[test]
fn what_the_user_sends_is_what_arrives() {
    let world = World::new();
    let user = world.simulator.user(to());
    for side in Side::ALL.iter().copied() {
        let id = if side == Side::Meta { ProviderId::META } else { ProviderId::TWILIO };
        for (webhook, check) in [
            (user.writes(side, "Größe 42? 😀"), "text"),
            (user.taps_button(side, "yes-17", "Yes"), "button"),
            (user.sends_image(side, Some("look")), "image"),
            (user.shares_location(side, 37.5, -122.25), "location"),
        ] {
            let events = world.receive(&webhook);
            let [event] = &events[..] else { panic!("{side:?} {check}: {events:?}") };
            assert_eq!(event.provider(), &id);
            assert_eq!(event.sender().unwrap().provider, id);
            assert!(!event.is_assumed());
            let EventKind::Message(message) = event.kind() else { panic!("{side:?} {check}: {event:?}") };
            assert_eq!(message.from.phone, Some(to()));
            assert_eq!(message.content.as_str(), check);
            match &message.content {
                InboundContent::Text { body, .. } => assert_eq!(body, "Größe 42? 😀"),
                InboundContent::Button(button) => {
                    assert_eq!((button.id.as_str(), button.title.as_str()), ("yes-17", "Yes"));
                }
                InboundContent::Image(image) => {
                    assert_eq!(image.caption.as_deref(), Some("look"));
                    assert_eq!(image.media.sender, *event.sender().unwrap());
                }
                InboundContent::Location(place) => {
                    assert_eq!((place.latitude, place.longitude), (37.5, -122.25));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let reaction = user.reacts(Side::Meta, "wamid.X", "👍").unwrap();
    let events = world.receive(&reaction);
    let EventKind::Message(message) = events[0].kind() else { panic!() };
    let InboundContent::Reaction(reaction) = &message.content else { panic!() };
    assert_eq!((reaction.message.id.as_str(), reaction.emoji.as_deref()), ("wamid.X", Some("👍")));
}

#[test]
fn statuses_bring_attempt_and_reference_back() {
    for side in Side::ALL.iter().copied() {
        let world = World::new();
        let message = OutboundMessage::text(to(), "hi").with_reference("order|77/é?&=#");
        let receipt = world.send(side, &message).unwrap();
        let mut state = DeliveryState::Accepted;
        let mut seen = Vec::new();
        while let Some(at) = world.simulator.next_webhook_at() {
            world.clock.advance(at.since(world.clock.now()));
            for webhook in world.simulator.due_webhooks() {
                for event in world.receive(&webhook) {
                    let EventKind::Status(status) = event.kind() else { panic!("{event:?}") };
                    assert_eq!(status.message, *receipt.message.as_ref().unwrap());
                    assert_eq!(status.attempt, Some(receipt.attempts[0].id));
                    assert_eq!(status.reference.as_deref(), Some("order|77/é?&=#"));
                    assert_eq!(status.to.phone, Some(to()));
                    seen.push(status.state.to_string());
                    state = state.advance(status.state.clone());
                }
            }
        }
        assert_eq!(seen, ["sent", "delivered", "read"], "{side:?}");
        assert_eq!(state, DeliveryState::Read);
    }
}

#[test]
fn a_batch_of_a_thousand_comes_out_in_order() {
    let world = World::new();
    let user = world.simulator.user(to());
    let webhooks = (0..1_000).map(|n| user.writes(Side::Meta, &n.to_string())).collect();
    let events = world.receive(&world.simulator.batch(webhooks).unwrap());
    let texts: Vec<_> =
        events
            .iter()
            .map(|event| {
                if let EventKind::Message(message) = event.kind() {
                    message.text().unwrap()
                } else {
                    panic!()
                }
            })
            .collect();
    assert!(texts.iter().enumerate().all(|(n, text)| *text == n.to_string()));
    assert_eq!(events.iter().map(InboundEvent::id).collect::<HashSet<_>>().len(), 1_000);
}

#[test]
fn forged_webhooks_and_handshakes() {
    let world = World::new();
    let user = world.simulator.user(to());
    for side in Side::ALL.iter().copied() {
        let forged = user.writes(side, "hi").forged();
        let request = WebhookRequest::from_http(&forged.request, world.clock.now());
        assert_eq!(
            world.failover.verify_signature(&request).unwrap_err(),
            SignatureError::Mismatch,
            "{side:?}"
        );
    }
    let handshake = world.simulator.meta_handshake("1158201444");
    let head = |request: &http::Request<bytes::Bytes>| (request.method().clone(), request.uri().to_string());
    let (method, url) = head(&handshake);
    let reply =
        world.failover.handshake(&WebhookHead::new(&method, url.as_str(), handshake.headers())).unwrap();
    assert_eq!((reply.status, &reply.body[..]), (http::StatusCode::OK, &b"1158201444"[..]));
    let wrong = url.replace(&world.simulator.accounts().verify_token, "guess");
    let reply = world.failover.handshake(&WebhookHead::new(&method, wrong, handshake.headers())).unwrap();
    assert_eq!((reply.status, reply.body.len()), (http::StatusCode::FORBIDDEN, 0));
}

#[test]
fn every_fault_delivers_at_most_once_and_says_the_truth() {
    let faults = [
        (Fault::Refuse, true, false),
        (Fault::Hang, false, false),
        (Fault::AcceptThenDrop, false, true),
        (Fault::AcceptThenCut, true, true),
        (Fault::Unavailable { with_envelope: false }, false, false),
        (Fault::Unavailable { with_envelope: true }, true, false),
    ];
    for (fault, ok, delivered_by_meta) in faults {
        let world = World::new();
        world.simulator.fault_next(Side::Meta, fault);
        let result = world.clock.block_on(world.failover.send(&OutboundMessage::text(to(), "hi")));
        assert_eq!(result.is_ok(), ok, "{fault:?}");
        let sides: Vec<_> = world.simulator.deliveries().iter().map(|delivery| delivery.side).collect();
        match result {
            Ok(_) => {
                assert_eq!(sides, [if delivered_by_meta { Side::Meta } else { Side::Twilio }], "{fault:?}");
            }
            Err(error) => {
                assert_eq!(error.acceptance(), Acceptance::Unknown, "{fault:?}");
                assert_eq!(sides, if delivered_by_meta { vec![Side::Meta] } else { vec![] }, "{fault:?}");
            }
        }
    }
}

#[test]
fn a_closed_window_is_answered_with_the_template() {
    let world = World::new();
    world.simulator.enforce_windows(true);
    let error = world.send(Side::Meta, &OutboundMessage::text(to(), "hi")).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::WindowClosed, Some(131_047)));

    let template = Template::new("order_shipped", "en_US").with_body(["Ada", "77"]);
    let receipt = world.send(Side::Meta, &OutboundMessage::text(to(), "hi").or(template)).unwrap();
    assert_eq!((receipt.content_index, receipt.attempts.len()), (1, 2));

    world.receive(&world.simulator.user(to()).writes(Side::Meta, "hello?"));
    world.send(Side::Meta, &OutboundMessage::text(to(), "hi")).unwrap();
}

#[test]
fn the_same_story_gives_the_same_bytes() {
    let story = || {
        let world = World::new();
        world.simulator.fault_next(Side::Meta, Fault::Refuse);
        for n in 0..5 {
            let _ = world.clock.block_on(world.failover.send(&OutboundMessage::text(to(), n.to_string())));
        }
        world.clock.advance(Duration::from_secs(10));
        let webhooks: Vec<_> =
            world.simulator.due_webhooks().into_iter().map(|webhook| webhook.request.into_body()).collect();
        (format!("{:?}", world.simulator.requests()), webhooks)
    };
    assert_eq!(story(), story());
}
