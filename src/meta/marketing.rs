//! The Marketing Messages API: how templates of the category marketing go out, where that is wanted.

use serde_json::{Map, Value};

/// Sends templates of [`Category::Marketing`](crate::Category::Marketing) through the Marketing Messages API
/// (`/marketing_messages`), which lets Meta optimise their delivery, instead of `/messages`.
///
/// The account has to have agreed to its terms, and the message has to say its category: a template without one counts as
/// utility. Everything else goes to `/messages`, and so does what is sent to a group.
///
/// ```
/// use whatsapp_provider::MetaCloud;
/// use whatsapp_provider::meta::{MarketingMessages, ProductPolicy};
///
/// let meta = MetaCloud::builder()
///     .marketing_messages(MarketingMessages::new().with_product_policy(ProductPolicy::Strict));
/// ```
#[doc(alias = "MM Lite")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct MarketingMessages {
    /// What becomes of a message that the API cannot take. `None` leaves it to Meta.
    pub product_policy: Option<ProductPolicy>,
    /// Whether Meta may use what users do with the messages. `None` leaves it to the account's setting.
    pub activity_sharing: Option<bool>,
}

impl MarketingMessages {
    /// Leaves everything to Meta.
    pub const fn new() -> Self {
        Self { product_policy: None, activity_sharing: None }
    }

    /// Says what becomes of a message that the API cannot take.
    #[must_use]
    pub const fn with_product_policy(mut self, policy: ProductPolicy) -> Self {
        self.product_policy = Some(policy);
        self
    }

    /// Says whether Meta may use what users do with the messages.
    #[must_use]
    pub const fn with_activity_sharing(mut self, sharing: bool) -> Self {
        self.activity_sharing = Some(sharing);
        self
    }

    /// Adds what the API takes beside a message.
    pub(super) fn write(&self, body: &mut Map<String, Value>) {
        if let Some(policy) = self.product_policy {
            body.insert("product_policy".to_owned(), policy.as_str().into());
        }
        if let Some(sharing) = self.activity_sharing {
            body.insert("message_activity_sharing".to_owned(), sharing.into());
        }
    }
}

/// What becomes of a message that the Marketing Messages API cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProductPolicy {
    /// Meta sends it as `/messages` would.
    CloudApiFallback,
    /// Meta refuses it.
    Strict,
}

impl ProductPolicy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CloudApiFallback => "CLOUD_API_FALLBACK",
            Self::Strict => "STRICT",
        }
    }
}
