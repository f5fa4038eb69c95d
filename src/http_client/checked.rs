use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

#[cfg(feature = "meta")]
use base64::Engine as _;
#[cfg(feature = "meta")]
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http_body::{Body, Frame};
use sha2::{Digest, Sha256};

use super::{HttpError, HttpErrorKind, ResponseBody};
#[cfg(feature = "meta")]
use crate::hex::unhex_32;

/// What is known of a file before it is read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    pub(crate) length: Option<u64>,
    pub(crate) sha256: Option<[u8; 32]>,
}

#[cfg(feature = "meta")]
impl Expected {
    /// Reads a SHA-256: 64 hexadecimal digits, or base64 in any of its dialects. `None` if it is neither.
    pub(crate) fn read_sha256(text: &str) -> Option<[u8; 32]> {
        let text = text.trim();
        if text.len() == 64 {
            return unhex_32(text);
        }
        let plain = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
        STANDARD_NO_PAD.decode(plain).ok()?.try_into().ok()
    }
}

/// A body that is held against what was announced. Where it differs it ends with an error, and never in silence.
pub(crate) struct Checked {
    body: ResponseBody,
    expected: Expected,
    max: u64,
    received: u64,
    /// Only where there is something to hold it against: it costs more than the rest.
    digest: Option<Sha256>,
    over: Option<Result<(), HttpErrorKind>>,
}

impl Checked {
    /// Lets no more than `max` bytes through.
    pub(crate) fn new(body: ResponseBody, expected: Expected, max: u64) -> Self {
        let digest = expected.sha256.map(|_| Sha256::new());
        Self { body, expected, max, received: 0, digest, over: None }
    }

    fn take(&mut self, frame: &Frame<Bytes>) -> Result<(), HttpError> {
        let Some(data) = frame.data_ref() else { return Ok(()) };
        self.received = self.received.saturating_add(data.len() as u64);
        if self.received > self.max {
            return Err(HttpError::new(HttpErrorKind::Malformed));
        }
        if self.expected.length.is_some_and(|length| self.received > length) {
            return Err(HttpError::new(HttpErrorKind::Corrupted));
        }
        if let Some(digest) = &mut self.digest {
            digest.update(data);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), HttpError> {
        let whole = self.expected.length.is_none_or(|length| self.received == length);
        let digest = self.digest.take().map(|digest| digest.finalize().into());
        let same = digest == self.expected.sha256;
        if whole && same { Ok(()) } else { Err(HttpError::new(HttpErrorKind::Corrupted)) }
    }
}

impl Body for Checked {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        // Whoever asks again after an error must not take it for the end.
        if let Some(end) = self.over {
            return Poll::Ready(end.err().map(|kind| Err(HttpError::new(kind))));
        }
        let result = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => self.take(&frame).map(|()| Some(frame)),
            Some(Err(error)) => Err(error),
            None => self.end().map(|()| None),
        };
        match &result {
            Ok(Some(_)) => {}
            Ok(None) => self.over = Some(Ok(())),
            Err(error) => self.over = Some(Err(error.kind())),
        }
        Poll::Ready(result.transpose())
    }
}

impl fmt::Debug for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checked({} bytes so far)", self.received)
    }
}

#[cfg(all(test, feature = "meta"))]
mod tests {
    use super::*;
    use crate::hex::hex;

    /// Of `hello`.
    const HEX: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    const BASE64: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

    #[test]
    fn a_hash_is_read_as_digits_and_as_base64() {
        let url_safe = BASE64.replace('+', "-").replace('/', "_");
        for text in
            [HEX, &HEX.to_uppercase(), BASE64, BASE64.trim_end_matches('='), &url_safe, &format!(" {HEX}\n")]
        {
            assert_eq!(hex(&Expected::read_sha256(text).unwrap()), HEX, "{text}");
        }
        for text in
            ["", "abc", "é", &HEX.replace("2c", "2"), &HEX.replace('f', "g"), &"é".repeat(32), "aGVsbG8="]
        {
            assert_eq!(Expected::read_sha256(text), None, "{text}");
        }
    }

    async fn read(expected: Expected, max: u64) -> Result<Bytes, HttpErrorKind> {
        let body = Checked::new(ResponseBody::full("hello"), expected, max);
        ResponseBody::new(body).read(usize::MAX).await.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn a_body_is_what_was_announced_or_fails() {
        let right = Expected::read_sha256(HEX);
        let wrong = right.map(|mut hash| {
            hash[31] ^= 1;
            hash
        });
        for (length, sha256, max, result) in [
            (None, None, 5, Ok(Bytes::from("hello"))),
            (Some(5), right, 5, Ok(Bytes::from("hello"))),
            (None, right, 5, Ok(Bytes::from("hello"))),
            (None, wrong, 5, Err(HttpErrorKind::Corrupted)),
            (Some(5), wrong, 5, Err(HttpErrorKind::Corrupted)),
            (Some(4), right, 5, Err(HttpErrorKind::Corrupted)),
            (Some(6), right, 5, Err(HttpErrorKind::Corrupted)),
            (Some(5), right, 4, Err(HttpErrorKind::Malformed)),
        ] {
            assert_eq!(read(Expected { length, sha256 }, max).await, result, "{length:?} {max}");
        }
    }

    #[tokio::test]
    async fn what_has_failed_goes_on_failing_and_what_has_ended_stays_ended() {
        let expected = Expected { length: Some(6), sha256: None };
        let mut body = ResponseBody::new(Checked::new(ResponseBody::full("hello"), expected, 9));
        assert_eq!(body.chunk().await.unwrap().unwrap(), "hello");
        for _ in 0..2 {
            assert_eq!(body.chunk().await.unwrap_err().kind(), HttpErrorKind::Corrupted);
        }
        let expected = Expected { length: Some(5), sha256: Expected::read_sha256(HEX) };
        let mut body = ResponseBody::new(Checked::new(ResponseBody::full("hello"), expected, 9));
        body.chunk().await.unwrap();
        for _ in 0..2 {
            assert_eq!(body.chunk().await.unwrap(), None);
        }
    }
}
