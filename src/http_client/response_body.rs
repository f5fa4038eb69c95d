use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use super::{HttpError, HttpErrorKind};

/// The body of an answer, read piece by piece.
pub struct ResponseBody(Pin<Box<dyn Body<Data = Bytes, Error = HttpError> + Send>>);

impl ResponseBody {
    /// Wraps a body.
    pub fn new(body: impl Body<Data = Bytes, Error = HttpError> + Send + 'static) -> Self {
        Self(Box::pin(body))
    }

    /// A body that is there already.
    pub fn full(data: impl Into<Bytes>) -> Self {
        Self::new(Full(Some(data.into())))
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`HttpError`] if the answer breaks off or takes too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            match std::future::poll_fn(|cx| self.0.as_mut().poll_frame(cx)).await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// [`HttpError`] if it breaks off, takes too long, or is larger than `max_bytes`.
    pub async fn read(mut self, max_bytes: usize) -> Result<Bytes, HttpError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len().saturating_add(chunk.len()) > max_bytes {
                return Err(HttpError::new(HttpErrorKind::Malformed));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseBody(..)")
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.0.as_mut().poll_frame(cx)
    }
}

struct Full(Option<Bytes>);

impl Body for Full {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let frame: Option<Result<_, Infallible>> = self.0.take().map(|data| Ok(Frame::data(data)));
        Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields these pieces; a piece of `None` is something else than data.
    struct Pieces(Vec<Option<&'static str>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            let piece = (!self.0.is_empty()).then(|| self.0.remove(0));
            let frame = |data: &'static str| Frame::data(Bytes::from(data));
            Poll::Ready(
                piece.map(|piece| Ok(piece.map_or_else(|| Frame::trailers(http::HeaderMap::new()), frame))),
            )
        }
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_limit() {
        let pieces = || ResponseBody::new(Pieces(vec![Some("he"), None, Some("llo"), None]));
        assert_eq!(pieces().read(5).await.unwrap(), "hello");
        assert_eq!(pieces().read(4).await.unwrap_err().kind(), HttpErrorKind::Malformed);
        assert_eq!(pieces().read(1).await.unwrap_err().kind(), HttpErrorKind::Malformed);

        let mut body = ResponseBody::new(pieces());
        assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from("he")));
        assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from("llo")));
        assert_eq!(body.chunk().await.unwrap(), None);
        assert_eq!(ResponseBody::full("hello").read(5).await.unwrap(), "hello");
        assert_eq!(format!("{body:?}"), "ResponseBody(..)");
    }
}
