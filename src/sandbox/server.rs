//! An HTTP server on loopback that answers as told, the ill manners included.

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
use tokio::time::{Sleep, sleep};

use crate::world::runtime::{Runtime, Task};

/// The largest request body that is read, in bytes; one more is answered 413.
const LARGEST: usize = 4 << 20;

/// A request, read whole.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    /// As it was sent, percent-encoding included; without the query.
    pub path: String,
    /// What stands behind the `?`; empty when there is none.
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What to answer, and how.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    after: Duration,
    manner: Manner,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    Whole,
    /// One byte of the body at a time.
    Drip(Duration),
    /// Not a byte: the connection closes once the request has been read.
    Close,
    /// Not a byte, and the connection stays open.
    Hang,
}

impl Answer {
    /// An empty answer.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), after: Duration::ZERO, manner: Manner::Whole }
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

    /// Reads the request and closes the connection without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self { manner: Manner::Close, ..Self::status(200) }
    }

    /// Reads the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self { manner: Manner::Hang, ..Self::status(200) }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Holds the answer back for a while.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Sends the body one byte at a time, each after a pause.
    #[must_use]
    pub const fn drip(mut self, pause: Duration) -> Self {
        self.manner = Manner::Drip(pause);
        self
    }

    /// The status to be sent; `None` when no answer is.
    #[must_use]
    pub const fn sends(&self) -> Option<u16> {
        match self.manner {
            Manner::Whole | Manner::Drip(_) => Some(self.status),
            Manner::Close | Manner::Hang => None,
        }
    }

    /// How long it is held back.
    #[must_use]
    pub const fn delay(&self) -> Duration {
        self.after
    }

    fn response(self) -> Response<BoxBody<Bytes, Infallible>> {
        let body = match self.manner {
            Manner::Drip(pause) => Drip { left: self.body, pause, next: Box::pin(sleep(pause)) }.boxed(),
            Manner::Whole | Manner::Close | Manner::Hang => Full::new(self.body).boxed(),
        };
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        // A script that names an impossible status or header shows as a server error, not as a dead server.
        response.body(body).unwrap_or_else(|error| {
            let why = format!("no such answer can be sent: {error}");
            let mut response = Response::new(Full::new(Bytes::from(why)).boxed());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

/// A body that comes one byte at a time.
struct Drip {
    left: Bytes,
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Body for Drip {
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

/// Serves on a free port of 127.0.0.1, on a thread of its own, until dropped.
pub struct Server {
    url: String,
    // In this order: nothing new is accepted while the runtime ends.
    _accepting: Task,
    _runtime: Runtime,
}

impl Server {
    /// `answer` is asked once for every request, on the server's thread: it must not block.
    ///
    /// # Errors
    /// When the system gives no port or no thread.
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = Runtime::start()?;
        let accepting = runtime.spawn(accept(listener, Arc::new(answer)));
        Ok(Self { url, _accepting: accepting, _runtime: runtime })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn accept<A: Fn(&Request) -> Answer + Send + Sync + 'static>(listener: TcpListener, answer: Arc<A>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely; others will close theirs.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            let service = service_fn(|request| serve(request, &*answer));
            // An error here is a client that went away, or an answer that was to be a closed connection.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Closes the connection when it is returned as a service's error.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

async fn serve(
    request: hyper::Request<Incoming>,
    answer: &(impl Fn(&Request) -> Answer + Sync),
) -> Result<Response<BoxBody<Bytes, Infallible>>, Closed> {
    let (head, body) = request.into_parts();
    let announced = body.size_hint().lower();
    let body = match Limited::new(body, LARGEST).collect() {
        body if announced <= LARGEST as u64 => body.await.ok(),
        _ => None,
    };
    let Some(body) = body else {
        return Ok(Answer::status(413).header("connection", "close").response());
    };
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.to_bytes(),
    };
    let answer = answer(&request);
    if !answer.after.is_zero() {
        sleep(answer.after).await;
    }
    match answer.manner {
        Manner::Whole | Manner::Drip(_) => Ok(answer.response()),
        Manner::Close => Err(Closed),
        Manner::Hang => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::*;

    fn ask(server: &Server, request: &str) -> String {
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    const GET: &str = "GET /a%20b?c=d HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";

    #[test]
    fn the_handler_sees_the_request_and_its_answer_arrives() {
        let server = Server::start(|request| {
            let seen = format!("{} {} {} {:?}", request.method, request.path, request.query, request.headers["host"]);
            Answer::text(418, "text/plain", seen).header("x-kind", "teapot")
        })
        .unwrap();
        let answer = ask(&server, GET);
        assert!(answer.starts_with("HTTP/1.1 418 I'm a teapot\r\n"), "{answer}");
        assert!(answer.contains("x-kind: teapot\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nGET /a%20b c=d \"here\""), "{answer}");
    }

    #[test]
    fn a_body_can_drip_and_still_arrives_whole() {
        let server = Server::start(|_| Answer::text(200, "text/plain", "drop").drip(Duration::from_millis(1))).unwrap();
        let answer = ask(&server, GET);
        assert!(answer.contains("content-length: 4\r\n") && answer.ends_with("\r\n\r\ndrop"), "{answer}");
    }

    #[test]
    fn an_answer_can_be_held_back() {
        let server = Server::start(|_| Answer::status(204).after(Duration::from_millis(400))).unwrap();
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.write_all(GET.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert!(stream.read(&mut [0; 1]).is_err(), "not yet");
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    #[test]
    fn closing_sends_nothing_at_all() {
        let server = Server::start(|_| Answer::close()).unwrap();
        assert_eq!(ask(&server, GET), "");
    }

    #[test]
    fn hanging_ends_with_the_server() {
        let server = Server::start(|_| Answer::hang()).unwrap();
        let mut stream = TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
        stream.write_all(GET.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let kind = stream.read(&mut [0; 1]).unwrap_err().kind();
        assert!(matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{kind}");
        let address = stream.peer_addr().unwrap();
        drop(server);
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "the connection is gone");
        assert!(TcpStream::connect(address).is_err(), "and so is the port");
    }

    #[test]
    fn a_body_over_the_bound_is_refused_and_an_impossible_answer_is_a_server_error() {
        let server = Server::start(|_| Answer::status(200).header("no header", "")).unwrap();
        let large = format!("POST / HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n", LARGEST + 1);
        assert!(ask(&server, &large).starts_with("HTTP/1.1 413"));
        assert!(ask(&server, GET).starts_with("HTTP/1.1 500"));
    }
}
