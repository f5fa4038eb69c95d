//! Both providers without an account: a machine that answers like Meta's Graph API and like Twilio, with users who get
//! messages, read them and write back.
//!
//! It has two doors. [`Simulator::http_client`] is an [`HttpClient`] without sockets whose time is the clock's, so that
//! a test with a [`TestClock`](crate::testing::TestClock) takes no time and gives the same answers byte for byte every
//! time. `Simulator::serve` listens on a loopback socket in real time, for clients that are not written in Rust, and for
//! tests of what only a socket can do. Both lead to the same machine.
//!
//! ```
//! use std::sync::Arc;
//! use whatsapp_provider::PhoneNumber;
//! use whatsapp_provider::simulator::{Side, Simulator};
//! use whatsapp_provider::testing::TestClock;
//!
//! let simulator = Simulator::new(Arc::new(TestClock::new()));
//! let ada = simulator.user(PhoneNumber::parse("+15557654321")?);
//!
//! let webhook = ada.writes(Side::Meta, "Hi");
//! assert!(webhook.request.headers().contains_key("x-hub-signature-256"));
//! assert!(ada.received().is_empty());
//! # Ok::<(), whatsapp_provider::InvalidPhoneNumber>(())
//! ```
//!
//! # A test of a bot
//!
//! A bot answers what users write, and the simulator posts to it as the providers would: messages, statuses, and both
//! once more if they are not taken. Everything takes the test clock's time, so ten seconds take none.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use whatsapp_provider::http_client::RequestBody;
//! use whatsapp_provider::simulator::{Side, Simulator};
//! use whatsapp_provider::sink::{SinkError, sink_fn};
//! use whatsapp_provider::testing::TestClock;
//! use whatsapp_provider::{Content, EventKind, EventSink, PhoneNumber, WebhookHandler, WhatsAppProvider};
//!
//! fn bot(whatsapp: impl WhatsAppProvider + Clone) -> impl EventSink {
//!     sink_fn(move |events| {
//!         let whatsapp = whatsapp.clone();
//!         async move {
//!             for event in events {
//!                 let EventKind::Message(message) = event.kind() else { continue };
//!                 let answer = format!("You wrote: {}", message.text().unwrap_or("nothing"));
//!                 whatsapp.send(&event.reply(Content::text(answer))).await.map_err(SinkError::unavailable)?;
//!             }
//!             Ok(())
//!         }
//!     })
//! }
//!
//! let clock = TestClock::new();
//! let simulator = Simulator::new(Arc::new(clock.clone()));
//! let whatsapp = simulator.meta().build()?;
//! let service =
//!     WebhookHandler::builder(whatsapp.clone(), bot(whatsapp)).clock(Arc::new(clock.clone())).build()?;
//!
//! let ada = simulator.user(PhoneNumber::parse("+15557654321")?);
//! simulator.post(ada.writes(Side::Meta, "hello"));
//! clock.block_on(simulator.post_webhooks_for(Duration::from_secs(10), |webhook| {
//!     service.handle(webhook.map(RequestBody::new))
//! }));
//! assert_eq!(ada.received()[0].content, Content::text("You wrote: hello"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it does not do
//!
//! It knows the requests that this version of the crate makes, and refuses others as an address that does not exist.
//! It checks what the providers check about the shape of a request and only a few of their limits: that a message over
//! a limit is never sent is for [`check`](crate::WhatsAppProvider::check). Meta's side keeps the files that are uploaded and
//! those that users send, for as long as the real one; no link is fetched, and Twilio's side
//! keeps what users send and nothing else.
//!
//! Each side has one number. What a service answers to a webhook is looked at for its status only: TwiML sends nothing.
//!
//! Not covered by the promise of semantic versioning.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Uri;
use tokio::sync::Notify;

use crate::address::PhoneNumber;
use crate::clock::Clock;
use crate::http_client::HttpClient;

mod accounts;
mod chat;
mod client;
mod delivery;
mod fault;
#[cfg(test)]
mod harness;
mod limits;
mod meta;
mod notice;
mod outbox;
mod people;
mod posting;
// `Simulator::meta()` and `Simulator::twilio()`, which need the provider wings:
mod providers;
mod reaction;
mod redelivery;
mod rules;
mod script;
#[cfg(not(target_family = "wasm"))]
mod server;
mod state;
mod status;
mod templates;
mod timeline;
mod twilio;
mod user;
mod webhook;

pub use accounts::{Side, SimulatedAccounts};
pub use chat::{ChatEntry, ChatMessage, Tick};
pub use delivery::{Delivery, SimulatedRequest};
pub use fault::Fault;
pub use posting::PostedWebhook;
pub use redelivery::WebhookAnswer;
pub use script::{Change, Script};
#[cfg(not(target_family = "wasm"))]
pub use server::SimulatorServer;
pub use status::StatusOrder;
pub use timeline::{Happening, TimelineEntry};
pub use user::{SimulatedUser, UserMessage};
pub use webhook::SimulatedWebhook;

use state::State;

/// Meta, Twilio and their users, in memory. A clone is the same simulator.
#[derive(Clone)]
pub struct Simulator(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    accounts: SimulatedAccounts,
    state: Mutex<State>,
    /// Something was put into the outbox.
    filled: Arc<Notify>,
    #[cfg(not(target_family = "wasm"))]
    doors: server::Doors,
    #[cfg(not(target_family = "wasm"))]
    script_began: Notify,
}

impl Simulator {
    /// A simulator in which nothing has happened, with the time of `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let filled = Arc::new(Notify::new());
        Self(Arc::new(Inner {
            accounts: SimulatedAccounts::invented(),
            state: Mutex::new(State::new(Arc::clone(&clock), Arc::clone(&filled))),
            filled,
            clock,
            #[cfg(not(target_family = "wasm"))]
            doors: server::Doors::default(),
            #[cfg(not(target_family = "wasm"))]
            script_began: Notify::new(),
        }))
    }

    /// The business's accounts at both providers.
    pub fn accounts(&self) -> SimulatedAccounts {
        let mut accounts = self.0.accounts.clone();
        accounts.webhook_url = self.state().webhook_url.to_string();
        accounts
    }

    /// The virtual door: an HTTP client for whom every address is the simulator, whatever its host.
    ///
    /// A request takes the side's latency, half of it to connect and half of it until the answer.
    pub fn http_client(&self) -> Arc<dyn HttpClient> {
        Arc::new(client::VirtualClient::new(self.clone()))
    }

    /// Sets where webhooks are posted: all of Meta's, and Twilio's inbound messages. Twilio's statuses go to the
    /// `StatusCallback` of their message.
    pub fn set_webhook_url(&self, url: Uri) {
        self.state().webhook_url = url;
    }

    /// The user with this number. Every number has one, who has WhatsApp.
    pub fn user(&self, phone: PhoneNumber) -> SimulatedUser {
        SimulatedUser::new(self.clone(), phone)
    }

    /// Every message that reached a user, in the order in which they arrived at the two APIs; what had to wait for a phone,
    /// in the order in which it came there.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    /// Every request that arrived, in order. One that was refused a connection did not arrive.
    pub fn requests(&self) -> Vec<SimulatedRequest> {
        self.state().requests.clone()
    }

    /// Everything that happened between the service, the providers and the users, in the order of its times: requests,
    /// refused connections, messages that reached users, webhooks of which it was told how they
    /// [ended](Self::answered).
    ///
    /// With a [`TestClock`](crate::testing::TestClock), and a service that takes time and random numbers from it only,
    /// the same seed gives the same timeline.
    pub fn timeline(&self) -> Vec<TimelineEntry> {
        let now = self.0.clock.now();
        let mut timeline = self.state().timeline.clone();
        // A message may have been accepted for a later time.
        timeline.retain(|entry| entry.at <= now);
        timeline.sort_by_key(|entry| entry.at);
        timeline
    }

    /// Forgets the requests, the webhooks and the deliveries so far, and what Twilio accepted more than an hour ago: for runs so long
    /// that they would fill the memory.
    pub fn forget(&self) {
        let now = self.0.clock.now();
        self.state().forget(now);
    }

    /// Merges webhooks of Meta's into one post with an entry for each, as Meta does under load. `None` if there is none
    /// to merge, one of them is forged, or one is Twilio's, which posts every webhook by itself.
    pub fn batch(&self, webhooks: Vec<SimulatedWebhook>) -> Option<SimulatedWebhook> {
        let url = self.state().webhook_url.clone();
        webhook::batch(&self.0.accounts, &url, &webhooks)
    }

    /// The request by which Meta makes sure that the webhook's address is the business's own. The answer must be
    /// `challenge`.
    pub fn meta_handshake(&self, challenge: &str) -> http::Request<bytes::Bytes> {
        let url = self.state().webhook_url.clone();
        webhook::handshake(&self.0.accounts, &url, challenge)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of somebody else's thread must not hide what a test has seen so far.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Simulator")
            .field("requests", &state.requests.len())
            .field("deliveries", &state.deliveries.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
