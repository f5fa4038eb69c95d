//! Files that a message brings along.

use std::borrow::Cow;

use super::cache::FileKey;
use super::{MediaKind, MediaUpload};
use crate::clock::Clock;
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::ids::MediaRef;
use crate::meta::MetaCloud;
use crate::meta::endpoint::EndpointPath;
use crate::meta::outbound::{Prepared, prepare};
use crate::meta::sending::Sending;
use crate::outbound::{FileBytes, Media, OutboundMessage, Remaining, files, files_mut};

impl MetaCloud {
    /// What [`prepare`] refuses, and what is wrong with the message's files. Files that are to be uploaded have a stand-in
    /// for their id.
    pub(in crate::meta) fn prepare(&self, sending: &Sending, message: &OutboundMessage) -> Result<Prepared> {
        let places = files(&message.content);
        let brings = places.iter().any(|place| matches!(place.media, Media::Bytes(_)));
        let message = if brings {
            let stand_in = MediaRef::new(sending.sender.clone(), "0");
            let bytes = places.iter().filter(|place| matches!(place.media, Media::Bytes(_)));
            Cow::Owned(with_ids(message, bytes.map(|_| stand_in.clone()).collect()))
        } else {
            Cow::Borrowed(message)
        };
        let prepared = prepare(&message, &self.origin(sending))?;
        if prepared.path != EndpointPath::Messages {
            // Not every host has an address for it.
            sending.address(prepared.path, &[])?;
        }
        if brings {
            sending.address(EndpointPath::MediaUpload, &[])?;
        }
        for place in places {
            match place.media {
                Media::Bytes(FileBytes { data, mime_type }) => {
                    MediaKind::from(place.kind).check(
                        &place.field,
                        mime_type,
                        data.len() as u64,
                        Some(data),
                    )?;
                }
                Media::Id(file) if has_expired(file, &*sending.clock) => return Err(expired(place.field)),
                Media::Id(_) | Media::Link(_) => {}
            }
        }
        Ok(prepared)
    }

    /// Uploads the files that a message brings along, or finds the ids that they have from an earlier message. `None` if
    /// it brings none.
    ///
    /// # Errors
    ///
    /// As the upload fails. It is never in doubt whether the message was accepted: it has not left.
    pub(in crate::meta) async fn upload_files(
        &self,
        sending: &Sending,
        message: &OutboundMessage,
        remaining: &Remaining<'_>,
    ) -> Result<Vec<MediaRef>> {
        let mut ids = Vec::new();
        for place in files(&message.content) {
            let Media::Bytes(file) = place.media else { continue };
            let key = FileKey::new(&sending.sender.id, sending.token_digest(), file);
            let known = self.shared.uploads.find(&key, sending.clock.now());
            ids.push(match known {
                Some(id) => id,
                None => {
                    let left = remaining.left()?;
                    let limits = self.shared.media_limits.at_most(left);
                    let upload = MediaUpload::from(file.clone()).with_kind(place.kind.into());
                    let id = self.upload(sending, upload, limits).await?;
                    self.shared.uploads.note(key, id.clone());
                    id
                }
            });
        }
        Ok(ids)
    }

    /// The request for a message whose files have these ids.
    pub(in crate::meta) fn prepare_with(
        &self,
        sending: &Sending,
        message: &OutboundMessage,
        ids: &[MediaRef],
    ) -> Result<Prepared> {
        prepare(&with_ids(message, ids.to_vec()), &self.origin(sending))
    }

    /// Forgets ids that Meta does not know, as far as its refusal may mean that, so that the next message uploads anew.
    pub(in crate::meta) fn forget_after(&self, refusal: &Error, ids: &[MediaRef]) {
        if matches!(refusal.kind(), ErrorKind::MediaExpired | ErrorKind::InvalidMessage) {
            ids.iter().for_each(|id| self.shared.uploads.forget(id));
        }
    }
}

/// The message with ids in the places of the files that it brings along, one after the other.
fn with_ids(message: &OutboundMessage, ids: Vec<MediaRef>) -> OutboundMessage {
    let mut message = message.with_only(&message.content);
    let places = files_mut(&mut message.content).into_iter();
    let bytes = places.filter(|place| matches!(place.media, Media::Bytes(_)));
    for (place, id) in bytes.zip(ids) {
        *place.media = Media::Id(id);
    }
    message
}

/// A file that the provider no longer keeps.
pub(super) fn expired(field: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::MediaExpired, Acceptance::NotAccepted).with_field(field)
}

pub(super) fn has_expired(file: &MediaRef, clock: &dyn Clock) -> bool {
    file.expires_at.is_some_and(|end| end <= clock.now())
}
