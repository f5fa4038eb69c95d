//! The command-line examples, run as programs against the simulator's socket.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use whatsapp_provider::PhoneNumber;
use whatsapp_provider::clock::TokioClock;
use whatsapp_provider::simulator::{Fault, Side, Simulator, SimulatorServer};

/// The program that cargo built beside the tests; if only the tests were built, it is built now.
pub(crate) fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    if !path.exists() {
        let status =
            Command::new(env!("CARGO")).args(["build", "--quiet", "--example", name]).status().unwrap();
        assert!(status.success());
    }
    path
}

fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that was called wrongly ends without reading.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

struct World {
    simulator: Simulator,
    server: SimulatorServer,
}

impl World {
    async fn new() -> Self {
        let simulator = Simulator::new(Arc::new(TokioClock::new()));
        let server = simulator.serve().await.unwrap();
        Self { simulator, server }
    }

    async fn send(&self, arguments: &[&str], input: &str) -> (i32, Value) {
        let accounts = self.simulator.accounts();
        let mut command = Command::new(example("send"));
        command
            .args(arguments)
            .args([
                "--meta-url",
                &self.server.url_of(Side::Meta),
                "--twilio-url",
                &self.server.url_of(Side::Twilio),
            ])
            .env_clear()
            .env("WHATSAPP_ACCESS_TOKEN", &accounts.access_token)
            .env("WHATSAPP_PHONE_NUMBER_ID", &accounts.phone_number_id)
            .env("WHATSAPP_APP_SECRET", &accounts.app_secret)
            .env("WHATSAPP_VERIFY_TOKEN", &accounts.verify_token)
            .env("TWILIO_ACCOUNT_SID", &accounts.account_sid)
            .env("TWILIO_AUTH_TOKEN", &accounts.auth_token)
            .env("TWILIO_WHATSAPP_NUMBER", &accounts.twilio_number);
        let input = input.to_owned();
        let output = tokio::task::spawn_blocking(move || run(command, input.as_bytes())).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let value = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text:?} {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code().unwrap(), value)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn send_prints_the_receipt_or_the_error() {
    let world = World::new().await;
    let (code, answer) =
        world.send(&["--provider", "meta", "--to", "+15550002222", "--text", "hi"], "").await;
    assert_eq!(
        (code, &answer["accepted"], &answer["receipt"]["provider"]),
        (0, &true.into(), &"meta".into())
    );

    let json = r#"{"to":{"phone":"+15550002222"},"content":{"type":"text","body":"hi"},"reference":"r"}"#;
    let (code, answer) = world.send(&["--provider", "twilio", "--message", "-"], json).await;
    assert_eq!((code, &answer["receipt"]["status"]), (0, &"queued".into()));

    world.simulator.fault_next(Side::Meta, Fault::Unavailable { with_envelope: true });
    let (code, answer) = world.send(&["--provider", "failover", "--message", "-"], json).await;
    assert_eq!((code, &answer["receipt"]["provider"]), (0, &"twilio".into()));
    assert_eq!(answer["receipt"]["attempts"][0]["failure"]["code"], 2);

    world.simulator.fault_next(Side::Meta, Fault::AcceptThenDrop);
    let (code, answer) = world.send(&["--provider", "failover", "--message", "-"], json).await;
    assert_eq!((code, &answer["accepted"]), (1, &false.into()));
    assert_eq!(
        (&answer["error"]["kind"], &answer["error"]["acceptance"]),
        (&"no_answer".into(), &"unknown".into())
    );
    assert_eq!(answer["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(world.simulator.deliveries().len(), 4, "each message once");
    world.server.shutdown().await;
}

#[test]
fn send_names_the_variable_that_is_missing() {
    let mut command = Command::new(example("send"));
    command.args(["--provider", "meta", "--to", "+15550002222", "--text", "hi"]).env_clear();
    command.env("WHATSAPP_ACCESS_TOKEN", "invented");
    let output = run(command, b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("WHATSAPP_PHONE_NUMBER_ID"));
}

fn inspect(arguments: &[&str], body: &[u8]) -> (i32, Vec<Value>, String) {
    let mut command = Command::new(example("inspect"));
    command.args(arguments).env_clear();
    let output = run(command, body);
    let events = String::from_utf8(output.stdout).unwrap();
    let events = events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), events, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn inspect_checks_the_signature_and_prints_every_event() {
    let simulator = Simulator::new(Arc::new(whatsapp_provider::testing::TestClock::new()));
    let accounts = simulator.accounts();
    let user = simulator.user(PhoneNumber::parse("+15550002222").unwrap());
    for (side, secret) in [(Side::Meta, &accounts.app_secret), (Side::Twilio, &accounts.auth_token)] {
        let webhook = user.writes(side, "hi");
        let name = if side == Side::Meta { "x-hub-signature-256" } else { "x-twilio-signature" };
        let header = format!("{name}: {}", webhook.request.headers()[name].to_str().unwrap());
        let url = webhook.request.uri().to_string();
        let common = ["--url", &url, "--header", &header, "--secret", "another one", "--secret"];
        let (code, events, _) = inspect(&[&common[..], &[secret]].concat(), webhook.request.body());
        assert_eq!((code, events.len()), (0, 1), "{side:?}");
        assert_eq!(events[0]["message"]["content"]["body"], "hi");
        assert_eq!(events[0].get("assumed"), None);

        let (code, events, reason) = inspect(&[&common[..], &["wrong"]].concat(), webhook.request.body());
        assert_eq!((code, events.len()), (1, 0));
        assert!(reason.contains("does not match"), "{reason}");

        let (code, events, _) = inspect(&["--assume-verified"], webhook.request.body());
        assert_eq!((code, &events[0]["assumed"]), (0, &true.into()), "{side:?}");
    }
    for wrong in
        [&["--provider", "other"][..], &["--nonsense"], &[], &["--header", "no colon", "--assume-verified"]]
    {
        assert_eq!(inspect(wrong, b"{}").0, 2, "{wrong:?}");
    }
}

#[test]
fn inspect_tells_what_is_not_to_be_answered() {
    let text = |id: &str| serde_json::json!({ "id": id, "from": "15550002222", "to": "15550001111", "type": "text", "text": { "body": "hi" } });
    let metadata = serde_json::json!({ "phone_number_id": "100000000000001" });
    let change = |field: &str, lists: Value| {
        let mut value = lists;
        value["metadata"] = metadata.clone();
        serde_json::json!({ "field": field, "value": value })
    };
    let changes = [
        change("messages", serde_json::json!({ "messages": [text("1")] })),
        change("standby", serde_json::json!({ "standby": { "messages": [text("2")] } })),
        change("smb_message_echoes", serde_json::json!({ "message_echoes": [text("3")] })),
        change("history", serde_json::json!({ "messages": [text("4")] })),
        change("account_update", serde_json::json!({ "event": "ACCOUNT_DELETED" })),
    ];
    let body = serde_json::json!({ "entry": [{ "id": "1", "changes": changes }] }).to_string();
    let (code, events, _) = inspect(&["--assume-verified"], body.as_bytes());
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((code, &kinds[..]), (0, &["message", "observed", "echo", "echo", "account"][..]));
    assert_eq!(events[1]["observed"]["standby"], true);
    assert_eq!(events[3]["echo"]["history"], true);
    assert_eq!(events[4]["account"]["notice"], "blocked");
}
