//! An HTTP server on loopback for tests: scripted responses, delays, slow bodies, closed and hanging connections.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, TcpListener},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited, combinators::BoxBody};
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    time::{Sleep, sleep},
};

use crate::world::runtime::{Runtime, Task};

/// The largest accepted request body, in bytes; a larger one gets status 413.
const MAX_BODY: usize = 4 << 20;

/// A request with its complete body.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: Method,
    /// As sent, with percent-encoding and without the query.
    pub path: String,
    /// The raw query without the `?`; empty if there is none.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A response and how the server sends it.
#[derive(Clone, Debug)]
pub struct FakeResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    delay: Duration,
    delivery: Delivery,
    hold: Option<Hold>,
}

/// Holds answers back until an event: see [`Answer::held_by`].
#[derive(Clone, Debug)]
pub struct Hold(Arc<Semaphore>);

impl Default for Hold {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Hold {
    /// Lets all of them go, and every later one.
    pub fn release(&self) {
        self.0.close();
    }

    async fn released(&self) {
        // It has no permits: only closing it ends the wait.
        let _ = self.0.acquire().await;
    }
}

#[derive(Clone, Copy, Debug)]
enum Delivery {
    Whole,
    /// One byte of the body at a time.
    Slow(Duration),
    /// No bytes: the server reads the request and closes the connection.
    Close,
    /// No bytes: the server reads the request and keeps the connection open.
    Hang,
}

impl FakeResponse {
    /// A response without a body.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
            delay: Duration::ZERO,
            hold: None,
            delivery: Delivery::Whole,
        }
    }

    #[must_use]
    pub fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self { body: Bytes::from(body.into()), ..Self::status(status).header("content-type", content_type) }
    }

    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", body.to_string())
    }

    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("location", location)
    }

    /// Reads the request and closes the connection without a response.
    #[must_use]
    pub fn close() -> Self {
        Self { delivery: Delivery::Close, ..Self::status(200) }
    }

    /// Reads the request and never responds.
    #[must_use]
    pub fn hang() -> Self {
        Self { delivery: Delivery::Hang, ..Self::status(200) }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Delays the response.
    #[must_use]
    pub const fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Holds the response back until [`Hold::release`].
    #[must_use]
    pub fn held_by(mut self, hold: &Hold) -> Self {
        self.hold = Some(hold.clone());
        self
    }

    /// Sends the body one byte at a time, with a pause before each.
    #[must_use]
    pub const fn byte_by_byte(mut self, pause: Duration) -> Self {
        self.delivery = Delivery::Slow(pause);
        self
    }

    /// The status that the server sends; `None` if it sends no response.
    #[must_use]
    pub const fn sent_status(&self) -> Option<u16> {
        match self.delivery {
            Delivery::Whole | Delivery::Slow(_) => Some(self.status),
            Delivery::Close | Delivery::Hang => None,
        }
    }

    /// The time before the server sends the response.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.delay
    }

    fn into_hyper(self) -> Response<BoxBody<Bytes, Infallible>> {
        let body = match self.delivery {
            Delivery::Slow(pause) => SlowBody { left: self.body, pause, next: Box::pin(sleep(pause)) }.boxed(),
            Delivery::Whole | Delivery::Close | Delivery::Hang => Full::new(self.body).boxed(),
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        // An invalid status or header in a test becomes a server error with the reason, instead of a panic in the server.
        response.body(body).unwrap_or_else(|error| {
            let message = format!("this response cannot be sent: {error}");
            let mut response = Response::new(Full::new(Bytes::from(message)).boxed());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

/// A body that arrives one byte at a time.
struct SlowBody {
    left: Bytes,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Body for SlowBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(sleep(self.pause));
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(1)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// An HTTP server on a free port of 127.0.0.1, with its own thread; stops when dropped.
pub struct LoopbackServer {
    url: String,
    // Fields drop in this order: the server stops accepting connections before its runtime ends.
    _accept_loop: Task,
    _runtime: Runtime,
}

impl LoopbackServer {
    /// Calls `respond` once for each request, on the server's thread: it must not block.
    ///
    /// # Errors
    /// When the system has no free port, or cannot start a thread.
    pub fn start(respond: impl Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = Runtime::start()?;
        let accept_loop = runtime.spawn(accept(listener, Arc::new(respond)));
        Ok(Self { url, _accept_loop: accept_loop, _runtime: runtime })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn accept<F: Fn(&ReceivedRequest) -> FakeResponse + Send + Sync + 'static>(
    listener: TcpListener,
    respond: Arc<F>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely no file descriptor is free; retry after other connections have closed.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let respond = Arc::clone(&respond);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, &*respond));
            // An error means that the client disconnected, or that the response is to close the connection.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// An error that makes hyper close the connection.
#[derive(Debug)]
struct ClosedOnPurpose;

impl std::fmt::Display for ClosedOnPurpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for ClosedOnPurpose {}

async fn serve(
    request: hyper::Request<Incoming>,
    respond: &(impl Fn(&ReceivedRequest) -> FakeResponse + Sync),
) -> Result<Response<BoxBody<Bytes, Infallible>>, ClosedOnPurpose> {
    let (head, body) = request.into_parts();
    let announced_length = body.size_hint().lower();
    let body = match Limited::new(body, MAX_BODY).collect() {
        body if announced_length <= MAX_BODY as u64 => body.await.ok(),
        _ => None,
    };
    let Some(body) = body else {
        return Ok(FakeResponse::status(413).header("connection", "close").into_hyper());
    };
    let request = ReceivedRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.to_bytes(),
    };
    let response = respond(&request);
    if !response.delay.is_zero() {
        sleep(response.delay).await;
    }
    if let Some(hold) = &response.hold {
        hold.released().await;
    }
    match response.delivery {
        Delivery::Whole | Delivery::Slow(_) => Ok(response.into_hyper()),
        Delivery::Close => Err(ClosedOnPurpose),
        Delivery::Hang => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::*;
    use crate::clock::Stopwatch;

    fn send(server: &LoopbackServer, request: &str) -> String {
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response
    }

    const GET: &str = "GET /a%20b?c=d HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

    #[test]
    fn the_handler_receives_the_request_and_the_client_its_response() {
        let server = LoopbackServer::start(|request| {
            let text = format!("{} {} {} {:?}", request.method, request.path, request.query, request.headers["host"]);
            FakeResponse::text(418, "text/plain", text).header("x-kind", "teapot")
        })
        .unwrap();
        let response = send(&server, GET);
        assert!(response.starts_with("HTTP/1.1 418 I'm a teapot\r\n"), "{response}");
        assert!(response.contains("x-kind: teapot\r\n"), "{response}");
        assert!(response.ends_with("\r\n\r\nGET /a%20b c=d \"here\""), "{response}");
    }

    #[test]
    fn a_body_sent_byte_by_byte_arrives_complete() {
        let server = LoopbackServer::start(|_| {
            FakeResponse::text(200, "text/plain", "drop").byte_by_byte(Duration::from_millis(1))
        })
        .unwrap();
        let response = send(&server, GET);
        assert!(response.contains("content-length: 4\r\n") && response.ends_with("\r\n\r\ndrop"), "{response}");
    }

    #[test]
    fn a_response_can_be_delayed() {
        let server = LoopbackServer::start(|_| FakeResponse::status(204).delayed(Duration::from_millis(50))).unwrap();
        let asked = Stopwatch::start();
        assert!(send(&server, GET).starts_with("HTTP/1.1 204"));
        assert!(asked.elapsed() >= Duration::from_millis(50));
    }

    #[test]
    fn a_response_can_be_held_until_it_is_released() {
        let hold = Hold::default();
        let handle = hold.clone();
        let server = LoopbackServer::start(move |request| {
            if request.path == "/held" {
                return FakeResponse::status(204).held_by(&handle);
            }
            handle.release();
            FakeResponse::status(200)
        })
        .unwrap();
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.write_all(GET.replace("/a%20b?c=d", "/held").as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        assert!(stream.read(&mut [0; 1]).is_err(), "not yet");
        assert!(send(&server, GET).starts_with("HTTP/1.1 200"));
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 204"), "{response}");
    }

    #[test]
    fn a_closed_connection_sends_no_bytes() {
        let server = LoopbackServer::start(|_| FakeResponse::close()).unwrap();
        assert_eq!(send(&server, GET), "");
    }

    #[test]
    fn a_hanging_connection_closes_when_the_server_stops() {
        let server = LoopbackServer::start(|_| FakeResponse::hang()).unwrap();
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.write_all(GET.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let kind = stream.read(&mut [0; 1]).unwrap_err().kind();
        assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{kind}");
        let address = stream.peer_addr().unwrap();
        drop(server);
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is gone");
        assert!(TcpStream::connect(address).is_err(), "and so is the port");
    }

    #[test]
    fn a_body_over_the_limit_gets_413_and_an_invalid_response_500() {
        let server = LoopbackServer::start(|_| FakeResponse::status(200).header("no header", "")).unwrap();
        let large = format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n", MAX_BODY + 1);
        assert!(send(&server, &large).starts_with("HTTP/1.1 413"));
        assert!(send(&server, GET).starts_with("HTTP/1.1 500"));
    }
}
