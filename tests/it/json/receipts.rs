//! What was accepted.

use whatsapp_provider::outbound::{AcceptedStatus, Dropped, Wish};
use whatsapp_provider::{AttemptId, AttemptReport, SendReceipt};

use super::*;

fn receipt() -> BoxedStrategy<SendReceipt> {
    let report = (any::<u128>(), provider(), option::of(failure())).prop_map(|(id, provider, failure)| {
        let id = AttemptId::from_u128(id);
        match failure {
            Some(failure) => AttemptReport::failed(id, provider, failure),
            None => AttemptReport::accepted(id, provider),
        }
    });
    let status = prop_oneof![
        Just(AcceptedStatus::Accepted),
        Just(AcceptedStatus::HeldForQuality),
        text().prop_map(|word| AcceptedStatus::from_name(&word)),
    ];
    (report.clone(), vec(report, 0..3), option::of(message_ref()), 0_usize..5, option::of(status))
        .prop_map(|(last, failed, message, index, status)| {
            let mut receipt = SendReceipt::accepted(last)
                .after(failed)
                .with_content_index(index)
                .with_dropped(vec![Dropped::new(Wish::Quote), Dropped::new(Wish::Ttl)]);
            receipt.status = status;
            message.map_or(receipt.clone(), |message| receipt.with_message(message))
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn receipts(receipt in receipt()) {
        json(&receipt).unwrap();
    }
}
