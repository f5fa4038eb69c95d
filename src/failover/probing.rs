//! The way back of a member that was unwell, and what an operator may do about it.

use std::time::Duration;

use super::health::{Permit, Verdict};
use super::observe::FailoverEvent;
use super::plan::Standing;
use super::{FailoverProvider, Member, MemberStanding};
use crate::clock::timeout;
use crate::error::{Acceptance, Error, ErrorKind, Result};
use crate::ids::ProviderId;

/// What came of asking a member whether it is alive.
#[derive(Debug)]
#[non_exhaustive]
pub struct MemberCheck {
    /// The member.
    pub member: ProviderId,
    /// Its health after that.
    pub standing: Standing,
    /// Why it is not alive; `None` if it is, or has no way to say.
    pub error: Option<Error>,
}

impl FailoverProvider {
    /// Asks every member by its own [probe](crate::WhatsAppProvider::probe) whether it is alive. Call it from a timer of
    /// the application, every 30 seconds or so: then no user's message has to find out that a member is still down, and
    /// a token that has expired overnight is known before the first message.
    ///
    /// For a member whose open time is over the answer counts as it does before a trial: a refusal keeps it open for
    /// longer, a success lets the next message try. Otherwise it only tells: members are judged by what they send.
    pub async fn check_members(&self) -> Vec<MemberCheck> {
        let mut checks = Vec::new();
        for member in &self.0.members {
            self.settle();
            let on_trial = member.health.standing() == Standing::Trial;
            let permit = if on_trial { self.permit(member, false) } else { None };
            let limit = self.0.health.policy().probe;
            let error = match permit {
                Some(permit) => match self.probe(member, permit, limit).await {
                    Ok(permit) => {
                        permit.probed();
                        None
                    }
                    Err(error) => Some(error),
                },
                None => self.ask(member, limit).await.err(),
            };
            checks.push(MemberCheck {
                member: member.id().clone(),
                standing: self.standing_of(member),
                error,
            });
        }
        checks
    }

    /// Takes a member out of service until [`restore`](Self::restore): nothing is sent by it, whatever the flag, the
    /// message and the health of the others say. It concerns this failover only. Answers whether there is such a member.
    pub fn isolate(&self, member: &ProviderId) -> bool {
        let member = self.member(member);
        if let Some(member) = member {
            member.health.isolate(true);
            self.tell(FailoverEvent::Isolated { provider: member.id().clone(), isolated: true });
        }
        member.is_some()
    }

    /// Ends what [`isolate`](Self::isolate) began, and lets the member be tried at once if it was unwell. Answers whether
    /// there is such a member.
    pub fn restore(&self, member: &ProviderId) -> bool {
        let member = self.member(member);
        if let Some(member) = member {
            member.health.isolate(false);
            member.health.try_now();
            self.tell(FailoverEvent::Isolated { provider: member.id().clone(), isolated: false });
        }
        member.is_some()
    }

    /// The members in the configured order, with their health at this moment.
    pub fn standings(&self) -> Vec<MemberStanding> {
        self.settle();
        let standing = |member: &Member| MemberStanding {
            member: member.id().clone(),
            standing: self.standing_of(member),
        };
        self.0.members.iter().map(standing).collect()
    }

    /// Lets time and new credentials take effect, which nobody tells of.
    pub(super) fn settle(&self) {
        for member in &self.0.members {
            let change = member.health.settle(member.provider.credentials_version());
            self.changed(member, [change, None]);
        }
    }

    pub(super) fn permit(&self, member: &Member, forced: bool) -> Option<Permit> {
        let (permit, changes) = member.health.permit(forced);
        self.changed(member, changes);
        permit
    }

    /// Asks a member that was unwell for a sign of life before a message is risked on it.
    pub(super) async fn probe(&self, member: &Member, permit: Permit, left: Duration) -> Result<Permit> {
        let usual = self.0.health.policy().probe;
        let limit = usual.min(left);
        let began = self.0.clock.elapsed();
        let credentials = member.provider.credentials_version();
        let Err(error) = self.ask(member, limit).await else { return Ok(permit) };
        let timed_out = self.0.clock.elapsed().saturating_sub(began) >= limit;
        if timed_out && limit < usual {
            // The message is in a hurry, which says nothing about the member: the trial is given back.
            return Err(error);
        }
        let verdict = match Verdict::of(error.kind(), 0) {
            Verdict::Nothing => Verdict::Failed { cause: ErrorKind::Unavailable, recipient: 0 },
            verdict => verdict,
        };
        self.changed(member, permit.refuted(verdict, credentials));
        // Whatever a probe asked for, no message was sent.
        Err(error.with_acceptance(Acceptance::NotAccepted))
    }

    /// Whether a member is alive, by its own word.
    async fn ask(&self, member: &Member, limit: Duration) -> Result<()> {
        let provider = member.id().clone();
        let answer = timeout(&*self.0.clock, limit, member.provider.probe()).await;
        let answer = answer.unwrap_or_else(|| {
            Err(Error::new(ErrorKind::Unavailable, Acceptance::NotAccepted).with_provider(provider.clone()))
        });
        let answer = match answer {
            // Where there is no probe, or this token may not probe, the message has to tell.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotEntitled) => Ok(()),
            answer => answer,
        };
        let failure = answer.as_ref().err().map(|error| error.failure().without_words());
        self.tell(FailoverEvent::Probed { provider, failure });
        answer
    }
}
