//! The body, under its limits.

use super::*;

/// A webhook without events, with spaces up to this length.
fn padded(length: usize) -> Vec<u8> {
    let mut body = b"[]".to_vec();
    body.resize(length, b' ');
    body
}

fn request(world: &World, body: Pieces) -> Request<Pieces> {
    world.webhook(&[]).map(|_| body)
}

#[test]
fn four_mebibytes_pass_and_not_a_byte_more() {
    let world = World::new();
    let handler = world.handler();
    assert_eq!(world.post(&handler, request(&world, Pieces::whole(padded(LIMIT)))), 200);
    assert_eq!(world.outcomes(), [accepted(0, 0)]);
    assert_eq!(world.post(&handler, request(&world, Pieces::whole(padded(LIMIT + 1)))), 413);
    assert_eq!(world.outcomes(), [WebhookOutcome::TooLarge]);
}

#[test]
fn a_body_in_pieces_is_not_read_on_once_it_is_too_large() {
    let world = World::new();
    let handler = world.builder().body_limit(5).build().unwrap();
    let body =
        |last: &'static str| Pieces::whole("[").piece(Duration::ZERO, "]  ").piece(Duration::ZERO, last);
    assert_eq!(world.post(&handler, request(&world, body(" "))), 200);
    let over = body("  ").piece(Duration::ZERO, "more").piece(Duration::ZERO, "and more");
    let asked = over.asked();
    assert_eq!(world.post(&handler, request(&world, over)), 413);
    assert_eq!(*asked.lock().unwrap(), 3);
    assert_eq!(world.outcomes(), [accepted(0, 0), WebhookOutcome::TooLarge]);
}

#[test]
fn who_reads_the_body_himself_has_the_same_limit() {
    let world = World::new();
    let handler = world.builder().body_limit(5).build().unwrap();
    let (method, headers) = (Method::POST, world.webhook(&[]).headers().clone());
    for (length, expected) in [(5, 200), (6, 413)] {
        let Admission::Body(pending) = handler.admit(WebhookHead::new(&method, "/", &headers)) else {
            panic!()
        };
        let reply = world.clock.block_on(pending.finish(&padded(length)));
        assert_eq!((reply.status.as_u16(), reply.body.len()), (expected, 0));
    }
    assert_eq!(world.outcomes(), [accepted(0, 0), WebhookOutcome::TooLarge]);
}

#[test]
fn ten_seconds_for_the_whole_body_and_not_a_nanosecond_more() {
    for (late, expected) in [(Duration::ZERO, 200), (NANO, 408)] {
        let world = World::new();
        let handler = world.handler();
        // Each piece comes in good time; it is the sum that counts.
        let body = Pieces::new(Some(&world.clock)).piece(6 * SECOND, "[").piece(4 * SECOND + late, "]");
        assert_eq!(world.post(&handler, request(&world, body)), expected);
        assert_eq!(world.clock.elapsed(), 10 * SECOND);
        let outcome = if late.is_zero() { accepted(0, 0) } else { WebhookOutcome::TooSlow };
        assert_eq!(world.outcomes(), [outcome]);
    }
}

#[test]
fn the_times_of_the_body_and_of_the_sink_are_apart() {
    let world = World::new();
    let body = serde_json::to_vec(&texts(1)).unwrap();
    world.sink.then_after(5 * SECOND, Do::Take);
    let body = Pieces::new(Some(&world.clock)).piece(10 * SECOND, body);
    assert_eq!(world.post(&world.handler(), request(&world, body)), 200);
    assert_eq!(world.clock.elapsed(), 15 * SECOND);
}

#[test]
fn a_body_that_breaks_off_is_no_webhook() {
    let world = World::new();
    let handler = world.handler();
    // What came is a whole webhook; that it was all is not known.
    let body = Pieces::whole("[]").frame(Duration::ZERO, Err("reset"));
    assert_eq!(world.post(&handler, request(&world, body)), 400);
    assert_eq!(world.outcomes(), [WebhookOutcome::BrokenOff]);
    assert!(world.sink.calls().is_empty());
}

#[test]
fn trailers_are_no_part_of_the_body() {
    let world = World::new();
    let body = Pieces::whole("[]").frame(Duration::ZERO, Ok(http_body::Frame::trailers(HeaderMap::new())));
    assert_eq!(world.post(&world.handler(), request(&world, body)), 200);
    assert_eq!(world.outcomes(), [accepted(0, 0)]);
}

#[test]
fn the_connection_is_closed_where_the_body_was_not_read_to_its_end() {
    let world = World::new();
    let handler = world.builder().body_limit(5).body_time(SECOND).build().unwrap();
    let closes = |request: Request<Pieces>| {
        let response = world.clock.block_on(handler.handle(request));
        (response.status().as_u16(), response.headers().contains_key("connection"))
    };
    let unsigned = |body| Request::post("/").body(body).unwrap();
    let nothing = || Pieces::new(None);
    assert_eq!(closes(unsigned(Pieces::whole("[]"))), (401, true));
    assert_eq!(closes(unsigned(nothing())), (401, false), "there was no body to read");
    assert_eq!(closes(request(&world, Pieces::whole("123456"))), (413, true));
    let slow = Pieces::new(Some(&world.clock)).piece(2 * SECOND, "[]");
    assert_eq!(closes(request(&world, slow)), (408, true));
    assert_eq!(closes(request(&world, nothing().frame(Duration::ZERO, Err("reset")))), (400, true));
    assert_eq!(closes(request(&world, Pieces::whole("[]"))), (200, false));
    world.sink.then(Do::Fail);
    let handler = world.handler();
    let response = world.clock.block_on(handler.handle(world.webhook(&texts(1))));
    assert_eq!((response.status().as_u16(), response.headers().len()), (503, 0));

    for version in [Version::HTTP_2, Version::HTTP_3] {
        let mut request = unsigned(Pieces::whole("[]"));
        *request.version_mut() = version;
        assert_eq!(closes(request), (401, false), "{version:?} forbids the header");
    }
}
