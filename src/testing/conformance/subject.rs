use bytes::Bytes;

use crate::address::Recipient;
use crate::clock::Clock;
use crate::ids::AttemptId;
use crate::outbound::{Content, OutboundMessage};
use crate::provider::WhatsAppProvider;
use crate::redact::redacted_debug;

/// A provider; how its webhooks are written; and how what it sent is read back.
///
/// One that only receives has no [senders](WhatsAppProvider::senders), and needs nothing of the second half: the suite then
/// sees to it that it sends nothing. One that only sends writes no [`webhook`](Self::webhook), and needs nothing else of
/// the first half: the suite then sees to it that it takes none.
pub trait Subject {
    /// The provider, configured to verify what [`webhook`](Self::webhook) signs.
    fn provider(&self) -> &dyn WhatsAppProvider;

    /// Every secret the provider was given: none of them may ever be printed.
    fn secrets(&self) -> Vec<String>;

    /// A genuine webhook, signed, that brings these elements in this order. It is never asked for more than
    /// [`max_elements`](Self::max_elements). `None`, always, if the provider receives nothing.
    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>>;

    /// The most elements that one webhook can bring.
    fn max_elements(&self) -> usize {
        1
    }

    /// The names of the headers that hold the signature. By default there are none, which only goes with a provider that
    /// receives nothing.
    fn signature_headers(&self) -> Vec<http::HeaderName> {
        Vec::new()
    }

    /// Whether two requests mean the same to the provider although they differ in a bit, such as the case of a
    /// hexadecimal digit. By default they do if they are equal.
    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        a.body() == b.body() && a.headers() == b.headers()
    }

    /// How much work it is to [take](super::take) this request, in a unit of your own that is the same every time, such as
    /// instructions; what every call costs in any case may be in it. By default nobody counts, and the law about it is not
    /// held against the provider.
    ///
    /// A library cannot count instructions. Valgrind can: run a program under `--tool=cachegrind` that reads a request from
    /// a file and takes it.
    fn work(&self, request: &http::Request<Bytes>) -> Option<u64> {
        let _ = request;
        None
    }

    /// What the provider's servers, or their stand-in, have seen since this was last asked. By default nothing, which
    /// only goes with a provider that sends nothing.
    fn seen(&self) -> Seen {
        Seen::default()
    }

    /// What a content is after it was sent: the provider's normal form. What the receipt says was dropped need not be
    /// taken out of it. By default it is what it was.
    fn normal(&self, content: Content) -> Content {
        content
    }

    /// Whom to send to, each by what the provider can be told. By default to a phone number.
    fn recipients(&self) -> Vec<Recipient> {
        super::messages::recipient().into_iter().collect()
    }

    /// Messages of your own that the suite holds the laws against as well.
    fn messages(&self) -> Vec<OutboundMessage> {
        Vec::new()
    }

    /// The provider's clock, if it can be asked: without it nobody looks at deadlines.
    fn clock(&self) -> Option<&dyn Clock> {
        None
    }

    /// Lets every send go wrong like this from now on, and answers whether it can. By default it cannot.
    fn trouble(&self, trouble: Trouble) -> bool {
        let _ = trouble;
        false
    }
}

/// An element of a webhook that the suite asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element<'a> {
    /// A text message.
    Text {
        /// The message's id.
        id: &'a str,
        /// The user's phone number, digits only.
        from: &'a str,
        /// The text: letters of any language, signs and emoji, but no line breaks, quotes or backslashes.
        body: &'a str,
    },
    /// An element that has no id, always the same.
    WithoutId,
    /// Something that cannot be understood: of an unknown type, of a wrong shape, or no element at all. The number
    /// chooses one of several sorts; any number must do.
    Garbage(usize),
}

impl<'a> Element<'a> {
    /// A text message.
    pub const fn text(id: &'a str, from: &'a str, body: &'a str) -> Self {
        Self::Text { id, from, body }
    }
}

/// What a provider's servers have seen.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Seen {
    /// The messages that reached users, in order.
    pub delivered: Vec<Delivered>,
    /// How many requests arrived, of any sort.
    pub requests: usize,
}

impl Seen {
    /// These messages, and as many requests.
    pub fn new(delivered: impl IntoIterator<Item = Delivered>) -> Self {
        let delivered: Vec<_> = delivered.into_iter().collect();
        Self { requests: delivered.len(), delivered }
    }

    /// Says how many requests arrived, where that can be seen: then one that delivers nothing is noticed as well.
    #[must_use]
    pub fn with_requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }
}

/// A message that reached a user.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Delivered {
    /// What it says.
    pub content: Content,
    /// The attempt that sent it, if its id goes on the wire.
    pub attempt: Option<AttemptId>,
    /// The caller's own name for it, as a status will bring it back.
    pub reference: Option<String>,
    /// Whether it quotes another message, if that can be seen.
    pub quotes: Option<bool>,
    /// The hash that the user's identity key must have.
    pub identity_key_hash: Option<String>,
}

impl Delivered {
    /// A message of which nothing but its content is seen.
    pub fn new(content: Content) -> Self {
        Self { content, attempt: None, reference: None, quotes: None, identity_key_hash: None }
    }

    /// Says which attempt sent it.
    #[must_use]
    pub fn with_attempt(mut self, attempt: AttemptId) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// Says what the caller called it.
    #[must_use]
    pub fn with_reference(mut self, reference: Option<String>) -> Self {
        self.reference = reference;
        self
    }

    /// Says whether it quotes another one.
    #[must_use]
    pub fn with_quotes(mut self, quotes: bool) -> Self {
        self.quotes = Some(quotes);
        self
    }

    /// Says which hash the user's identity key must have.
    #[must_use]
    pub fn with_identity_key_hash(mut self, hash: Option<String>) -> Self {
        self.identity_key_hash = hash;
        self
    }
}

redacted_debug! {
    Delivered { content, attempt, quotes }
}

/// What the suite asks a [`Subject`] to let go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing any more.
    None,
    /// The provider's servers refuse every message, in words that repeat what they were told.
    Refusal,
    /// They take every message and never answer.
    Silence,
}
