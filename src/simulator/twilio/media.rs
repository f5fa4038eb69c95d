//! Files that users sent.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use super::{API_VERSION, SimulatedAccounts};
use crate::outbound::FileBytes;

/// The files that Twilio keeps until they are deleted, by their paths below the account.
#[derive(Default)]
pub(in crate::simulator) struct ReceivedFiles(BTreeMap<String, FileBytes>);

impl ReceivedFiles {
    /// Keeps a file of the message that is made from this number.
    pub(in crate::simulator) fn receive(&mut self, number: u64, file: FileBytes) {
        self.0.insert(path(number), file);
    }

    /// The answer with a file, if there is one at this path.
    pub(super) fn download(&self, accounts: &SimulatedAccounts, path: &str) -> Option<Response<Bytes>> {
        let account = format!("/{API_VERSION}/Accounts/{}/", accounts.account_sid);
        let file = self.0.get(path.strip_prefix(&account)?)?;
        let mut answer = Response::new(file.data.clone());
        if let Ok(mime_type) = HeaderValue::from_str(&file.mime_type) {
            answer.headers_mut().insert(header::CONTENT_TYPE, mime_type);
        }
        answer.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(file.data.len()));
        Some(answer)
    }

    /// Whether there was such a file, which is gone now.
    pub(super) fn delete(&mut self, message: &str, media: &str) -> bool {
        let media = media.strip_suffix(".json").unwrap_or(media);
        self.0.remove(&format!("Messages/{message}/Media/{media}")).is_some()
    }
}

/// Where the file of a message is, below the account.
pub(in crate::simulator) fn path(number: u64) -> String {
    format!("Messages/MM{number:032x}/Media/ME{number:032x}")
}
