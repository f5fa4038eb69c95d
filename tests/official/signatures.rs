//! One side of `signatures.sh`: checks what Twilio's own libraries have signed, and signs for them to check.
//!
//! `verify` reads webhooks from standard input, one JSON object a line, and fails if a genuine one is refused or a forged
//! one is taken; `sign COUNT` writes such lines, as the simulator signs them.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a tool for a test, which may fail in any way")]

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::Arc;

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use whatsapp_provider::clock::{Clock, Timestamp};
use whatsapp_provider::outbound::FileBytes;
use whatsapp_provider::simulator::{Side, SimulatedUser, SimulatedWebhook, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{PhoneNumber, Twilio, WebhookHead, WebhookRequest, WhatsAppProvider};

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";

/// A webhook as it is handed from one side to the other.
#[derive(Serialize, Deserialize)]
struct Line {
    /// Of the auth token, or of the shared key if there is one.
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<String>,
    method: String,
    /// The whole public address.
    url: String,
    content_type: String,
    body: String,
    signature: String,
    genuine: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [word] if word == "verify" => verify(),
        [word, count] if word == "sign" => {
            sign(count.parse().expect("a number of webhooks"));
            ExitCode::SUCCESS
        }
        _ => {
            println!("signatures: verify | sign COUNT");
            ExitCode::from(2)
        }
    }
}

fn verify() -> ExitCode {
    let (mut genuine, mut forged, mut wrong) = (0, 0, 0);
    for text in std::io::stdin().lock().lines() {
        let text = text.expect("lines of text");
        let line: Line = serde_json::from_str(&text).expect("a webhook");
        *(if line.genuine { &mut genuine } else { &mut forged }) += 1;
        if holds(&line) != line.genuine {
            wrong += 1;
            println!("wrong: {text}");
        }
    }
    println!("{genuine} genuine and {forged} forged webhooks, {wrong} of them wrong");
    if wrong == 0 && genuine > 0 && forged > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn holds(line: &Line) -> bool {
    let public = line.url.split('?').next().unwrap_or_default();
    let builder = Twilio::builder().public_url(public);
    let builder = match &line.key {
        Some(key) => builder.auth_token("not this one").shared_key(key, &line.secret),
        None => builder.auth_token(&line.secret),
    };
    let twilio = builder.build().expect("a provider");
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, line.signature.parse().expect("a header"));
    headers.insert("content-type", line.content_type.parse().expect("a header"));
    if let Some(settings) = &line.settings {
        headers.insert(SETTINGS, settings.parse().expect("a header"));
    }
    let method: Method = line.method.parse().expect("a method");
    // What a server sees of the address.
    let (_, rest) = line.url.split_once("://").expect("an absolute address");
    let target = rest.find('/').map_or("/", |at| rest.get(at..).unwrap_or_default());
    let head = WebhookHead::new(&method, target, &headers);
    let request = WebhookRequest::new(head, line.body.as_bytes(), Timestamp::UNIX_EPOCH);
    twilio.verify_signature(&request).is_ok()
}

fn sign(count: u64) {
    let clock = Arc::new(TestClock::new());
    let simulator = Simulator::new(Arc::<TestClock>::clone(&clock));
    let url = "https://wa.example/webhook?tenant=7&name=o%20b";
    simulator.set_webhook_url(url.parse().expect("an address"));
    let user = simulator.user(PhoneNumber::parse("+15557654321").expect("a number"));
    let secret = simulator.accounts().auth_token;
    for number in 0..count {
        let webhook = says(&user, number, clock.random());
        for (webhook, genuine) in [(webhook.clone(), true), (webhook.forged(), false)] {
            let (head, body) = webhook.request.into_parts();
            let header = |name: &str| {
                head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
            };
            let line = Line {
                secret: secret.clone(),
                key: None,
                settings: None,
                method: head.method.to_string(),
                url: url.to_owned(),
                content_type: header("content-type"),
                signature: header(SIGNATURE),
                body: String::from_utf8(body.to_vec()).expect("a form"),
                genuine,
            };
            println!("{}", serde_json::to_string(&line).expect("a line"));
        }
    }
}

/// Something that a user says, of every sort in turn.
fn says(user: &SimulatedUser, number: u64, random: u64) -> SimulatedWebhook {
    let words = format!(" {random:x} Zoë's & 100% = +1? 👍🏽\n{number}");
    match number % 4 {
        0 => user.writes(Side::Twilio, &words),
        1 => user.taps_button(Side::Twilio, &format!("{{\"id\":{random}}}"), &words),
        2 => {
            let file = FileBytes::new("a file", "audio/ogg; codecs=opus");
            user.sends_file(Side::Twilio, &file, Some(&words))
        }
        _ => user.shares_location(Side::Twilio, (random % 90) as f64 + 0.125, (number % 180) as f64 - 0.5),
    }
}
