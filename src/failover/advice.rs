use super::FailoverProvider;
use super::plan::Standing;
use crate::error::{ErrorKind, Failure};
use crate::ids::ProviderId;
use crate::inbound::{DeliveryState, EventKind, InboundEvent, Notice, StatusUpdate};

/// What to do about an event, for whoever works through them. It is advice: nothing is sent because of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Nothing.
    Nothing,
    /// The user certainly did not get the message: it may be sent again, if it is still of use and is not marketing. Use
    /// another idempotency key, because the first one stands for the message that failed.
    #[non_exhaustive]
    Resend {
        /// By this member rather than by the one that failed; `None` leaves it to the flag and to health.
        via: Option<ProviderId>,
        /// Only a template may go.
        as_template: bool,
    },
    /// Send this user nothing of the sort again: consent or policy forbids it.
    Suppress,
    /// WhatsApp does not reach this user. Try another channel.
    OtherChannel,
    /// Somebody should look at it: the message, or the account, is not as it should be.
    Alert,
    /// The message failed and may have been delivered all the same. To send it again may be to send it twice.
    Undecided,
}

impl FailoverProvider {
    /// What to do about an event. Everything but failed messages and news of the account calls for nothing.
    ///
    /// A failed message is judged by its first failure. Statuses arrive in any order: ask only if the message's state is
    /// still [`Failed`](DeliveryState::Failed) once all its statuses were merged with [`DeliveryState::advance`].
    ///
    /// | the status says | advice, if it proves that the user did not get the message |
    /// |---|---|
    /// | the window is closed | resend as a template, by the same member |
    /// | no template, not supported, not entitled, blocked, wrong credentials, unavailable | resend by another member |
    /// | throttled | resend, later |
    /// | consent or policy | suppress |
    /// | cannot be reached | other channel |
    /// | the message is wrong | alert |
    /// | its time ran out | nothing |
    /// | anything else, or no proof | undecided |
    ///
    /// What consent or policy forbids, and whom WhatsApp does not reach, needs no proof: it holds for the next message
    /// as well. A status that says what it was billed as marketing is never to be resent.
    ///
    /// News call for an alert if the account or the number is blocked, restricted, flagged or rejected, has violated
    /// something, or failed at something, and if a template was paused, disabled or rejected.
    pub fn advise(&self, event: &InboundEvent) -> Advice {
        match event.kind() {
            // The message of another application is that one's affair.
            EventKind::Status(status) if status.standby => Advice::Nothing,
            EventKind::Status(status) if status.state == DeliveryState::Failed => self.about(event, status),
            EventKind::Account(notice) => match &notice.notice {
                Notice::Failed { .. } => Advice::Alert,
                notice if needs_attention(notice) => Advice::Alert,
                Notice::MarketingPreference { wanted: false, .. } => Advice::Suppress,
                _ => Advice::Nothing,
            },
            _ => Advice::Nothing,
        }
    }

    fn about(&self, event: &InboundEvent, status: &StatusUpdate) -> Advice {
        let Some(failure) = status.failures.first() else { return Advice::Undecided };
        match failure.kind {
            ErrorKind::RecipientRefused => return Advice::Suppress,
            ErrorKind::RecipientUnreachable => return Advice::OtherChannel,
            ErrorKind::InvalidMessage => return Advice::Alert,
            _ if !failure.proves_undelivered => return Advice::Undecided,
            ErrorKind::Expired => return Advice::Nothing,
            _ => {}
        }
        if status.billed_as_marketing() {
            return Advice::Nothing;
        }
        self.resend(event, failure)
    }

    fn resend(&self, event: &InboundEvent, failure: &Failure) -> Advice {
        let failed = self.member_of(event).or_else(|| self.member(event.provider()));
        let failed = failed.map(|member| member.id().clone());
        let (via, as_template) = match failure.kind {
            ErrorKind::WindowClosed => (failed, true),
            ErrorKind::Unsupported
            | ErrorKind::NotPortable
            | ErrorKind::MediaExpired
            | ErrorKind::NotEntitled
            | ErrorKind::TemplateUnavailable
            | ErrorKind::Credentials
            | ErrorKind::AccountBlocked => match self.other_than(failed.as_ref()) {
                Some(other) => (Some(other), false),
                None => return Advice::Alert,
            },
            ErrorKind::Unavailable => (self.other_than(failed.as_ref()), false),
            ErrorKind::Throttled | ErrorKind::RecipientThrottled => (None, false),
            _ => return Advice::Undecided,
        };
        Advice::Resend { via, as_template }
    }

    /// Another member: the first that is well, else the first.
    fn other_than(&self, failed: Option<&ProviderId>) -> Option<ProviderId> {
        let others = || self.0.members.iter().filter(|member| Some(member.id()) != failed);
        let is_well = |standing| matches!(standing, Standing::Ready | Standing::Recovering);
        let well = others().find(|member| is_well(member.health.standing()));
        well.or_else(|| others().find(|member| member.health.standing() != Standing::Isolated))
            .map(|member| member.id().clone())
    }
}

/// Whether somebody should look at the account because of the news: it cannot send, or not everything, or will not be
/// able to for long.
pub(super) fn needs_attention(notice: &Notice) -> bool {
    let is = |word: &str, words: &[&str]| words.iter().any(|bad| word.eq_ignore_ascii_case(bad));
    match notice {
        Notice::Blocked { .. }
        | Notice::Restricted { .. }
        | Notice::Violation { .. }
        | Notice::Alert { .. } => true,
        Notice::Review { decision } => is(decision, &["REJECTED"]),
        Notice::NumberQuality { event, .. } => is(event, &["FLAGGED", "RESTRICTED"]),
        Notice::Template(update) => {
            let of_status = update.aspect.as_deref().is_none_or(|aspect| aspect == "status");
            of_status && is(&update.event, &["PAUSED", "DISABLED", "REJECTED"])
        }
        _ => false,
    }
}
