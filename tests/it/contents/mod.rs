//! Every kind of content through both providers: what is sent is what arrives, in the provider's normal form; what that
//! form lacks is said; and everything else is refused, by `check` as by a send, before any request.

mod hosting;
pub(crate) mod make;
pub(crate) mod normal;
mod readme;
pub(crate) mod sample;
mod skeletons;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use make::Make;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::meta::{MarketingMessages, ProductPolicy};
use whatsapp_provider::outbound::{ContentKind, Link, Template, Wish};
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    Acceptance, Category, Content, Error, ErrorKind, FailoverProvider, MessageRef, OutboundMessage,
    PhoneNumber, ProviderId, Recipient, SenderId, WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

/// For each kind of content.
const CASES: u32 = 96;

const SID: &str = "HX00000000000000000000000000000001";

fn user() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

fn meta_sender() -> SenderId {
    let accounts = Simulator::new(Arc::new(TestClock::new())).accounts();
    SenderId::new(ProviderId::META, accounts.phone_number_id)
}

/// What a message asks for beside its content.
#[derive(Debug, Clone)]
struct Wishes {
    /// Whether the quoted message is this sender's, if one is quoted.
    quote: Option<bool>,
    quote_required: bool,
    reference: Option<String>,
    ttl: Option<u64>,
    direct_send: Option<Category>,
    identity_key_hash: Option<String>,
    by_user_id: bool,
    /// Whether it is to be sent in an hour.
    later: bool,
}

fn wishes(past: bool) -> BoxedStrategy<Wishes> {
    let reference = if past { "[a-zä|]{0,405}" } else { "[a-zä|]{0,200}" };
    let direct = proptest::sample::select(vec![Category::Utility, Category::Authentication]);
    let ttl = prop_oneof![30_u64..=900, if past { 0..=50_000_u64 } else { 30..=900 }];
    let direct = option::weighted(0.3, direct);
    let quote = (
        option::weighted(0.3, any::<bool>()),
        if past { prop::bool::weighted(0.3).boxed() } else { Just(false).boxed() },
    );
    let identity = option::weighted(0.2, if past { "[a-z=]{0,3}" } else { "[a-z=]{1,3}" });
    let later = if past { prop::bool::weighted(0.05).boxed() } else { Just(false).boxed() };
    (quote, option::of(reference), option::of(ttl), direct, identity, any::<bool>(), later)
        .prop_map(|(quoted, reference, ttl, direct_send, identity_key_hash, by_user_id, later)| {
            let (quote, quote_required) = quoted;
            Wishes {
                quote,
                quote_required,
                reference,
                ttl,
                direct_send,
                identity_key_hash,
                by_user_id,
                later,
            }
        })
        .boxed()
}

struct World {
    clock: TestClock,
    simulator: Simulator,
    provider: Arc<dyn WhatsAppProvider>,
    side: Side,
}

impl World {
    /// A world in which a template that has nothing but a body has its content at Twilio.
    fn new(side: Side, content: &Content) -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        if side == Side::Meta {
            let provider = Arc::new(simulator.meta().build().unwrap());
            return Self { clock, simulator, provider, side };
        }
        let mut twilio = simulator.twilio();
        if let Content::Template(template) = content
            && !template.name.is_empty()
        {
            let (name, language) = (template.name.as_str(), template.language.as_str());
            if template.one_time_code.is_some() {
                simulator.register_one_time_code(SID, name, language);
            } else {
                let variables = template.body.iter().zip(1..);
                let variables =
                    variables.map(|(part, place)| part.name.clone().unwrap_or(format!("{place}")));
                simulator.register_content(SID, name, language, variables.collect::<Vec<_>>());
            }
            twilio = twilio.template(ContentTemplate::new(name, language, SID));
        }
        let provider = Arc::new(twilio.build().unwrap());
        Self { clock, simulator, provider, side }
    }

    fn message(&self, content: &Content, wishes: &Wishes) -> OutboundMessage {
        let user_id = self.simulator.user(user()).user_id(self.side).unwrap();
        let needs_phone = matches!(content, Content::Template(template) if template.one_time_code.is_some());
        let to = if wishes.by_user_id && !needs_phone { Recipient::from(user_id) } else { user().into() };
        let mut message = OutboundMessage::new(to, content.clone());
        if let Some(own) = wishes.quote {
            let sender = if own {
                self.provider.senders().remove(0)
            } else {
                SenderId::new(ProviderId::META, "other")
            };
            message = message.with_reply_to(MessageRef::new(sender, "wamid.IN"));
            message = if wishes.quote_required { message.quote_required() } else { message };
        }
        message.reference = wishes.reference.clone();
        message.ttl = wishes.ttl.map(Duration::from_secs);
        message.identity_key_hash = wishes.identity_key_hash.clone();
        message.send_at = wishes.later.then(|| self.clock.now().saturating_add(Duration::from_secs(3600)));
        if let Some(category) = wishes.direct_send {
            message = message.with_direct_send(category);
        }
        message
    }

    /// Law 3 for one message. Answers whether it went.
    fn holds(&self, message: &OutboundMessage) -> Result<bool, String> {
        let checked = self.provider.check(message);
        let sent = self.clock.block_on(self.provider.send(message));
        let (deliveries, requests) = (self.simulator.deliveries(), self.simulator.requests());
        let receipt = match (checked, sent) {
            (Ok(()), Ok(receipt)) => receipt,
            (Err(refusal), Err(error)) if what(&refusal) == what(&error) => {
                return match (requests.is_empty(), error.acceptance(), error.field()) {
                    (true, Acceptance::NotAccepted, Some(_)) => Ok(false),
                    _ => Err(format!("refused, but not before the request, or without a field: {error}")),
                };
            }
            (checked, sent) => {
                let details = sent.as_ref().err().and_then(Error::details);
                return Err(format!("check and send disagree: {checked:?}, {sent:?}, {details:?}"));
            }
        };
        if !self.provider.capabilities().carries(message.content.kind()) {
            return Err("it went, and the capabilities say that it does not".to_owned());
        }
        if message.send_at.is_some() {
            return Err("it went at once, and it was to go later".to_owned());
        }
        let [delivery] = &deliveries[..] else { return Err(format!("{} deliveries", deliveries.len())) };
        let expected = self.normal(message.content.clone());
        if delivery.content != expected {
            let text = |content: &Content| serde_json::to_string(content).unwrap();
            return Err(format!("expected {}, and {} arrived", text(&expected), text(&delivery.content)));
        }
        let reference = message.reference.as_deref().filter(|reference| !reference.is_empty());
        if delivery.reference.as_deref() != reference || delivery.attempt != Some(receipt.attempts[0].id) {
            return Err("the names of the message did not arrive".to_owned());
        }
        if delivery.identity_key_hash != message.identity_key_hash {
            return Err("the condition of the message did not arrive".to_owned());
        }
        let said: Vec<_> = receipt.dropped().iter().map(|dropped| dropped.wish).collect();
        let lacking = self.lacking(message);
        if said.len() != lacking.len() || BTreeSet::from_iter(said.iter().copied()) != lacking {
            return Err(format!("dropped {lacking:?}, and {said:?} were said"));
        }
        Ok(true)
    }

    fn normal(&self, content: Content) -> Content {
        if self.side == Side::Meta { normal::meta(content) } else { normal::twilio(content) }
    }

    /// The wishes that this side cannot fulfil.
    fn lacking(&self, message: &OutboundMessage) -> BTreeSet<Wish> {
        let given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        let template = matches!(message.content, Content::Template(_));
        let mut lacking = BTreeSet::new();
        let mut note = |wish, lacks| {
            if lacks {
                lacking.insert(wish);
            }
        };
        let quotes_own = message.reply_to.as_ref().is_some_and(|quote| quote.message.sender.id != "other");
        if self.side == Side::Meta {
            let quotable = quotes_own && !template && !matches!(message.content, Content::Reaction(_));
            note(Wish::Quote, message.reply_to.is_some() && !quotable);
            note(Wish::Ttl, message.ttl.is_some() && (!message.direct_send || template));
            return lacking;
        }
        note(Wish::Quote, message.reply_to.is_some());
        note(Wish::Ttl, message.ttl.is_some_and(|ttl| ttl > Duration::from_secs(36_000)));
        match &message.content {
            Content::Text(text) => note(Wish::LinkPreview, text.preview_url.is_some()),
            Content::Audio(audio) => note(Wish::Voice, audio.voice),
            Content::Document(document) => {
                note(Wish::Caption, given(&document.caption));
                note(Wish::FileName, given(&document.filename));
            }
            Content::Location(place) => note(Wish::LocationAddress, given(&place.address)),
            _ => {}
        }
        lacking
    }
}

/// What an error says, and nothing of where it was found.
fn what(error: &Error) -> String {
    format!("{:?} {:?} {:?} {:?}", error.kind(), error.field(), error.limit(), error.actual())
}

/// Holds the law against every kind, and answers how many messages of each one went.
fn hold_against(
    kinds: impl IntoIterator<Item = ContentKind>,
    make: &Make,
    law: impl Fn(Content, Wishes) -> Result<bool, String>,
) -> Vec<(ContentKind, u32)> {
    let went = kinds.into_iter().map(|kind| {
        let went = std::cell::Cell::new(0);
        let cases = (make.of(kind), wishes(make.past));
        let result = TestRunner::new(config()).run(&cases, |(content, wishes)| {
            assert_eq!(content.kind(), kind);
            let told = serde_json::to_string(&content).unwrap_or_default();
            let ok =
                law(content, wishes).map_err(|broken| TestCaseError::fail(format!("{broken}\nof {told}")))?;
            went.set(went.get() + u32::from(ok));
            Ok(())
        });
        if let Err(broken) = result {
            panic!("{}: {broken}", kind.as_str());
        }
        (kind, went.get())
    });
    went.collect()
}

/// Wishes that cannot make a message impossible.
fn within(content: &Content, mut wishes: Wishes) -> Wishes {
    if !content.fits_direct_send() && !matches!(content, Content::Template(_)) {
        wishes.direct_send = None;
    }
    wishes
}

#[test]
fn meta_carries_every_kind_whole() {
    let carried = World::new(Side::Meta, &Content::text("x")).provider.capabilities().contents;
    assert!(ContentKind::ALL.iter().all(|kind| carried.contains(kind)));
    let went = hold_against(carried, &Make::carried(meta_sender()), |content, wishes| {
        let world = World::new(Side::Meta, &content);
        let wishes = within(&content, wishes);
        world.holds(&world.message(&content, &wishes))
    });
    assert!(went.iter().all(|(_, went)| *went == CASES), "{went:?}");
}

#[test]
fn what_meta_does_not_carry_is_refused_alike() {
    let make = Make::anything(meta_sender());
    let went = hold_against(ContentKind::ALL.iter().copied(), &make, |content, wishes| {
        let world = World::new(Side::Meta, &content);
        world.holds(&world.message(&content, &wishes))
    });
    let total: u32 = went.iter().map(|(_, went)| went).sum();
    let all = CASES * u32::try_from(ContentKind::ALL.len()).unwrap();
    assert!((all / 10..all * 9 / 10).contains(&total), "{total} of {all}: {went:?}");
}

#[test]
fn twilio_carries_its_kinds_in_its_form() {
    let carried = World::new(Side::Twilio, &Content::text("x")).provider.capabilities().contents;
    let make = Make { links_only: true, max_text: 1600, ..Make::carried(meta_sender()) };
    let went = hold_against(carried, &make, |mut content, mut wishes| {
        if let Content::Template(template) = &mut content {
            // What has no place in a flat set of variables needs a map, or is refused.
            let bare = Template::new(&*template.name, &*template.language);
            *template = match &template.one_time_code {
                Some(code) => Template::authentication(bare.name, bare.language, code.as_str()),
                None => template.body.drain(..).fold(bare, Template::with_parameter),
            };
        }
        if let Content::Interactive(message) = &mut content {
            normal::as_twilio_has_it(message);
        }
        (wishes.direct_send, wishes.identity_key_hash) = (None, None);
        let world = World::new(Side::Twilio, &content);
        world.holds(&world.message(&content, &wishes))
    });
    assert!(went.iter().all(|(_, went)| *went == CASES), "{went:?}");
}

#[test]
fn what_twilio_does_not_carry_is_refused_alike() {
    let make = Make::anything(meta_sender());
    let went = hold_against(ContentKind::ALL.iter().copied(), &make, |content, wishes| {
        let world = World::new(Side::Twilio, &content);
        world.holds(&world.message(&content, &wishes))
    });
    assert!(went.iter().any(|(_, went)| *went > 0), "{went:?}");
}

#[test]
fn a_direct_send_opens_a_conversation_and_a_service_message_does_not() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    simulator.enforce_windows(true);
    let meta = simulator.meta().build().unwrap();
    let send = |message: &OutboundMessage| clock.block_on(meta.send(message));
    let text = || OutboundMessage::text(user(), "Your order 77 has shipped").with_category(Category::Utility);

    let error = send(&text()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WindowClosed);
    send(&text().with_direct_send(Category::Utility)).unwrap();
    // Where the first content has no Direct Send, another one may.
    let picture = Content::image("https://files.example/a.png".parse::<Link>().unwrap());
    let message = OutboundMessage::new(user(), picture).with_direct_send(Category::Utility);
    assert_eq!(send(&message.or(Content::text("Shipped"))).unwrap().content_index, 1);
    assert_eq!(simulator.deliveries().len(), 2);
}

#[test]
fn a_failover_sends_directly_where_that_is_possible_and_the_template_elsewhere() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    simulator.enforce_windows(true);
    simulator.register_content(SID, "order_shipped", "en_US", ["1"]);
    let twilio =
        simulator.twilio().template(ContentTemplate::new("order_shipped", "en_US", SID)).build().unwrap();
    let failover = FailoverProvider::builder()
        .primary(simulator.meta().build().unwrap())
        .fallback(twilio)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    // The user wrote once, so that the window is known to be over.
    let written = simulator.user(user()).writes(Side::Meta, "hi");
    let request = WebhookRequest::from_http(&written.request, clock.now());
    clock.block_on(failover.record(&failover.receive(&request).unwrap()));
    clock.advance(Duration::from_secs(25 * 3600));

    let text = OutboundMessage::text(user(), "Your order 77 has shipped").with_category(Category::Utility);
    let template = || Template::new("order_shipped", "en_US").with_body(["77"]);
    let went = |message: OutboundMessage| {
        let receipt = clock.block_on(failover.send(&message.or(template()))).unwrap();
        (receipt.provider, receipt.content_index)
    };
    assert_eq!(went(text.clone()), (ProviderId::META, 1));
    let direct = text.with_direct_send(Category::Utility);
    assert_eq!(went(direct.clone()), (ProviderId::META, 0));
    simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    assert_eq!(went(direct), (ProviderId::TWILIO, 1));
}

#[test]
fn marketing_goes_its_own_way_where_that_was_chosen() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    let settings = MarketingMessages::new().with_product_policy(ProductPolicy::CloudApiFallback);
    let meta = simulator.meta().marketing_messages(settings.with_activity_sharing(true)).build().unwrap();
    let sale = Template::new("sale", "en").with_body(["Ada"]);
    for (category, end) in [(Category::Marketing, "/marketing_messages"), (Category::Utility, "/messages")] {
        let message = OutboundMessage::template(user(), sale.clone()).with_category(category);
        let receipt = clock.block_on(meta.send(&message)).unwrap();
        assert!(receipt.message.is_some());
        assert!(simulator.requests().last().unwrap().path.ends_with(end), "{category:?}");
        assert!(simulator.deliveries().last().unwrap().content == sale.clone().into());
    }
}

#[test]
fn every_kind_has_a_sample() {
    for kind in ContentKind::ALL {
        assert_eq!(sample::of(*kind, &meta_sender()).kind(), *kind);
    }
}
