use async_trait::async_trait;
use http::{HeaderValue, Request, Response};
use serde_json::json;
use whatsapp_provider::http_client::{HttpClient, HttpError, Limits, RequestBody, ResponseBody};

/// A provider's server that refuses everything and repeats the whole request in its words, secrets included, in the
/// shapes of both providers.
#[derive(Debug)]
pub(super) struct Echo {
    pub(super) status: u16,
    pub(super) code: i64,
}

#[async_trait]
impl HttpClient for Echo {
    async fn execute(
        &self,
        request: Request<RequestBody>,
        _: Limits,
    ) -> Result<Response<ResponseBody>, HttpError> {
        let (head, body) = request.into_parts();
        let headers: Vec<&[u8]> = head.headers.values().map(HeaderValue::as_bytes).collect();
        let headers = String::from_utf8_lossy(&headers.join(&b' ')).into_owned();
        let body = String::from_utf8_lossy(&body.into_bytes()?).into_owned();
        let words = format!("canary-words {headers} {} {body}", head.uri);
        let envelope = json!({
            "error": {
                "code": self.code,
                "message": words,
                "error_data": { "details": words },
                "fbtrace_id": "canary-trace",
            },
            "code": self.code,
            "message": words,
            "sid": "canary-sid",
            "status": "failed",
            "error_code": self.code,
            "error_message": words,
        });
        let answer = Response::builder()
            .status(self.status)
            .header("location", "https://canary-host.example/canary-elsewhere")
            .header("twilio-request-id", "canary-trace")
            .body(ResponseBody::full(envelope.to_string()));
        Ok(answer.unwrap())
    }
}
