use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use serde_json::{Value, json};

use super::{SimulatedWebhook, TWILIO_SIGNATURE, escape, hex, sha256, twilio};
use crate::clock::{Clock, Timestamp};
use crate::ids::AttemptId;
use crate::simulator::harness::{ADA, Bench};
use crate::simulator::redelivery::Overrides;
use crate::simulator::{Side, SimulatedAccounts};

fn header<'a>(webhook: &'a SimulatedWebhook, name: &str) -> &'a str {
    webhook.request.headers()[name].to_str().unwrap()
}

fn body(webhook: &SimulatedWebhook) -> Value {
    serde_json::from_slice(webhook.request.body()).unwrap()
}

fn form(webhook: &SimulatedWebhook) -> Vec<(String, String)> {
    let pairs = std::str::from_utf8(webhook.request.body()).unwrap().split('&');
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (decode(name), decode(value))
        })
        .collect()
}

/// Decodes by hand, so that the encoder is not its own witness.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'+' => decoded.push(b' '),
            b'%' => {
                decoded.push(u8::from_str_radix(text.get(at + 1..at + 3).unwrap(), 16).unwrap());
                at += 2;
            }
            byte => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8(decoded).unwrap()
}

fn field(webhook: &SimulatedWebhook, name: &str) -> Option<String> {
    let mut found = form(webhook).into_iter().filter(|(field, _)| field == name).map(|(_, value)| value);
    let value = found.next();
    assert_eq!(found.next(), None, "{name} is there once");
    value
}

fn holds_for_meta(bench: &Bench, webhook: &SimulatedWebhook) -> bool {
    let signature = header(webhook, "x-hub-signature-256").strip_prefix("sha256=").unwrap();
    assert_eq!(signature.len(), 64);
    let signature: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(signature.get(at * 2..at * 2 + 2).unwrap(), 16).unwrap())
        .collect();
    let mac = Hmac::<sha2::Sha256>::new_from_slice(bench.accounts.app_secret.as_bytes()).unwrap();
    mac.chain_update(webhook.request.body()).verify_slice(&signature).is_ok()
}

fn holds_for_twilio(bench: &Bench, webhook: &SimulatedWebhook, url: &str) -> bool {
    use base64::Engine as _;
    let signature = header(webhook, "x-twilio-signature");
    assert_eq!(signature.len(), 28);
    let signature = base64::engine::general_purpose::STANDARD.decode(signature).unwrap();
    let mut pairs = form(webhook);
    pairs.sort();
    let data = pairs.iter().fold(url.to_owned(), |data, (name, value)| data + name + value);
    let mac = Hmac::<sha1::Sha1>::new_from_slice(bench.accounts.auth_token.as_bytes()).unwrap();
    mac.chain_update(data).verify_slice(&signature).is_ok()
}

#[test]
fn signatures_agree_with_known_ones() {
    // Computed with another implementation.
    let text = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"text":{"body":"äöå 😀"}}]}}]}]}"#;
    let mut accounts = SimulatedAccounts::invented();
    accounts.app_secret = "test_app_secret".to_owned();
    accounts.auth_token = "12345".to_owned();
    let escaped = escape(text);
    assert_eq!(
        hex(&sha256(&accounts.app_secret, escaped.as_bytes())),
        "e04201730550587cef761ee1616bf62a000e182b9db9465b0117e2fcbc6a5900"
    );
    let pairs = [
        ("To", "+18005551212".to_owned()),
        ("Digits", "1234".to_owned()),
        ("From", "+14158675309".to_owned()),
        ("Caller", "+14158675309".to_owned()),
        ("CallSid", "CA1234567890ABCDE".to_owned()),
    ];
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2".parse().unwrap();
    let webhook = twilio(&accounts, &url, Overrides::default(), &pairs);
    assert_eq!(webhook.request.headers()[TWILIO_SIGNATURE], "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

#[test]
fn metas_webhooks_are_signed_over_escaped_bytes() {
    let bench = Bench::new();
    let webhook = bench.ada().writes(Side::Meta, "äöå 😀 / \"x\"");
    let request = &webhook.request;
    assert_eq!(
        (request.method(), request.uri()),
        (&Method::POST, &"https://example.test/webhook".parse().unwrap())
    );
    assert_eq!(header(&webhook, "content-type"), "application/json");
    assert_eq!(header(&webhook, "host"), "example.test");
    assert!(request.body().is_ascii());
    let text = std::str::from_utf8(request.body()).unwrap();
    assert!(text.contains(r#""body":"\u00e4\u00f6\u00e5 \ud83d\ude00 \/ \"x\"""#), "{text}");
    assert!(holds_for_meta(&bench, &webhook));
    assert_eq!(webhook.forged().request.body(), request.body());
    assert!(!holds_for_meta(&bench, &webhook.forged()));
    assert_eq!(
        body(&webhook),
        json!({ "object": "whatsapp_business_account", "entry": [{
            "id": bench.accounts.business_account_id,
            "changes": [{ "field": "messages", "value": {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": bench.accounts.meta_number.trim_start_matches('+'),
                    "phone_number_id": bench.accounts.phone_number_id,
                },
                "contacts": [{
                    "profile": { "name": "Zoë 15557654321" },
                    "wa_id": "15557654321",
                    "user_id": "US.10000015557654321",
                }],
                "messages": [{
                    "from": "15557654321",
                    "from_user_id": "US.10000015557654321",
                    "id": "wamid.HBgLMTU1NTc2NTQzMjEVAgARGBIwMDAwMDAwMDAwMDAwMDAwMDEA",
                    "timestamp": "1767225600",
                    "type": "text",
                    "text": { "body": "äöå 😀 / \"x\"" },
                }],
            } }],
        }] })
    );
}

#[test]
fn twilios_webhooks_are_signed_over_url_and_form() {
    let bench = Bench::new();
    let webhook = bench.ada().writes(Side::Twilio, "Olá & +1");
    assert_eq!(webhook.request.method(), Method::POST);
    assert_eq!(header(&webhook, "content-type"), "application/x-www-form-urlencoded; charset=UTF-8");
    let url = "https://example.test/webhook";
    assert!(holds_for_twilio(&bench, &webhook, url));
    assert!(!holds_for_twilio(&bench, &webhook.forged(), url));
    assert!(!holds_for_twilio(&bench, &webhook, "https://example.test/webhook?"));
    for (name, value) in [
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("Body", "Olá & +1"),
        ("From", "whatsapp:+15557654321"),
        ("To", &format!("whatsapp:{}", bench.accounts.twilio_number)),
        ("WaId", "15557654321"),
        ("ExternalUserId", "whatsapp:US.20000015557654321"),
        ("ProfileName", "Zoë 15557654321"),
        ("MessageType", "text"),
        ("NumMedia", "0"),
        ("SmsStatus", "received"),
    ] {
        assert_eq!(field(&webhook, name).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn what_a_user_can_do() {
    let bench = Bench::new();
    let ada = bench.ada();
    bench.ask(bench.meta_text("?")).unwrap();
    bench.ask(bench.twilio_message(&[("Body", "?")])).unwrap();
    let [meta, twilio] = [0, 1].map(|at| ada.received()[at].message_id.clone());
    let message =
        |webhook: &SimulatedWebhook| body(webhook)["entry"][0]["changes"][0]["value"]["messages"][0].clone();

    let tapped = message(&ada.taps_button(Side::Meta, "yes-1", "Yes"));
    assert_eq!(tapped["type"], "interactive");
    assert_eq!(
        tapped["interactive"],
        json!({ "type": "button_reply", "button_reply": { "id": "yes-1", "title": "Yes" } })
    );
    assert_eq!(
        tapped["context"],
        json!({ "from": bench.accounts.meta_number.trim_start_matches('+'), "id": meta })
    );
    let image = message(&ada.sends_image(Side::Meta, Some("look")));
    assert_eq!(
        (&image["type"], &image["image"]["caption"], &image["image"]["mime_type"]),
        (&json!("image"), &json!("look"), &json!("image/jpeg"))
    );
    assert!(image["image"]["id"].is_string());
    assert!(message(&ada.sends_image(Side::Meta, None))["image"].get("caption").is_none());
    let place = message(&ada.shares_location(Side::Meta, 37.5, -122.25));
    assert_eq!(place["location"], json!({ "latitude": 37.5, "longitude": -122.25 }));
    let reaction = message(&ada.reacts(Side::Meta, &meta, "👍").unwrap());
    assert_eq!(reaction["reaction"], json!({ "message_id": meta, "emoji": "👍" }));
    assert!(ada.reacts(Side::Twilio, &twilio, "👍").is_none());

    let fields = |webhook: &SimulatedWebhook, names: &[&str]| -> Vec<Option<String>> {
        assert!(holds_for_twilio(&bench, webhook, "https://example.test/webhook"));
        names.iter().map(|name| field(webhook, name)).collect()
    };
    let some = |texts: &[&str]| -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    };
    let ours = format!("whatsapp:{}", bench.accounts.twilio_number);
    assert_eq!(
        fields(
            &ada.taps_button(Side::Twilio, "yes-1", "Yes"),
            &[
                "MessageType",
                "Body",
                "ButtonText",
                "ButtonPayload",
                "OriginalRepliedMessageSid",
                "OriginalRepliedMessageSender"
            ]
        ),
        some(&["interactive", "Yes", "Yes", "yes-1", &twilio, &ours])
    );
    let image = ada.sends_image(Side::Twilio, Some("look"));
    assert_eq!(
        fields(&image, &["MessageType", "Body", "NumMedia", "MediaContentType0"]),
        some(&["image", "look", "1", "image/jpeg"])
    );
    let sid = field(&image, "MessageSid").unwrap();
    assert!(sid.starts_with("MM"));
    let start = format!(
        "https://api.twilio.com/2010-04-01/Accounts/{}/Messages/{sid}/Media/ME",
        bench.accounts.account_sid
    );
    assert!(field(&image, "MediaUrl0").unwrap().starts_with(&start));
    assert_eq!(
        fields(
            &ada.shares_location(Side::Twilio, 37.5, -122.25),
            &["MessageType", "Body", "Latitude", "Longitude"]
        ),
        some(&["location", "", "37.5", "-122.25"])
    );
}

#[test]
fn statuses_come_when_their_time_has_come() {
    let bench = Bench::new();
    let simulator = &bench.simulator;
    simulator.set_latency(Side::Meta, Duration::ZERO);
    simulator.set_latency(Side::Twilio, Duration::ZERO);
    let id = AttemptId::from_u128(7);
    let callback = format!("https://example.test/status?attempt={id}&x=a%2Fb#rc=5&rp=all");
    let data = format!("{id}|order-77");
    let meta = json!({ "type": "text", "text": { "body": "x" }, "biz_opaque_callback_data": data });
    let start = bench.clock.now();
    bench.ask(bench.meta_message(&meta)).unwrap();
    bench.clock.advance(Duration::from_millis(100));
    bench.ask(bench.twilio_message(&[("Body", "x"), ("StatusCallback", &callback)])).unwrap();
    assert!(simulator.due_webhooks().is_empty());

    let mut seen: Vec<(Side, String, Timestamp)> = Vec::new();
    while let Some(at) = simulator.next_webhook_at() {
        bench.clock.advance(at.since(bench.clock.now()));
        let due = simulator.due_webhooks();
        assert_eq!(due.len(), 1);
        for webhook in due {
            let state = match webhook.side {
                Side::Meta => {
                    assert!(holds_for_meta(&bench, &webhook));
                    let value = body(&webhook)["entry"][0]["changes"][0]["value"].clone();
                    let status = value["statuses"][0].clone();
                    assert_eq!(status["biz_opaque_callback_data"], data);
                    assert_eq!(status["id"], simulator.deliveries()[0].message_id);
                    assert_eq!(status["recipient_id"], "15557654321");
                    assert_eq!(status["timestamp"], at.unix_seconds().to_string());
                    assert_eq!(value["contacts"][0]["wa_id"], "15557654321");
                    status["status"].as_str().unwrap().to_owned()
                }
                Side::Twilio => {
                    let signed = format!("https://example.test/status?attempt={id}&x=a%2Fb");
                    assert_eq!(webhook.request.uri().to_string(), signed);
                    assert!(holds_for_twilio(&bench, &webhook, &signed));
                    assert!(!holds_for_twilio(&bench, &webhook.forged(), &signed));
                    assert_eq!(
                        field(&webhook, "MessageSid"),
                        Some(simulator.deliveries()[1].message_id.clone())
                    );
                    assert_eq!(field(&webhook, "To"), Some(format!("whatsapp:{ADA}")));
                    assert_eq!(field(&webhook, "ChannelToAddress").as_deref(), Some("+1555765XXXX"));
                    assert_eq!(field(&webhook, "ErrorCode"), None);
                    field(&webhook, "MessageStatus").unwrap()
                }
            };
            seen.push((webhook.side, state, at));
        }
    }
    let expected = [
        (Side::Meta, "sent", 300),
        (Side::Twilio, "sent", 400),
        (Side::Meta, "delivered", 900),
        (Side::Twilio, "delivered", 1000),
        (Side::Meta, "read", 5000),
        (Side::Twilio, "read", 5100),
    ]
    .map(|(side, state, after)| (side, state.to_owned(), start.saturating_add(Duration::from_millis(after))));
    assert_eq!(seen, expected);
}

#[test]
fn a_reaction_is_only_sent() {
    let bench = Bench::new();
    bench
        .meta_content(&json!({ "type": "reaction", "reaction": { "message_id": "wamid.x", "emoji": "😀" } }));
    bench.clock.advance(Duration::from_secs(60));
    let due = bench.simulator.due_webhooks();
    let [sent] = due.as_slice() else { panic!() };
    assert_eq!(body(sent)["entry"][0]["changes"][0]["value"]["statuses"][0]["status"], "sent");
    assert!(bench.simulator.due_webhooks().is_empty());
}

#[test]
fn a_batch_has_an_entry_for_each() {
    let bench = Bench::new();
    let ada = bench.ada();
    let webhooks = vec![ada.writes(Side::Meta, "ä"), ada.writes(Side::Meta, "b/c")];
    let batch = bench.simulator.batch(webhooks.clone()).unwrap();
    assert!(holds_for_meta(&bench, &batch));
    assert!(batch.request.body().is_ascii());
    let entries = webhooks.iter().map(|webhook| body(webhook)["entry"][0].clone()).collect();
    assert_eq!(body(&batch)["entry"], Value::Array(entries));
    assert_eq!(body(&batch)["object"], "whatsapp_business_account");
    assert!(bench.simulator.batch(Vec::new()).is_none());
    assert!(bench.simulator.batch(vec![webhooks[0].clone(), ada.writes(Side::Twilio, "x")]).is_none());
}

#[test]
fn the_handshake_goes_where_webhooks_go() {
    let bench = Bench::new();
    let token = &bench.accounts.verify_token;
    let request = bench.simulator.meta_handshake("11 58");
    assert_eq!(request.method(), Method::GET);
    assert!(request.body().is_empty());
    assert_eq!(
        request.uri().to_string(),
        format!(
            "https://example.test/webhook?hub.mode=subscribe&hub.challenge=11+58&hub.verify_token={token}"
        )
    );
    bench.simulator.set_webhook_url("http://127.0.0.1:9/in?a=b".parse().unwrap());
    assert_eq!(bench.simulator.accounts().webhook_url, "http://127.0.0.1:9/in?a=b");
    let moved = bench.simulator.meta_handshake("1").uri().to_string();
    assert!(moved.starts_with("http://127.0.0.1:9/in?a=b&hub.mode="), "{moved}");
    let webhook = bench.ada().writes(Side::Twilio, "x");
    assert!(holds_for_twilio(&bench, &webhook, "http://127.0.0.1:9/in?a=b"));
    assert_eq!(header(&webhook, "host"), "127.0.0.1:9");
}
