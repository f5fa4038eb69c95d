use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;

use super::{Inner, WebhookOutcome};
use crate::clock::timeout;

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    TooSlow,
    BrokenOff,
}

impl Unread {
    pub(super) fn outcome(self) -> WebhookOutcome {
        match self {
            Self::TooLarge => WebhookOutcome::TooLarge,
            Self::TooSlow => WebhookOutcome::TooSlow,
            Self::BrokenOff => WebhookOutcome::BrokenOff,
        }
    }
}

impl Inner {
    /// Reads a body, within the limits of size and time.
    pub(super) async fn read<B: Body>(&self, body: Pin<&mut B>) -> Result<Bytes, Unread> {
        timeout(&*self.clock, self.body_time, read(body, self.body_limit))
            .await
            .unwrap_or(Err(Unread::TooSlow))
    }
}

async fn read<B: Body>(mut body: Pin<&mut B>, limit: usize) -> Result<Bytes, Unread> {
    // Nothing is set aside for what the sender says the length will be: it may say anything.
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(frame) = frame else {
            return Err(Unread::BrokenOff);
        };
        // What is no data is a trailer, which no provider signs.
        let Ok(data) = frame.into_data() else { continue };
        if whole.len().saturating_add(data.remaining()) > limit {
            return Err(Unread::TooLarge);
        }
        whole.put(data);
    }
    Ok(whole.freeze())
}
