use std::collections::BTreeSet;

use crate::outbound::{ContentKind, Wish};

/// What a provider carries, for people and for tables. What decides about a message is
/// [`check`](crate::WhatsAppProvider::check), and the two agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// The kinds of content that it carries, at least in their plain form.
    pub contents: BTreeSet<ContentKind>,
    /// Wishes that it cannot fulfil and drops.
    pub drops: BTreeSet<Wish>,
    /// The longest text, in characters.
    pub max_text: Option<usize>,
    /// The longest caption, in characters.
    pub max_caption: Option<usize>,
    /// Whether it can mark a message as read without more.
    pub mark_read: bool,
    /// Whether it can show that an answer is being typed.
    pub show_typing: bool,
}

impl Capabilities {
    /// A provider that carries these kinds of content.
    pub fn new(contents: impl IntoIterator<Item = ContentKind>) -> Self {
        Self { contents: contents.into_iter().collect(), ..Self::default() }
    }

    /// Whether it carries this kind of content.
    pub fn carries(&self, kind: ContentKind) -> bool {
        self.contents.contains(&kind)
    }

    /// What either of the two carries; the wishes that both drop; the larger limits.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.contents.extend(&other.contents);
        self.drops.retain(|wish| other.drops.contains(wish));
        self.max_text = self.max_text.max(other.max_text);
        self.max_caption = self.max_caption.max(other.max_caption);
        self.mark_read |= other.mark_read;
        self.show_typing |= other.show_typing;
        self
    }
}
