use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::{HttpError, HttpErrorKind};
use crate::outbound::Departure;

/// The body of a request, which marks the [`Departure`] when it is first asked for its bytes.
///
/// If the attempt was given up before that, it yields an error instead, and the request is never complete.
pub struct RequestBody {
    data: Option<Bytes>,
    departure: Option<Departure>,
}

impl RequestBody {
    /// A body whose departure nobody watches: for requests that send no message.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { data: Some(data.into()), departure: None }
    }

    /// A body without bytes.
    pub fn empty() -> Self {
        Self { data: None, departure: None }
    }

    /// The body of a request that sends a message: its bytes are the message's departure.
    ///
    /// Without bytes it is departing all the same, and goes out without a `Content-Length`.
    pub fn departing(data: impl Into<Bytes>, departure: Departure) -> Self {
        Self { data: Some(data.into()), departure: Some(departure) }
    }

    /// All the bytes at once, for a client that cannot stream. That is the departure: from here on nothing is provable.
    ///
    /// # Errors
    ///
    /// [`HttpErrorKind::Request`] if the attempt was given up; send nothing then.
    pub fn into_bytes(mut self) -> Result<Bytes, HttpError> {
        self.take().map(Option::unwrap_or_default)
    }

    /// The departure that this body is, if it is one.
    pub fn departure(&self) -> Option<Departure> {
        self.departure.clone()
    }

    fn take(&mut self) -> Result<Option<Bytes>, HttpError> {
        if let Some(departure) = self.departure.take()
            && !departure.depart()
        {
            self.data = None;
            return Err(HttpError::new(HttpErrorKind::Request));
        }
        Ok(self.data.take().filter(|data| !data.is_empty()))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        Poll::Ready(self.take().map(|data| data.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.data.as_ref().is_none_or(Bytes::is_empty) && self.departure.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match self.data.as_ref().map_or(0, Bytes::len) {
            // A body that is known to have no bytes need not be asked for them, and would leave unmarked.
            0 if self.departure.is_some() => SizeHint::default(),
            length => SizeHint::with_exact(length as u64),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.data.as_ref().map_or(0, Bytes::len))
    }
}

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

    fn poll(body: &mut RequestBody) -> Option<Result<Bytes, HttpErrorKind>> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(frame) = Pin::new(body).poll_frame(&mut context) else { panic!("always ready") };
        frame.map(|frame| frame.map(|frame| frame.into_data().unwrap()).map_err(|error| error.kind()))
    }

    #[test]
    fn the_first_poll_is_the_departure() {
        let departure = Departure::new();
        departure.arm();
        let mut body = RequestBody::departing("hello", departure.clone());
        assert_eq!(body.size_hint().exact(), Some(5));
        assert!(!departure.departed());
        assert_eq!(poll(&mut body), Some(Ok(Bytes::from("hello"))));
        assert!(departure.departed());
        assert_eq!(poll(&mut body), None);
    }

    #[test]
    fn a_body_has_a_length_and_an_end_unless_it_is_yet_to_depart() {
        let departing = |data: &'static str| RequestBody::departing(data, Departure::new());
        for (body, length, end) in [
            (RequestBody::empty(), Some(0), true),
            (RequestBody::new(""), Some(0), true),
            (RequestBody::new("hello"), Some(5), false),
            (departing("hello"), Some(5), false),
            // If it had either, a client would not ask for its bytes.
            (departing(""), None, false),
        ] {
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (length, end), "{body:?}");
            assert_eq!(format!("{body:?}"), format!("RequestBody({} bytes)", length.unwrap_or(0)));
        }
        for mut body in [departing(""), departing("hello"), RequestBody::new("hello")] {
            poll(&mut body);
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        }
    }

    #[test]
    fn all_the_bytes_at_once_are_a_departure_too() {
        let departure = Departure::new();
        for data in ["hello", ""] {
            assert_eq!(RequestBody::departing(data, departure.clone()).into_bytes().unwrap(), data);
            assert!(departure.departed());
            assert_eq!(RequestBody::new(data).into_bytes().unwrap(), data);
        }
    }

    #[test]
    fn a_body_that_was_given_up_yields_no_byte() {
        let departure = Departure::new();
        departure.arm();
        let mut body = RequestBody::departing("hello", departure.clone());
        assert!(departure.revoke());
        assert_eq!(poll(&mut body), Some(Err(HttpErrorKind::Request)));
        assert_eq!(poll(&mut body), None);
        let body = RequestBody::departing("hello", departure);
        assert_eq!(body.into_bytes().unwrap_err().kind(), HttpErrorKind::Request);
    }

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
