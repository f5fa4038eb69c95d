use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::bounded;
use crate::clock::Timestamp;
use crate::ids::MediaRef;
use crate::outbound::FileBytes;

/// How many files are remembered. One that is forgotten is uploaded anew.
const MOST: usize = 1_000;
/// How long before its end an id is no longer used: a message may wait for its user's phone.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Files that messages brought along, by what is in them, so that the same picture is uploaded once for many messages.
///
/// Its lock is held only to look and to note. Two messages that bring the same file at once upload it twice.
#[derive(Default)]
pub(in crate::meta) struct Uploads(Mutex<HashMap<FileKey, MediaRef>>);

/// A file at a sender, as one token sees it: an id that was made with the token of another app may mean nothing to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FileKey {
    sender: String,
    token: [u8; 32],
    sha256: [u8; 32],
    mime_type: String,
}

impl FileKey {
    /// `token` is the digest of it.
    pub(super) fn new(sender: &str, token: [u8; 32], file: &FileBytes) -> Self {
        let sha256 = Sha256::digest(&file.data).into();
        Self { sender: sender.to_owned(), token, sha256, mime_type: file.mime_type.clone() }
    }
}

impl Uploads {
    /// The id that the file has, if it was uploaded and has it for some time yet.
    pub(super) fn find(&self, key: &FileKey, now: Timestamp) -> Option<MediaRef> {
        let latest = now.saturating_add(MARGIN);
        self.files().get(key).filter(|file| file.expires_at.is_some_and(|end| end > latest)).cloned()
    }

    pub(super) fn note(&self, key: FileKey, file: MediaRef) {
        // They all live as long as each other.
        bounded::insert(&mut self.files(), MOST, key, file, |file| file.expires_at);
    }

    /// Forgets files that the provider does not know or no longer keeps.
    pub(super) fn forget(&self, gone: &MediaRef) {
        self.files().retain(|_, file| file.id != gone.id || file.sender != gone.sender);
    }

    fn files(&self) -> MutexGuard<'_, HashMap<FileKey, MediaRef>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uploads({})", self.files().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ProviderId, SenderId};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn file(id: &str, end: u64) -> MediaRef {
        MediaRef::new(SenderId::new(ProviderId::META, "1"), id).with_expiry(at(end))
    }

    fn key(sender: &str, data: &str, mime_type: &str) -> FileKey {
        FileKey::new(sender, [7; 32], &FileBytes::new(data.to_owned(), mime_type))
    }

    #[test]
    fn a_file_is_the_same_at_one_sender_with_the_same_bytes_and_type() {
        let uploads = Uploads::default();
        uploads.note(key("1", "x", "image/png"), file("a", 1_000_000));
        let found = |key: &FileKey| uploads.find(key, at(0)).map(|file| file.id);
        assert_eq!(found(&key("1", "x", "image/png")).as_deref(), Some("a"));
        for other in [key("2", "x", "image/png"), key("1", "y", "image/png"), key("1", "x", "image/jpeg")] {
            assert_eq!(found(&other), None);
        }
        uploads.forget(&MediaRef::new(SenderId::new(ProviderId::META, "2"), "a"));
        assert!(found(&key("1", "x", "image/png")).is_some());
        uploads.forget(&file("a", 0));
        assert_eq!(found(&key("1", "x", "image/png")), None);
    }

    #[test]
    fn an_id_is_used_until_a_day_before_its_end() {
        let uploads = Uploads::default();
        let key = key("1", "x", "image/png");
        uploads.note(key.clone(), file("a", 100_000));
        assert!(uploads.find(&key, at(100_000 - 86_401)).is_some());
        assert_eq!(uploads.find(&key, at(100_000 - 86_400)), None);
        uploads.note(key.clone(), MediaRef::new(SenderId::new(ProviderId::META, "1"), "b"));
        assert_eq!(uploads.find(&key, at(0)), None, "nobody knows for how long");
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let uploads = Uploads::default();
        let numbered = |number: u64| key("1", &number.to_string(), "image/png");
        for number in 0..MOST as u64 {
            uploads.note(numbered(number), file(&number.to_string(), 1_000_000 + number));
        }
        uploads.note(numbered(5), file("again", 3_000_000));
        assert!(uploads.find(&numbered(0), at(0)).is_some());
        uploads.note(numbered(9_999), file("last", 3_000_000));
        assert_eq!(uploads.find(&numbered(0), at(0)), None);
        assert!(uploads.find(&numbered(1), at(0)).is_some());
        assert_eq!(format!("{uploads:?}"), format!("Uploads({MOST})"));
    }
}
