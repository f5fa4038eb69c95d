use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};

use super::{HttpError, HttpErrorKind};
use crate::outbound::Departure;

/// The body of a request, which marks the [`Departure`] when it is first asked for its bytes.
///
/// If the attempt was given up before that, it yields an error instead, and the request is never complete.
///
/// Most bodies are in memory. One that uploads a file may be a [`stream`](Self::stream): its length is known, its bytes
/// come as they are asked for. A client that cannot stream takes [`collect`](Self::collect).
pub struct RequestBody {
    pieces: VecDeque<Piece>,
    departure: Option<Departure>,
}

/// A part of a body.
enum Piece {
    Bytes(Bytes),
    Stream(Stream),
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream(stream) => stream.left,
        }
    }
}

/// Bytes that come as they are asked for, exactly as many as was said.
struct Stream {
    /// The lock is never taken: it makes the body one that threads may share, which clients ask for.
    body: Mutex<Pin<Box<dyn Body<Data = Bytes, Error = HttpError> + Send>>>,
    left: u64,
}

impl Stream {
    /// The next bytes; none of them at the end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
        loop {
            let Some(frame) = ready!(body.as_mut().poll_frame(cx)?) else {
                let whole = self.left == 0;
                return Poll::Ready(if whole { Ok(None) } else { Err(wrong_length()) });
            };
            let Ok(data) = frame.into_data() else { continue };
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                return Poll::Ready(Err(wrong_length()));
            };
            self.left = left;
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }
}

fn wrong_length() -> HttpError {
    HttpError::new(HttpErrorKind::Request).with_source("the body has not the length that was given")
}

impl RequestBody {
    /// A body whose departure nobody watches: for requests that send no message.
    pub fn new(data: impl Into<Bytes>) -> Self {
        Self { pieces: VecDeque::from([Piece::Bytes(data.into())]), departure: None }
    }

    /// A body without bytes.
    pub fn empty() -> Self {
        Self { pieces: VecDeque::new(), departure: None }
    }

    /// The body of a request that sends a message: its bytes are the message's departure.
    ///
    /// Without bytes it is departing all the same, and goes out without a `Content-Length`.
    pub fn departing(data: impl Into<Bytes>, departure: Departure) -> Self {
        Self::new(data).with_departure(departure)
    }

    /// A body of `length` bytes that are taken out of `body` as they go out, and are never all in memory. If it yields
    /// more or fewer, or fails, the request breaks off.
    pub fn stream<B>(body: B, length: u64) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let body = Mutex::new(Box::pin(Failing(Box::pin(body))) as Pin<Box<_>>);
        Self { pieces: VecDeque::from([Piece::Stream(Stream { body, left: length })]), departure: None }
    }

    /// The same between other bytes.
    #[cfg(feature = "meta")]
    pub(crate) fn between(mut self, head: Bytes, tail: Bytes) -> Self {
        self.pieces.push_front(Piece::Bytes(head));
        self.pieces.push_back(Piece::Bytes(tail));
        self
    }

    pub(crate) fn with_departure(mut self, departure: Departure) -> Self {
        self.departure = Some(departure);
        self
    }

    /// All the bytes at once, for a client that cannot stream. That is the departure: from here on nothing is provable.
    ///
    /// # Errors
    ///
    /// [`HttpErrorKind::Request`] if the attempt was given up, or if it is a [`stream`](Self::stream) that is not ready;
    /// send nothing then. A client that may wait uses [`collect`](Self::collect).
    pub fn into_bytes(mut self) -> Result<Bytes, HttpError> {
        match self.poll_whole(&mut Context::from_waker(Waker::noop()), &mut BytesMut::new()) {
            Poll::Ready(whole) => whole,
            Poll::Pending => {
                Err(HttpError::new(HttpErrorKind::Request).with_source("the body has to be waited for"))
            }
        }
    }

    /// All the bytes, waiting for those that are streamed: for a client that cannot stream. That is the departure.
    ///
    /// # Errors
    ///
    /// [`HttpErrorKind::Request`] if the attempt was given up, or if a stream fails or has not the length that was given;
    /// send nothing then.
    pub async fn collect(mut self) -> Result<Bytes, HttpError> {
        let mut whole = BytesMut::new();
        std::future::poll_fn(|cx| self.poll_whole(cx, &mut whole)).await
    }

    fn poll_whole(&mut self, cx: &mut Context<'_>, whole: &mut BytesMut) -> Poll<Result<Bytes, HttpError>> {
        loop {
            let Some(data) = ready!(self.poll_data(cx)?) else {
                return Poll::Ready(Ok(std::mem::take(whole).freeze()));
            };
            if whole.is_empty() && self.pieces.is_empty() {
                return Poll::Ready(Ok(data));
            }
            whole.extend_from_slice(&data);
        }
    }

    /// The departure that this body is, if it is one.
    pub fn departure(&self) -> Option<Departure> {
        self.departure.clone()
    }

    /// Whether there is nothing to be sent.
    #[cfg(any(feature = "meta", feature = "twilio"))]
    pub(crate) fn is_empty(&self) -> bool {
        self.length() == 0
    }

    fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).fold(0, u64::saturating_add)
    }

    /// The next bytes, or none at the end.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, HttpError>> {
        if let Some(departure) = self.departure.take()
            && !departure.depart()
        {
            self.pieces.clear();
            return Poll::Ready(Err(HttpError::new(HttpErrorKind::Request)));
        }
        while let Some(piece) = self.pieces.front_mut() {
            let data = match piece {
                Piece::Bytes(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
                Piece::Stream(stream) => ready!(stream.poll(cx)),
            };
            match data {
                Ok(Some(data)) => {
                    // Bytes are all there is of their piece; a stream is asked again.
                    if matches!(self.pieces.front(), Some(Piece::Bytes(_))) {
                        self.pieces.pop_front();
                    }
                    return Poll::Ready(Ok(Some(data)));
                }
                Ok(None) => drop(self.pieces.pop_front()),
                Err(error) => {
                    self.pieces.clear();
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(None))
    }
}

impl From<Bytes> for RequestBody {
    fn from(data: Bytes) -> Self {
        Self::new(data)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.poll_data(cx).map(|data| data.map(|data| data.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        // A stream is asked to its end: only then it is known that it has not more bytes than were promised.
        let over = |piece: &Piece| matches!(piece, Piece::Bytes(bytes) if bytes.is_empty());
        self.departure.is_none() && self.pieces.iter().all(over)
    }

    fn size_hint(&self) -> SizeHint {
        match self.length() {
            // A body that is known to have no bytes need not be asked for them, and would leave unmarked.
            0 if self.departure.is_some() => SizeHint::default(),
            length => SizeHint::with_exact(length),
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestBody({} bytes)", self.length())
    }
}

/// A body of somebody else's, with our errors.
struct Failing<B>(Pin<Box<B>>);

impl<B> Body for Failing<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let failed = |error| HttpError::new(HttpErrorKind::Request).with_source(error);
        self.0.as_mut().poll_frame(cx).map_err(failed)
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

    /// A stream of these pieces, which is not ready before every one of them.
    struct Slow(Vec<Result<&'static str, &'static str>>, bool);

    impl Body for Slow {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            self.1 = !self.1;
            if self.1 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let piece = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(piece.map(|piece| piece.map(|data| Frame::data(Bytes::from(data)))))
        }
    }

    #[tokio::test]
    async fn a_stream_is_as_long_as_was_said_or_breaks_off() {
        let stream = |pieces: &[&'static str], length| {
            RequestBody::stream(Slow(pieces.iter().copied().map(Ok).collect(), false), length)
        };
        let kind = |error: HttpError| error.kind();
        assert_eq!(stream(&["he", "", "llo"], 5).collect().await.unwrap(), "hello");
        assert_eq!(stream(&[], 0).collect().await.unwrap(), "");
        for (pieces, length) in [(&["he", "llo"][..], 4), (&["he", "llo"], 6), (&["x"], 0), (&[], 1)] {
            let collected = stream(pieces, length).collect().await.map_err(kind);
            assert_eq!(collected, Err(HttpErrorKind::Request), "{pieces:?} {length}");
        }
        let broken = RequestBody::stream(Slow(vec![Ok("he"), Err("no disk")], false), 5).collect().await;
        assert_eq!(std::error::Error::source(&broken.unwrap_err()).unwrap().to_string(), "no disk");
        assert_eq!(stream(&["hello"], 5).into_bytes().map_err(kind), Err(HttpErrorKind::Request));
        let ready = RequestBody::stream(Slow(vec![Ok("hello")], true), 5);
        assert!(!ready.is_end_stream());
        assert_eq!(
            (ready.size_hint().exact(), format!("{ready:?}")),
            (Some(5), "RequestBody(5 bytes)".to_owned())
        );
    }

    #[cfg(feature = "meta")]
    #[tokio::test]
    async fn a_stream_between_bytes_departs_with_the_first_of_them() {
        let departure = Departure::new();
        departure.arm();
        let body = || {
            let body = RequestBody::stream(Slow(vec![Ok("hel"), Ok("lo")], false), 5);
            body.between("<".into(), ">".into()).with_departure(departure.clone())
        };
        let mut polled = body();
        assert_eq!(polled.size_hint().exact(), Some(7));
        assert_eq!(poll(&mut polled), Some(Ok(Bytes::from("<"))));
        assert!(departure.departed());
        assert_eq!(polled.size_hint().exact(), Some(6));
        assert_eq!(body().collect().await.unwrap(), "<hello>");

        let departure = Departure::new();
        departure.arm();
        departure.revoke();
        let body = RequestBody::stream(Slow(vec![Ok("hello")], false), 5).with_departure(departure);
        assert_eq!(body.collect().await.unwrap_err().kind(), HttpErrorKind::Request);
    }

    #[test]
    fn a_body_may_be_shared_by_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<RequestBody>();
    }
}
