//! What may lie between a gate and its API server: somebody who answers in its place, cuts connections, or tunnels.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::api::Api;

/// A request of a gate's.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path and query.
    pub target: String,
    pub token: String,
    /// How many came before it.
    pub before: usize,
}

impl Asked {
    pub fn is_watch(&self) -> bool {
        self.target.contains("watch=true")
    }
}

/// What becomes of a request.
pub enum Manner {
    /// The API server answers.
    Through,
    /// It does, asked something else.
    As(String),
    /// It does, and after so many bytes the answer ends as if it were whole.
    Cut(usize),
    /// It does, and after this time the connection is closed.
    For(Duration),
    /// Status line and headers, and the body.
    Answer(&'static str, String),
    /// A line that never ends.
    Endless,
    /// Not a byte, and the connection is closed.
    Shut,
    /// Not a byte, and the connection stays open.
    Hang,
}

/// Stands in front of an API server, on loopback and in plain HTTP/1.1. Every request goes on as the administrator's.
pub struct Between {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Between {
    pub fn start(api: &Api, manner: impl Fn(&Asked) -> Manner + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (api, noted, manner) = (api.clone(), Arc::clone(&asked), Arc::new(manner));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (api, noted, manner) = (api.clone(), Arc::clone(&noted), Arc::clone(&manner));
                // An error is a gate that went away.
                thread::spawn(move || drop(serve(&api, &stream, &noted, &*manner)));
            }
        });
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

fn serve(
    api: &Api,
    stream: &TcpStream,
    noted: &Mutex<Vec<Asked>>,
    manner: &dyn Fn(&Asked) -> Manner,
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
    let asked = {
        let mut noted = noted.lock().expect("nobody panicked");
        let asked = Asked { target, token, before: noted.len() };
        noted.push(asked.clone());
        asked
    };
    let through = |target: &str, most: usize| pass(api, target, stream, most);
    match manner(&asked) {
        Manner::Through => through(&asked.target, usize::MAX),
        Manner::As(target) => through(&target, usize::MAX),
        Manner::Cut(most) => through(&asked.target, most),
        Manner::For(time) => {
            let other = stream.try_clone()?;
            let (_never, wait) = std::sync::mpsc::channel::<()>();
            thread::spawn(move || {
                let _ = wait.recv_timeout(time);
                other.shutdown(Shutdown::Both)
            });
            through(&asked.target, usize::MAX)
        }
        Manner::Answer(head, body) => {
            write!({ stream }, "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
        }
        Manner::Endless => {
            { stream }.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"type\":\"ADDED\",\"object\":\"")?;
            let lot = vec![b'x'; 1 << 20];
            loop {
                { stream }.write_all(&lot)?;
            }
        }
        Manner::Shut => Ok(()),
        Manner::Hang => { stream }.read(&mut [0]).map(drop),
    }
}

fn pass(api: &Api, target: &str, mut to: &TcpStream, most: usize) -> io::Result<()> {
    let mut answer = api.open(target);
    write!(to, "HTTP/1.1 {}\r\nconnection: close\r\n", answer.status())?;
    for name in ["date", "content-type", "retry-after"] {
        if let Some(value) = answer.headers().get(name).and_then(|value| value.to_str().ok()) {
            write!(to, "{name}: {value}\r\n")?;
        }
    }
    write!(to, "\r\n")?;
    // Without length or chunks: what is cut off looks whole.
    let (mut from, mut left, mut some) = (answer.body_mut().as_reader(), most, vec![0; 64 << 10]);
    loop {
        let read = from.read(&mut some)?.min(left);
        if read == 0 {
            return Ok(());
        }
        to.write_all(&some[..read])?;
        left -= read;
    }
}

/// A proxy for `CONNECT`: every tunnel ends at one address, whatever its name. Gives its address, and the names.
pub fn tunnels(to: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let names = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&names);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (noted, to) = (Arc::clone(&noted), to.clone());
            thread::spawn(move || drop(tunnel(&stream, &to, &noted)));
        }
    });
    (url, names)
}

fn tunnel(near: &TcpStream, to: &str, noted: &Mutex<Vec<String>>) -> io::Result<()> {
    // Byte by byte: what comes behind the head belongs to the tunnel.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        let mut reader = near;
        reader.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let name = head.split(' ').nth(1).unwrap_or_default().to_owned();
    noted.lock().expect("nobody panicked").push(name);
    let far = TcpStream::connect(to)?;
    let mut near_writer = near;
    near_writer.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut there, mut back) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || drop(io::copy(&mut there, &mut back)));
    io::copy(&mut &far, &mut near_writer).map(drop)
}
