use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::outbound::FileBytes;
use crate::simulator::Side;
use crate::simulator::harness::Bench;

const DAY: Duration = Duration::from_secs(86_400);

/// A form of these parts: name, what else stands in their heads, and content.
fn form(bench: &Bench, parts: &[(&str, &str, &str)]) -> Request<Bytes> {
    let mut body = String::new();
    for (name, rest, content) in parts {
        body +=
            &format!("--b0\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{content}\r\n");
    }
    body += "--b0--\r\n";
    let path = format!("/v23.0/{}/media", bench.accounts.phone_number_id);
    let mut request = bench.to_meta(Method::POST, &path, &body);
    request.headers_mut().insert("content-type", "multipart/form-data; boundary=b0".parse().unwrap());
    request
}

const FILE: &str = "; filename=\"a\"\r\nContent-Type: text/plain";

fn upload(bench: &Bench, content: &str) -> String {
    let parts = [("messaging_product", "", "whatsapp"), ("type", "", "text/plain"), ("file", FILE, content)];
    let (status, answer) = bench.json(form(bench, &parts));
    assert_eq!(status, 200, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

fn ask(bench: &Bench, method: Method, id: &str) -> (u16, Value) {
    bench.json(bench.to_meta(method, &format!("/v23.0/{id}"), ""))
}

/// Downloads from an address, with what stands in the head.
fn download(bench: &Bench, url: &str, head: &[(&'static str, &str)]) -> (u16, Bytes) {
    let mut request = Request::get(url).body(Bytes::new()).unwrap();
    for (name, value) in head {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let answer = bench.ask(request).unwrap();
    (answer.status().as_u16(), answer.into_body())
}

#[test]
fn a_file_is_kept_for_thirty_days_and_its_address_works_for_five_minutes() {
    let bench = Bench::new();
    let token = format!("Bearer {}", bench.accounts.access_token);
    let head = [("authorization", token.as_str()), ("user-agent", "x")];
    let id = upload(&bench, "he\r\n--b\r\nllo");
    let (status, info) = ask(&bench, Method::GET, &id);
    assert_eq!((status, &info["file_size"], &info["mime_type"]), (200, &json!("12"), &json!("text/plain")));
    let url = info["url"].as_str().unwrap();
    assert_eq!(download(&bench, url, &head), (200, Bytes::from("he\r\n--b\r\nllo")));
    assert_eq!(download(&bench, url, &head[..1]).0, 403, "who asks?");
    assert_eq!(download(&bench, url, &head[1..]).0, 401);
    assert_eq!(download(&bench, url, &[("authorization", "Bearer other"), ("user-agent", "x")]).0, 401);
    assert_eq!(download(&bench, &url.replace("ext=1", "ext=2"), &head).0, 404);
    assert_eq!(download(&bench, url.split('?').next().unwrap(), &head).0, 404);
    bench.clock.advance(Duration::from_secs(300));
    assert_eq!(download(&bench, url, &head).0, 404);
    let (_, info) = ask(&bench, Method::GET, &id);
    assert_eq!(download(&bench, info["url"].as_str().unwrap(), &head).0, 200);

    bench.clock.advance(29 * DAY);
    assert_eq!(ask(&bench, Method::GET, &id).0, 200);
    bench.clock.advance(DAY);
    let (status, answer) = ask(&bench, Method::GET, &id);
    assert_eq!((status, &answer["error"]["error_subcode"]), (400, &json!(33)));
}

#[test]
fn what_is_deleted_is_gone_and_cannot_be_sent() {
    let bench = Bench::new();
    let id = upload(&bench, "hello");
    let document = |id: &str| bench.meta_message(&json!({ "type": "document", "document": { "id": id } }));
    assert_eq!(bench.json(document(&id)).0, 200);
    let foreign = format!("/v23.0/{id}?phone_number_id=999");
    let (status, answer) = bench.json(bench.to_meta(Method::DELETE, &foreign, ""));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
    assert_eq!(ask(&bench, Method::POST, &id).0, 400);
    assert_eq!(ask(&bench, Method::DELETE, &id), (200, json!({ "success": true })));
    assert_eq!(ask(&bench, Method::DELETE, &id).0, 400);
    let (status, answer) = bench.json(document(&id));
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)));
    // One that the simulator never gave out may have been uploaded before it began.
    assert_eq!(bench.json(document("1037543291543636")).0, 200);
    let files: Vec<_> = bench.simulator.deliveries().into_iter().map(|delivery| delivery.files).collect();
    assert_eq!(files, [vec![FileBytes::new("hello", "text/plain")], vec![]]);
}

#[test]
fn what_users_send_is_kept_for_a_week() {
    let bench = Bench::new();
    let file = FileBytes::new("OggS", "audio/ogg; codecs=opus");
    let webhook = bench.ada().sends_file(Side::Meta, &file, None);
    let body: Value = serde_json::from_slice(webhook.request.body()).unwrap();
    let message = &body["entry"][0]["changes"][0]["value"]["messages"][0];
    assert_eq!(
        (&message["type"], &message["audio"]["mime_type"]),
        (&json!("audio"), &json!("audio/ogg; codecs=opus"))
    );
    let id = message["audio"]["id"].as_str().unwrap();
    bench.clock.advance(7 * DAY - Duration::from_millis(500));
    assert_eq!(ask(&bench, Method::GET, id).0, 200);
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&bench, Method::GET, id).0, 400);
    bench.simulator.forget();
    assert_eq!(ask(&bench, Method::GET, id).0, 400);
}

#[test]
fn a_form_must_be_whole() {
    let bench = Bench::new();
    let product = ("messaging_product", "", "whatsapp");
    let kind = ("type", "", "text/plain");
    let file = ("file", FILE, "hello");
    assert_eq!(bench.json(form(&bench, &[product, kind, file])).0, 200);
    for parts in [
        vec![kind, file],
        vec![("messaging_product", "", "telegram"), kind, file],
        vec![product, kind],
        vec![product, file],
        vec![product, ("type", "", "image/png"), file],
        vec![product, kind, ("file", "", "hello")],
        vec![],
    ] {
        let (status, answer) = bench.json(form(&bench, &parts));
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(100)), "{parts:?}");
    }
    let whole = form(&bench, &[product, kind, file]);
    for body in [whole.body().slice(1..), whole.body().slice(..whole.body().len() - 3), Bytes::new()] {
        assert_eq!(bench.json(whole.clone().map(|_| body)).0, 400);
    }
    let mut json = whole;
    json.headers_mut().insert("content-type", "application/json".parse().unwrap());
    assert_eq!(bench.json(json).0, 400);
}
