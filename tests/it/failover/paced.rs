//! Members that let their messages wait for their turn.

use futures_util::future::join_all;
use whatsapp_provider::pace::{PacePolicy, Paced, RecipientPace};

use super::*;

/// The pair, its primary member at so many messages a second.
fn pair(per_second: u32, policy: FailoverPolicy) -> Pair {
    let clock = TestClock::new();
    let (meta, twilio) = (MemoryProvider::new(ProviderId::META), MemoryProvider::new(ProviderId::TWILIO));
    let pace = PacePolicy::default().with_per_second(per_second);
    let pace = pace.with_recipient(Some(RecipientPace::new(2, 60 * SECOND)));
    let paced = Paced::builder(meta.clone()).policy(pace).clock(Arc::new(clock.clone())).build().unwrap();
    let events = Events::default();
    let log = Arc::clone(&events);
    let failover = FailoverProvider::builder()
        .primary(paced)
        .fallback(twilio.clone())
        .policy(policy)
        .observer(move |event: &FailoverEvent| log.lock().unwrap().push(event.clone()))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    Pair { clock, meta, twilio, failover, events }
}

impl Pair {
    async fn send_to(&self, n: u64, category: Category) -> Result<SendReceipt> {
        self.failover.send(&OutboundMessage::text(to(n), "hi").with_category(category)).await
    }

    fn nothing_is_said_of_meta(&self) -> bool {
        let events = self.events.lock().unwrap();
        let says = |event: &FailoverEvent| {
            matches!(event, FailoverEvent::HealthChanged { .. } | FailoverEvent::Paused { .. })
        };
        self.standing_of_meta() == Standing::Ready && !events.iter().any(says)
    }
}

#[test]
fn a_campaign_that_is_too_fast_is_in_nobodys_way() {
    for category in [Category::Marketing, Category::Utility] {
        // Of 80 a second, 64 are for campaigns: a burst of 3, and 62 evenly in each of 45 seconds.
        let pair = pair(80, FailoverPolicy::default());
        let campaign = join_all((0..3_000).map(|n| pair.send_to(n, category)));
        let codes = async {
            for n in 0..40 {
                pair.clock.sleep(SECOND).await;
                let began = pair.clock.elapsed();
                let code = pair.send_to(10_000 + n, Category::Authentication).await.unwrap();
                assert_eq!(code.provider, ProviderId::META);
                assert!(pair.clock.elapsed() - began <= SECOND / 16, "the reserve's own pace");
            }
        };
        let (campaign, ()) = pair.clock.block_on(futures_util::future::join(campaign, codes));
        let (left, refused): (Vec<_>, Vec<_>) = campaign.into_iter().partition(Result::is_ok);
        assert!((2_780..=2_793).contains(&left.len()), "{}", left.len());
        for error in refused.into_iter().map(Result::unwrap_err) {
            assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Throttled, Acceptance::NotAccepted));
            assert!(error.retry_after().is_some_and(|wait| !wait.is_zero()));
        }
        assert!(pair.nothing_is_said_of_meta());
        assert_eq!(pair.sent(), (left.len() + 40, 0));
        let next = pair.clock.block_on(async {
            pair.clock.sleep(SECOND).await;
            pair.send_to(20_000, category).await
        });
        assert_eq!(next.unwrap().provider, ProviderId::META, "its category does not pause");
    }
}

#[test]
fn a_code_whose_turn_is_too_late_goes_to_the_next_member_as_the_policy_says() {
    let never = FailoverPolicy::default()
        .with_category(Category::Authentication, |policy| policy.with_fail_over_when_throttled(false));
    for (policy, fails_over) in [(FailoverPolicy::default(), true), (never, false)] {
        let pair = pair(1, policy);
        // One in each of 15 seconds, and one at their end.
        let codes = join_all((0..20).map(|n| pair.send_to(n, Category::Authentication)));
        let codes = pair.clock.block_on(codes);
        assert_eq!(pair.sent(), (16, if fails_over { 4 } else { 0 }));
        assert_eq!(pair.clock.elapsed(), 15 * SECOND);
        for late in codes.into_iter().skip(16) {
            match late {
                Ok(receipt) => {
                    assert!(fails_over && receipt.provider == ProviderId::TWILIO);
                    let failure = receipt.attempts[0].failure.as_ref().unwrap();
                    assert_eq!((failure.kind, failure.hint), (ErrorKind::Throttled, Some(Hint::Beside)));
                }
                Err(error) => assert!(!fails_over && error.kind() == ErrorKind::Throttled),
            }
        }
        assert!(pair.nothing_is_said_of_meta());
        let next = pair.clock.block_on(pair.send_to(50, Category::Authentication)).unwrap();
        assert_eq!(next.provider, ProviderId::META);
    }
}

#[test]
fn a_recipient_who_has_had_enough_is_not_written_to_by_another_member() {
    let pair = pair(80, FailoverPolicy::default());
    pair.clock.block_on(async {
        for category in [Category::Service, Category::Authentication] {
            pair.send_to(1, category).await.unwrap();
        }
        let error = pair.send_to(1, Category::Authentication).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RecipientThrottled, Some(60 * SECOND)));
        pair.send_to(2, Category::Authentication).await.unwrap();
    });
    assert_eq!(pair.sent(), (3, 0));
    assert!(pair.nothing_is_said_of_meta());
}
