//! Proxies between a gate and its API server: one that answers in its place or cuts connections, and one that tunnels.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::api::Api;

/// A request that arrived at the proxy.
#[derive(Clone, Debug)]
pub struct ProxiedRequest {
    /// Path and query.
    pub target: String,
    pub token: String,
    /// The number of earlier requests.
    pub before: usize,
}

impl ProxiedRequest {
    pub fn is_watch(&self) -> bool {
        self.target.contains("watch=true")
    }
}

/// What the proxy does with a request.
pub enum ProxyAction {
    /// Forwards it to the API server.
    Forward,
    /// Forwards it with another target.
    ForwardAs(String),
    /// Forwards it, and ends the response after this many bytes as if it were complete.
    Truncate(usize),
    /// Forwards it, and closes the connection after this time.
    CloseAfter(Duration),
    /// Responds with this status line, headers and body.
    Respond(&'static str, String),
    /// Responds with a line that never ends.
    EndlessLine,
    /// Closes the connection without a response.
    Close,
    /// Keeps the connection open without a response.
    Hang,
}

/// A proxy in front of an API server, on loopback and in plain HTTP/1.1. It forwards requests with the administrator's token.
pub struct FaultyProxy {
    pub url: String,
    requests: Arc<Mutex<Vec<ProxiedRequest>>>,
}

impl FaultyProxy {
    pub fn start(api: &Api, action: impl Fn(&ProxiedRequest) -> ProxyAction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::<Mutex<Vec<ProxiedRequest>>>::default();
        let (api, recorded, action) = (api.clone(), Arc::clone(&requests), Arc::new(action));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (api, recorded, action) = (api.clone(), Arc::clone(&recorded), Arc::clone(&action));
                // An error means that the gate disconnected.
                thread::spawn(move || drop(serve(&api, &stream, &recorded, &*action)));
            }
        });
        Self { url, requests }
    }

    pub fn requests(&self) -> Vec<ProxiedRequest> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(
    api: &Api,
    stream: &TcpStream,
    recorded: &Mutex<Vec<ProxiedRequest>>,
    action: &dyn Fn(&ProxiedRequest) -> ProxyAction,
) -> io::Result<()> {
    let (mut target, mut token) = (String::new(), String::new());
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("GET ") {
            rest.split(' ').next().unwrap_or_default().clone_into(&mut target);
        } else if let Some(bearer) = line.to_ascii_lowercase().strip_prefix("authorization: bearer ") {
            bearer.clone_into(&mut token);
        }
    }
    let request = {
        let mut recorded = recorded.lock().expect("no panic");
        let request = ProxiedRequest { target, token, before: recorded.len() };
        recorded.push(request.clone());
        request
    };
    let forward = |target: &str, limit: usize| forward(api, target, stream, limit);
    match action(&request) {
        ProxyAction::Forward => forward(&request.target, usize::MAX),
        ProxyAction::ForwardAs(target) => forward(&target, usize::MAX),
        ProxyAction::Truncate(limit) => forward(&request.target, limit),
        ProxyAction::CloseAfter(time) => {
            let other = stream.try_clone()?;
            let (_never, wait) = std::sync::mpsc::channel::<()>();
            thread::spawn(move || {
                let _ = wait.recv_timeout(time);
                other.shutdown(Shutdown::Both)
            });
            forward(&request.target, usize::MAX)
        }
        ProxyAction::Respond(head, body) => {
            write!({ stream }, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        }
        ProxyAction::EndlessLine => {
            { stream }.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"type\":\"ADDED\",\"object\":\"")?;
            let filler = vec![b'x'; 1 << 20];
            loop {
                { stream }.write_all(&filler)?;
            }
        }
        ProxyAction::Close => Ok(()),
        ProxyAction::Hang => { stream }.read(&mut [0]).map(drop),
    }
}

fn forward(api: &Api, target: &str, mut to: &TcpStream, limit: usize) -> io::Result<()> {
    let mut response = api.open(target);
    write!(to, "HTTP/1.1 {}\r\nconnection: close\r\n", response.status())?;
    for name in ["date", "content-type", "retry-after"] {
        if let Some(value) = response.headers().get(name).and_then(|value| value.to_str().ok()) {
            write!(to, "{name}: {value}\r\n")?;
        }
    }
    write!(to, "\r\n")?;
    // Without a length or chunks, the client cannot tell a truncated response from a complete one.
    let (mut from, mut left, mut buffer) = (response.body_mut().as_reader(), limit, vec![0; 64 << 10]);
    loop {
        let read = from.read(&mut buffer)?.min(left);
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
        left -= read;
    }
}

/// Starts a `CONNECT` proxy whose tunnels all end at one address. Returns its URL, and the requested names.
pub fn start_connect_proxy(to: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let names = Arc::<Mutex<Vec<String>>>::default();
    let recorded = Arc::clone(&names);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (recorded, to) = (Arc::clone(&recorded), to.clone());
            thread::spawn(move || drop(tunnel(&stream, &to, &recorded)));
        }
    });
    (url, names)
}

fn tunnel(near: &TcpStream, to: &str, recorded: &Mutex<Vec<String>>) -> io::Result<()> {
    // Byte by byte, because the bytes after the head belong to the tunnel.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let mut reader = near;
        reader.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let requested_name = head.split(' ').nth(1).unwrap_or_default().to_owned();
    recorded.lock().expect("no panic").push(requested_name);
    let far = TcpStream::connect(to)?;
    let mut near_writer = near;
    near_writer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut there, mut back) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || drop(io::copy(&mut there, &mut back)));
    io::copy(&mut &far, &mut near_writer).map(drop)
}
