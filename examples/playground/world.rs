//! The service, the two simulated providers in front of it, and two users.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::failover::{
    Advice, FailoverPolicy, FailoverProvider, HealthPolicy, Route, RouteSwitch,
};
use whatsapp_provider::http_client::RequestBody;
use whatsapp_provider::simulator::{ChatMessage, Side, SimulatedUser, Simulator, WebhookAnswer};
use whatsapp_provider::sink::sink_fn;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{
    Content, EventKind, EventSink, InboundEvent, MessageRef, OutboundMessage, PhoneNumber, ProviderId,
    SenderId, WebhookHandler, WhatsAppProvider,
};

use super::Problem;
use super::actions::How;
use super::contents::{self, TEMPLATE};
use super::journal::Journal;

/// How long a message may take in all, all attempts together: short, so that a lost answer is seen.
const DEADLINE: Duration = Duration::from_secs(6);

/// The users.
const PEOPLE: [Listed; 2] = [
    Listed { key: "ada", name: "Ada", number: "+15557650001" },
    Listed { key: "bob", name: "Bob", number: "+15557650002" },
];

struct Listed {
    key: &'static str,
    name: &'static str,
    number: &'static str,
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) whatsapp: FailoverProvider,
    pub(crate) flag: RouteSwitch,
    pub(crate) journal: Journal,
    pub(crate) people: Vec<Person>,
    /// What is wrong with Meta and with Twilio, and how many messages each had carried when that began.
    broken: Mutex<[(How, usize); 2]>,
    handler: WebhookHandler,
}

pub(crate) struct Person {
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
    pub(crate) user: SimulatedUser,
}

impl World {
    pub(crate) fn new(fails_over: bool) -> Result<Self, Problem> {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let simulator = Simulator::new(Arc::clone(&clock));
        let content_sid = contents::register_templates(&simulator);
        simulator.enforce_windows(true);
        simulator.enforce_pair_rate(true);
        simulator.require_templates(true);

        let journal = Journal::default();
        let flag = RouteSwitch::new(Route::Auto);
        let template = ContentTemplate::new(TEMPLATE, "en", content_sid);
        let twilio = simulator.twilio().template(template).look_up_templates(false).literal_contents(true);
        let whatsapp = FailoverProvider::builder()
            .primary(simulator.meta().build()?)
            .fallback(twilio.build()?)
            .route(flag.clone())
            .policy(policy(fails_over))
            .health(health())
            .observer(journal.clone())
            .clock(Arc::clone(&clock))
            .build()?;
        let handler = WebhookHandler::builder(whatsapp.clone(), bot(whatsapp.clone(), journal.clone()));
        let person = |listed: &Listed| {
            let user = simulator.user(PhoneNumber::parse(listed.number)?);
            Ok(Person { key: listed.key, name: listed.name, user })
        };
        let people = PEOPLE.iter().map(person).collect::<Result<_, Problem>>()?;
        let handler = handler.clock(clock).build()?;
        Ok(Self {
            simulator,
            whatsapp,
            flag,
            journal,
            people,
            broken: Mutex::new([(How::Well, 0); 2]),
            handler,
        })
    }

    /// Lets both providers post to the service, for ever.
    pub(crate) async fn post_webhooks(&self) {
        let service = async |request: http::Request<bytes::Bytes>| {
            let from =
                if request.headers().contains_key("x-twilio-signature") { Side::Twilio } else { Side::Meta };
            let answer = self.handler.handle(request.map(RequestBody::new)).await;
            if !answer.status().is_success() {
                self.journal.refused_webhook(from, answer.status());
            }
            WebhookAnswer::from(answer)
        };
        self.simulator.post_webhooks(service).await;
    }

    pub(crate) fn person(&self, key: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.key == key)
    }

    /// The last message that a user wrote to Meta's number.
    pub(crate) fn last_written(&self, person: &Person) -> Option<MessageRef> {
        let sender = SenderId::new(ProviderId::META, self.simulator.accounts().phone_number_id);
        let chat = person.user.chat(Side::Meta).into_iter().rev();
        let written = chat.filter(|entry| matches!(entry.said, ChatMessage::FromUser(_)));
        written.map(|entry| MessageRef::new(sender.clone(), entry.message_id)).next()
    }

    /// What is wrong with each side: Meta, Twilio.
    pub(crate) fn broken(&self) -> [How; 2] {
        let [meta, twilio] = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let now = |side, (how, carried)| match how {
            // One message, and all is well again.
            How::LoseAnswer if self.carried(side) > carried => How::Well,
            how => how,
        };
        [now(Side::Meta, meta), now(Side::Twilio, twilio)]
    }

    pub(crate) fn is_broken_now(&self, side: Side, how: How) {
        let carried = self.carried(side);
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let [meta, twilio] = &mut *broken;
        *if side == Side::Meta { meta } else { twilio } = (how, carried);
    }

    /// How many messages reached users by this side.
    pub(crate) fn carried(&self, side: Side) -> usize {
        self.simulator.deliveries().iter().filter(|delivery| delivery.side == side).count()
    }

    /// Sends a message in the background: how it ends is told by the journal.
    pub(crate) fn send(&self, to: &Person, what: &str, content: Content) {
        let message = OutboundMessage::new(to.user.phone(), content)
            .or(contents::template(to.name))
            .with_reference(format!("{what} to {}", to.name))
            .with_deadline(DEADLINE);
        let whatsapp = self.whatsapp.clone();
        tokio::spawn(async move {
            let _ = whatsapp.send(&message).await;
        });
    }
}

/// Times short enough to be watched; the defaults are several times as long.
fn health() -> HealthPolicy {
    HealthPolicy::default()
        .with_failures(2)
        .with_stalled(1, Duration::from_secs(3))
        .with_open(Duration::from_secs(4), Duration::from_secs(8))
        .with_blocked(Duration::from_secs(4), Duration::from_secs(8))
        .with_pause(Duration::from_secs(3), Duration::from_secs(10))
        .with_fail_back(Duration::from_secs(2))
}

/// A conversation stays where it is for a moment only, so that the way back is seen.
fn policy(fails_over: bool) -> FailoverPolicy {
    let policy = FailoverPolicy::default().with_pins(Duration::from_secs(3), Duration::from_secs(3));
    if fails_over { policy } else { policy.with_max_attempts(1) }
}

/// What the service does with events: a bot answers what users write, and what failed after it was accepted goes out as
/// a template where that is the advice.
fn bot(whatsapp: FailoverProvider, journal: Journal) -> impl EventSink {
    sink_fn(move |events: Vec<InboundEvent>| {
        let (whatsapp, journal) = (whatsapp.clone(), journal.clone());
        async move {
            for event in events {
                journal.arrived(&event);
                let Some(message) = answer(&whatsapp, &journal, &event) else { continue };
                let (whatsapp, message) = (whatsapp.clone(), message.with_deadline(DEADLINE));
                // A service with a queue would let a worker do this; see the example `gateway`.
                tokio::spawn(async move {
                    let _ = whatsapp.send(&message).await;
                });
            }
            Ok(())
        }
    })
}

/// What is sent because of an event.
fn answer(whatsapp: &FailoverProvider, journal: &Journal, event: &InboundEvent) -> Option<OutboundMessage> {
    match event.kind() {
        EventKind::Message(message) => {
            let answer = contents::answer(message)?;
            Some(event.reply(Content::text(answer)).with_reference("the bot's answer"))
        }
        EventKind::Status(status) => match whatsapp.advise(event) {
            Advice::Resend { via, .. } => {
                let to = status.to.phone?;
                journal.failed_later(status);
                let name = PEOPLE.iter().find(|person| person.number == to.to_e164())?.name;
                let message = OutboundMessage::new(to, contents::template(name))
                    .with_reference(format!("a template to {name} instead"));
                Some(match via {
                    Some(via) => message.with_via(via),
                    None => message,
                })
            }
            _ => None,
        },
        _ => None,
    }
}
