//! The suite itself: whoever breaks a law is found out, by that law.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use whatsapp_provider::testing::conformance::{self, Law, Subject};

use super::World;
use super::bent::Bend::{self, *};
use super::bent::Bent;
use super::meta::Meta;
use super::wrapped::Wrapped;

fn bent(bend: Bend) -> Wrapped<Bent> {
    let meta = Meta::new(World::new());
    let secret = meta.secrets().remove(0);
    let mut bent = Wrapped::new(Bent::new(meta.provider.clone(), secret, bend), meta);
    bent.work = Some(steps);
    bent
}

/// How many steps it is to take a request.
fn steps(bent: &Wrapped<Bent>, request: &http::Request<Bytes>) -> u64 {
    let steps = &bent.provider.steps;
    let before = steps.load(Ordering::Relaxed);
    conformance::take(bent, request).unwrap();
    steps.load(Ordering::Relaxed) - before
}

/// The law that is broken first.
fn broken(bent: &Wrapped<Bent>) -> Option<Law> {
    let violation = bent.inner.world.clock.block_on(conformance::all(bent)).err()?;
    println!("{:?}: {violation}", bent.provider.bend);
    Some(violation.law)
}

/// Each of them breaks this law first, or none.
fn are_found_out(bends: &[(Bend, Option<Law>)]) {
    let found = bends.iter().map(|(bend, _)| (*bend, broken(&bent(*bend))));
    let wrong: Vec<_> = found.zip(bends).filter(|(found, expected)| found != *expected).collect();
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
        (NamesGarbageByItsPlace, Some(Law::Elements)),
        (ForgetsTheSender, Some(Law::Elements)),
        (TakesEverybodyForOne, Some(Law::Elements)),
        (ForgetsWhatIsNotAscii, Some(Law::Elements)),
        (AcceptsAPartOfASignature, Some(Law::Signatures)),
        (TrimsBodies, Some(Law::Signatures)),
        (TrustsLongBodies, Some(Law::Signatures)),
        (AcceptsAnySignature, Some(Law::Signatures)),
        (AcceptsWithoutSignature, Some(Law::Signatures)),
        (ParsesForeignWebhooks, Some(Law::Signatures)),
        (HidesThatNobodyVerified, Some(Law::Signatures)),
        (RecognizesOneSpelling, Some(Law::Signatures)),
        (AnswersEveryHandshake, Some(Law::Handshakes)),
        (PanicsOnOddBytes, Some(Law::Robustness)),
        (PanicsOnOddSignatures, Some(Law::Robustness)),
        (PassesOverGarbage, Some(Law::Robustness)),
        (SearchesFromEveryBracket, Some(Law::Cost)),
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
        (SendsWhatWasGivenUp, Some(Law::Departures)),
        (CallsGivenUpUnknown, Some(Law::Departures)),
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
    let mut bent = bent(AcceptsWithoutSignature);
    bent.receives = false;
    assert_eq!(broken(&bent), Some(Law::Signatures));
}
