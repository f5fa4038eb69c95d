//! One user, under whatever names.

use super::*;

#[test]
fn one_user_is_known_under_all_names() {
    let world = World::new();
    let id = UserId::new("US.13491208655302741918").unwrap().with_scope("portfolio");
    let mut event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(id.clone());
    event = world.maker(ProviderId::TWILIO).event(event.id().clone(), *message);
    world.record(0, &event);
    let by_id = OutboundMessage::text(id.clone(), "hi");
    assert_eq!(world.sends(1, &by_id).0, "twilio");
    assert_eq!(world.sends(1, &text()).0, "twilio");
    // Now the user shows the id alone, and is the same one.
    world.clock.advance(24 * HOUR);
    let by_id_alone = User::with_user(id.clone());
    let mut message = event.kind().clone();
    if let EventKind::Message(message) = &mut message {
        message.from = by_id_alone;
    }
    let event = world.maker(ProviderId::TWILIO).event(EventId::new(["message", "2"]), message);
    world.record(0, &event);
    assert_eq!(world.sends(1, &text()).0, "twilio", "by the number, too");
    let other_scope = UserId::new(id.as_str()).unwrap().with_scope("another");
    assert_eq!(world.sends(1, &OutboundMessage::text(other_scope, "hi")).0, "meta");
}

#[test]
fn a_number_that_is_called_otherwise_by_the_provider_is_the_same_user() {
    /// Answers that the number dialled is known by another one, as numbers in Brazil and Mexico are.
    #[derive(Debug, Clone)]
    struct Renames(MemoryProvider);

    #[async_trait]
    impl WhatsAppProvider for Renames {
        fn id(&self) -> &ProviderId {
            self.0.id()
        }

        fn senders(&self) -> Vec<SenderId> {
            self.0.senders()
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        fn check(&self, message: &OutboundMessage) -> Result<()> {
            self.0.check(message)
        }

        async fn send_attempt(&self, message: &OutboundMessage, attempt: &Attempt) -> Result<SendReceipt> {
            let mut receipt = self.0.send_attempt(message, attempt).await?;
            receipt.phone = Some(ada());
            Ok(receipt)
        }

        fn recognizes(&self, head: &WebhookHead<'_>) -> bool {
            self.0.recognizes(head)
        }

        fn verify_signature<'r>(
            &self,
            request: &WebhookRequest<'r>,
        ) -> Result<VerifiedWebhook<'r>, SignatureError> {
            self.0.verify_signature(request)
        }

        fn parse_inbound(&self, webhook: &VerifiedWebhook<'_>) -> Result<Vec<InboundEvent>, ForeignWebhook> {
            self.0.parse_inbound(webhook)
        }
    }

    let clock = TestClock::new();
    let meta = Renames(MemoryProvider::new(ProviderId::META));
    let failover = FailoverProvider::builder()
        .primary(meta)
        .fallback(MemoryProvider::new(ProviderId::TWILIO))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let dialled = OutboundMessage::text(PhoneNumber::parse("+15550001111").unwrap(), "hi");
    clock.block_on(failover.send(&dialled)).unwrap();
    let event = EventMaker::new(SenderId::new(ProviderId::TWILIO, "memory")).text(ADA, "hello");
    clock.block_on(failover.record(&[event]));
    assert_eq!(clock.block_on(failover.send(&dialled)).unwrap().provider, ProviderId::TWILIO);
}

fn moved(before: User, after: User, number_changed: bool) -> IdentityChange {
    let mut change = IdentityChange::new(before, after);
    change.number_changed = number_changed;
    change
}

#[test]
fn a_new_id_is_the_old_user_and_an_old_number_is_nobody() {
    let world = World::new();
    let (old, new) = (UserId::new("US.1").unwrap(), UserId::new("US.2").unwrap());
    let mut event = world.maker(ProviderId::TWILIO).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(old.clone());
    event = world.maker(ProviderId::TWILIO).event(event.id().clone(), *message);
    world.record(0, &event);

    world.clock.advance(HOUR);
    let before = event.user().unwrap().clone();
    let mut after = User::with_user(new.clone());
    after.phone = Some(PhoneNumber::parse("+15550009999").unwrap());
    let change = moved(before, after, true);
    let event = world.maker(ProviderId::TWILIO).event(EventId::new(["identity", "1"]), change);
    world.record(0, &event);
    assert_eq!(world.sends(1, &OutboundMessage::text(new, "hi")).0, "twilio", "by the new id");
    assert_eq!(world.sends(1, &text()), ("meta".into(), 0), "whoever has the number now wrote to nobody");
    assert_eq!(world.windows(), [Window::Unknown, Window::Unknown]);
}

#[test]
fn what_is_known_already_is_not_written_again() {
    let world = World::new();
    let id = UserId::new("US.13491208655302741918").unwrap();
    let event = world.maker(ProviderId::META).text(ADA, "hi");
    let EventKind::Message(message) = event.kind() else { panic!() };
    let mut message = message.clone();
    message.from.user = Some(id);
    let event = world.maker(ProviderId::META).event(event.id().clone(), *message);
    world.record(0, &event);
    let reads = world.store.mood.lock().unwrap().reads;
    world.record(0, &event);
    assert_eq!(world.store.mood.lock().unwrap().reads, reads, "the same event once more");
}
