use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::{pending, poll_fn};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};

use super::Simulator;
use super::accounts::Side;
use super::client::CutBody;
use super::reaction::Reaction;
use crate::http_client::ResponseBody;

/// The largest request that is read, in bytes: an upload of the largest file.
const MAX_REQUEST: usize = 101 * 1024 * 1024;

/// How long to wait before a port is tried again that somebody else holds, or a connection that failed.
const PAUSE: Duration = Duration::from_millis(20);

impl Simulator {
    /// The loopback door: listens on 127.0.0.1, on ports that the system chooses, in real time. It spawns tasks on
    /// the runtime it is called from, which end with the [`SimulatorServer`].
    ///
    /// # Errors
    ///
    /// If there is no tokio runtime here, or no port.
    pub async fn serve(&self) -> io::Result<SimulatorServer> {
        tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let door = |sides| Door::open(sides, &self.0.doors);
        let (shared, meta, twilio) = (door(Side::ALL)?, door(&[Side::Meta])?, door(&[Side::Twilio])?);
        // A side may be refusing already.
        self.0.doors.follow(|| self.state().refusing());
        let tasks =
            [&shared, &meta, &twilio].map(|door| tokio::spawn(run(Arc::clone(door), self.clone()))).into();
        let script = tokio::spawn(follow_scripts(self.clone())).abort_handle();
        Ok(SimulatorServer { shared, meta, twilio, tasks, script })
    }
}

/// A [`Simulator`] that listens on loopback sockets, until it is dropped or shut down.
pub struct SimulatorServer {
    shared: Arc<Door>,
    meta: Arc<Door>,
    twilio: Arc<Door>,
    tasks: Vec<JoinHandle<()>>,
    /// Opens and closes the doors when a script says so.
    script: AbortHandle,
}

impl SimulatorServer {
    /// The base URL of both APIs, such as `http://127.0.0.1:4567`. It has one port, which is closed while either side
    /// [refuses](super::Fault::Refuse) connections; with [`url_of`](Self::url_of) each side has its own.
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// The base URL of one API, on a port that is closed only while that side refuses connections.
    pub fn url_of(&self, side: Side) -> String {
        match side {
            Side::Meta => self.meta.url(),
            Side::Twilio => self.twilio.url(),
        }
    }

    /// Closes the ports and every connection, and waits until nobody listens any more.
    pub async fn shutdown(mut self) {
        self.close();
        for task in std::mem::take(&mut self.tasks) {
            // It ends by itself, or with the runtime.
            let _ = task.await;
        }
    }

    fn close(&self) {
        self.script.abort();
        for door in [&self.shared, &self.meta, &self.twilio] {
            door.turn(Phase::Closed);
        }
    }
}

impl Drop for SimulatorServer {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SimulatorServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatorServer").finish_non_exhaustive()
    }
}

/// Every door of a simulator's, so that a fault can close them.
#[derive(Default)]
pub(super) struct Doors(Mutex<Vec<Weak<Door>>>);

impl Doors {
    /// Closes the doors of the sides that refuse connections and opens the others. On return it is done.
    pub(super) fn follow(&self, refusing: impl FnOnce() -> Vec<Side>) {
        let mut doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked only now, so that of two changes at once the later one decides.
        let refusing = refusing();
        doors.retain(|door| {
            let Some(door) = door.upgrade() else {
                return false;
            };
            let refuses = door.sides.iter().any(|side| refusing.contains(side));
            door.turn(if refuses { Phase::Refusing } else { Phase::Open });
            true
        });
    }
}

/// One port.
struct Door {
    address: SocketAddr,
    sides: &'static [Side],
    inside: Mutex<Inside>,
    changed: Notify,
}

struct Inside {
    phase: Phase,
    /// Listening, but not known to the runtime yet.
    fresh: Option<std::net::TcpListener>,
    listener: Option<TcpListener>,
    /// Bound while nobody listens, so that the port stays ours: neither another listener nor the near end of a
    /// connection may get it, least of all that of the very client that is to be refused.
    kept: Option<TcpSocket>,
    connections: BTreeMap<u64, Connection>,
    last_connection: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    Refusing,
    Closed,
}

struct Connection {
    /// The same socket as the task's, so that it can be shut at once and from anywhere.
    socket: std::net::TcpStream,
    task: AbortHandle,
}

/// What a door waits for.
enum Event {
    Connection(TcpStream),
    Trouble,
    End,
}

impl Door {
    fn open(sides: &'static [Side], doors: &Doors) -> io::Result<Arc<Self>> {
        let listener = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let door = Arc::new(Self {
            address: listener.local_addr()?,
            sides,
            inside: Mutex::new(Inside {
                phase: Phase::Open,
                fresh: Some(listener),
                listener: None,
                kept: None,
                connections: BTreeMap::new(),
                last_connection: 0,
            }),
            changed: Notify::new(),
        });
        let mut all = doors.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::downgrade(&door));
        Ok(door)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens or closes the port. It is done on return: whoever connects after a refusal was asked for is refused.
    fn turn(&self, phase: Phase) {
        let mut inside = self.inside();
        if inside.phase == phase || inside.phase == Phase::Closed {
            return;
        }
        inside.phase = phase;
        if phase == Phase::Open {
            inside.kept = None;
            // If somebody else is quicker, the task tries again.
            inside.fresh = listen(self.address).ok();
        } else {
            (inside.fresh, inside.listener, inside.kept) = (None, None, None);
            if phase == Phase::Refusing {
                inside.kept = keep(self.address).ok();
            }
            for connection in std::mem::take(&mut inside.connections).into_values() {
                // It may be closed already.
                let _ = connection.socket.shutdown(Shutdown::Both);
                connection.task.abort();
            }
        }
        drop(inside);
        self.changed.notify_one();
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut inside = self.inside();
        match inside.phase {
            Phase::Open => {}
            Phase::Refusing => return Poll::Pending,
            Phase::Closed => return Poll::Ready(Event::End),
        }
        if inside.listener.is_none() {
            let fresh = inside.fresh.take().map_or_else(|| listen(self.address), Ok);
            inside.listener = fresh.and_then(TcpListener::from_std).ok();
        }
        match &inside.listener {
            Some(listener) => listener.poll_accept(cx).map(|accepted| match accepted {
                Ok((stream, _)) => Event::Connection(stream),
                Err(_) => Event::Trouble,
            }),
            None => Poll::Ready(Event::Trouble),
        }
    }

    /// Serves a connection until it ends or the door is closed.
    fn welcome(self: &Arc<Self>, stream: TcpStream, simulator: &Simulator) -> io::Result<()> {
        let stream = stream.into_std()?;
        let socket = stream.try_clone()?;
        let stream = TcpStream::from_std(stream)?;
        let mut inside = self.inside();
        if inside.phase != Phase::Open {
            return Ok(());
        }
        inside.last_connection += 1;
        let id = inside.last_connection;
        let (door, simulator) = (Arc::clone(self), simulator.clone());
        let task = tokio::spawn(async move {
            converse(stream, simulator).await;
            door.inside().connections.remove(&id);
        });
        let task = task.abort_handle();
        // The task waits for this lock before it takes its entry away.
        inside.connections.insert(id, Connection { socket, task });
        Ok(())
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Takes the port without listening: whoever connects is refused.
fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections that have just been shut still hold it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn run(door: Arc<Door>, simulator: Simulator) {
    loop {
        let event = tokio::select! {
            event = poll_fn(|cx| door.poll_next(cx)) => event,
            () = door.changed.notified() => continue,
        };
        match event {
            Event::Connection(stream) => {
                // A connection that is gone already is nobody's loss.
                let _ = door.welcome(stream, &simulator);
            }
            Event::Trouble => tokio::time::sleep(PAUSE).await,
            Event::End => return,
        }
    }
}

/// Does what scripts say when it is time, so that a door is closed before somebody knocks.
async fn follow_scripts(simulator: Simulator) {
    loop {
        let changed = simulator.0.script_began.notified();
        let now = simulator.0.clock.now();
        let next = simulator.state().follow_scripts(now);
        simulator.0.doors.follow(|| simulator.state().refusing());
        let wait = async {
            match next {
                Some(next) => simulator.0.clock.sleep(next.since(now)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = changed => {}
            () = wait => {}
        }
    }
}

async fn converse(stream: TcpStream, simulator: Simulator) {
    let service = service_fn(|request| respond(&simulator, request));
    let connection =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    // A connection that is broken on purpose ends with an error, and one that the client broke as well.
    let _ = connection.await;
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
struct Closed;

async fn respond(
    simulator: &Simulator,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Closed> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if simulator.refuses(Side::of_path(path), &head.method, path) {
        return Err(Closed);
    }
    let body = Limited::new(body, MAX_REQUEST).collect().await.map_err(|_| Closed)?;
    let arrived = simulator.react(&Request::from_parts(head, body.to_bytes()));
    if let Some(latency) = arrived.latency {
        tokio::time::sleep(latency).await;
    }
    match arrived.reaction {
        Reaction::Answer(answer) => Ok(answer.map(ResponseBody::full)),
        Reaction::Cut(answer) => Ok(answer.map(|body| ResponseBody::new(CutBody::half_of(&body)))),
        Reaction::Close => Err(Closed),
        Reaction::Nothing => {
            let never: Infallible = pending().await;
            match never {}
        }
    }
}

#[cfg(test)]
mod tests;
