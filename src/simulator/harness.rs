//! What the simulator's tests share: a simulator on a test clock, asked through its virtual door.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use super::{Side, SimulatedAccounts, SimulatedUser, SimulatedWebhook, Simulator};
use crate::address::PhoneNumber;
use crate::clock::Timestamp;
use crate::http_client::{HttpErrorKind, Limits, RequestBody};
use crate::inbound::InboundEvent;
use crate::outbound::Content;
use crate::provider::WhatsAppProvider;
use crate::testing::TestClock;
use crate::webhook::WebhookRequest;

/// The user of the tests, whose number is [`ADA`].
pub(super) const ADA: &str = "+15557654321";

pub(super) struct Bench {
    pub(super) clock: TestClock,
    pub(super) simulator: Simulator,
    pub(super) accounts: SimulatedAccounts,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::on(TestClock::new())
    }

    pub(super) fn on(clock: TestClock) -> Self {
        let simulator = Simulator::new(Arc::new(clock.clone()));
        Self { accounts: simulator.accounts(), clock, simulator }
    }

    pub(super) fn ada(&self) -> SimulatedUser {
        self.simulator.user(PhoneNumber::parse(ADA).unwrap())
    }

    /// Asks through the virtual door and reads the whole answer.
    pub(super) fn ask(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpErrorKind> {
        let client = self.simulator.http_client();
        self.clock.block_on(async {
            let answer = client
                .execute(request.map(RequestBody::new), Limits::default())
                .await
                .map_err(|error| error.kind())?;
            let (head, body) = answer.into_parts();
            let body = body.read(usize::MAX).await.map_err(|error| error.kind())?;
            Ok(Response::from_parts(head, body))
        })
    }

    /// Asks, and reads the answer as JSON.
    pub(super) fn json(&self, request: Request<Bytes>) -> (u16, Value) {
        let answer = self.ask(request).unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(answer.headers()["content-length"], answer.body().len().to_string());
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    /// A request to Meta with the right token.
    pub(super) fn to_meta(&self, method: Method, path: &str, body: &str) -> Request<Bytes> {
        Request::builder()
            .method(method)
            .uri(format!("https://simulator.test{path}"))
            .header("authorization", format!("Bearer {}", self.accounts.access_token))
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_owned()))
            .unwrap()
    }

    /// A message to Meta, whose fields are merged into those that every message has.
    pub(super) fn meta_message(&self, own: &Value) -> Request<Bytes> {
        let mut body = json!({ "messaging_product": "whatsapp", "recipient_type": "individual", "to": ADA });
        body.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let path = format!("/v23.0/{}/messages", self.accounts.phone_number_id);
        self.to_meta(Method::POST, &path, &body.to_string())
    }

    /// A text to Meta.
    pub(super) fn meta_text(&self, text: &str) -> Request<Bytes> {
        self.meta_message(&json!({ "type": "text", "text": { "body": text } }))
    }

    /// Sends a message to Meta and gives what reached the user.
    pub(super) fn meta_content(&self, own: &Value) -> Content {
        let (status, answer) = self.json(self.meta_message(own));
        assert_eq!(status, 200, "{own} {answer}");
        self.simulator.deliveries().pop().unwrap().content
    }

    /// A request to Twilio with the right password.
    pub(super) fn to_twilio(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Request<Bytes> {
        let user = format!("{}:{}", self.accounts.account_sid, self.accounts.auth_token);
        Request::builder()
            .method(method)
            .uri(format!("https://simulator.test{path}"))
            .header("authorization", format!("Basic {}", STANDARD.encode(user)))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(serde_urlencoded::to_string(form).unwrap()))
            .unwrap()
    }

    /// The address of Twilio's messages.
    pub(super) fn messages(&self) -> String {
        format!("/2010-04-01/Accounts/{}/Messages.json", self.accounts.account_sid)
    }

    /// A message to Twilio from the right number; an own field replaces one that every message has, and an empty one
    /// takes it away.
    pub(super) fn twilio_message(&self, own: &[(&str, &str)]) -> Request<Bytes> {
        let (to, from) = (format!("whatsapp:{ADA}"), format!("whatsapp:{}", self.accounts.twilio_number));
        let mut form = vec![("To", to.as_str()), ("From", from.as_str())];
        form.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
        form.extend(own.iter().filter(|(_, value)| !value.is_empty()));
        self.to_twilio(Method::POST, &self.messages(), &form)
    }

    /// Sends a message to Twilio and gives what reached the user.
    pub(super) fn twilio_content(&self, own: &[(&str, &str)]) -> Content {
        let (status, answer) = self.json(self.twilio_message(own));
        assert_eq!(status, 201, "{own:?} {answer}");
        self.simulator.deliveries().pop().unwrap().content
    }

    /// A provider of the crate's before the simulator.
    pub(super) fn provider(&self, side: Side) -> Arc<dyn WhatsAppProvider> {
        match side {
            Side::Meta => Arc::new(self.simulator.meta().build().unwrap()),
            Side::Twilio => Arc::new(self.simulator.twilio().build().unwrap()),
        }
    }

    /// Reads a webhook as a service would.
    pub(super) fn read(&self, webhook: &SimulatedWebhook) -> Vec<InboundEvent> {
        let provider = self.provider(webhook.side);
        let request = WebhookRequest::from_http(&webhook.request, Timestamp::UNIX_EPOCH);
        let verified = provider.verify_signature(&request).unwrap();
        provider.parse_inbound(&verified).unwrap()
    }
}
