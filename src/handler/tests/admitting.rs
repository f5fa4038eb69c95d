//! What is decided by the head alone.

use super::*;

fn admit<'r>(handler: &WebhookHandler, method: &'r Method, headers: &'r HeaderMap) -> Admission<'r> {
    handler.admit(WebhookHead::new(method, "/webhook", headers))
}

fn status(admission: &Admission<'_>) -> Option<u16> {
    match admission {
        Admission::Reply(reply) => {
            assert!(reply.body.is_empty());
            Some(reply.status.as_u16())
        }
        Admission::Body(_) => None,
    }
}

fn signed() -> HeaderMap {
    MemoryProvider::new(ProviderId::META).webhook(&[]).unwrap().headers().clone()
}

#[test]
fn what_nobody_recognises_ends_before_its_body_is_read() {
    let world = World::new();
    let handler = world.handler();
    for method in [Method::GET, Method::POST] {
        assert_eq!(status(&admit(&handler, &method, &HeaderMap::new())), Some(401));
        assert_eq!(world.outcomes(), [refused(None, SignatureError::Missing)]);
        assert_eq!(status(&admit(&handler, &method, &signed())), None, "it may be a webhook");
        assert_eq!(world.outcomes(), [], "and has not ended yet");
    }
    let body = Pieces::whole(vec![b'x'; LIMIT]);
    let asked = body.asked();
    assert_eq!(world.post(&handler, Request::post("/webhook").body(body).unwrap()), 401);
    assert_eq!(*asked.lock().unwrap(), 0, "not one byte was asked for");
    assert!(world.sink.calls().is_empty());
}

#[test]
fn other_methods_are_not_allowed_even_when_signed() {
    let world = World::new();
    let handler = world.handler();
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "BREW", "post"] {
        let method: Method = method.parse().unwrap();
        assert_eq!(status(&admit(&handler, &method, &signed())), Some(405), "{method}");
        let mut request = world.webhook(&texts(1));
        *request.method_mut() = method;
        let response = world.clock.block_on(handler.handle(request));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["allow"]),
            (405, &"GET, POST".parse().unwrap())
        );
    }
    assert_eq!(world.outcomes(), vec![WebhookOutcome::MethodNotAllowed; 18]);
    assert!(world.sink.calls().is_empty());
}

#[test]
fn a_handshake_is_answered_as_the_provider_says() {
    let world = World::new();
    let no = WebhookReply::empty(StatusCode::FORBIDDEN);
    let teapot = WebhookReply::empty(StatusCode::IM_A_TEAPOT);
    let yes = WebhookReply::text("challenge");
    // (what the three providers answer, what is answered): the first that agrees, else the first that refuses.
    let (one, other, third) = (Some(no.clone()), Some(teapot.clone()), Some(yes.clone()));
    for (answers, expected) in [
        ([None, third.clone(), None], yes.clone()),
        ([one.clone(), other.clone(), None], no),
        ([None, other.clone(), one.clone()], teapot),
        ([one, other, third], yes),
    ] {
        let mut stubs = ["a", "b", "c"].map(Stub::new).into_iter().zip(answers).map(|(mut stub, answer)| {
            stub.handshake = answer;
            stub
        });
        let handler = world
            .builder_for(stubs.next().unwrap())
            .provider(stubs.next().unwrap())
            .provider(stubs.next().unwrap())
            .build()
            .unwrap();
        let (method, headers) = (Method::GET, HeaderMap::new());
        let Admission::Reply(reply) = admit(&handler, &method, &headers) else { panic!("no body is needed") };
        assert_eq!(reply, expected);
        assert_eq!(world.outcomes(), [WebhookOutcome::HandshakeAnswered { status: expected.status }]);
    }
    assert!(world.sink.calls().is_empty());
}

#[test]
fn a_length_over_the_limit_is_refused_before_the_body_is_read() {
    let world = World::new();
    let handler = world.handler();
    let with_length = |length: &str| {
        let mut headers = signed();
        headers.insert("content-length", length.parse().unwrap());
        status(&admit(&handler, &Method::POST, &headers))
    };
    assert_eq!(with_length("0"), None);
    assert_eq!(with_length("4194304"), None);
    assert_eq!(world.outcomes(), []);
    assert_eq!(with_length("4194305"), Some(413));
    assert_eq!(with_length("18446744073709551615"), Some(413));
    assert_eq!(world.outcomes(), vec![WebhookOutcome::TooLarge; 2]);
    for unreadable in ["", "-1", "x", "4194305 bytes", "4194305, 4194305", "18446744073709551616"] {
        assert_eq!(with_length(unreadable), None, "{unreadable:?}");
    }
    let mut twice = signed();
    twice.append("content-length", "4194305".parse().unwrap());
    twice.append("content-length", "4194305".parse().unwrap());
    assert_eq!(status(&admit(&handler, &Method::POST, &twice)), None, "the bytes are counted in any case");

    let mut unsigned = HeaderMap::new();
    unsigned.insert("content-length", "4194305".parse().unwrap());
    assert_eq!(status(&admit(&handler, &Method::POST, &unsigned)), Some(401), "nobody recognises it");
}
