//! The suite itself: whoever breaks a law is found out, by that law.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::HeaderName;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::testing::conformance::{self, Element, Law, Seen, Subject, Trouble};
use whatsapp_provider::{Content, WhatsAppProvider};

use super::World;
use super::bent::Bend::{self, *};
use super::bent::Bent;
use super::meta::Meta;
use super::wrapped::Wrapped;

/// Counts the steps of what is bent.
struct Counted(Wrapped<Bent>);

impl Counted {
    fn new(bend: Bend) -> Self {
        let meta = Meta::new(World::new());
        let secret = meta.secrets().remove(0);
        Self(Wrapped::new(Bent::new(meta.provider.clone(), secret, bend), meta))
    }

    /// The law that it breaks first.
    fn breaks(&self) -> Option<Law> {
        let broken = self.0.inner.world.clock.block_on(conformance::all(self)).err();
        broken.map(|violation| {
            println!("{:?}: {violation}", self.0.provider.bend);
            violation.law
        })
    }
}

impl Subject for Counted {
    fn work(&self, request: &http::Request<Bytes>) -> Option<u64> {
        let steps = &self.0.provider.steps;
        let before = steps.load(Ordering::Relaxed);
        conformance::take(self, request).ok()?;
        Some(steps.load(Ordering::Relaxed) - before)
    }

    fn provider(&self) -> &dyn WhatsAppProvider {
        self.0.provider()
    }

    fn secrets(&self) -> Vec<String> {
        self.0.secrets()
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        self.0.webhook(elements)
    }

    fn max_elements(&self) -> usize {
        self.0.max_elements()
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        self.0.signature_headers()
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        self.0.same_meaning(a, b)
    }

    fn seen(&self) -> Seen {
        self.0.seen()
    }

    fn normal(&self, content: Content) -> Content {
        self.0.normal(content)
    }

    fn clock(&self) -> Option<&dyn Clock> {
        self.0.clock()
    }

    fn trouble(&self, trouble: Trouble) -> bool {
        self.0.trouble(trouble)
    }
}

/// Each of them breaks this law first, or none.
fn are_found_out(bends: &[(Bend, Option<Law>)]) {
    let broken = bends.iter().map(|(bend, _)| (*bend, Counted::new(*bend).breaks()));
    let wrong: Vec<_> = broken.zip(bends).filter(|(broken, expected)| broken != *expected).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn whoever_receives_otherwise_is_found_out() {
    are_found_out(&[
        (Not, None),
        (RecognizesNothing, Some(Law::Genuine)),
        (RefusesWhatIsGenuine, Some(Law::Genuine)),
        (DropsGarbage, Some(Law::Elements)),
        (MergesWhatHasNoId, Some(Law::Elements)),
        (Reorders, Some(Law::Elements)),
        (GivesTwoTheSameId, Some(Law::Elements)),
        (AsksAClock, Some(Law::Elements)),
        (NumbersEvents, Some(Law::Elements)),
        (ForgetsTheSender, Some(Law::Elements)),
        (AcceptsAnySignature, Some(Law::Signatures)),
        (AcceptsWithoutSignature, Some(Law::Signatures)),
        (ParsesForeignWebhooks, Some(Law::Signatures)),
        (HidesThatNobodyVerified, Some(Law::Signatures)),
        (AnswersEveryHandshake, Some(Law::Handshakes)),
        (PanicsOnOddBytes, Some(Law::Robustness)),
        (PassesOverGarbage, Some(Law::Robustness)),
        (ComparesEveryPair, Some(Law::Cost)),
        (WritesWhatCannotBeRead, Some(Law::Json)),
    ]);
}

#[test]
fn whoever_sends_otherwise_is_found_out() {
    are_found_out(&[
        (ChecksNothing, Some(Law::Refusals)),
        (ChecksTooMuch, Some(Law::Refusals)),
        (RefusesTooLate, Some(Law::Refusals)),
        (RefusesForAnotherReason, Some(Law::Refusals)),
        (RefusesInDoubt, Some(Law::Refusals)),
        (LosesThePreview, Some(Law::Sending)),
        (LosesTheReference, Some(Law::Sending)),
        (LosesTheCondition, Some(Law::Sending)),
        (LosesTheRequiredQuote, Some(Law::Sending)),
        (LosesTheOnlyWay, Some(Law::Receipts)),
        (SendsTwice, Some(Law::Sending)),
        (SendsNothing, Some(Law::Sending)),
        (NamesWhatIsNotLost, Some(Law::Sending)),
        (NamesWhatNobodyWished, Some(Law::Sending)),
        (PromisesTooMuch, Some(Law::Sending)),
        (PromisesTooLittle, Some(Law::Sending)),
        (NamesAnotherAttempt, Some(Law::Receipts)),
        (NamesAnotherProvider, Some(Law::Receipts)),
        (NamesNoSender, Some(Law::Receipts)),
        (KeepsNoMark, Some(Law::Receipts)),
        (ForgetsAlternatives, Some(Law::Alternatives)),
        (ForgetsTheIndex, Some(Law::Alternatives)),
        (ForgetsTheDeadline, Some(Law::Deadlines)),
        (CallsSilenceARefusal, Some(Law::Deadlines)),
        (HidesWhatItMarks, Some(Law::Optional)),
        (MarksForeignMessages, Some(Law::Optional)),
        (PrintsTheSecret, Some(Law::Redaction)),
        (PrintsTheBodyInAReceipt, Some(Law::Redaction)),
        (PrintsTheBodyInARefusal, Some(Law::Redaction)),
        (PrintsTheNumberInACause, Some(Law::Redaction)),
    ]);
}

#[test]
fn whoever_takes_webhooks_that_nobody_writes_is_found_out() {
    let mut bent = Counted::new(AcceptsWithoutSignature);
    bent.0.receives = false;
    assert_eq!(bent.breaks(), Some(Law::Signatures));
}
