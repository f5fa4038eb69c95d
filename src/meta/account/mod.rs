//! Whether an account is fit to serve: asked once when a service starts, and read by a person.

use std::collections::BTreeMap;

use http::Uri;

mod number;
mod problems;
mod report;
#[cfg(test)]
mod tests;

pub use number::{CanSend, HealthEntity, HealthProblem, HealthStatus, NameStatus, NumberState, NumberStatus};
pub use problems::AccountProblem;
pub use report::{AccountReport, Checked, SubscribedApp, TemplateCheck};

use super::MetaCloud;
use super::endpoint::EndpointPath;
use super::error::Operation;
use super::sending::Sending;
use super::templates::MessageTemplate;
use super::wire::{Object, elements};
use crate::error::{ErrorKind, Result};

/// The code of a parameter that is not known, such as a field that a version lacks.
const INVALID_PARAMETER: i64 = 100;

impl MetaCloud {
    /// Asks what there is to know of the number and its account: for the start of a service, and for whoever wonders why
    /// nothing arrives. Sends nothing.
    ///
    /// The number is read; and where the [`account_id`](super::MetaCloudBuilder::account_id) is known, which apps get the
    /// account's webhooks, and whether the templates with these names and languages are there. What could not be read is
    /// said to be unknown, with the reason, and hinders nothing else. It takes one request for each of the first two and
    /// one for every name of a template, of which Meta allows 200 an hour and account.
    ///
    /// ```no_run
    /// # use whatsapp_provider::MetaCloud;
    /// # async fn run(meta: MetaCloud) -> Result<(), Box<dyn std::error::Error>> {
    /// let report = meta.check_account([("order_ready", "en_US"), ("order_ready", "pt_BR")]).await?;
    /// for problem in report.problems() {
    ///     eprintln!("WhatsApp: {problem}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unsupported`](ErrorKind::Unsupported) if this provider cannot send, so that there is no number.
    pub async fn check_account<'t>(
        &self,
        templates: impl IntoIterator<Item = (&'t str, &'t str)> + Send,
    ) -> Result<AccountReport> {
        let sending = self.sending()?;
        let templates: Vec<(&str, &str)> = templates.into_iter().collect();
        let number = self.checked(self.read_number(sending).await);
        let webhooks = self.checked(self.read_subscribed_apps(sending).await);
        let mut found = BTreeMap::new();
        for (name, _) in &templates {
            if !found.contains_key(name) {
                found.insert(*name, self.templates_named(name).await);
            }
        }
        let templates = templates
            .iter()
            .map(|(name, language)| TemplateCheck {
                name: (*name).to_owned(),
                language: (*language).to_owned(),
                template: match found.get(name) {
                    Some(Checked::Known(all)) => {
                        Checked::Known(all.iter().find(|template| template.language == *language).cloned())
                    }
                    Some(Checked::Unknown(failure)) => Checked::Unknown(failure.clone()),
                    Some(Checked::NotAsked) | None => Checked::NotAsked,
                },
            })
            .collect();
        Ok(AccountReport {
            sender: sending.sender.clone(),
            app_id: self.shared.app_id.clone(),
            number,
            webhooks,
            templates,
        })
    }

    /// What this host has no address for, or the account of which is not known, was not asked.
    fn checked<T>(&self, result: Result<T>) -> Checked<T> {
        match result {
            Ok(value) => Checked::Known(value),
            Err(error)
                if error.kind() == ErrorKind::Unsupported
                    && error.code().is_none()
                    && error.limit().is_none() =>
            {
                Checked::NotAsked
            }
            Err(error) => Checked::Unknown(error.with_provider(self.shared.id.clone()).failure().clone()),
        }
    }

    async fn read_number(&self, sending: &Sending) -> Result<NumberStatus> {
        let address = sending.address(EndpointPath::Number, &[])?;
        let ask = |address| self.read_object(sending, address, Operation::Management, NumberStatus::read);
        match ask(address.clone()).await {
            // One field that a version does not have is enough for a refusal. Without names come those that all have.
            Err(error)
                if error.code() == Some(INVALID_PARAMETER) && error.kind() == ErrorKind::InvalidMessage =>
            {
                match without_query(&address) {
                    Some(plain) => ask(plain).await,
                    None => Err(error),
                }
            }
            answer => answer,
        }
    }

    async fn read_subscribed_apps(&self, sending: &Sending) -> Result<Vec<SubscribedApp>> {
        let address = sending.address(EndpointPath::SubscribedApps, &[])?;
        self.read_object(sending, address, Operation::Management, |answer: &Object<'_>| {
            let apps = elements(answer.get("data")?)?;
            Some(apps.into_iter().map(SubscribedApp::read).collect())
        })
        .await
    }

    async fn templates_named(&self, name: &str) -> Checked<Vec<MessageTemplate>> {
        match self.templates() {
            Ok(pages) => self.checked(pages.named(name).await),
            Err(error) => self.checked(Err(error)),
        }
    }
}

/// The same address without its query. `None` if it has none.
fn without_query(uri: &Uri) -> Option<Uri> {
    uri.query()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(uri.path().parse().ok()?);
    Uri::from_parts(parts).ok()
}
