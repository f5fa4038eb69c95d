use bytes::Bytes;
use http::HeaderName;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::testing::conformance::{Element, Seen, Subject, Trouble};
use whatsapp_provider::{Content, WhatsAppProvider};

use super::meta::Meta;

/// A provider whose servers are Meta's, most of the time.
pub(super) struct Wrapped<P> {
    pub(super) provider: P,
    pub(super) inner: Meta,
    /// Whether there are webhooks at all.
    pub(super) receives: bool,
    /// Counts the work, if somebody does.
    pub(super) work: Option<fn(&Self, &http::Request<Bytes>) -> u64>,
}

impl<P: WhatsAppProvider> Wrapped<P> {
    pub(super) fn new(provider: P, inner: Meta) -> Self {
        Self { provider, inner, receives: true, work: None }
    }
}

impl<P: WhatsAppProvider> Subject for Wrapped<P> {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn secrets(&self) -> Vec<String> {
        let accounts = self.inner.world.simulator.accounts();
        self.inner.secrets().into_iter().chain([accounts.auth_token, accounts.account_sid]).collect()
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        if self.receives { self.inner.webhook(elements) } else { None }
    }

    fn max_elements(&self) -> usize {
        self.inner.max_elements()
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        self.inner.signature_headers()
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        self.inner.same_meaning(a, b)
    }

    fn work(&self, request: &http::Request<Bytes>) -> Option<u64> {
        self.work.map(|work| work(self, request))
    }

    fn seen(&self) -> Seen {
        self.inner.seen()
    }

    fn normal(&self, content: Content) -> Content {
        self.inner.normal(content)
    }

    fn clock(&self) -> Option<&dyn Clock> {
        self.inner.clock()
    }

    fn trouble(&self, trouble: Trouble) -> bool {
        self.inner.trouble(trouble)
    }
}
