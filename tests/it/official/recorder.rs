use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::{HeaderValue, Method, Request, Response};
use whatsapp_provider::http_client::{
    HttpClient, HttpError, Limits, RequestBody, ReqwestClient, ResponseBody,
};

use super::names::Names;
use super::{FORM, MESSAGE};

/// A request, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: String,
    /// With which status and words Prism refused it, if it did.
    pub(super) refusal: Option<(u16, String)>,
    /// Its parameters that nobody documents.
    pub(super) unknown: Vec<String>,
}

impl Asked {
    pub(super) fn is_allowed(&self) -> bool {
        self.refusal.is_none() && self.unknown.is_empty()
    }
}

/// The bundled client, with a note of everything that Prism says of requests.
#[derive(Debug)]
pub(super) struct Recorder {
    client: ReqwestClient,
    names: Names,
    asked: Mutex<Vec<Asked>>,
}

impl Recorder {
    pub(super) fn new() -> Arc<Self> {
        let client = ReqwestClient::new().unwrap();
        Arc::new(Self { client, names: Names::read(), asked: Mutex::default() })
    }

    pub(super) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn note(&self, request: String, refusal: Option<(u16, String)>, unknown: Vec<String>) {
        self.asked.lock().unwrap().push(Asked { request, refusal, unknown });
    }

    /// Sends what no provider would.
    pub(super) async fn raw(&self, method: Method, url: String, kind: &str, body: &str) -> Asked {
        let request = Request::builder().method(method).uri(url);
        let request = request.header("authorization", "Basic QUM6eA==").header("content-type", kind);
        let request = request.body(RequestBody::new(body.to_owned())).unwrap();
        self.execute(request, Limits::default()).await.unwrap();
        self.take().remove(0)
    }
}

#[async_trait]
impl HttpClient for Recorder {
    async fn execute(
        &self,
        request: Request<RequestBody>,
        limits: Limits,
    ) -> Result<Response<ResponseBody>, HttpError> {
        let name = format!("{} {}", request.method(), request.uri().path());
        if name == "GET /v2/Content" {
            // Of another version of Twilio's API, which has its own schema. It has nothing of that name.
            self.note(name, None, Vec::new());
            let nothing = r#"{"contents":[],"meta":{"next_page_url":null}}"#;
            return Ok(Response::new(ResponseBody::full(nothing)));
        }
        // Out of Twilio's examples, those that are of use.
        let example = match name.as_str() {
            "GET /v1/ContentAndApprovals" => Some("example=readResults"),
            name if name.ends_with(&format!("/{MESSAGE}.json")) => Some("example=cancelMessage"),
            _ => None,
        };
        let (mut head, body) = request.into_parts();
        let body = body.into_bytes()?;
        let is_form = head.headers.get("content-type").is_some_and(|kind| kind == FORM);
        let form = std::str::from_utf8(if is_form { &body } else { b"" }).unwrap();
        let unknown = self.names.unknown(&head.method, &head.uri, form);
        if let Some(example) = example {
            head.headers.insert("prefer", HeaderValue::from_static(example));
        }
        let request = Request::from_parts(head, RequestBody::new(body));
        let (head, body) = self.client.execute(request, limits).await?.into_parts();
        let body = body.read(limits.max_response_bytes).await?;
        let is_problem =
            head.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json");
        let violates = head.headers.contains_key("sl-violations");
        let refused = is_problem || violates || !head.status.is_success();
        let refusal = refused.then(|| (head.status.as_u16(), String::from_utf8_lossy(&body).into_owned()));
        self.note(name, refusal, unknown);
        Ok(Response::from_parts(head, ResponseBody::full(body)))
    }
}
