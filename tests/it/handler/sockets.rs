//! The handler behind axum and behind plain hyper, on real sockets and in real time.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use whatsapp_provider::axum::route;

use super::connection::{Connection, chunk, chunked_head, head};
use super::*;

/// An application of axum's with the handler at `/webhook`.
struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(handler: WebhookHandler) -> Self {
        Self::serve(axum::Router::new().route("/webhook", route(handler))).await
    }

    async fn serve(app: axum::Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, task }
    }

    async fn ask(&self, request: &http::Request<Bytes>) -> connection::Answer {
        Connection::open(self.address).await.ask(request).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the observer was told, as it comes.
fn observed(builder: WebhookHandlerBuilder) -> (WebhookHandler, mpsc::UnboundedReceiver<WebhookOutcome>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler = builder.observer(move |outcome| sender.send(outcome.clone()).unwrap()).build().unwrap();
    (handler, receiver)
}

#[tokio::test]
async fn webhooks_of_both_providers_go_through_axum() {
    let world = World::real();
    let (sink, mut events) = channel(10);
    let server = Server::start(small(&world, sink).build().unwrap()).await;
    let mut connection = Connection::open(server.address).await;

    let answer = connection.ask(&world.simulator.meta_handshake("1158201444")).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"1158201444"[..]));
    assert!(answer.head.contains("\r\ncontent-type: text/plain; charset=utf-8"));
    for (side, status) in [(Side::Meta, 200), (Side::Twilio, 204)] {
        let webhook = world.user.writes(side, "Hi");
        let answer = connection.ask(&webhook.request).await;
        assert_eq!((answer.status, answer.closes(), answer.body.len()), (status, false, 0), "{side:?}");
        assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
        let answer = connection.ask(&webhook.forged().request).await;
        assert_eq!((answer.status, answer.closes(), answer.body.len()), (401, false, 0), "its body was read");
    }
    let mut put = world.user.writes(Side::Meta, "Hi").request;
    *put.method_mut() = http::Method::PUT;
    let answer = connection.ask(&put).await;
    assert_eq!((answer.status, answer.closes()), (405, true));
    assert!(answer.head.contains("\r\nallow: get, post"));
    connection.closed().await;
    drop(server);
    assert!(received(&mut events).is_empty());
}

#[tokio::test]
async fn a_post_larger_than_axums_own_limit_is_taken() {
    let world = World::real();
    let (sink, mut events) = channel(10);
    let handler = WebhookHandler::new(world.failover(), sink).unwrap();
    let server = Server::start(handler).await;
    assert_eq!(server.ask(&world.meta_webhook_of(3_000_000)).await.status, 200);
    assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
}

#[tokio::test]
async fn twilio_signs_the_whole_path_also_where_a_router_is_nested() {
    let world = World::real();
    let accounts = world.simulator.accounts();
    // Any path of this host: what is signed is the path of the request.
    let twilio =
        Twilio::builder().auth_token(accounts.auth_token).public_url("https://example.test").build().unwrap();
    let (sink, mut events) = channel(10);
    let inner = axum::Router::new().route("/in/webhook", route(WebhookHandler::new(twilio, sink).unwrap()));
    let server = Server::serve(axum::Router::new().nest("/hooks", inner)).await;
    world.simulator.set_webhook_url("https://example.test/hooks/in/webhook?a=%20b".parse().unwrap());
    let webhook = world.user.writes(Side::Twilio, "Hi");
    assert_eq!(server.ask(&webhook.request).await.status, 204);
    assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
}

#[tokio::test]
async fn what_is_not_signed_ends_before_its_body_comes() {
    let world = World::real();
    let server = Server::start(small(&world, channel(1).0).build().unwrap()).await;
    let mut connection = Connection::open(server.address).await;
    connection.write(b"POST /webhook HTTP/1.1\r\nhost: example.test\r\ncontent-length: 1000\r\n\r\n").await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.closes(), answer.body.len()), (401, true, 0));
    connection.closed().await;
}

#[tokio::test]
async fn a_length_over_the_limit_ends_before_the_body_comes() {
    let world = World::real();
    let server = Server::start(small(&world, channel(1).0).build().unwrap()).await;
    let mut connection = Connection::open(server.address).await;
    connection.write(&head(&world.meta_webhook_of(2_001))).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.closes(), answer.body.len()), (413, true, 0));
    connection.closed().await;
}

#[tokio::test]
async fn a_body_in_chunks_has_the_same_limit() {
    let world = World::real();
    let (sink, mut events) = channel(1);
    let server = Server::start(small(&world, sink).build().unwrap()).await;
    for (length, status) in [(2_000, 200), (2_001, 413)] {
        let request = world.meta_webhook_of(length);
        let mut connection = Connection::open(server.address).await;
        connection.write(&chunked_head(&request)).await;
        let (first, second) = request.body().split_at(1_500);
        connection.write(&chunk(first)).await;
        connection.write(&chunk(second)).await;
        if status == 200 {
            connection.write(&chunk(b"")).await;
        }
        // The one that is too long has not even said that this was all.
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.closes()), (status, status == 413));
    }
    assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
    drop(server);
    assert!(received(&mut events).is_empty());
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_sent_away() {
    let world = World::real();
    let builder = small(&world, channel(1).0).body_time(Duration::from_millis(300));
    let (handler, mut outcomes) = observed(builder);
    let server = Server::start(handler).await;
    let request = world.user.writes(Side::Meta, "Hi").request;
    let mut connection = Connection::open(server.address).await;
    connection.write(&head(&request)).await;
    connection.write(&request.body()[..10]).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.closes(), answer.body.len()), (408, true, 0));
    connection.closed().await;
    assert_eq!(outcomes.recv().await, Some(WebhookOutcome::TooSlow));
}

#[tokio::test]
async fn a_client_that_goes_away_within_the_body_brought_no_webhook() {
    let world = World::real();
    let (sink, mut events) = channel(1);
    let (handler, mut outcomes) = observed(small(&world, sink));
    let server = Server::start(handler).await;
    let request = world.user.writes(Side::Meta, "Hi").request;
    let mut connection = Connection::open(server.address).await;
    connection.write(&head(&request)).await;
    connection.write(&request.body()[..request.body().len() - 1]).await;
    drop(connection);
    assert_eq!(outcomes.recv().await, Some(WebhookOutcome::BrokenOff));
    assert_eq!(server.ask(&request).await.status, 200, "the next one is none the worse");
    assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
    drop(server);
    assert!(received(&mut events).is_empty());
}

/// A sink that says when it is given events, and then waits for its answer.
#[derive(Debug)]
struct Asking {
    given: mpsc::UnboundedSender<Question>,
}

#[derive(Debug)]
struct Question {
    events: usize,
    answer: tokio::sync::oneshot::Sender<Result<(), SinkError>>,
}

#[async_trait::async_trait]
impl EventSink for Asking {
    async fn accept(&self, events: &[InboundEvent]) -> Result<(), SinkError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.given.send(Question { events: events.len(), answer }).unwrap();
        answered.await.unwrap()
    }
}

#[tokio::test]
async fn the_acknowledgement_never_precedes_the_sinks() {
    let world = World::real();
    let (given, mut questions) = mpsc::unbounded_channel();
    let server = Server::start(small(&world, Asking { given }).build().unwrap()).await;
    for side in [Side::Meta, Side::Twilio] {
        let mut connection = Connection::open(server.address).await;
        for (answer, status) in [
            (Err(SinkError::unavailable("not now")), 503),
            (Err(SinkError::Reject(vec![0])), 503),
            (Ok(()), if side == Side::Meta { 200 } else { 204 }),
        ] {
            let webhook = world.user.writes(side, "Hi").request;
            connection.write(&head(&webhook)).await;
            connection.write(webhook.body()).await;
            let question = questions.recv().await.unwrap();
            assert_eq!(question.events, 1);
            // Whatever the server could do without the sink's word, it has had time for.
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(!connection.has_answer());
            question.answer.send(answer).unwrap();
            let answer = connection.answer().await;
            assert_eq!((answer.status, answer.body.len()), (status, 0));
        }
    }
}

#[tokio::test]
async fn a_sink_that_is_too_slow_is_not_acknowledged() {
    let world = World::real();
    let (given, mut questions) = mpsc::unbounded_channel();
    let builder = small(&world, Asking { given }).sink_time(Duration::from_millis(200));
    let server = Server::start(builder.build().unwrap()).await;
    assert_eq!(server.ask(&world.user.writes(Side::Meta, "Hi").request).await.status, 503);
    let mut question = questions.recv().await.unwrap();
    question.answer.closed().await;
}

#[tokio::test]
async fn a_client_that_does_not_wait_takes_the_delivery_with_it() {
    let world = World::real();
    let (given, mut questions) = mpsc::unbounded_channel();
    let (handler, mut outcomes) =
        observed(small(&world, Asking { given }).sink_time(Duration::from_secs(3600)));
    let server = Server::start(handler).await;
    let webhook = world.user.writes(Side::Meta, "Hi").request;
    let mut connection = Connection::open(server.address).await;
    connection.write(&head(&webhook)).await;
    connection.write(webhook.body()).await;
    let mut question = questions.recv().await.unwrap();
    drop(connection);
    question.answer.closed().await;
    assert_eq!(outcomes.try_recv().ok(), None, "what was given up has no outcome");

    let again = tokio::spawn(async move { server.ask(&webhook).await.status });
    questions.recv().await.unwrap().answer.send(Ok(())).unwrap();
    assert_eq!(again.await.unwrap(), 200);
}

#[tokio::test]
async fn plain_hyper_serves_it_too() {
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;

    let world = World::real();
    let (sink, mut events) = channel(10);
    let handler = small(&world, sink).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, std::convert::Infallible>(handler.handle(request).await.map(Full::new)) }
    });
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.unwrap();
    });
    let mut connection = Connection::open(address).await;
    let webhook = world.user.writes(Side::Twilio, "Hi");
    assert_eq!(connection.ask(&webhook.forged().request).await.status, 401);
    assert_eq!(connection.ask(&webhook.request).await.status, 204);
    assert_eq!(bodies(&[events.recv().await.unwrap()]), ["Hi"]);
    connection.write(&head(&world.meta_webhook_of(2_001))).await;
    assert_eq!(connection.answer().await.status, 413);
    served.await.unwrap();
}
