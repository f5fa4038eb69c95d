//! Many numbers behind one provider: a directory of lines that may change while traffic flows.
//!
//! A *line* is one business presence: the senders that stand in for each other. Usually it is a failover of a Meta number
//! and a Twilio number; any provider will do. [`Lines`] is itself a [`WhatsAppProvider`], so that one
//! [`WebhookHandler`](crate::WebhookHandler) serves all of them:
//!
//! ```
//! use whatsapp_provider::sink::sink_fn;
//! use whatsapp_provider::{ErrorKind, LineId, Lines, OutboundMessage, PhoneNumber, SenderId, WebhookHandler};
//! use whatsapp_provider::{WhatsAppProvider, lines::LineError};
//! # use whatsapp_provider::testing::{EventMaker, MemoryProvider, TestClock};
//! # let clock = TestClock::new();
//! # let provider = |id: &str| Ok::<_, Box<dyn std::error::Error>>(MemoryProvider::new(id.parse()?).with_sender("1"));
//! # let (berlin, lagos) = (provider("meta-berlin")?, provider("meta-lagos")?);
//! # let at_lagos = lagos.clone();
//!
//! let lines = Lines::new();
//! let handler = WebhookHandler::builder(lines.clone(), sink_fn(|_events| async { Ok(()) }))
//! #   .clock(std::sync::Arc::new(clock.clone()))
//!     .build()?;
//!
//! // The first number, and one that comes later.
//! lines.insert("berlin".parse()?, berlin)?;
//! lines.insert("lagos".parse()?, lagos)?;
//!
//! let to = PhoneNumber::parse("+15551234567")?;
//! let from = SenderId::new("meta-lagos".parse()?, "1");
//! let message = OutboundMessage::text(to, "Your table is ready").with_from(from.clone());
//! # clock.block_on(async {
//! let receipt = lines.send(&message).await?;
//! assert_eq!(receipt.provider.as_str(), "meta-lagos");
//!
//! // It sends nothing more; what comes for it is still received.
//! let lagos: LineId = "lagos".parse()?;
//! lines.retire(&lagos)?;
//! assert_eq!(lines.send(&message).await.unwrap_err().kind(), ErrorKind::NoRoute);
//! # let webhook = at_lagos.webhook(&[EventMaker::new(from).text("15557654321", "Hi")])?;
//! # let webhook = webhook.map(|body| axum::body::Body::from(body));
//! assert_eq!(handler.handle(webhook).await.status(), 200);
//!
//! // Later, when its last statuses are there.
//! assert!(lines.remove(&lagos).is_some());
//! assert_eq!(lines.retire(&lagos), Err(LineError::Missing { line: lagos }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which line sends
//!
//! The one that has the message's [`from`](crate::OutboundMessage::with_from), which goes along to its provider. To let a
//! line choose among its senders, name the line: [`send_by`](Lines::send_by). A message without `from` goes to the only
//! line if there is exactly one, retired ones counted. All else is refused before any request, as
//! [`NoRoute`](crate::ErrorKind::NoRoute) with the field `from` (or `line`, if that is retired) and a [`LineError`] as its
//! source: the message is in order, and what is missing is a line for it.
//!
//! Every call sees the directory as it was at one moment. A send that is under way when its line is retired, replaced or
//! removed ends at the provider with which it began.
//!
//! A sender belongs to the line whose provider lists it. One that none lists belongs to the only line that
//! [receives for it](crate::WhatsAppProvider::receives_for), such as a Messaging Service for the numbers of its pool. If
//! several would, it is nobody's: give lines with a Messaging Service provider ids of their own.
//!
//! Lines of different applications or accounts should have different provider ids: who knows the secret of one could
//! otherwise write webhooks in the name of another's senders. What is for a sender of no line comes out as the line reads it
//! that verified the webhook.
//!
//! # What a webhook costs
//!
//! A webhook is held against one line after the other until one signature holds. First come the lines whose senders stand in
//! it, then the one that held last, so a genuine webhook mostly costs one check. **A forged one costs a check by every
//! line that recognises it**: for 1,000 numbers of one application 1,000 HMACs of the body, since a secret does not tell
//! whether it is another line's too. Where that is too much, give the application's secret to one more line, a `MetaCloud`
//! with the secret and without a number, and none to the others: those have nothing to check with, and a forged
//! webhook costs one HMAC. (Requests can be proven by `appsecret_proof_with` all the same.) All of them must have the same
//! provider id then, or the events have the id of the one that checked; and each must be told its `account_id`, or news of
//! one account concern them all.
//!
//! A webhook with events of several lines is read by each of them whose provider id differs from that of the line that
//! read it first: ten such lines, ten checks and ten readings.
//!
//! # What is asked when
//!
//! A provider's [`senders`](crate::WhatsAppProvider::senders) are looked at when it is inserted or put in another one's place,
//! and not later: [`replace`](Lines::replace) a line whose senders have changed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

mod directory;
mod error;
mod line_id;
mod provider;
#[cfg(test)]
mod tests;

pub use error::LineError;
pub use line_id::{InvalidLineId, LineId};

use directory::{Directory, Line};

use crate::error::Result;
use crate::ids::{ProviderId, SenderId};
use crate::outbound::{OutboundMessage, SendReceipt};
use crate::provider::WhatsAppProvider;

/// A directory of lines. A clone is the same directory. See [the module](self).
#[derive(Clone)]
pub struct Lines(Arc<Inner>);

struct Inner {
    id: ProviderId,
    /// Replaced as a whole; no provider is asked anything while it is held.
    directory: RwLock<Arc<Directory>>,
    /// The line whose signature held last.
    verified: Mutex<Option<LineId>>,
}

impl Lines {
    /// A directory without lines, called `lines`.
    pub fn new() -> Self {
        Self::with_id(ProviderId::LINES)
    }

    /// A directory without lines, by another name.
    pub fn with_id(id: ProviderId) -> Self {
        Self(Arc::new(Inner { id, directory: RwLock::default(), verified: Mutex::default() }))
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// [`LineError::Exists`] if there is a line of this name, [`LineError::SenderTaken`] if another line, retired or not,
    /// has one of its senders. Nothing has changed then.
    pub fn insert(&self, id: LineId, provider: impl WhatsAppProvider) -> Result<(), LineError> {
        let line = Line::new(Arc::new(provider));
        self.change(|directory| directory.insert(id, line))
    }

    /// Puts another provider in the place of a line's, and hands back the one before. A retired line is in use again.
    ///
    /// # Errors
    ///
    /// [`LineError::Missing`] if there is no line of this name, [`LineError::SenderTaken`] if another line has one of the
    /// new senders. Nothing has changed then.
    pub fn replace(
        &self,
        id: LineId,
        provider: impl WhatsAppProvider,
    ) -> Result<Arc<dyn WhatsAppProvider>, LineError> {
        let line = Line::new(Arc::new(provider));
        self.change(|directory| directory.replace(id, line))
    }

    /// Lets a line send no more messages. Its webhooks are received as before, and so are its users' media files. To retire
    /// it again changes nothing.
    ///
    /// # Errors
    ///
    /// [`LineError::Missing`] if there is no line of this name.
    pub fn retire(&self, id: &LineId) -> Result<(), LineError> {
        if self.is_retired(id) {
            return Ok(());
        }
        self.change(|directory| directory.retire(id))
    }

    /// Takes a line out, and hands back its provider. Webhooks for it are refused from now on, unless another line holds
    /// them to be genuine; [retire](Self::retire) it first, and wait for the statuses of its last messages.
    pub fn remove(&self, id: &LineId) -> Option<Arc<dyn WhatsAppProvider>> {
        self.change(|directory| directory.remove(id).ok_or(())).ok()
    }

    /// The provider of a line. `None` if there is none, or it is retired.
    pub fn line(&self, id: &LineId) -> Option<Arc<dyn WhatsAppProvider>> {
        self.now().named(id).ok().cloned()
    }

    /// The line that a sender belongs to, retired or not.
    pub fn line_of(&self, sender: &SenderId) -> Option<LineId> {
        self.now().line_of(sender).map(|(id, _)| id.clone())
    }

    /// Whether a line is there and retired.
    pub fn is_retired(&self, id: &LineId) -> bool {
        self.now().lines.get(id).is_some_and(|line| line.retired)
    }

    /// The lines there are, retired ones too, in the order of their names.
    pub fn ids(&self) -> impl Iterator<Item = LineId> + use<> {
        self.now().lines.keys().cloned().collect::<Vec<_>>().into_iter()
    }

    /// How many lines there are, retired ones too.
    pub fn len(&self) -> usize {
        self.now().lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends a message by a line, which chooses the sender unless the message names one.
    ///
    /// # Errors
    ///
    /// [`NoRoute`](crate::ErrorKind::NoRoute) with the field `line` and a [`LineError`] as its source if there is no such line
    /// or it is retired; otherwise as [`send`](WhatsAppProvider::send) of its provider.
    pub async fn send_by(&self, id: &LineId, message: &OutboundMessage) -> Result<SendReceipt> {
        let line = self.now().named(id).cloned().map_err(|error| self.refusal(error))?;
        line.send(message).await
    }

    /// The lines as they are now.
    fn now(&self) -> Arc<Directory> {
        Arc::clone(&self.0.directory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a changed copy in the place of the directory, unless the change fails.
    fn change<T, E>(&self, change: impl FnOnce(&mut Directory) -> Result<T, E>) -> Result<T, E> {
        let mut place = self.0.directory.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = Directory::clone(&place);
        let done = change(&mut next)?;
        next.revision += 1;
        *place = Arc::new(next);
        Ok(done)
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("id", &self.0.id)
            .field("lines", &self.now().lines.keys())
            .finish_non_exhaustive()
    }
}
