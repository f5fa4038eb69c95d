//! What a database can hold of what it is given.

use std::time::Duration;

/// 100 years. Longer times are as good as for ever, and a database would refuse some of them.
const MAX_TIME: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The most characters that are kept of a reason.
const MAX_REASON: usize = 500;

/// A time in seconds, at most 100 years.
#[cfg(feature = "postgres")]
pub(super) fn seconds(time: Duration) -> f64 {
    time.min(MAX_TIME).as_secs_f64()
}

/// A time in milliseconds, at most 100 years.
#[cfg(feature = "sqlite")]
pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.min(MAX_TIME).as_millis()).unwrap_or(i64::MAX)
}

/// A number of rows.
pub(super) fn rows(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// A reason as it is kept: PostgreSQL stores no NUL.
pub(super) fn reason(text: &str) -> String {
    text.chars().take(MAX_REASON).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_cut_to_a_hundred_years() {
        #[cfg(feature = "postgres")]
        {
            assert_eq!(seconds(Duration::from_millis(1500)), 1.5);
            assert_eq!(seconds(Duration::MAX), 3_153_600_000.0);
        }
        #[cfg(feature = "sqlite")]
        {
            assert_eq!(millis(Duration::from_millis(1500)), 1500);
            assert_eq!(millis(Duration::MAX), 3_153_600_000_000);
        }
    }

    #[test]
    fn a_reason_is_cut_by_characters_and_keeps_no_nul() {
        assert_eq!(reason("a\0b"), "a\u{FFFD}b");
        assert_eq!(reason(&"é".repeat(501)), "é".repeat(500));
    }
}
