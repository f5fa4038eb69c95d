//! Writes what the fuzzers begin with: each of the tests' fixtures as a webhook of its own, and all of them in one.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut changes = Vec::new();
    for file in fs::read_dir(here.join("../tests/fixtures/meta"))? {
        let fixtures: Vec<Value> = serde_json::from_slice(&fs::read(file?.path())?)?;
        changes.extend(fixtures.iter().map(change));
    }
    let mut bodies: Vec<Value> = changes.chunks(1).map(webhook).collect();
    bodies.push(webhook(&changes));
    for target in ["meta_parse", "meta_verify"] {
        let corpus = here.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        for (number, body) in bodies.iter().enumerate() {
            fs::write(corpus.join(format!("fixture-{number}")), body.to_string())?;
        }
    }
    println!("{} webhooks for each target", bodies.len());
    Ok(())
}

/// The change that brings a fixture's element: in the list that it belongs to, or as the value itself.
fn change(fixture: &Value) -> Value {
    let element = &fixture["element"];
    let mut value = Map::new();
    match fixture["list"].as_str() {
        Some(list) => {
            value.insert("messaging_product".to_owned(), "whatsapp".into());
            value.insert("metadata".to_owned(), json!({"phone_number_id": "106540352242922"}));
            let mut nested = json!([element]);
            for name in list.rsplit('/') {
                nested = json!({ name: nested });
            }
            if let Value::Object(nested) = nested {
                value.extend(nested);
            }
        }
        None => value.extend(element.as_object().cloned().unwrap_or_default()),
    }
    json!({"field": fixture["field"], "value": value})
}

fn webhook(changes: &[Value]) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "time": 1_790_000_000, "changes": changes}],
    })
}
