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
//! those that users send, for as long as the real one; no link is fetched, and Twilio's side keeps no files.
//!
//! Not covered by the promise of semantic versioning.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Uri;
use tokio::sync::Notify;

use crate::address::PhoneNumber;
use crate::clock::Clock;
use crate::http_client::HttpClient;

mod accounts;
mod client;
mod delivery;
mod fault;
#[cfg(test)]
mod harness;
mod limits;
mod meta;
mod outbox;
mod posting;
// `Simulator::meta()` and `Simulator::twilio()`, which need the provider wings:
mod providers;
mod reaction;
mod redelivery;
mod script;
#[cfg(not(target_family = "wasm"))]
mod server;
mod state;
mod status;
mod timeline;
mod twilio;
mod user;
mod webhook;

pub use accounts::{Side, SimulatedAccounts};
pub use delivery::{Delivery, SimulatedRequest};
pub use fault::Fault;
pub use posting::PostedWebhook;
pub use redelivery::WebhookAnswer;
pub use script::{Change, Script};
#[cfg(not(target_family = "wasm"))]
pub use server::SimulatorServer;
pub use status::StatusOrder;
pub use timeline::{Happening, TimelineEntry};
pub use user::SimulatedUser;
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

    /// Sets how long a request takes. Through the virtual door the default is 80 ms; on a socket it comes on top of
    /// the socket's own, and the default is nothing.
    pub fn set_latency(&self, side: Side, latency: Duration) {
        self.state().faults(side).latency = Some(latency);
    }

    /// Breaks one side for every request from now on, until it is replaced. `None` heals it, of what
    /// [`fault_next`](Self::fault_next) has asked for as well.
    pub fn set_fault(&self, side: Side, fault: Option<Fault>) {
        self.state().faults(side).set(fault);
        #[cfg(not(target_family = "wasm"))]
        self.0.doors.follow(|| self.state().refusing());
    }

    /// Breaks the next request of one side that sends a message. Several calls are used up in order, one each, before
    /// what [`set_fault`](Self::set_fault) says.
    ///
    /// A [`Fault::Refuse`] comes before a body is seen, so through the virtual door it also takes a request that marks
    /// a message as read, which has the same address at Meta. On a socket it can only drop the connection once the
    /// request is there; set it to stay if new connections must be refused.
    pub fn fault_next(&self, side: Side, fault: Fault) {
        self.state().faults(side).queued.push_back(fault);
    }

    /// Begins a script for one side, in the place of the one that it had. What else was set for the side stays until the
    /// script changes it.
    pub fn run_script(&self, side: Side, script: Script) {
        let now = self.0.clock.now();
        let mut state = self.state();
        let faults = state.faults(side);
        faults.run(script, now);
        faults.follow_script(now);
        drop(state);
        #[cfg(not(target_family = "wasm"))]
        {
            self.0.doors.follow(|| self.state().refusing());
            self.0.script_began.notify_waiters();
        }
    }

    /// Whether a message that is no template is refused more than 24 hours after the user last wrote to that side's
    /// number. Default `false`. Meta refuses at once (131047); Twilio accepts, and a status tells of the failure
    /// (63016), as the real ones do.
    pub fn enforce_windows(&self, enforce: bool) {
        self.state().enforce_windows = enforce;
    }

    /// Whether Meta refuses a template that is [not registered](Self::register_template) or not approved (132001), that
    /// is paused (132015) or disabled (132016), or whose body has another number of places (132000). Default `false`: a
    /// message may name any template. Twilio always knows its contents; what was not approved is free-form there.
    pub fn require_templates(&self, require: bool) {
        self.state().require_templates = require;
    }

    /// Whether a user may get no more than a message every six seconds from one number, of which 45 may come at once
    /// at the expense of those that follow. Default `false`. Meta refuses at once (131056); Twilio accepts, and a status
    /// tells of the failure (63018).
    pub fn enforce_pair_rate(&self, enforce: bool) {
        self.state().limits.enforce_pairs = enforce;
    }

    /// Sets how many messages in a second one side's number may send, if there is a limit. Default `None`; the real ones
    /// begin with 80. Meta refuses what is over it (130429). Twilio sends it later, and refuses what it could not send
    /// within four hours (21611).
    pub fn set_throughput(&self, side: Side, per_second: Option<NonZeroU32>) {
        let mut state = self.state();
        match side {
            Side::Meta => state.limits.meta_rate = per_second,
            Side::Twilio => state.limits.twilio_rate = per_second,
        }
    }

    /// Sets in which order the statuses of messages that are accepted from now on are posted.
    pub fn set_status_order(&self, order: StatusOrder) {
        self.state().statuses.order = order;
    }

    /// Sets how many more times each status of messages that are accepted from now on is posted, ten seconds after one
    /// another. Default 0.
    pub fn repeat_statuses(&self, repetitions: u32) {
        self.state().statuses.repetitions = repetitions;
    }

    /// Puts a template into the list of Meta's account: its name, its language, the text of its body, and its status in
    /// Meta's word (`APPROVED`, `PAUSED`). One that is there already is replaced.
    pub fn register_template(&self, name: &str, language: &str, body: &str, status: &str) {
        let mut state = self.state();
        let template = meta::RegisteredTemplate::new(state.next_id(), body, status);
        state.templates.insert((name.to_owned(), language.to_owned()), template);
    }

    /// Makes an approved template known to Twilio under a `ContentSid` (`HX` and 32 hexadecimal digits). The template's body is
    /// filled by these `ContentVariables`, in this order; one whose key is no number fills the place of that name.
    /// A message that names an unknown `ContentSid` is refused (21655).
    pub fn register_content<V: Into<String>>(
        &self,
        content_sid: &str,
        name: &str,
        language: &str,
        body_variables: impl IntoIterator<Item = V>,
    ) {
        let variables = body_variables.into_iter().map(Into::into).collect();
        let content = twilio::RegisteredContent::body(name, language, variables, self.0.clock.now());
        self.state().contents.insert(content_sid.to_owned(), content);
    }

    /// Makes an authentication template known to Twilio, whose variable `1` is the one-time code.
    pub fn register_one_time_code(&self, content_sid: &str, name: &str, language: &str) {
        let content = twilio::RegisteredContent::one_time_code(name, language, self.0.clock.now());
        self.state().contents.insert(content_sid.to_owned(), content);
    }

    /// Decides about a content's request to be approved as a template, in Twilio's word (`approved`, `rejected`, `paused`).
    /// An approved one is a template from then on. One that nobody asked to approve stays as it is.
    pub fn decide_about_content(&self, content_sid: &str, decision: &str) {
        if let Some(content) = self.state().contents.get_mut(content_sid) {
            content.decide(decision);
        }
    }

    /// The user with this number. Every number has one, who has WhatsApp.
    pub fn user(&self, phone: PhoneNumber) -> SimulatedUser {
        SimulatedUser::new(self.clone(), phone)
    }

    /// Every message that reached a user, in the order in which they arrived at the two APIs.
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
        let mut timeline = self.state().timeline.clone();
        // A message may have been accepted for a later time.
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
    /// to merge, or one of them is Twilio's, which posts every webhook by itself.
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
