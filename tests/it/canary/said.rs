//! Messages and webhooks in which everything that anybody says has the mark of a canary.

use std::sync::Arc;

use serde_json::{Value, json};
use whatsapp_provider::outbound::{
    ButtonParameter, ContactCard, FileBytes, Link, Location, Raw, Template, TemplateHeader,
};
use whatsapp_provider::simulator::{Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    Content, Json, MediaRef, MessageRef, OutboundMessage, PhoneNumber, ProviderId, SenderId, UserId,
};

/// What everything begins with that must not be printed.
pub(super) const MARK: &str = "canary-";

/// A user's number, and another one that is only spoken of.
pub(super) const USER: &str = "15550987654";
pub(super) const STRANGER: &str = "15550876543";

/// Where the user is, in degrees.
pub(super) const LATITUDE: f64 = 37.442_16;

pub(super) const SHIPPED: &str = "HX00000000000000000000000000000001";
pub(super) const CODE: &str = "HX00000000000000000000000000000002";

pub(super) fn user() -> PhoneNumber {
    PhoneNumber::from_digits(USER).unwrap()
}

pub(super) fn user_id(side: Side) -> UserId {
    Simulator::new(Arc::new(TestClock::new())).user(user()).user_id(side).unwrap()
}

pub(super) fn hello() -> OutboundMessage {
    OutboundMessage::text(user(), "canary-body").with_reference("order-77")
}

fn link(file: &str) -> Link {
    format!("https://canary-host.example/canary-{file}?sig=canary-signature").parse().unwrap()
}

/// A content of every kind, all of them full.
pub(super) fn contents(sender: &SenderId) -> Vec<Content> {
    let mut document = Content::document(link("file.pdf")).with_caption("canary-caption");
    if let Content::Document(document) = &mut document {
        document.filename = Some("canary-file-name.pdf".to_owned());
    }
    let mut place = Location::new(LATITUDE, -122.0);
    place.name = Some("canary-place".to_owned());
    place.address = Some("canary-address".to_owned());
    let shipped = Template::new("order_shipped", "en_US").with_body(["canary-first", "canary-second"]);
    let mut contents = vec![
        Content::text("canary-body"),
        Content::text("canary-long-body ".repeat(300)),
        Content::image(link("image.png")).with_caption("canary-caption"),
        Content::image(MediaRef::new(sender.clone(), "canary-media")),
        Content::image(MediaRef::new(SenderId::new(ProviderId::TWILIO, "other"), "canary-foreign-media")),
        Content::image(FileBytes::new("canary-bytes", "image/png")),
        Content::video(link("video.mp4")).with_caption("canary-caption"),
        Content::audio(link("audio.mp3")),
        Content::voice(link("voice.ogg")),
        document,
        Content::sticker(link("sticker.webp")),
        Content::Location(place.clone()),
        Content::contacts([
            ContactCard::named("canary-contact", "canary-first-name").with_phone(format!("+{STRANGER}"))
        ]),
        Content::reaction(MessageRef::new(sender.clone(), "canary-message"), "canary-emoji"),
        shipped.clone().into(),
        shipped.clone().with_named("name", "canary-mixed").into(),
        shipped.clone().with_header(TemplateHeader::Image(link("header.png").into())).into(),
        shipped.clone().with_header(TemplateHeader::Location(place)).into(),
        shipped.clone().with_url_suffix(0, "canary-suffix").into(),
        shipped.with_button(1, ButtonParameter::quick_reply("canary-payload")).into(),
        Template::authentication("login", "en_US", "canary-otp").into(),
        Template::new("unknown", "en_US").with_body(["canary-parameter"]).into(),
        Content::Raw(Raw::new(
            ProviderId::META,
            Json::from_value(&json!({ "type": "x", "x": "canary-raw" })).unwrap(),
        )),
    ];
    contents.extend(actions().into_iter().map(|action| {
        let interactive = json!({
            "type": "interactive",
            "header": { "text": "canary-header" },
            "body": "canary-question",
            "footer": "canary-footer",
            "action": action,
        });
        serde_json::from_value::<Content>(interactive).unwrap()
    }));
    contents
}

fn actions() -> Vec<Value> {
    let product = json!({ "catalog_id": "canary-catalog", "product": "canary-product" });
    let sections = json!([{ "title": "canary-section", "products": ["canary-product"] }]);
    let row = json!({ "id": "canary-row", "title": "canary-title", "description": "canary-description" });
    let url = json!({ "display_text": "canary-label", "url": "https://canary-host.example/canary-path" });
    let with = |mut object: Value, kind: &str| {
        object["type"] = kind.into();
        object
    };
    vec![
        json!({ "type": "reply_buttons", "buttons": [{ "id": "canary-id", "title": "canary-button" }] }),
        json!({
            "type": "list",
            "button": "canary-list",
            "sections": [{ "title": "canary-section", "rows": [row] }],
        }),
        with(url.clone(), "cta_url"),
        json!({
            "type": "flow",
            "flow": { "id": "1" },
            "cta": "canary-cta",
            "token": "canary-flow-token",
            "start": { "navigate": { "screen": "canary-screen", "data": { "x": "canary-flow-data" } } },
        }),
        json!({ "type": "location_request" }),
        with(product.clone(), "product"),
        json!({ "type": "product_list", "catalog_id": "canary-catalog", "sections": sections }),
        json!({ "type": "catalog", "thumbnail_product": "canary-product" }),
        json!({
            "type": "carousel",
            "cards": [
                { "header": { "image": { "link": link("card.png").as_str() } }, "body": "canary-card",
                  "action": with(url.clone(), "cta_url") },
                { "header": { "image": { "link": link("card.png").as_str() } }, "body": "canary-card",
                  "action": with(url, "cta_url") },
            ],
        }),
        json!({
            "type": "carousel",
            "cards": [
                { "action": with(product.clone(), "product") },
                { "body": "canary-card", "action": with(product, "product") },
            ],
        }),
        json!({ "type": "contact_request" }),
        json!({ "type": "call_permission" }),
        json!({ "type": "address", "country": "IN", "values": { "name": "canary-name" } }),
        json!({ "type": "voice_call", "display_text": "canary-call", "payload": "canary-payload" }),
    ]
}

/// The body of a webhook of Meta's with everything that Meta is known to post, and with what it is not.
pub(super) fn meta_webhook(phone_number_id: &str, attempt: &str) -> Value {
    let metadata = json!({ "display_phone_number": "15550100001", "phone_number_id": phone_number_id });
    let contact = json!({
        "wa_id": USER,
        "user_id": "US.canary-user",
        "parent_user_id": "US.canary-parent",
        "profile": { "name": "canary-profile", "username": "canary-username" },
    });
    let error = json!({
        "code": 131_026,
        "title": "canary-error-title",
        "message": "canary-error-message",
        "error_data": { "details": format!("canary-error-details {USER}") },
        "href": "https://canary-host.example/canary-help",
    });
    let messages: Vec<Value> = said()
        .into_iter()
        .enumerate()
        .map(|(place, said)| {
            let mut message = json!({
                "from": USER,
                "from_user_id": "US.canary-user",
                "id": format!("wamid.canary-{place}"),
                "timestamp": "1767225600",
                "context": { "from": STRANGER, "id": "wamid.canary-quoted" },
                "referral": { "headline": "canary-headline", "ctwa_clid": "canary-click" },
            });
            said.as_object().unwrap().iter().for_each(|(name, value)| message[name] = value.clone());
            message
        })
        .chain([json!("canary-no-object"), json!({ "canary-member": 1 }), json!(["canary-list"])])
        .collect();
    let status = |state: &str| {
        json!({
            "id": "wamid.canary-sent",
            "status": state,
            "timestamp": "1767225600",
            "recipient_id": USER,
            "recipient_user_id": "US.canary-user",
            "biz_opaque_callback_data": format!("{attempt}|canary-reference"),
        })
    };
    let mut failed = status("failed");
    failed["errors"] = json!([error]);
    let statuses = [status("sent"), status("read"), failed, json!({ "id": "wamid.canary-odd" })];
    let echoes: Vec<_> = messages
        .iter()
        .filter_map(|message| {
            let mut echo = message.as_object()?.clone();
            echo.insert("to".to_owned(), USER.into());
            Some(echo)
        })
        .collect();
    let change = |field: &str, value: Value| json!({ "field": field, "value": value });
    let changes = [
        change(
            "messages",
            json!({
                "messaging_product": "whatsapp",
                "metadata": metadata,
                "contacts": [contact],
                "messages": messages,
                "statuses": statuses,
                "errors": [error],
                "novelties": [{ "x": "canary-novelty" }],
            }),
        ),
        change("account_update", json!({ "event": "ACCOUNT_RESTRICTION", "ban": "canary-ban" })),
        change("account_update", json!({ "event": "canary-event", "waba_info": { "x": "canary-info" } })),
        change(
            "account_alerts",
            json!({ "alert_type": "canary-alert", "alert_description": format!("canary-alert-words {USER}") }),
        ),
        change(
            "message_template_components_update",
            json!({ "message_template_name": "canary-template", "message_template_element": "canary-text" }),
        ),
        change(
            "messaging_handovers",
            json!({ "sender": { "phone_number": USER }, "type": "control_taken", "recipient": metadata }),
        ),
        change(
            "calls",
            json!({ "calls": [{ "id": "wacid.canary-call", "event": "canary-connect", "from": USER }] }),
        ),
        change(
            "smb_app_state_sync",
            json!({ "state_sync": [{
                "type": "contact",
                "action": "add",
                "contact": { "full_name": "canary-in-book", "phone_number": STRANGER },
            }] }),
        ),
        change(
            "standby",
            json!({ "metadata": metadata, "standby": { "contacts": [contact], "messages": messages } }),
        ),
        change("message_echoes", json!({ "metadata": metadata, "message_echoes": echoes })),
        change(
            "history",
            json!({
                "metadata": metadata,
                "history": [{ "threads": [{ "id": USER, "messages": messages }], "errors": [error] }],
            }),
        ),
        change(
            "user_preferences",
            json!({ "user_preferences": [
                { "wa_id": USER, "detail": "canary-wish" },
                { "wa_id": USER, "value": "stop", "detail": "canary-wish" },
            ] }),
        ),
        change("message_echoes", json!({ "message_echoes": [{ "to": USER, "text": "canary-echo" }] })),
        change("canary-field", json!({ "x": "canary-value" })),
    ];
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": changes }] })
}

/// What a user can say, as Meta writes it.
fn said() -> Vec<Value> {
    let file = json!({
        "id": "canary-file-id",
        "mime_type": "image/jpeg",
        "sha256": "canary-sha256",
        "caption": "canary-in-caption",
        "filename": "canary-in-file-name",
        "url": "https://canary-host.example/canary-download",
    });
    let of = |kind: &str, value: &Value| json!({ "type": kind, kind: value });
    let reply = |kind: &str| {
        let chosen = json!({ "id": "canary-reply", "title": "canary-choice", "description": "canary-row" });
        of("interactive", &json!({ "type": kind, kind: chosen }))
    };
    let contact = json!({
        "name": { "formatted_name": "canary-in-contact" },
        "phones": [{ "phone": STRANGER }],
    });
    let item =
        json!({ "product_retailer_id": "canary-item", "quantity": 1, "item_price": 2, "currency": "EUR" });
    let order = json!({ "catalog_id": "1", "text": "canary-order", "product_items": [item] });
    let text = of("text", &json!({ "body": "canary-edit" }));
    let flow = json!({ "name": "flow", "body": "canary-sent", "response_json": "{\"x\":\"canary-answer\"}" });
    vec![
        of("text", &json!({ "body": "canary-in-body" })),
        of("image", &file),
        of("video", &file),
        of("audio", &file),
        of("document", &file),
        of("sticker", &file),
        of("location", &json!({ "latitude": LATITUDE, "longitude": 1, "name": "canary-in-place" })),
        of("contacts", &json!([contact])),
        of("button", &json!({ "payload": "canary-in-payload", "text": "canary-in-button" })),
        reply("button_reply"),
        reply("list_reply"),
        of("interactive", &json!({ "type": "nfm_reply", "nfm_reply": flow })),
        of("reaction", &json!({ "message_id": "wamid.canary-reacted", "emoji": "canary-in-emoji" })),
        of("order", &order),
        of("system", &json!({ "type": "user_changed_number", "body": "canary-system", "wa_id": STRANGER })),
        of("edit", &json!({ "original_message_id": "wamid.canary-edited", "message": text })),
        of("revoke", &json!({ "original_message_id": "wamid.canary-revoked" })),
        json!({ "type": "unsupported", "errors": [{ "code": 131_051, "title": "canary-unsupported" }] }),
        json!({ "type": "text", "text": "canary-wrong-shape" }),
        json!({ "type": "text", "from": "canary-no-number", "text": { "body": "canary-in-body" } }),
        of("hologram", &json!({ "x": "canary-hologram" })),
    ]
}

/// Events in the crate's own JSON, for what no provider's webhook brings yet.
pub(super) fn events() -> Value {
    let sender = json!({ "provider": "meta", "id": "memory" });
    let names =
        json!({ "phone": format!("+{USER}"), "user": "US.canary-user", "profile_name": "canary-profile" });
    let stranger = json!({ "phone": format!("+{STRANGER}"), "username": "canary-username" });
    let message = json!({ "sender": sender, "id": "canary-message" });
    let failure = json!({
        "kind": "recipient_unreachable", "acceptance": "unknown", "code": 131_026,
        "details": "canary-details", "trace_id": "canary-trace",
    });
    let card = json!({ "phones": [{ "phone": STRANGER }], "vcard": "canary-vcard" });
    let item = json!({ "product": "canary-item", "quantity": 1 });
    let text = json!({ "type": "text", "body": "canary-text" });
    let answer = json!({ "x": "canary-answer" });
    let contents = [
        json!({ "type": "contacts", "cards": [card] }),
        json!({ "type": "flow_reply", "name": "flow", "body": "canary-sent", "response": answer }),
        json!({ "type": "call_permission", "accepted": true, "source": "canary-source" }),
        json!({ "type": "reaction", "message": message, "emoji": "canary-emoji" }),
        json!({ "type": "order", "catalog_id": "canary-catalog", "text": "canary-order", "items": [item] }),
        json!({ "type": "edit", "original": message, "content": text }),
        json!({ "type": "revoke", "original": message }),
        json!({ "type": "unsupported", "what": "gif", "failures": [failure] }),
    ];
    let messages = contents.into_iter().map(|content| {
        let quoted = json!({ "message": message, "author": stranger });
        ("message", json!({ "message": message, "from": names, "content": content, "reply_to": quoted }))
    });
    let notices = [
        json!({ "notice": "blocked", "account": "canary-account", "reason": "canary-reason" }),
        json!({ "notice": "number_name", "decision": "canary-decision", "name": "canary-business" }),
        json!({ "notice": "template", "name": "canary-template", "event": "x", "reason": "canary-reason" }),
        json!({ "notice": "marketing_preference", "user": names, "wanted": false }),
        json!({ "notice": "security", "event": "canary-event" }),
        json!({ "notice": "failed", "failure": failure }),
        json!({ "notice": "handover", "user": names, "in_control": false }),
        json!({ "notice": "call", "event": "canary-event", "data": { "from": USER } }),
        json!({ "notice": "restricted", "restrictions": [{ "what": "canary-restriction" }] }),
        json!({ "notice": "violation", "what": "canary-violation" }),
        json!({ "notice": "alert", "event": "canary-event", "text": format!("canary-words {USER}") }),
        json!({ "notice": "review", "decision": "canary-decision" }),
        json!({ "notice": "updated", "event": "canary-event", "data": "canary-data" }),
        json!({ "notice": "username", "username": "canary-username" }),
        json!({ "notice": "user_action", "action": "canary-action", "data": "canary-data" }),
        json!({ "notice": "address_book", "card": card }),
    ];
    let others = [
        (
            "status",
            json!({
                "message": message,
                "state": "failed",
                "to": names,
                "failures": [failure],
                "reference": "canary-reference",
            }),
        ),
        (
            "identity",
            json!({
                "before": names, "after": stranger, "number_changed": true, "text": "canary-words",
                "what": "canary-what", "key": { "hash": "canary-hash" },
            }),
        ),
        (
            "observed",
            json!({ "message": message, "from": names, "content": text, "standby": true, "failures": [failure] }),
        ),
        ("echo", json!({ "message": message, "to": names, "content": text })),
        ("unrecognized", json!({ "reason": "canary-reason", "what": "x", "raw": { "text": "canary-raw" } })),
    ];
    messages
        .chain(notices.map(|notice| ("account", notice)))
        .chain(others)
        .enumerate()
        .map(|(place, (kind, said))| {
            json!({
                "id": format!("canary/{place}"),
                "provider": "meta",
                "sender": sender,
                "received_at": "2026-01-01T00:00:00.000Z",
                "kind": kind,
                kind: said,
            })
        })
        .collect()
}
