use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clock::TokioClock;
use crate::simulator::harness::Bench;
use crate::simulator::{Change, Fault, Script, Side, Simulator, SimulatorServer};
use crate::testing::TestClock;

/// A simulator in real time, behind a socket.
async fn start() -> (Bench, SimulatorServer) {
    let mut bench = Bench::new();
    bench.simulator = Simulator::new(Arc::new(TokioClock::new()));
    let server = bench.simulator.serve().await.unwrap();
    (bench, server)
}

async fn connect(url: &str) -> std::io::Result<TcpStream> {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await
}

/// Writes a request as it is on the wire.
async fn write(stream: &mut TcpStream, request: &Request<Bytes>) {
    let mut wire = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", request.method(), request.uri().path());
    for (name, value) in request.headers() {
        wire += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    wire += &format!("content-length: {}\r\n\r\n", request.body().len());
    stream.write_all(wire.as_bytes()).await.unwrap();
    stream.write_all(request.body()).await.unwrap();
}

/// Reads a whole answer: its status, and its body by the length it announces.
async fn read(stream: &mut TcpStream) -> (u16, String) {
    let mut wire = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&wire).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() == announced(head)
        {
            return (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned());
        }
        assert_ne!(stream.read_buf(&mut wire).await.unwrap(), 0, "cut: {text}");
    }
}

fn announced(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    line.unwrap().parse().unwrap()
}

/// Everything until the connection ends, or is broken.
async fn rest(stream: &mut TcpStream) -> String {
    let mut wire = Vec::new();
    let end = tokio::time::timeout(Duration::from_secs(5), async {
        while let Ok(1..) = stream.read_buf(&mut wire).await {}
    });
    end.await.expect("the connection stays open");
    String::from_utf8(wire).unwrap()
}

fn is_refused(connection: std::io::Result<TcpStream>) -> bool {
    connection.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn both_apis_are_on_one_port_and_each_on_its_own() {
    let (bench, server) = start().await;
    assert!(server.url().starts_with("http://127.0.0.1:"));
    let mut stream = connect(&server.url()).await.unwrap();
    for (request, status) in [
        (bench.meta_text("a"), 200),
        (bench.twilio_message(&[("Body", "b")]), 201),
        (bench.twilio_message(&[]), 400),
    ] {
        write(&mut stream, &request).await;
        assert_eq!(read(&mut stream).await.0, status, "on one connection");
    }
    for side in Side::ALL {
        let mut stream = connect(&server.url_of(*side)).await.unwrap();
        write(&mut stream, &bench.meta_text("c")).await;
        assert_eq!(read(&mut stream).await.0, 200);
    }
    assert_eq!(bench.simulator.deliveries().len(), 4);
}

async fn refuses_and_heals() {
    let (bench, server) = start().await;
    let mut open = connect(&server.url()).await.unwrap();
    write(&mut open, &bench.meta_text("a")).await;
    assert_eq!(read(&mut open).await.0, 200);

    bench.simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    assert!(is_refused(connect(&server.url()).await));
    assert!(is_refused(connect(&server.url_of(Side::Meta)).await));
    assert_eq!(rest(&mut open).await, "", "an open connection ends");
    let mut twilio = connect(&server.url_of(Side::Twilio)).await.unwrap();
    write(&mut twilio, &bench.twilio_message(&[("Body", "b")])).await;
    assert_eq!(read(&mut twilio).await.0, 201);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(is_refused(connect(&server.url()).await), "it stays so");

    bench.simulator.set_fault(Side::Meta, None);
    for url in [server.url(), server.url_of(Side::Meta)] {
        let mut healed = connect(&url).await.unwrap();
        write(&mut healed, &bench.meta_text("c")).await;
        assert_eq!(read(&mut healed).await.0, 200);
    }
    assert_eq!(bench.simulator.deliveries().len(), 4);
}

#[tokio::test]
async fn a_refusal_closes_the_port_and_healing_opens_the_same_one() {
    refuses_and_heals().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_closes_the_port_on_many_threads_too() {
    for _ in 0..20 {
        refuses_and_heals().await;
    }
}

#[tokio::test]
async fn an_open_connection_ends_before_anything_else_happens() {
    let (bench, server) = start().await;
    let mut open = connect(&server.url()).await.unwrap();
    write(&mut open, &bench.meta_text("a")).await;
    assert_eq!(read(&mut open).await.0, 200);
    let mut open = open.into_std().unwrap();
    open.set_nonblocking(false).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    bench.simulator.set_fault(Side::Twilio, Some(Fault::Refuse));
    // Nothing is awaited here, so no task of the server's has run.
    assert_eq!(std::io::Read::read(&mut open, &mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn a_side_that_refuses_already_is_not_served() {
    let bench = Bench::new();
    bench.simulator.set_fault(Side::Twilio, Some(Fault::Refuse));
    let server = bench.simulator.serve().await.unwrap();
    assert!(is_refused(connect(&server.url_of(Side::Twilio)).await));
    assert!(connect(&server.url_of(Side::Meta)).await.is_ok());
}

#[tokio::test]
async fn a_script_closes_the_port_and_opens_it_again() {
    let (bench, server) = start().await;
    let moment = Duration::from_millis(20);
    let script = Script::new().after(moment, Fault::Refuse).after(moment * 10, Change::Heal);
    bench.simulator.run_script(Side::Meta, script);
    let url = server.url_of(Side::Meta);
    let until = async |refused: bool| while is_refused(connect(&url).await) != refused {};
    until(true).await;
    assert!(connect(&server.url_of(Side::Twilio)).await.is_ok());
    until(false).await;
}

#[tokio::test]
async fn an_answer_takes_as_long_as_was_set() {
    let (bench, server) = start().await;
    let latency = Duration::from_millis(60);
    bench.simulator.set_latency(Side::Meta, latency);
    let before = std::time::Instant::now();
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("x")).await;
    assert_eq!(read(&mut stream).await.0, 200);
    assert!(before.elapsed() >= latency);
}

#[tokio::test]
async fn a_queued_refusal_drops_the_connection_and_the_message() {
    let (bench, server) = start().await;
    bench.simulator.fault_next(Side::Meta, Fault::Refuse);
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("a")).await;
    assert_eq!(rest(&mut stream).await, "");
    assert!(bench.simulator.requests().is_empty());
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("b")).await;
    assert_eq!(read(&mut stream).await.0, 200);
}

#[tokio::test]
async fn a_hanging_side_reads_and_never_answers() {
    let (bench, server) = start().await;
    bench.simulator.set_fault(Side::Meta, Some(Fault::Hang));
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("a")).await;
    let mut byte = [0];
    let answer = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut byte)).await;
    assert!(answer.is_err(), "neither an answer nor an end");
    let requests = bench.simulator.requests();
    assert_eq!((requests.len(), requests[0].accepted), (1, false));
    assert!(bench.simulator.deliveries().is_empty());

    bench.simulator.set_fault(Side::Meta, None);
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("b")).await;
    assert_eq!(read(&mut stream).await.0, 200);
}

#[tokio::test]
async fn a_dropped_answer_is_delivered_once() {
    let (bench, server) = start().await;
    for (side, request) in
        [(Side::Meta, bench.meta_text("a")), (Side::Twilio, bench.twilio_message(&[("Body", "a")]))]
    {
        bench.simulator.fault_next(side, Fault::AcceptThenDrop);
        let mut stream = connect(&server.url()).await.unwrap();
        write(&mut stream, &request).await;
        assert_eq!(rest(&mut stream).await, "");
        let sides: Vec<Side> = bench.simulator.deliveries().iter().map(|delivery| delivery.side).collect();
        assert_eq!(sides.iter().filter(|delivered| **delivered == side).count(), 1);
    }
}

#[tokio::test]
async fn a_cut_answer_has_a_head_and_half_a_body() {
    let (bench, server) = start().await;
    bench.simulator.fault_next(Side::Meta, Fault::AcceptThenCut);
    let mut stream = connect(&server.url()).await.unwrap();
    write(&mut stream, &bench.meta_text("a")).await;
    let wire = rest(&mut stream).await;
    let (head, body) = wire.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(body.len(), announced(head) / 2);
    assert!(body.starts_with(r#"{"contacts""#));
    assert_eq!(bench.simulator.deliveries().len(), 1);
}

#[tokio::test]
async fn an_unavailable_side_says_503() {
    let (bench, server) = start().await;
    let mut stream = connect(&server.url()).await.unwrap();
    for (with_envelope, part) in [(true, r#""code":20503"#), (false, "<html>")] {
        bench.simulator.set_fault(Side::Twilio, Some(Fault::Unavailable { with_envelope }));
        write(&mut stream, &bench.twilio_message(&[("Body", "a")])).await;
        let (status, body) = read(&mut stream).await;
        assert_eq!(status, 503);
        assert!(body.contains(part), "{body}");
    }
    assert!(bench.simulator.deliveries().is_empty());
}

#[tokio::test]
async fn nobody_listens_after_the_server() {
    let (bench, server) = start().await;
    let url = server.url();
    let mut stream = connect(&url).await.unwrap();
    write(&mut stream, &bench.meta_text("a")).await;
    assert_eq!(read(&mut stream).await.0, 200);
    server.shutdown().await;
    assert_eq!(rest(&mut stream).await, "");
    assert!(is_refused(connect(&url).await));

    let server = bench.simulator.serve().await.unwrap();
    let url = server.url();
    drop(server);
    assert!(is_refused(connect(&url).await));
    bench.simulator.set_fault(Side::Meta, Some(Fault::Refuse));
    bench.simulator.set_fault(Side::Meta, None);
    assert!(is_refused(connect(&url).await), "a fault that heals opens no door that was closed");
}

#[test]
fn without_a_runtime_there_is_no_server() {
    let clock = TestClock::new();
    let simulator = Simulator::new(Arc::new(clock.clone()));
    assert!(clock.block_on(simulator.serve()).is_err());
}
