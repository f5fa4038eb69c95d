use super::*;

fn problem(builder: WebhookHandlerBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn what_does_not_fit_is_refused() {
    let world = World::new();
    let again = MemoryProvider::new(ProviderId::META);
    assert_eq!(
        problem(world.builder().provider(again)),
        "providers: `meta` is there twice; give one of them another id"
    );
    assert_eq!(problem(world.builder().body_limit(0)), "body_limit: zero would refuse every webhook");
    assert_eq!(
        problem(world.builder().body_time(Duration::ZERO)),
        "body_time: zero would refuse every webhook"
    );
    assert_eq!(
        problem(world.builder().sink_time(Duration::ZERO)),
        "sink_time: zero would refuse every webhook"
    );
    assert!(world.builder().provider(MemoryProvider::new(ProviderId::TWILIO)).build().is_ok());
    assert!(world.builder().body_limit(1).body_time(NANO).sink_time(NANO).build().is_ok());
}

#[cfg(feature = "tokio")]
#[test]
fn there_is_a_default_clock() {
    let world = World::new();
    assert!(WebhookHandler::new(world.provider.clone(), world.sink.clone()).is_ok());
}

#[test]
fn a_handler_and_its_futures_can_cross_threads() {
    fn crosses<T: Send>(_: &T) {}
    let world = World::new();
    let handler = world.handler();
    crosses(&handler.clone());
    fn shared<T: Send + Sync + 'static>() {}
    shared::<WebhookHandler>();
    let webhook = world.webhook(&texts(1));
    crosses(&handler.handle(webhook));
    let (method, headers) = (Method::POST, world.provider.webhook(&[]).unwrap().headers().clone());
    let Admission::Body(pending) = handler.admit(WebhookHead::new(&method, "/", &headers)) else { panic!() };
    crosses(&pending.finish(b"[]"));
}

#[test]
fn nothing_prints_what_a_webhook_says() {
    let world = World::new();
    let handler = world.builder().dead_letters(world.dead.clone()).build().unwrap();
    let request =
        Request::post("/CANARY?secret=CANARY").header("x-memory-signature", "CANARY").body(()).unwrap();
    let head = WebhookHead::new(request.method(), request.uri().to_string(), request.headers());
    let admission = handler.admit(head);
    let Admission::Body(pending) = &admission else { panic!("{admission:?}") };
    assert_eq!(
        format!("{pending:?}"),
        r#"PendingWebhook { head: WebhookHead { method: POST, .. }, received_at: 2026-01-01T00:00:00.000Z, .. }"#
    );
    assert!(!format!("{handler:?} {admission:#?} {:?}", world.builder()).contains("CANARY"));
}
