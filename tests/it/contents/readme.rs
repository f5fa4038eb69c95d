//! The table of kinds in the README says what the providers do.

use std::collections::BTreeMap;
use std::sync::Arc;

use whatsapp_provider::outbound::ContentKind;
use whatsapp_provider::simulator::Simulator;
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::twilio::ContentTemplate;
use whatsapp_provider::{OutboundMessage, WhatsAppProvider};

use super::{SID, sample, user};

const README: &str = include_str!("../../../README.md");

/// The kinds that the table names, and whether Meta and Twilio carry them.
fn table() -> BTreeMap<&'static str, (bool, bool)> {
    let section =
        README.split("\n## ").find(|section| section.starts_with("What each provider carries")).unwrap();
    let yes = |cell: &str| match cell.split([',', ' ', ';']).next() {
        Some("yes") => true,
        Some("no") => false,
        other => panic!("neither yes nor no: {other:?}"),
    };
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| `")?.split('|').map(str::trim).collect();
        let [name, _, meta, twilio, ""] = cells[..] else { panic!("not a row of the table: {line}") };
        Some((name.strip_suffix('`').unwrap(), (yes(meta), yes(twilio))))
    });
    let rows: Vec<_> = rows.collect();
    let table = BTreeMap::from_iter(rows.iter().copied());
    assert_eq!(table.len(), rows.len(), "a kind has two rows");
    table
}

#[test]
fn the_table_of_kinds_agrees_with_capabilities_and_check() {
    let table = table();
    let simulator = Simulator::new(Arc::new(TestClock::new()));
    let meta = simulator.meta().build().unwrap();
    let twilio =
        simulator.twilio().template(ContentTemplate::new("order_shipped", "en_US", SID)).build().unwrap();
    for kind in ContentKind::ALL {
        let (by_meta, by_twilio) =
            table.get(kind.as_str()).copied().unwrap_or_else(|| panic!("no row for {kind:?}"));
        for (provider, carries) in [(&meta as &dyn WhatsAppProvider, by_meta), (&twilio, by_twilio)] {
            let content = sample::of(*kind, &provider.senders()[0]);
            let checked = provider.check(&OutboundMessage::new(user(), content));
            assert_eq!(checked.is_ok(), carries, "{kind:?} by {}: {checked:?}", provider.id());
            assert_eq!(provider.capabilities().carries(*kind), carries, "{kind:?} by {}", provider.id());
        }
    }
    assert_eq!(table.len(), ContentKind::ALL.len(), "a row names no kind");
}
