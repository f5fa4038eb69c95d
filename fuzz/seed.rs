//! Writes what the fuzzers begin with: each of the tests' fixtures as a webhook of its own, and all of Meta's in one.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let changes: Vec<Value> = fixtures("meta")?.iter().map(change).collect();
    let mut bodies: Vec<String> = changes.chunks(1).map(webhook).map(|body| body.to_string()).collect();
    bodies.push(webhook(&changes).to_string());
    write(["meta_parse", "meta_verify"], &bodies)?;
    let forms: Vec<String> = fixtures("twilio")?.iter().map(form).collect();
    write(["twilio_parse", "twilio_verify"], &forms)
}

/// The fixtures of a provider.
fn fixtures(provider: &str) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let mut fixtures = Vec::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(provider))?
    {
        fixtures.append(&mut serde_json::from_slice::<Vec<Value>>(&fs::read(file?.path())?)?);
    }
    Ok(fixtures)
}

fn write(targets: [&str; 2], bodies: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    for target in targets {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        for (number, body) in bodies.iter().enumerate() {
            fs::write(corpus.join(format!("fixture-{number}")), body)?;
        }
        println!("{target}: {} webhooks", bodies.len());
    }
    Ok(())
}

/// A fixture's parameters as a form.
fn form(fixture: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fixture["parameters"].as_object().into_iter().flatten() {
        form.append_pair(name, value.as_str().unwrap_or_default());
    }
    form.finish()
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
