//! Orders from a catalogue.

use serde_json::value::RawValue;

use crate::inbound::{Order, OrderItem};
use crate::meta::wire::{Object, elements};

/// The largest number up to which every whole number has a form with a decimal point of its own.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// An order. One with an odd line is none: half an order must not be taken for the whole.
pub(super) fn read(body: &Object<'_>) -> Option<Order> {
    let items: Option<Vec<_>> = elements(body.get("product_items")?)?.into_iter().map(item).collect();
    let mut order = Order::new(body.text("catalog_id")?, items?);
    order.text = body.text("text");
    Some(order)
}

fn item(json: &RawValue) -> Option<OrderItem> {
    let line = Object::read(json)?;
    let quantity = line.number("quantity").or_else(|| whole(line.number("quantity")?))?;
    let mut item = OrderItem::new(line.text("product_retailer_id")?, quantity);
    item.price = line.text("item_price");
    item.currency = line.text("currency");
    Some(item)
}

/// `2.0` is 2.
fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0 && (0.0..=MAX_EXACT).contains(&number)).then_some(number as u64)
}
