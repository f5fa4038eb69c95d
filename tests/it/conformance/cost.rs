//! The work on one webhook, to be counted from outside: see `tests/cost/run.sh`.

use std::env::var;

use whatsapp_provider::WhatsAppProvider;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::testing::conformance;

use super::{Simulated, World};

fn read(subject: &Simulated<impl WhatsAppProvider>, sort: usize, size: usize) {
    conformance::read(subject, &conformance::adversarial(subject, sort, size));
}

#[test]
#[ignore = "for a program that counts instructions"]
fn of_one_webhook() {
    let number = |name: &str| var(name).ok().and_then(|text| text.parse().ok());
    let (Some(sort), Some(size)) = (number("COST_SORT"), number("COST_SIZE")) else { return };
    match var("COST_SIDE").as_deref() {
        Ok("twilio") => read(&Simulated::new(Side::Twilio, World::twilio), sort, size),
        _ => read(&Simulated::new(Side::Meta, World::meta), sort, size),
    }
}

/// The script goes through all of them.
#[test]
fn the_script_knows_every_sort() {
    let script = include_str!("../../cost/run.sh");
    assert!(script.contains(&format!("SORTS={}\n", conformance::SORTS)));
}
