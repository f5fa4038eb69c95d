//! The lines as they are at one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{LineError, LineId};
use crate::ids::{ProviderId, SenderId};
use crate::inbound::{EventKind, InboundEvent};
use crate::provider::WhatsAppProvider;
use crate::webhook::WebhookRequest;

/// One line.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) provider: Arc<dyn WhatsAppProvider>,
    /// As it listed them when it came.
    pub(super) senders: Vec<SenderId>,
    pub(super) retired: bool,
}

impl Line {
    pub(super) fn new(provider: Arc<dyn WhatsAppProvider>) -> Self {
        Self { senders: provider.senders(), provider, retired: false }
    }

    /// Whether it might read an event of `sender` as its own, by whatever name it has for that provider.
    fn may_receive_for(&self, sender: &SenderId) -> bool {
        let mut providers: BTreeSet<&ProviderId> =
            self.senders.iter().map(|sender| &sender.provider).collect();
        providers.insert(self.provider.id());
        let named = |provider: &ProviderId| SenderId::new(provider.clone(), sender.id.as_str());
        providers.into_iter().any(|provider| self.provider.receives_for(&named(provider)))
    }
}

/// A snapshot: it never changes, its successor takes its place. A copy whose change failed is thrown away.
#[derive(Clone, Default)]
pub(super) struct Directory {
    pub(super) lines: BTreeMap<LineId, Line>,
    by_sender: HashMap<SenderId, LineId>,
    /// By what a webhook calls a sender, whatever provider that is of.
    by_name: HashMap<String, BTreeSet<LineId>>,
    pub(super) revision: u64,
}

impl Directory {
    pub(super) fn insert(&mut self, id: LineId, line: Line) -> Result<(), LineError> {
        if self.lines.contains_key(&id) {
            return Err(LineError::Exists { line: id });
        }
        self.put(id, line).map(drop)
    }

    pub(super) fn replace(&mut self, id: LineId, line: Line) -> Result<Arc<dyn WhatsAppProvider>, LineError> {
        self.put(id.clone(), line)?.ok_or(LineError::Missing { line: id })
    }

    pub(super) fn retire(&mut self, id: &LineId) -> Result<(), LineError> {
        let line = self.lines.get_mut(id).ok_or_else(|| LineError::Missing { line: id.clone() })?;
        line.retired = true;
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &LineId) -> Option<Arc<dyn WhatsAppProvider>> {
        let line = self.lines.remove(id)?;
        for sender in &line.senders {
            self.by_sender.remove(sender);
            if let Some(lines) = self.by_name.get_mut(name_of(sender)) {
                lines.remove(id);
                if lines.is_empty() {
                    self.by_name.remove(name_of(sender));
                }
            }
        }
        Some(line.provider)
    }

    /// Puts a line in the place of the one with this name, if there is one.
    fn put(&mut self, id: LineId, line: Line) -> Result<Option<Arc<dyn WhatsAppProvider>>, LineError> {
        let owners = || line.senders.iter().filter_map(|sender| self.by_sender.get(sender));
        if let Some(other) = owners().find(|owner| **owner != id) {
            return Err(LineError::SenderTaken { line: other.clone() });
        }
        let before = self.remove(&id);
        for sender in &line.senders {
            self.by_sender.insert(sender.clone(), id.clone());
            self.by_name.entry(name_of(sender).to_owned()).or_default().insert(id.clone());
        }
        self.lines.insert(id, line);
        Ok(before)
    }

    pub(super) fn providers(&self) -> impl Iterator<Item = &Arc<dyn WhatsAppProvider>> + Clone {
        self.lines.values().map(|line| &line.provider)
    }

    /// The line that lists a sender, or the only one that receives for it without listing it. Where several would, nobody
    /// knows whose it is.
    pub(super) fn line_of(&self, sender: &SenderId) -> Option<(&LineId, &Line)> {
        if let Some(id) = self.by_sender.get(sender) {
            return self.lines.get_key_value(id);
        }
        let mut receiving = self.lines.iter().filter(|(_, line)| line.provider.receives_for(sender));
        receiving.next().filter(|_| receiving.next().is_none())
    }

    /// The line that sends what says that it is from this sender.
    pub(super) fn sending(&self, from: Option<&SenderId>) -> Result<&Arc<dyn WhatsAppProvider>, LineError> {
        let line = match from {
            // What lists no sender only reads webhooks, whomever they are for.
            Some(from) => self
                .line_of(from)
                .filter(|(_, line)| !line.senders.is_empty())
                .ok_or(LineError::UnknownSender)?,
            None => {
                let only = self.lines.iter().next().filter(|_| self.lines.len() == 1);
                only.ok_or(LineError::NoSender)?
            }
        };
        in_use(line)
    }

    /// The line of this name, unless it sends nothing more.
    pub(super) fn named(&self, id: &LineId) -> Result<&Arc<dyn WhatsAppProvider>, LineError> {
        in_use(self.lines.get_key_value(id).ok_or_else(|| LineError::Missing { line: id.clone() })?)
    }

    /// Every line, and first those with a sender that the request names, then the one that is said to be `likely`. What is
    /// not yet verified decides about the order and nothing else.
    pub(super) fn in_likely_order<'a>(
        &'a self,
        request: &'a WebhookRequest<'_>,
        likely: Option<&'a LineId>,
    ) -> impl Iterator<Item = &'a Arc<dyn WhatsAppProvider>> {
        let words = words(request.head.url.as_bytes()).chain(words(request.body));
        let named = words.filter_map(|word| {
            // The plus of a number in a form.
            self.by_name.get(word).or_else(|| self.by_name.get(word.strip_prefix("2B")?))
        });
        let mut seen = BTreeSet::new();
        let in_order = named.flatten().chain(likely).chain(self.lines.keys());
        let once = in_order.filter(move |id| seen.insert(*id));
        once.filter_map(|id| self.lines.get(id).map(|line| &line.provider))
    }

    /// The line that has this very provider.
    pub(super) fn id_of(&self, provider: &Arc<dyn WhatsAppProvider>) -> Option<&LineId> {
        self.lines.iter().find(|(_, line)| Arc::ptr_eq(&line.provider, provider)).map(|(id, _)| id)
    }

    /// The lines that may have to read one of these events for themselves.
    pub(super) fn readers_of(&self, events: &[InboundEvent]) -> Vec<&Arc<dyn WhatsAppProvider>> {
        let may_read = |line: &Line, event: &InboundEvent| match (event.sender(), event.kind()) {
            (Some(sender), _) => line.may_receive_for(sender),
            (None, EventKind::Account(news)) => news
                .account
                .as_deref()
                .is_some_and(|account| line.provider.receives_for_account(account) != Some(false)),
            _ => false,
        };
        let readers = self.lines.values().filter(|line| events.iter().any(|event| may_read(line, event)));
        readers.map(|line| &line.provider).collect()
    }
}

fn in_use<'a>((id, line): (&LineId, &'a Line)) -> Result<&'a Arc<dyn WhatsAppProvider>, LineError> {
    if line.retired { Err(LineError::Retired { line: id.clone() }) } else { Ok(&line.provider) }
}

/// What a webhook calls a sender, as [`words`] would find it.
fn name_of(sender: &SenderId) -> &str {
    sender.id.trim_start_matches('+')
}

/// The runs of letters and digits in a text.
fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    let words = text.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.filter_map(|word| std::str::from_utf8(word).ok())
}
