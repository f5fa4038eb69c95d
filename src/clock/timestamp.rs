use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write.
const MAX_MILLIS: u64 = 253_402_300_799_999;

/// A moment between 1970 and 9999, exact to the millisecond.
///
/// In text and in JSON it is RFC 3339 in UTC: `2026-11-22T10:00:00.000Z`.
///
/// ```
/// use whatsapp_provider::clock::Timestamp;
///
/// let moment: Timestamp = "2026-11-22T10:00:00Z".parse()?;
/// assert_eq!(moment.to_string(), "2026-11-22T10:00:00.000Z");
/// assert_eq!(Timestamp::from_unix_millis(moment.unix_millis()), Some(moment));
/// # Ok::<(), whatsapp_provider::clock::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// The moment this many seconds after 1970 began. `None` past the year 9999.
    pub const fn from_unix_seconds(seconds: u64) -> Option<Self> {
        match seconds.checked_mul(1000) {
            Some(millis) => Self::from_unix_millis(millis),
            None => None,
        }
    }

    /// The moment this many milliseconds after 1970 began. `None` past the year 9999.
    pub const fn from_unix_millis(millis: u64) -> Option<Self> {
        if millis <= MAX_MILLIS { Some(Self(millis)) } else { None }
    }

    /// Whole seconds since 1970 began.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds since 1970 began.
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// The moment `duration` later, at most the end of the year 9999.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis).min(MAX_MILLIS))
    }

    /// The moment `duration` earlier, at least the beginning of 1970.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// What is before 1970 becomes 1970, what is after 9999 becomes its end.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::UNIX_EPOCH.saturating_add(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(timestamp.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&humantime::format_rfc3339_millis((*self).into()), f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text was not a moment in RFC 3339 form, in UTC, from 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is written in UTC as 2026-11-22T10:00:00.000Z")]
#[non_exhaustive]
pub struct InvalidTimestamp;

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads `2026-11-22T10:00:00Z`, with or without a fraction (kept to the millisecond); `+00:00` for `Z` will do.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let utc = text.strip_suffix("+00:00").map(|local| format!("{local}Z"));
        let time = humantime::parse_rfc3339(utc.as_deref().unwrap_or(text)).map_err(|_| InvalidTimestamp)?;
        Ok(Self::from(time))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form() {
        let end = Timestamp::from_unix_millis(MAX_MILLIS).unwrap();
        assert_eq!(end.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!("9999-12-31T23:59:59.999Z".parse(), Ok(end));
        assert_eq!(Timestamp::UNIX_EPOCH.to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!("2026-11-22T10:00:00+00:00".parse::<Timestamp>(), "2026-11-22T10:00:00Z".parse());
        assert_eq!("2026-11-22T10:00:00.0019Z".parse::<Timestamp>().unwrap().unix_millis() % 1000, 1);
        for bad in ["", "now", "2026-11-22", "2026-11-22T10:00:00+01:00", "2026-13-01T00:00:00Z"] {
            assert_eq!(bad.parse::<Timestamp>(), Err(InvalidTimestamp), "{bad}");
        }
    }

    #[test]
    fn limits() {
        assert_eq!(Timestamp::from_unix_millis(MAX_MILLIS + 1), None);
        assert_eq!(Timestamp::from_unix_seconds(u64::MAX), None);
        let end = Timestamp::from_unix_millis(MAX_MILLIS).unwrap();
        assert_eq!(end.saturating_add(Duration::from_secs(1)), end);
        assert_eq!(Timestamp::UNIX_EPOCH.saturating_sub(Duration::from_secs(1)), Timestamp::UNIX_EPOCH);
        assert_eq!(Timestamp::UNIX_EPOCH.since(end), Duration::ZERO);
        assert_eq!(end.since(Timestamp::UNIX_EPOCH), Duration::from_millis(MAX_MILLIS));
    }
}
