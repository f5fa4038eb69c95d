//! The requests about contents, and the message's own behind them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use serde_json::Value;

use super::skeleton::Skeleton;
use super::time::Time;
use super::{Made, Source, Wanted, is_content_sid};
use crate::error::{Acceptance, Error, ErrorKind, Failure, Hint, Result};
use crate::http_client::{Answer, exchange};
use crate::outbound::{Attempt, Departure};
use crate::twilio::account::Account;
use crate::twilio::error::{Operation, refusal};
use crate::twilio::form;
use crate::twilio::outbound::Outgoing;

/// Twilio knows no such content (any more).
const UNKNOWN_CONTENT: i64 = 21_655;
/// There is nothing of that name.
const NOT_FOUND: i64 = 20_404;
/// How long Twilio cannot have lost a content that it has made. If it says so, it speaks of something else, and one more
/// for every message would help nobody.
const NEW: Duration = Duration::from_secs(60);
/// The key may not do this.
const NOT_ALLOWED: [i64; 2] = [20_003, 20_403];

impl Account {
    /// Posts a message, for which a content may have to be found or made first. Only its own request is its departure.
    ///
    /// Before that nothing is in doubt. If Twilio does not know the content (any more), the message was certainly refused:
    /// the content is made or looked up once more, and the message is posted again.
    pub(in crate::twilio) async fn post(&self, outgoing: &Outgoing, attempt: &Attempt) -> Result<Answer> {
        let time = Time::of(attempt, &*self.clock, self.limits.total);
        let Some(wanted) = &outgoing.content else {
            return self.post_with(outgoing, None, attempt, &time).await;
        };
        let sid = self.content_sid(wanted, &time).await?;
        match self.post_with(outgoing, Some((&sid, wanted)), attempt, &time).await {
            Err(error) => match self.renew(wanted, &sid, &error, &time).await? {
                Some(sid) => self.post_with(outgoing, Some((&sid, wanted)), attempt, &time).await,
                None => Err(error),
            },
            answer => answer,
        }
    }

    async fn post_with(
        &self,
        outgoing: &Outgoing,
        content: Option<(&str, &Wanted)>,
        attempt: &Attempt,
        time: &Time<'_>,
    ) -> Result<Answer> {
        let variables = content.map(|(_, wanted)| wanted.variables_json()).transpose()?.flatten();
        let message = outgoing.form.0.iter().map(|(name, value)| (*name, value.as_str()));
        let content = content.map(|(sid, _)| ("ContentSid", sid)).into_iter();
        let variables = variables.iter().map(|variables| ("ContentVariables", variables.as_str()));
        let form = form::encode(message.chain(content).chain(variables));
        let request = self.request(Method::POST, self.messages(""), form)?;
        let limits = self.limits.at_most(time.left()?);
        // A second request may not have left when the first one has: each has a mark of its own.
        let departure = attempt.departure.child();
        let answer = exchange(&*self.http, request, limits, &departure).await;
        if answer.is_err() {
            // The attempt is over: if nothing has left, nothing will.
            attempt.departure.revoke();
        }
        let answer = answer?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(refusal(Operation::Send, &answer, self.believe_retry_after))
        }
    }

    async fn content_sid(&self, wanted: &Wanted, time: &Time<'_>) -> Result<Arc<str>> {
        match &wanted.source {
            Source::Sid(sid) => Ok(Arc::clone(sid)),
            Source::Listed(key) => {
                let listed = self.listed(key, time).await?;
                listed.takes(&wanted.variables)?;
                Ok(listed.content_sid)
            }
            Source::Made(skeleton) => {
                let find = !self.contents.settings.literal;
                self.made(skeleton, &wanted.variables, find, time).await
            }
        }
    }

    /// Another content in place of one that was refused, if there may be one.
    async fn renew(
        &self,
        wanted: &Wanted,
        refused: &Arc<str>,
        error: &Error,
        time: &Time<'_>,
    ) -> Result<Option<Arc<str>>> {
        let certain = error.acceptance() == Acceptance::NotAccepted;
        match &wanted.source {
            Source::Made(skeleton)
                if certain && matches!(error.code(), Some(UNKNOWN_CONTENT | NOT_FOUND)) =>
            {
                let known = self.contents.made.known(&skeleton.name).filter(|known| known.sid == *refused);
                let made_at = known.and_then(|known| known.at);
                if made_at.is_some_and(|at| time.clock.elapsed() < at.saturating_add(NEW)) {
                    return Ok(None);
                }
                self.contents.made.forget(&skeleton.name, |known| known.sid == *refused);
                // What Twilio's list still has may be the one that is gone.
                self.made(skeleton, &wanted.variables, false, time).await.map(Some)
            }
            Source::Listed(key) if certain && error.kind() == ErrorKind::TemplateUnavailable => {
                self.contents.directory.doubt();
                // Why the message was refused says more than why nobody could look.
                let listed = self.listed(key, time).await.ok();
                let fits = listed.filter(|listed| listed.takes(&wanted.variables).is_ok());
                Ok(fits.map(|listed| listed.content_sid).filter(|sid| sid != refused))
            }
            _ => Ok(None),
        }
    }

    /// The content of a skeleton: found by its name or made, once for everybody who wants it.
    async fn made(
        &self,
        skeleton: &Skeleton,
        variables: &BTreeMap<String, String>,
        find: bool,
        time: &Time<'_>,
    ) -> Result<Arc<str>> {
        let work = async {
            let found = if find { self.find(skeleton, time).await? } else { None };
            match found {
                Some(sid) => Ok(Made { sid, at: None }),
                None => {
                    let sid = self.create(skeleton, variables, time).await?;
                    Ok(Made { sid, at: Some(time.clock.elapsed()) })
                }
            }
        };
        Ok(self.contents.made.get(&skeleton.name, |_| true, time, work).await?.sid)
    }

    /// Looks for a content that somebody has made before: this provider in an earlier life, or another machine.
    async fn find(&self, skeleton: &Skeleton, time: &Time<'_>) -> Result<Option<Arc<str>>> {
        let name = format!("^{}$", skeleton.name);
        let query = form::encode([("ContentName", name.as_str()), ("PageSize", "50")]);
        let page = self.ask_for_list(format!("{}/v2/Content?{query}", self.content_url), time).await?;
        let mut contents = page.get("contents").and_then(Value::as_array).into_iter().flatten();
        Ok(contents.find(|content| skeleton.is(content)).and_then(content_sid))
    }

    /// Makes a content. If the answer is lost there may be one more than is needed, which harms nobody.
    async fn create(
        &self,
        skeleton: &Skeleton,
        variables: &BTreeMap<String, String>,
        time: &Time<'_>,
    ) -> Result<Arc<str>> {
        let body = skeleton.resource(variables).to_string();
        let mut request = self.request(Method::POST, format!("{}/v1/Content", self.content_url), body)?;
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let (content, answer) = self.ask_for_content(request, time).await?;
        content_sid(&content).ok_or_else(|| harmless(answer.without_envelope()))
    }

    /// Asks something about contents. What is no JSON reads as `null`.
    pub(super) async fn ask_for_content(
        &self,
        request: Request<Bytes>,
        time: &Time<'_>,
    ) -> Result<(Value, Answer)> {
        let limits = self.limits.at_most(time.left()?);
        let answer = exchange(&*self.http, request, limits, &Departure::new()).await.map_err(harmless)?;
        if !answer.status.is_success() {
            return Err(harmless(refusal(Operation::Read, &answer, self.believe_retry_after)));
        }
        let json = serde_json::from_slice(answer.body.as_deref().unwrap_or_default());
        Ok((json.unwrap_or_default(), answer))
    }
}

fn content_sid(content: &Value) -> Option<Arc<str>> {
    content.get("sid").and_then(Value::as_str).filter(|sid| is_content_sid(sid)).map(Arc::from)
}

/// An error of a request that sends no message: the message was certainly not accepted. What is not about the account says
/// nothing of the API that takes messages either.
pub(super) fn harmless(error: Error) -> Error {
    let kind = match (error.kind(), error.status(), error.code()) {
        // A key may be restricted to messages, and then everything else still goes.
        (ErrorKind::Credentials | ErrorKind::AccountBlocked, Some(403), Some(code))
            if NOT_ALLOWED.contains(&code) =>
        {
            ErrorKind::NotEntitled
        }
        // There is no such API here: not in this region, or not behind this gateway.
        (_, Some(404), _) => ErrorKind::NotEntitled,
        // Whatever Twilio has against the content, it cannot carry the message.
        (ErrorKind::Unrecognized, Some(400..500), _) => ErrorKind::Unsupported,
        (ErrorKind::Credentials | ErrorKind::AccountBlocked, ..) => {
            return error.with_acceptance(Acceptance::NotAccepted);
        }
        _ => return error.with_acceptance(Acceptance::NotAccepted).with_hint(Hint::Beside),
    };
    let mut failure: Failure = error.failure().clone();
    (failure.kind, failure.acceptance) = (kind, Acceptance::NotAccepted);
    Error::from(failure).with_field("content")
}
