//! The templates that an account has: what they are called, whether they may be sent, and which parameters they take.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

mod check;
mod pages;
mod parameters;
#[cfg(test)]
mod tests;

pub use pages::{TemplateList, TemplatePages};
pub use parameters::{ButtonKind, ButtonParameters, HeaderFormat, TemplateParameters};

use super::MetaCloud;
use super::wire::Object;
use super::words::words;
use crate::error::{Error, Result};
use crate::json::Json;
use crate::redact::redacted_debug;

/// A template as the account has it, in one language. The same name in another language is another one.
///
/// To send it there is [`Template`](crate::outbound::Template).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageTemplate {
    /// Meta's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name that it is sent by.
    pub name: String,
    /// The language that it is sent by, `en_US`.
    pub language: String,
    /// Whether it may be sent.
    pub status: TemplateStatus,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<TemplateCategory>,
    /// What its readers think of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// How its places are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter_format: Option<ParameterFormat>,
    /// Why it was rejected, in Meta's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_reason: Option<String>,
    /// Header, body, footer and buttons as Meta has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Json>,
    /// Which parameters it takes, as far as the components tell.
    #[serde(default, skip_serializing_if = "TemplateParameters::is_empty")]
    pub parameters: TemplateParameters,
}

redacted_debug! {
    MessageTemplate { name, language, status, category, quality }
}

words! {
    /// Whether a template may be sent.
    TemplateStatus {
        /// It may.
        Approved => "APPROVED",
        /// Meta has not decided yet.
        Pending => "PENDING",
        /// Meta decided that it may not.
        Rejected => "REJECTED",
        /// Not for some hours, because its readers did not like it.
        Paused => "PAUSED",
        /// Not any more, because its readers did not like it.
        Disabled => "DISABLED",
        /// Meta looks at it again.
        InAppeal => "IN_APPEAL",
        /// It is being removed.
        PendingDeletion => "PENDING_DELETION",
        /// It was removed.
        Deleted => "DELETED",
        /// The account has too many templates.
        LimitExceeded => "LIMIT_EXCEEDED",
        /// It was not sent for long, and put aside.
        Archived => "ARCHIVED",
    }

    /// What a template is for. It decides the price, and which limits hold.
    TemplateCategory {
        /// One-time codes.
        Authentication => "AUTHENTICATION",
        /// What a customer asked for or must know.
        Utility => "UTILITY",
        /// All else.
        Marketing => "MARKETING",
    }

    /// What users think of a template or a number.
    Quality {
        /// Good.
        Green => "GREEN",
        /// Not so good: some have complained.
        Yellow => "YELLOW",
        /// Bad: it may soon be paused or restricted.
        Red => "RED",
        /// Nobody knows yet.
        Unknown => "UNKNOWN",
    }

    /// How the places of a template are named.
    ParameterFormat {
        /// `{{1}}`, `{{2}}`: by their order.
        Positional => "POSITIONAL",
        /// `{{first_name}}`: by names, which every parameter must have.
        Named => "NAMED",
    }
}

impl MetaCloud {
    /// The account's templates, page by page, or some of them: [`TemplatePages`] has filters.
    ///
    /// ```no_run
    /// # use whatsapp_provider::MetaCloud;
    /// # async fn run(meta: MetaCloud) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut pages = meta.templates()?;
    /// while let Some(page) = pages.next_page().await? {
    ///     for template in page.templates {
    ///         println!("{} {}: {}", template.name, template.language, template.status);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if no [`account_id`](super::MetaCloudBuilder::account_id) is set.
    pub fn templates(&self) -> Result<TemplatePages> {
        let account = self
            .shared
            .host
            .account()
            .ok_or_else(|| Error::unsupported("account_id").with_provider(self.shared.id.clone()))?;
        Ok(self.templates_of(account))
    }

    /// The templates of a WhatsApp Business Account that the token may read, page by page. An id that is malformed is
    /// refused by the first page.
    pub fn templates_of(&self, account_id: impl Into<String>) -> TemplatePages {
        TemplatePages::new(self.clone(), account_id.into())
    }

    /// The template with exactly this name in exactly this language, if the account has it. Whether a message fits it says
    /// [`MessageTemplate::check`].
    ///
    /// # Errors
    ///
    /// Those of [`templates`](Self::templates) and of [`TemplatePages::next_page`].
    pub async fn template(&self, name: &str, language: &str) -> Result<Option<MessageTemplate>> {
        let named = self.templates()?.named(name).await?;
        Ok(named.into_iter().find(|template| template.language == language))
    }

    /// The same of any WhatsApp Business Account that the token may read.
    ///
    /// # Errors
    ///
    /// Those of [`TemplatePages::next_page`].
    pub async fn template_of(
        &self,
        account_id: impl Into<String> + Send,
        name: &str,
        language: &str,
    ) -> Result<Option<MessageTemplate>> {
        let named = self.templates_of(account_id).named(name).await?;
        Ok(named.into_iter().find(|template| template.language == language))
    }
}

impl MessageTemplate {
    /// Reads a template of a list. Without name, language and status it is none.
    pub(super) fn read(json: &RawValue) -> Option<Self> {
        let template = Object::read(json)?;
        let components = template.get("components").and_then(|json| Json::parse(json.get()).ok());
        Some(Self {
            id: template.text("id"),
            name: template.text("name")?,
            language: template.text("language")?,
            status: TemplateStatus::from_name(&template.text("status")?),
            category: template.text("category").map(|word| TemplateCategory::from_name(&word)),
            quality: quality(&template, "quality_score"),
            parameter_format: template.text("parameter_format").map(|word| ParameterFormat::from_name(&word)),
            rejected_reason: template.text("rejected_reason").filter(|reason| reason != "NONE"),
            parameters: components.as_ref().map(TemplateParameters::of).unwrap_or_default(),
            components,
        })
    }
}

/// A rating, written as a word or as an object with a `score`.
pub(super) fn quality(object: &Object<'_>, name: &str) -> Option<Quality> {
    let word = object.text(name).or_else(|| object.object(name)?.text("score"))?;
    Some(Quality::from_name(&word))
}
