use http::Method;
use serde_json::{Value, json};

use crate::simulator::harness::Bench;

/// The hexadecimal HMAC of the simulator's token under its app secret.
fn proof(bench: &Bench) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(bench.accounts.app_secret.as_bytes()).unwrap();
    crate::hex::hex(&mac.chain_update(&bench.accounts.access_token).finalize().into_bytes())
}

fn get(bench: &Bench, path: &str) -> (u16, Value) {
    bench.json(bench.to_meta(Method::GET, path, ""))
}

#[test]
fn the_number_has_the_fields_that_are_asked_for() {
    let bench = Bench::new();
    let number = bench.accounts.phone_number_id.as_str();
    let path = format!("/v23.0/{number}");
    assert_eq!(
        get(&bench, &path),
        (
            200,
            json!({
                "id": number,
                "display_phone_number": bench.accounts.meta_number,
                "verified_name": "Simulated Business",
                "quality_rating": "GREEN",
            })
        )
    );
    assert_eq!(get(&bench, &format!("{path}?fields=id")), (200, json!({ "id": number })));
    let (status, answer) = get(&bench, &format!("{path}?fields=status,throughput"));
    assert_eq!(
        (status, &answer["status"], &answer["throughput"]["level"]),
        (200, &json!("CONNECTED"), &json!("STANDARD"))
    );
    let (status, answer) = get(&bench, &format!("{path}?fields=id,shoe_size"));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
}

#[test]
fn a_proof_must_be_the_tokens_if_it_is_there() {
    let bench = Bench::new();
    let path = format!("/v23.0/{}?fields=id&appsecret_proof=", bench.accounts.phone_number_id);
    let proof = proof(&bench);
    assert_eq!(get(&bench, &format!("{path}{proof}")).0, 200);
    for wrong in ["", "00", &proof.to_uppercase(), &format!("{proof}0")] {
        let (status, answer) = get(&bench, &format!("{path}{wrong}"));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)), "{wrong}");
    }
}

#[test]
fn templates_are_listed_page_by_page() {
    let bench = Bench::new();
    let path = format!("/v23.0/{}/message_templates", bench.accounts.business_account_id);
    assert_eq!(get(&bench, &path), (200, json!({ "data": [] })));
    for (name, language) in [("b", "en"), ("a", "en"), ("ab", "pt_BR"), ("a", "de")] {
        bench.simulator.register_template(name, language, "Hi {{1}}", "APPROVED");
    }
    bench.simulator.register_template("a", "en", "Hi", "PAUSED");
    let listed = |query: &str| {
        let (status, answer) = get(&bench, &format!("{path}?{query}"));
        assert_eq!(status, 200, "{answer}");
        let data = answer["data"].as_array().unwrap();
        let names: Vec<String> = data
            .iter()
            .map(|template| {
                format!("{} {}", template["name"].as_str().unwrap(), template["status"].as_str().unwrap())
            })
            .collect();
        (
            names.join(", "),
            answer["paging"]["cursors"]["after"].clone(),
            answer["paging"].get("next").is_some(),
        )
    };
    assert_eq!(listed("limit=2"), ("a APPROVED, a PAUSED".to_owned(), json!("2"), true));
    assert_eq!(listed("limit=2&after=2"), ("ab APPROVED, b APPROVED".to_owned(), json!("4"), false));
    assert_eq!(listed("name=b"), ("ab APPROVED, b APPROVED".to_owned(), json!("2"), false));
    assert_eq!(listed("after=4"), (String::new(), Value::Null, false));
    for bad in ["limit=0", "limit=101", "limit=x", "after=x"] {
        assert_eq!(get(&bench, &format!("{path}?{bad}")).0, 400, "{bad}");
    }
}

#[test]
fn the_account_is_no_number_and_the_reverse() {
    let bench = Bench::new();
    let (account, number) = (&bench.accounts.business_account_id, &bench.accounts.phone_number_id);
    let (status, answer) = get(&bench, &format!("/v23.0/{account}/subscribed_apps"));
    assert_eq!(
        (status, &answer["data"][0]["whatsapp_business_api_data"]["id"]),
        (200, &json!(bench.accounts.app_id))
    );
    for path in [format!("{number}/subscribed_apps"), format!("{number}/message_templates"), account.clone()]
    {
        assert_eq!(get(&bench, &format!("/v23.0/{path}")).1["error"]["error_subcode"], 33, "{path}");
    }
}
