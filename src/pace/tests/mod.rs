use super::*;
use crate::address::PhoneNumber;
use crate::error::ErrorKind;
use crate::ids::ProviderId;
use crate::testing::{MemoryProvider, TestClock};

mod inner;
mod law;
mod rules;

const MILLI: Duration = Duration::from_millis(1);

fn message(to: u64, category: Category) -> OutboundMessage {
    let to = PhoneNumber::from_digits(&(15_550_400_000 + to).to_string()).unwrap();
    OutboundMessage::text(to, "a private word").with_category(category)
}
