//! What a failover asks of its members besides sending, and what it makes of their answers.

use http::StatusCode;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::failover::{SkipReason, Window};
use whatsapp_provider::http_client::ResponseBody;
use whatsapp_provider::outbound::ContentKind;
use whatsapp_provider::webhook::WebhookReply;
use whatsapp_provider::{MediaRef, MediaStream};

use super::*;

/// A member whose every answer is written down beforehand, and which writes down what it was asked.
#[derive(Debug)]
struct Member {
    id: ProviderId,
    handshake: Option<StatusCode>,
    signature: Result<(), SignatureError>,
    recognizes: bool,
    /// Whether it sends from a pool of numbers, of which it lists none.
    pool: bool,
    send: ErrorKind,
    probe: Result<(), ErrorKind>,
    lookup: Result<SentLookup, ErrorKind>,
    asked: Mutex<Vec<&'static str>>,
}

impl Member {
    fn new(id: &str) -> Self {
        Self {
            id: id.parse().unwrap(),
            handshake: None,
            signature: Err(SignatureError::Missing),
            recognizes: true,
            pool: false,
            send: ErrorKind::Unavailable,
            probe: Err(ErrorKind::Unsupported),
            lookup: Err(ErrorKind::Unsupported),
            asked: Mutex::default(),
        }
    }

    fn asked(&self, what: &'static str) {
        self.asked.lock().unwrap().push(what);
    }
}

#[async_trait]
impl WhatsAppProvider for Member {
    fn id(&self) -> &ProviderId {
        &self.id
    }

    fn senders(&self) -> Vec<SenderId> {
        let ids: &[&str] = if self.pool { &["a pool"] } else { &["1", "2"] };
        ids.iter().map(|id| SenderId::new(self.id.clone(), *id)).collect()
    }

    fn receives_for(&self, sender: &SenderId) -> bool {
        self.senders().contains(sender) || (self.pool && sender.provider == self.id)
    }

    fn capabilities(&self) -> Capabilities {
        let kind = if self.id == ProviderId::META { ContentKind::Text } else { ContentKind::Image };
        Capabilities::new([kind])
    }

    fn check(&self, message: &OutboundMessage) -> Result<()> {
        if self.capabilities().carries(message.content.kind()) {
            return Ok(());
        }
        Err(Error::unsupported("content").with_provider(self.id.clone()))
    }

    async fn send_attempt(&self, _: &OutboundMessage, _: &Attempt) -> Result<SendReceipt> {
        self.asked("send");
        Err(refused(self.send))
    }

    fn recognizes(&self, _: &WebhookHead<'_>) -> bool {
        self.recognizes
    }

    fn verify_signature<'r>(
        &self,
        request: &WebhookRequest<'r>,
    ) -> Result<VerifiedWebhook<'r>, SignatureError> {
        self.asked("verify");
        self.signature.map(|()| request.attest(&self.id))
    }

    fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
        Err(ForeignWebhook::new(webhook.provider().clone()))
    }

    async fn record(&self, _: &[InboundEvent]) {
        self.asked("record");
    }

    fn handshake(&self, _: &WebhookHead<'_>) -> Option<WebhookReply> {
        self.handshake.map(WebhookReply::empty)
    }

    async fn mark_read(&self, _: &MessageRef) -> Result<()> {
        self.asked("mark_read");
        Err(refused(ErrorKind::Throttled))
    }

    async fn show_typing(&self, _: &MessageRef) -> Result<()> {
        self.asked("show_typing");
        Err(refused(ErrorKind::Throttled))
    }

    async fn fetch_media(&self, _: &MediaRef) -> Result<MediaStream> {
        self.asked("fetch_media");
        Ok(MediaStream::new(ResponseBody::full("x")))
    }

    async fn probe(&self) -> Result<()> {
        self.asked("probe");
        self.probe.map_err(refused)
    }

    async fn find_sent(&self, _: &SentQuery) -> Result<SentLookup> {
        self.lookup.clone().map_err(refused)
    }
}

/// A failover over two members, which can still be asked what they were asked.
fn over(meta: Member, twilio: Member) -> (TestClock, FailoverProvider, [Arc<Member>; 2]) {
    let clock = TestClock::new();
    let members = [Arc::new(meta), Arc::new(twilio)];
    let failover = FailoverProvider::builder()
        .primary(Arc::clone(&members[0]))
        .fallback(Arc::clone(&members[1]))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    (clock, failover, members)
}

fn both() -> (TestClock, FailoverProvider, [Arc<Member>; 2]) {
    over(Member::new("meta"), Member::new("twilio"))
}

#[test]
fn it_is_what_its_members_are_together() {
    let (_, failover, _) = both();
    let senders: Vec<_> = failover.senders().iter().map(|it| format!("{}/{}", it.provider, it.id)).collect();
    assert_eq!(senders, ["meta/1", "meta/2", "twilio/1", "twilio/2"]);
    let carried = failover.capabilities();
    assert!(carried.carries(ContentKind::Text) && carried.carries(ContentKind::Image));
    assert!(!carried.carries(ContentKind::Video));
    assert_eq!(failover.api(), None, "its members have their own");
    let shown = format!("{failover:?}");
    assert!(shown.starts_with("FailoverProvider { id: failover, members: [Member"), "{shown}");

    assert!(failover.check(&hello()).is_ok());
    assert!(failover.check(&OutboundMessage::new(to(1), Content::text("x"))).is_ok());
    let place = OutboundMessage::new(to(1), Content::location(1.0, 2.0));
    let refusal = failover.check(&place).unwrap_err();
    assert_eq!(
        (refusal.kind(), refusal.field(), refusal.provider()),
        (ErrorKind::Unsupported, Some("content"), Some(&ProviderId::META))
    );
}

#[test]
fn what_it_would_take_does_not_depend_on_who_is_well() {
    let (_, failover, _) = both();
    for id in [ProviderId::META, ProviderId::TWILIO] {
        failover.isolate(&id);
    }
    assert!(failover.check(&hello()).is_ok());
}

#[test]
fn its_credentials_change_with_those_of_a_member() {
    let pair = Pair::new();
    let before = pair.failover.credentials_version();
    pair.twilio.replace_credentials();
    let after = pair.failover.credentials_version();
    assert_ne!(before, after);
    pair.meta.replace_credentials();
    assert_ne!(pair.failover.credentials_version(), after);
}

#[test]
fn the_signature_that_was_wrong_is_what_is_told() {
    use SignatureError::{Mismatch, Missing, NotConfigured};
    let request = http::Request::post("/webhook").body(Vec::new()).unwrap();
    let request = WebhookRequest::from_http(&request, Timestamp::UNIX_EPOCH);
    for (first, second, expected) in [
        (Err(Mismatch), Err(NotConfigured), Err(Mismatch)),
        (Err(NotConfigured), Err(Mismatch), Err(Mismatch)),
        (Err(Mismatch), Err(Missing), Err(Mismatch)),
        (Err(NotConfigured), Err(Missing), Err(Missing)),
        (Err(Mismatch), Ok(()), Ok("twilio")),
        (Ok(()), Ok(()), Ok("meta")),
    ] {
        let (_, failover, _) = over(
            Member { signature: first, ..Member::new("meta") },
            Member { signature: second, ..Member::new("twilio") },
        );
        let verified = failover.verify_signature(&request);
        assert_eq!(verified.as_ref().map(|webhook| webhook.provider().as_str()), expected.as_ref().copied());
    }
}

#[test]
fn only_those_who_recognise_a_webhook_are_asked() {
    let request = http::Request::post("/webhook").body(Vec::new()).unwrap();
    let request = WebhookRequest::from_http(&request, Timestamp::UNIX_EPOCH);
    let stranger = |id| Member { recognizes: false, signature: Ok(()), ..Member::new(id) };
    let (_, failover, members) = over(stranger("meta"), stranger("twilio"));
    assert!(!failover.recognizes(&request.head));
    assert_eq!(failover.verify_signature(&request).unwrap_err(), SignatureError::Missing);
    assert!(members.iter().all(|member| member.asked.lock().unwrap().is_empty()));
    let (_, failover, _) = over(stranger("meta"), Member::new("twilio"));
    assert!(failover.recognizes(&request.head));
}

#[test]
fn a_handshake_is_answered_by_whoever_agrees() {
    let (ok, no) = (Some(StatusCode::OK), Some(StatusCode::FORBIDDEN));
    let request = http::Request::get("/webhook").body(Vec::new()).unwrap();
    let request = WebhookRequest::from_http(&request, Timestamp::UNIX_EPOCH);
    for (first, second, expected) in
        [(None, None, None), (no, ok, ok), (ok, no, ok), (no, None, no), (None, no, no), (None, ok, ok)]
    {
        let (_, failover, _) = over(
            Member { handshake: first, ..Member::new("meta") },
            Member { handshake: second, ..Member::new("twilio") },
        );
        assert_eq!(failover.handshake(&request.head).map(|reply| reply.status), expected);
    }
}

#[test]
fn a_message_and_a_file_are_their_owners_affair() {
    let (clock, failover, members) = both();
    let sender = |provider: &str, id: &str| SenderId::new(provider.parse().unwrap(), id);
    let message = MessageRef::new(sender("twilio", "2"), "m");
    let errors =
        [clock.block_on(failover.mark_read(&message)), clock.block_on(failover.show_typing(&message))];
    assert!(errors.iter().all(|error| error.as_ref().unwrap_err().kind() == ErrorKind::Throttled));
    // A sender that is not listed goes by its provider.
    let file = MediaRef::new(sender("twilio", "a number of its pool"), "f");
    assert!(clock.block_on(failover.fetch_media(&file)).is_ok());
    assert_eq!(*members[1].asked.lock().unwrap(), ["mark_read", "show_typing", "fetch_media"]);
    assert!(members[0].asked.lock().unwrap().is_empty());
    let nobodys = MessageRef::new(sender("other", "2"), "m");
    let error = clock.block_on(failover.mark_read(&nobodys)).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotPortable, Some("sender")));
}

#[test]
fn it_is_alive_if_a_member_is() {
    use ErrorKind::{Credentials, Unavailable};
    for (first, second, expected) in [
        (Ok(()), Err(Unavailable), Ok(())),
        (Err(Unavailable), Ok(()), Ok(())),
        (Err(Unavailable), Err(Credentials), Err(Credentials)),
    ] {
        let (clock, failover, _) = over(
            Member { probe: first, ..Member::new("meta") },
            Member { probe: second, ..Member::new("twilio") },
        );
        assert_eq!(clock.block_on(failover.probe()).map_err(|error| error.kind()), expected);
    }
}

#[test]
fn a_message_is_looked_for_everywhere_and_refused_nowhere() {
    let found = SentLookup::Found(Box::new(SendReceipt::accepted(AttemptReport::accepted(
        whatsapp_provider::AttemptId::from_u128(1),
        ProviderId::TWILIO,
    ))));
    let refusal =
        SentLookup::Refused(Box::new(Failure::new(ErrorKind::Unavailable, Acceptance::NotAccepted)));
    let (not_seen, cannot_tell) = (SentLookup::NotSeen, SentLookup::CannotTell);
    let (down, none) = (ErrorKind::Unavailable, ErrorKind::Unsupported);
    for (first, second, expected) in [
        (Ok(not_seen.clone()), Ok(found.clone()), Ok(found.clone())),
        (Ok(refusal.clone()), Ok(found.clone()), Ok(found)),
        (Ok(refusal), Ok(not_seen.clone()), Ok(cannot_tell.clone())),
        (Ok(cannot_tell.clone()), Ok(not_seen.clone()), Ok(cannot_tell.clone())),
        (Ok(not_seen.clone()), Ok(cannot_tell.clone()), Ok(cannot_tell)),
        (Ok(not_seen.clone()), Err(down), Ok(not_seen.clone())),
        (Err(down), Ok(not_seen.clone()), Ok(not_seen)),
        (Err(none), Err(down), Err(down)),
    ] {
        let what = format!("{first:?} {second:?}");
        let (clock, failover, _) = over(
            Member { lookup: first, ..Member::new("meta") },
            Member { lookup: second, ..Member::new("twilio") },
        );
        let query = SentQuery::new(whatsapp_provider::AttemptId::from_u128(1), hello(), clock.now());
        let answer = clock.block_on(failover.find_sent(&query)).map_err(|error| error.kind());
        assert_eq!(answer, expected, "{what}");
    }
}

#[test]
fn members_learn_as_well() {
    let (clock, failover, members) = both();
    clock.block_on(failover.record(&[EventMaker::meta().text("+15557654321", "hi")]));
    assert!(members.iter().all(|member| *member.asked.lock().unwrap() == ["record"]));
}

#[test]
fn a_sender_that_left_its_pool_closes_no_account() {
    let message = |from: Option<&str>| {
        let mut message = hello();
        message.from = from.map(|id| SenderId::new(ProviderId::META, id));
        message
    };
    for (from, kind, closes) in [
        (None, ErrorKind::AccountBlocked, true),
        (Some("1"), ErrorKind::AccountBlocked, true),
        (Some("a number that was in the pool"), ErrorKind::AccountBlocked, false),
        (Some("a number that was in the pool"), ErrorKind::Credentials, true),
    ] {
        let (clock, failover, _) = over(Member { send: kind, ..Member::new("meta") }, Member::new("twilio"));
        let _ = clock.block_on(failover.send(&message(from)));
        let closed = matches!(failover.standings()[0].standing, Standing::Open { .. });
        assert_eq!(closed, closes, "{from:?} {kind:?}");
    }
}

#[test]
fn failed_statuses_of_one_of_several_senders_close_no_account() {
    let (clock, failover, _) = both();
    let sender = SenderId::new(ProviderId::META, "1");
    for n in 0..5 {
        let message = MessageRef::new(sender.clone(), n.to_string());
        let failure = Failure::new(ErrorKind::AccountBlocked, Acceptance::Unknown);
        let status = EventMaker::new(sender.clone()).at(clock.now()).failed(&message, failure);
        clock.block_on(failover.record(&[status]));
    }
    assert_eq!(failover.standings()[0].standing, Standing::Ready);
}

#[test]
fn a_member_is_blocked_when_all_of_its_senders_are() {
    let (clock, failover, _) = both();
    let blocked = |id: &str| {
        let notice = whatsapp_provider::inbound::Notice::blocked(None);
        let notice = whatsapp_provider::inbound::AccountNotice::new(notice);
        let id_of_event = whatsapp_provider::inbound::EventId::new(["x", id]);
        EventMaker::new(SenderId::new(ProviderId::META, id)).at(clock.now()).event(id_of_event, notice)
    };
    let standing = || failover.standings()[0].standing;
    clock.block_on(failover.record(&[blocked("1")]));
    assert_eq!(standing(), Standing::Ready, "the other sender is not");
    clock.advance(10 * 60 * SECOND);
    clock.block_on(failover.record(&[blocked("2")]));
    let Standing::Open { cause, remaining, .. } = standing() else { panic!() };
    assert_eq!((cause, remaining), (ErrorKind::AccountBlocked, 20 * 60 * SECOND), "until one of them is not");
}

/// What is known of the window of a text to the user who writes in these tests.
fn window(clock: &TestClock, failover: &FailoverProvider, from: Option<&str>) -> Window {
    let mut message = OutboundMessage::text(PhoneNumber::parse("+15557654321").unwrap(), "hello");
    message.from = from.map(|id| SenderId::new(ProviderId::META, id));
    let plan = clock.block_on(failover.explain(&message));
    match plan.steps.iter().find(|step| step.member == ProviderId::META) {
        Some(step) => step.window,
        None => {
            let closed = SkipReason::Refuses(ErrorKind::WindowClosed);
            let reason = plan.skipped.iter().find(|skipped| skipped.member == ProviderId::META);
            assert_eq!(reason.unwrap().reason, closed);
            Window::Closed
        }
    }
}

fn hears(clock: &TestClock, failover: &FailoverProvider, sender: &str) {
    let mut maker = EventMaker::new(SenderId::new(ProviderId::META, sender)).at(clock.now());
    clock.block_on(failover.record(&[maker.text("+15557654321", "hi")]));
}

#[test]
fn a_window_is_that_of_the_sender_that_the_message_names() {
    let (clock, failover, _) = both();
    hears(&clock, &failover, "1");
    clock.advance(24 * 3600 * SECOND);
    hears(&clock, &failover, "2");
    let window = |from| window(&clock, &failover, from);
    assert_eq!([window(Some("1")), window(Some("2"))], [Window::Closed, Window::Open]);
    assert_eq!(window(None), Window::Open, "one of them will do");
    assert_eq!(window(Some("one that is not listed")), Window::Unknown);
}

#[test]
fn it_receives_for_the_senders_of_its_members() {
    let (_, failover, _) = over(Member { pool: true, ..Member::new("meta") }, Member::new("twilio"));
    for (provider, id, expected) in [
        ("meta", "a number of the pool", true),
        ("twilio", "2", true),
        ("twilio", "3", false),
        ("another", "1", false),
    ] {
        let sender = SenderId::new(provider.parse().unwrap(), id);
        assert_eq!(failover.receives_for(&sender), expected, "{sender:?}");
    }
}

#[test]
fn the_numbers_of_a_pool_have_one_window() {
    let (clock, failover, _) = over(Member { pool: true, ..Member::new("meta") }, Member::new("twilio"));
    assert_eq!(window(&clock, &failover, None), Window::Unknown);
    hears(&clock, &failover, "a number of the pool");
    for from in [None, Some("a pool"), Some("a number of the pool"), Some("another number of the pool")] {
        assert_eq!(window(&clock, &failover, from), Window::Open, "{from:?}");
    }
}
