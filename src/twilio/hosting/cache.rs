use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::bounded;
use crate::outbound::{FileBytes, Link};

/// How many addresses are remembered. A file whose address is forgotten is hosted anew.
const MOST: usize = 1_000;
/// How long an address is given to further messages. Hosts promise a day, and Twilio may keep a message for ten hours.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// The addresses of files that were hosted, by what is in them.
///
/// Its lock is held only to look and to note. Two messages that bring the same file at once have it hosted twice.
#[derive(Default)]
pub(super) struct Hosted(Mutex<HashMap<FileKey, (Link, Duration)>>);

/// A file under a name: its content, its type and the name, hashed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FileKey([u8; 32]);

impl FileKey {
    pub(super) fn new(file: &FileBytes, name: &str) -> Self {
        let mut hash = Sha256::new();
        for text in [&file.mime_type, name] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(&file.data);
        Self(hash.finalize().into())
    }
}

impl Hosted {
    /// The address that the file was given, if that was not long ago. Times are those of [`Clock::elapsed`].
    ///
    /// [`Clock::elapsed`]: crate::clock::Clock::elapsed
    pub(super) fn find(&self, key: &FileKey, now: Duration) -> Option<Link> {
        let files = self.files();
        let (link, since) = files.get(key)?;
        (now.saturating_sub(*since) < KEPT).then(|| link.clone())
    }

    pub(super) fn note(&self, key: FileKey, link: Link, now: Duration) {
        bounded::insert(&mut self.files(), MOST, key, (link, now), |(_, since)| *since);
    }

    fn files(&self) -> MutexGuard<'_, HashMap<FileKey, (Link, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hosted({})", self.files().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(data: &str, mime_type: &str, name: &str) -> FileKey {
        FileKey::new(&FileBytes::new(data.to_owned(), mime_type), name)
    }

    fn link(name: &str) -> Link {
        Link::new(format!("https://files.example/{name}")).unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_is_the_same_with_the_same_bytes_type_and_name() {
        let hosted = Hosted::default();
        hosted.note(key("x", "image/png", "a.png"), link("a"), seconds(0));
        assert_eq!(hosted.find(&key("x", "image/png", "a.png"), seconds(0)), Some(link("a")));
        for other in [
            key("y", "image/png", "a.png"),
            key("x", "image/jpeg", "a.png"),
            key("x", "image/png", "b.png"),
            // The same letters, cut elsewhere.
            key("x", "image/pnga", ".png"),
            key("gx", "image/png", "a.pn"),
        ] {
            assert_eq!(hosted.find(&other, seconds(0)), None);
        }
    }

    #[test]
    fn an_address_is_used_for_an_hour() {
        let hosted = Hosted::default();
        let key = key("x", "image/png", "a.png");
        hosted.note(key.clone(), link("a"), seconds(10));
        assert_eq!(hosted.find(&key, seconds(3609)), Some(link("a")));
        assert_eq!(hosted.find(&key, seconds(3610)), None);
        hosted.note(key.clone(), link("b"), seconds(3610));
        assert_eq!(hosted.find(&key, seconds(7209)), Some(link("b")));
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let hosted = Hosted::default();
        let numbered = |number: u64| key(&number.to_string(), "image/png", "a.png");
        for number in 0..MOST as u64 {
            hosted.note(numbered(number), link("a"), seconds(number));
        }
        hosted.note(numbered(5), link("again"), seconds(1_000));
        assert!(hosted.find(&numbered(0), seconds(0)).is_some());
        hosted.note(numbered(9_999), link("last"), seconds(1_000));
        assert_eq!(hosted.find(&numbered(0), seconds(0)), None);
        assert!(hosted.find(&numbered(1), seconds(0)).is_some());
        assert_eq!(format!("{hosted:?}"), format!("Hosted({MOST})"));
    }
}
