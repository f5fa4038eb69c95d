//! Files that users sent: fetched, and deleted.

use http::Method;

mod address;
mod fetch;
mod policy;

pub(super) use policy::{MediaPolicy, MediaSettings};

use super::Twilio;
use super::account::Account;
use super::error::{Operation, refusal};
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::http_client::exchange;
use crate::ids::MediaRef;
use crate::outbound::Departure;
use crate::provider::MediaStream;
use address::Address;

impl Twilio {
    /// Deletes a file that a user sent. Twilio keeps files until somebody does.
    ///
    /// # Errors
    ///
    /// [`MediaExpired`](crate::ErrorKind::MediaExpired) if Twilio does not keep it (any longer),
    /// [`NotPortable`](crate::ErrorKind::NotPortable) if it is another provider's or another account's,
    /// [`InvalidMessage`](crate::ErrorKind::InvalidMessage) if its address is not one of Twilio's API; otherwise as Twilio
    /// answers.
    pub async fn delete_media(&self, media: &MediaRef) -> Result<()> {
        let result = match self.file(media) {
            Ok((account, address)) => delete(account, &address).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    pub(super) async fn fetch_file(&self, media: &MediaRef) -> Result<MediaStream> {
        let result = match self.file(media) {
            Ok((account, address)) => fetch::fetch(account, &address).await,
            Err(error) => Err(error),
        };
        result.map_err(|error| self.named(error))
    }

    /// Where a file is, and who may ask for it.
    fn file(&self, media: &MediaRef) -> Result<(&Account, Address)> {
        let account = self.account()?;
        if media.sender.provider != self.id {
            return Err(Error::not_portable("media"));
        }
        Ok((account, account.media.address(&media.id, &account.account_sid)?))
    }
}

async fn delete(account: &Account, address: &Address) -> Result<()> {
    let url = format!("{}.json", address.url(&account.base_url, &account.account_sid));
    let request = account.request(Method::DELETE, url, String::new())?;
    let answer =
        exchange(&*account.http, request, account.limits, &Departure::new()).await.map_err(harmless)?;
    match answer.status.as_u16() {
        204 => Ok(()),
        404 | 410 => Err(gone(answer.status)),
        // Somebody answered, but not Twilio.
        200..=399 => Err(harmless(answer.without_envelope())),
        _ => Err(harmless(refusal(Operation::Read, &answer, account.believe_retry_after))),
    }
}

/// Twilio does not keep the file.
fn gone(status: http::StatusCode) -> Error {
    Error::new(ErrorKind::MediaExpired, Acceptance::NotAccepted)
        .with_field("media")
        .with_status(status.as_u16())
}

/// An error of a request that sends no message: whatever became of it, no message was accepted, and whoever tries again
/// sends nothing twice.
fn harmless(error: Error) -> Error {
    error.with_acceptance(Acceptance::NotAccepted)
}
