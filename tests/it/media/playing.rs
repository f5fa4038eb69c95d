//! Files in the simulator, through both of its doors.

use std::sync::Arc;
use std::time::Duration;

use whatsapp_provider::clock::{Clock, TokioClock};
use whatsapp_provider::inbound::{InboundContent, InboundMedia};
use whatsapp_provider::outbound::FileBytes;
use whatsapp_provider::simulator::{Fault, Side, Simulator};
use whatsapp_provider::testing::TestClock;
use whatsapp_provider::{
    Acceptance, Content, ErrorKind, EventKind, FailoverProvider, MetaCloud, OutboundMessage, PhoneNumber,
    WebhookRequest, WhatsAppProvider, WhatsAppProviderExt,
};

const DAY: Duration = Duration::from_secs(86_400);

fn to() -> PhoneNumber {
    PhoneNumber::parse("+15550002222").unwrap()
}

fn photo() -> FileBytes {
    FileBytes::new("a photo", "image/jpeg")
}

struct World {
    clock: TestClock,
    simulator: Simulator,
    meta: MetaCloud,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new();
        let simulator = Simulator::new(Arc::new(clock.clone()));
        let meta = simulator.meta().build().unwrap();
        Self { clock, simulator, meta }
    }

    fn send(&self, content: Content) -> whatsapp_provider::Result<whatsapp_provider::SendReceipt> {
        self.clock.block_on(self.meta.send(&OutboundMessage::new(to(), content)))
    }

    fn uploads(&self) -> usize {
        self.simulator.requests().iter().filter(|request| request.path.ends_with("/media")).count()
    }
}

/// The file of the only message of a webhook.
fn inbound(
    provider: &dyn WhatsAppProvider,
    request: &http::Request<bytes::Bytes>,
    clock: &dyn Clock,
) -> InboundMedia {
    let events = provider.receive(&WebhookRequest::from_http(request, clock.now())).unwrap();
    let [event] = &events[..] else { panic!("{events:?}") };
    let EventKind::Message(message) = event.kind() else { panic!("{event:?}") };
    match &message.content {
        InboundContent::Image(media) | InboundContent::Audio(media) | InboundContent::Document(media) => {
            media.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_brings_its_file_and_the_phone_shows_it() {
    let world = World::new();
    for content in
        [Content::image(photo()), Content::image(photo()).with_caption("again"), Content::document(photo())]
    {
        world.send(content).unwrap();
    }
    let deliveries = world.simulator.deliveries();
    assert!(deliveries.iter().all(|delivery| delivery.files == [photo()]));
    assert_eq!(world.uploads(), 1, "the same bytes once");
    world.clock.advance(30 * DAY);
    world.send(Content::image(photo())).unwrap();
    assert_eq!(world.uploads(), 2);
}

#[test]
fn a_file_that_is_no_longer_there_is_uploaded_anew_by_the_next_message() {
    let world = World::new();
    world.send(Content::image(photo())).unwrap();
    // Another service of the business's deletes it.
    let Content::Image(sent) = &world.simulator.deliveries()[0].content else { panic!() };
    let whatsapp_provider::outbound::Media::Id(id) = &sent.media else { panic!() };
    let other = world.simulator.meta().build().unwrap();
    world.clock.block_on(other.delete_media(id)).unwrap();
    let error = world.send(Content::image(photo())).unwrap_err();
    assert_eq!((error.kind(), error.acceptance()), (ErrorKind::MediaExpired, Acceptance::NotAccepted));
    world.send(Content::image(photo())).unwrap();
    assert_eq!((world.uploads(), world.simulator.deliveries().len()), (2, 2));
    let error = world.clock.block_on(world.meta.fetch_media(id)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MediaExpired);
}

#[test]
fn what_a_user_sends_can_be_fetched_for_a_week() {
    let world = World::new();
    let voice = FileBytes::new("OggS...", "audio/ogg; codecs=opus");
    let webhook = world.simulator.user(to()).sends_file(Side::Meta, &voice, None);
    let audio = inbound(&world.meta, &webhook.request, &world.clock);
    assert_eq!(audio.mime_type.as_deref(), Some("audio/ogg; codecs=opus"));
    let fetch =
        || world.clock.block_on(async { world.meta.fetch_media(&audio.media).await?.read(1_000).await });
    assert_eq!(fetch().unwrap(), voice.data);
    let info = world.clock.block_on(world.meta.look_up_media(&audio.media)).unwrap();
    assert_eq!(info.length, Some(voice.data.len() as u64));
    world.clock.advance(7 * DAY);
    let asked = world.simulator.requests().len();
    assert_eq!(fetch().unwrap_err().kind(), ErrorKind::MediaExpired);
    assert_eq!(world.simulator.requests().len(), asked, "we know that by ourselves");
}

#[test]
fn an_upload_that_fails_leaves_the_message_to_another_provider() {
    for fault in [
        Fault::Refuse,
        Fault::Hang,
        Fault::AcceptThenDrop,
        Fault::AcceptThenCut,
        Fault::AcceptThenUnavailable,
        Fault::Unavailable { with_envelope: true },
        Fault::Throttle { retry_after: None },
        Fault::WrongToken,
    ] {
        let world = World::new();
        world.simulator.set_fault(Side::Meta, Some(fault));
        let error = world.send(Content::image(photo())).unwrap_err();
        assert_eq!(error.acceptance(), Acceptance::NotAccepted, "{fault:?}");
        assert!(world.simulator.deliveries().is_empty());
        let sent =
            world.simulator.requests().iter().filter(|request| request.path.ends_with("/messages")).count();
        assert_eq!(sent, 0, "{fault:?}");
    }
    // In a failover the alternative that needs no upload goes out by the other one.
    let world = World::new();
    world.simulator.set_fault(Side::Meta, Some(Fault::AcceptThenDrop));
    let failover = FailoverProvider::builder()
        .primary(world.meta.clone())
        .fallback(world.simulator.twilio().build().unwrap())
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let message = OutboundMessage::new(to(), Content::image(photo())).or(Content::text("It is red"));
    let receipt = world.clock.block_on(failover.send(&message)).unwrap();
    assert_eq!((receipt.provider.as_str(), receipt.content_index), ("twilio", 1));
    assert_eq!(world.simulator.deliveries().len(), 1);
}

#[test]
fn a_failover_fetches_from_the_member_that_has_the_file() {
    let world = World::new();
    let failover = FailoverProvider::builder()
        .primary(world.simulator.twilio().build().unwrap())
        .fallback(world.meta.clone())
        .clock(Arc::new(world.clock.clone()))
        .build()
        .unwrap();
    let webhook = world.simulator.user(to()).sends_image(Side::Meta, Some("look"));
    let image = inbound(&failover, &webhook.request, &world.clock);
    let file =
        world.clock.block_on(async { failover.fetch_media(&image.media).await?.read(1_000).await }).unwrap();
    assert!(file.starts_with(b"\xff\xd8"));
    // An id whose time is over goes nowhere, and what stands beside it does.
    let expired = image.media.clone().with_expiry(world.clock.now());
    let message = OutboundMessage::new(to(), Content::image(expired)).or(Content::text("It was red"));
    let receipt = world.clock.block_on(failover.send(&message)).unwrap();
    assert_eq!(receipt.content_index, 1);
}

#[tokio::test]
async fn the_same_on_a_socket() {
    let clock = Arc::new(TokioClock::new());
    let simulator = Simulator::new(Arc::<TokioClock>::clone(&clock));
    let server = simulator.serve().await.unwrap();
    let accounts = simulator.accounts();
    let meta = MetaCloud::builder()
        .phone_number_id(&accounts.phone_number_id)
        .access_token(&accounts.access_token)
        .app_secret(&accounts.app_secret)
        .base_url(server.url_of(Side::Meta))
        .build()
        .unwrap();
    let large = FileBytes::new(vec![7; 20 * 1024 * 1024], "application/zip");
    let message = OutboundMessage::new(to(), Content::document(large.clone()));
    meta.send(&message).await.unwrap();
    assert!(simulator.deliveries()[0].files == [large]);

    let webhook = simulator.user(to()).sends_image(Side::Meta, None);
    let image = inbound(&meta, &webhook.request, &*clock);
    let file = meta.fetch_media(&image.media).await.unwrap();
    assert_eq!(file.mime_type.as_deref(), Some("image/jpeg"));
    assert!(file.read(1_000).await.unwrap().starts_with(b"\xff\xd8"));
    meta.delete_media(&image.media).await.unwrap();
    assert_eq!(meta.fetch_media(&image.media).await.unwrap_err().kind(), ErrorKind::MediaExpired);
}
