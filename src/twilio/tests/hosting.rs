use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::error::{Acceptance, ErrorKind, Hint};
use crate::ids::AttemptId;
use crate::outbound::{
    Attempt, ContactCard, Content, ContentKind, FileBytes, Link, Media, OutboundMessage, Template,
    TemplateHeader, Wish,
};
use crate::provider::{SentLookup, SentQuery, WhatsAppProvider};
use crate::twilio::{MediaHost, MediaHostError};

/// Keeps files under their numbers, or does as it is told.
#[derive(Debug, Default)]
struct Shelf {
    files: Mutex<Vec<(FileBytes, String)>>,
    fails: bool,
    clock: Option<(TestClock, Duration)>,
}

#[async_trait]
impl MediaHost for Shelf {
    async fn host(&self, file: &FileBytes, name: &str) -> Result<Link, MediaHostError> {
        let number = {
            let mut files = self.files.lock().unwrap();
            files.push((file.clone(), name.to_owned()));
            files.len()
        };
        if let Some((clock, takes)) = &self.clock {
            clock.sleep(*takes).await;
        }
        if self.fails {
            return Err("the shelf broke".into());
        }
        Ok(format!("https://files.example/{number}").parse()?)
    }
}

impl Shelf {
    fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().iter().map(|(_, name)| name.clone()).collect()
    }
}

struct Bench {
    wire: Arc<Wire>,
    shelf: Arc<Shelf>,
    clock: TestClock,
    twilio: Twilio,
}

impl Bench {
    fn new(make: impl FnOnce(&TestClock) -> Shelf) -> Self {
        let (wire, clock) = (Wire::answering([]), TestClock::new());
        let shelf = Arc::new(make(&clock));
        let host: Arc<dyn MediaHost> = Arc::<Shelf>::clone(&shelf);
        let template = content_template().with_header_variable("1");
        let builder = sending(&wire).clock(Arc::new(clock.clone())).media_host(host).template(template);
        Self { twilio: builder.build().unwrap(), wire, shelf, clock }
    }

    fn send(&self, content: impl Into<Content>) -> crate::Result<crate::SendReceipt> {
        let message = OutboundMessage::new(to(), content);
        let checked = self.twilio.check(&message);
        let sent = self.clock.block_on(self.twilio.send_attempt(&message, &attempt()));
        if let Err(refusal) = checked {
            let error = sent.as_ref().unwrap_err();
            assert_eq!(refusal.failure(), error.failure());
        }
        sent
    }

    /// The parameters of the last request beside those of sender and recipient.
    fn form(&self) -> Vec<(String, String)> {
        self.wire.recorded().last().unwrap().pairs().split_off(2)
    }
}

fn attempt() -> Attempt {
    Attempt::with_id(AttemptId::from_u128(7))
}

fn file(data: &str, mime_type: &str) -> Media {
    FileBytes::new(data.to_owned(), mime_type).into()
}

fn card() -> ContactCard {
    ContactCard::named("Ada L", "Ada").with_phone("+1 555 765 4321")
}

#[test]
fn files_are_hosted_and_sent_by_their_address() {
    let bench = Bench::new(|_| Shelf::default());
    let document = {
        let mut content = Content::document(file("d", "application/pdf"));
        let Content::Document(document) = &mut content else { panic!() };
        document.filename = Some("menu.pdf".to_owned());
        content
    };
    let header = TemplateHeader::Image(file("t", "image/png"));
    let template = Template::new("order_shipped", "en_US").with_header(header);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (content, expected, name) in [
        (
            Content::image(file("i", "image/jpeg")).with_caption("c"),
            vec![pair("Body", "c"), pair("MediaUrl", "https://files.example/1")],
            "file.jpg",
        ),
        (
            Content::video(file("v", "video/mp4")),
            vec![pair("MediaUrl", "https://files.example/2")],
            "file.mp4",
        ),
        (
            Content::voice(file("a", "audio/ogg; codecs=opus")),
            vec![pair("MediaUrl", "https://files.example/3")],
            "file.ogg",
        ),
        (document, vec![pair("MediaUrl", "https://files.example/4")], "menu.pdf"),
        (
            template.into(),
            vec![pair("ContentSid", CONTENT), pair("ContentVariables", r#"{"1":"https://files.example/5"}"#)],
            "file.png",
        ),
    ] {
        bench.send(content).unwrap();
        assert_eq!(bench.form(), expected);
        assert_eq!(bench.shelf.names().last().unwrap(), name);
    }
    let files = bench.shelf.files.lock().unwrap();
    assert_eq!(files[2].0, FileBytes::new("a", "audio/ogg; codecs=opus"));
    assert_eq!(files.len(), 5);
}

#[test]
fn a_contact_card_goes_out_as_a_vcard() {
    let bench = Bench::new(|_| Shelf::default());
    let receipt = bench.send(Content::contacts([card()])).unwrap();
    assert_eq!(receipt.dropped(), []);
    assert_eq!(bench.form(), [("MediaUrl".to_owned(), "https://files.example/1".to_owned())]);
    let files = bench.shelf.files.lock().unwrap();
    let (vcard, name) = &files[0];
    assert_eq!((vcard.mime_type.as_str(), name.as_str()), ("text/vcard", "file.vcf"));
    assert_eq!(
        vcard.data,
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;Ada;;;\r\nFN:Ada L\r\nTEL:+1 555 765 4321\r\nEND:VCARD\r\n"
    );
}

#[test]
fn the_same_file_is_hosted_once() {
    let bench = Bench::new(|_| Shelf::default());
    let other_number = bench.twilio.with_sender("+14155550100").unwrap();
    let picture = || Content::image(file("i", "image/png"));
    bench.send(picture()).unwrap();
    bench.send(picture()).unwrap();
    block_on(other_number.send(&OutboundMessage::new(to(), picture()))).unwrap();
    assert_eq!(bench.form()[0].1, "https://files.example/1");
    bench.send(Content::image(file("j", "image/png"))).unwrap();
    assert_eq!(bench.form()[0].1, "https://files.example/2");
    bench.clock.advance(Duration::from_secs(60 * 60));
    bench.send(picture()).unwrap();
    assert_eq!(bench.form()[0].1, "https://files.example/3");
    assert_eq!(bench.shelf.names().len(), 3);
}

#[test]
fn nothing_is_hosted_for_what_cannot_go() {
    let bench = Bench::new(|_| Shelf::default());
    let big = |mime_type| Media::from(FileBytes::new(vec![0; 16 * 1024 * 1024 + 1], mime_type));
    let long = "ä".repeat(1025);
    let unknown = Template::new("unknown", "en").with_header(TemplateHeader::Image(file("t", "image/png")));
    for (content, kind, field) in [
        (Content::image(file("", "image/png")), ErrorKind::InvalidMessage, "content.media"),
        (Content::image(file("x", "image/gif")), ErrorKind::Unsupported, "content.media.mime_type"),
        (Content::document(file("x", "text/plain")), ErrorKind::Unsupported, "content.media.mime_type"),
        (Content::video(big("video/mp4")), ErrorKind::Unsupported, "content.media"),
        (
            Content::image(file("x", "image/png")).with_caption(long),
            ErrorKind::Unsupported,
            "content.caption",
        ),
        (Content::sticker(file("x", "image/webp")), ErrorKind::Unsupported, "content"),
        (Content::contacts([card(), card()]), ErrorKind::Unsupported, "content.cards"),
        (Content::contacts([]), ErrorKind::InvalidMessage, "content.cards"),
        (Content::contacts([ContactCard::default()]), ErrorKind::InvalidMessage, "content.cards[0].name"),
        (unknown.into(), ErrorKind::Unsupported, "content.header"),
    ] {
        let error = bench.send(content).unwrap_err();
        assert_eq!((error.kind(), error.field()), (kind, Some(field)));
        assert_eq!(error.acceptance(), Acceptance::NotAccepted);
    }
    let huge = ContactCard::named("A".repeat(16 * 1024 * 1024), "A");
    let error = bench.send(Content::contacts([huge])).unwrap_err();
    assert_eq!((error.field(), error.limit()), (Some("content.cards[0]"), Some(16 * 1024 * 1024)));
    assert!(bench.shelf.names().is_empty() && bench.wire.recorded().is_empty());
}

#[test]
fn a_host_that_fails_leaves_the_message_unsent() {
    let bench = Bench::new(|_| Shelf { fails: true, ..Shelf::default() });
    let message = OutboundMessage::new(to(), Content::image(file("i", "image/png")));
    for _ in 0..2 {
        let attempt = attempt();
        let error = bench.clock.block_on(bench.twilio.send_attempt(&message, &attempt)).unwrap_err();
        assert_eq!((error.kind(), error.acceptance()), (ErrorKind::Unavailable, Acceptance::NotAccepted));
        assert_eq!(error.field(), Some("content.media"));
        assert_eq!(error.failure().hint, Some(Hint::Beside), "it says nothing of Twilio");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "the shelf broke");
        assert!(!attempt.departure.departed() && attempt.departure.revoke());
    }
    assert_eq!(bench.shelf.names().len(), 2, "a failure is not remembered");
    assert!(bench.wire.recorded().is_empty());
    assert!(bench.send(Content::text("hi")).is_ok());
}

#[test]
fn a_message_for_later_brings_no_files() {
    let bench = Bench::new(|_| Shelf::default());
    let at = bench.clock.now().saturating_add(Duration::from_secs(3600));
    for content in [Content::image(file("i", "image/png")), Content::contacts([card()])] {
        let message = OutboundMessage::new(to(), content).with_send_at(at);
        let error = bench.twilio.check(&message).unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Unsupported, Some("send_at")));
    }
}

#[test]
fn hosting_takes_of_the_attempts_time() {
    let bench = |seconds| {
        Bench::new(|clock| Shelf {
            clock: Some((clock.clone(), Duration::from_secs(seconds))),
            ..Shelf::default()
        })
    };
    let picture = || OutboundMessage::new(to(), Content::image(file("i", "image/png")));
    let send = |bench: &Bench, attempt: &Attempt| {
        let sent = bench.clock.block_on(bench.twilio.send_attempt(&picture(), attempt));
        sent.map(drop).map_err(|error| (error.kind(), error.acceptance()))
    };
    let late = Err((ErrorKind::Unavailable, Acceptance::NotAccepted));
    let within = |seconds| attempt().with_deadline(Duration::from_secs(seconds));

    let in_time = bench(4);
    assert_eq!(send(&in_time, &within(10)), Ok(()));
    assert_eq!(in_time.wire.recorded()[0].limits.total, Duration::from_secs(6));
    let too_late = bench(4);
    assert_eq!(send(&too_late, &within(3)), late);
    assert_eq!(send(&too_late, &within(4)), late, "and then there is no time to send");
    assert!(too_late.wire.recorded().is_empty());
    // Without a deadline it may take as long as a request.
    let slow = bench(59);
    assert_eq!(send(&slow, &attempt()), Ok(()));
    assert_eq!(slow.wire.recorded()[0].limits.total, Duration::from_secs(60));
    assert_eq!(send(&bench(61), &attempt()), late);

    let given_up = bench(0);
    let attempt = attempt();
    attempt.departure.arm();
    assert!(attempt.departure.revoke());
    assert_eq!(send(&given_up, &attempt), late);
    assert!(given_up.shelf.names().is_empty());
}

#[test]
fn with_a_host_more_is_carried() {
    let bench = Bench::new(|_| Shelf::default());
    let plain = sending(&bench.wire).build().unwrap();
    let carries = |twilio: &Twilio| twilio.capabilities().carries(ContentKind::Contacts);
    assert!(carries(&bench.twilio) && !carries(&plain));
    for content in [Content::contacts([card()]), Content::image(file("i", "image/png"))] {
        let message = OutboundMessage::new(to(), content);
        assert!(bench.twilio.check(&message).is_ok());
        assert_eq!(plain.check(&message).unwrap_err().kind(), ErrorKind::Unsupported);
    }
    assert!(bench.twilio.capabilities().drops.contains(&Wish::FileName));
    assert!(bench.shelf.names().is_empty(), "a check hosts nothing");
}

#[test]
fn to_look_for_a_message_hosts_nothing() {
    let bench = Bench::new(|_| Shelf::default());
    bench.wire.replies.lock().unwrap().push_back(Reply::With(200, r#"{"messages":[],"next_page_uri":null}"#));
    let message = OutboundMessage::new(to(), Content::contacts([card()]));
    let query = SentQuery::new(AttemptId::from_u128(7), message, bench.clock.now());
    assert_eq!(bench.clock.block_on(bench.twilio.find_sent(&query)).unwrap(), SentLookup::NotSeen);
    assert!(bench.shelf.names().is_empty());
}

#[test]
fn addresses_of_hosted_files_are_not_printed() {
    let bench = Bench::new(|_| Shelf::default());
    bench.send(Content::image(file("CANARY", "image/png"))).unwrap();
    let printed = format!("{:?} {:?}", bench.twilio, bench.twilio.account);
    assert!(!printed.contains("CANARY") && !printed.contains("files.example"), "{printed}");
}
