use std::time::Duration;

use crate::clock::{Clock, timeout};
use crate::error::ErrorKind;
use crate::provider::{SentLookup, SentQuery, WhatsAppProvider};

/// Looks for a message until it is found or refused, or the time is over.
///
/// Not to find it is no proof: `NotSeen` says only that the time is over. `CannotTell` says at once that the member has
/// no way to look.
pub(super) async fn find(
    member: &dyn WhatsAppProvider,
    query: &SentQuery,
    within: Duration,
    clock: &dyn Clock,
) -> SentLookup {
    let end = clock.elapsed().saturating_add(within);
    let mut pause = Duration::from_millis(500);
    loop {
        let left = end.saturating_sub(clock.elapsed());
        match timeout(clock, left, member.find_sent(query)).await {
            Some(Ok(found @ (SentLookup::Found(_) | SentLookup::Refused(_)))) => return found,
            Some(Err(error)) if error.kind() == ErrorKind::Unsupported => return SentLookup::CannotTell,
            Some(Ok(SentLookup::NotSeen | SentLookup::CannotTell) | Err(_)) => {}
            None => return SentLookup::NotSeen,
        }
        let left = end.saturating_sub(clock.elapsed());
        if left.is_zero() {
            return SentLookup::NotSeen;
        }
        clock.sleep(pause.min(left)).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}
