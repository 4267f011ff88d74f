//! A SOCKS5 proxy on loopback (RFC 1928, RFC 1929), and ways in which one fails.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

#[derive(Clone, Copy)]
pub enum SocksBehavior {
    /// Opens tunnels, which all end at this address.
    Forward(SocketAddr),
    /// The same, for this user name and password only.
    Authenticate(SocketAddr, &'static str, &'static str),
    /// Accepts none of the offered methods.
    AcceptNothing,
    /// Answers the request for a tunnel with this reply code.
    Reply(u8),
    /// Answers the greeting with these bytes and closes the connection.
    Answer(&'static [u8]),
    /// Never answers.
    Silent,
}

pub struct SocksProxy {
    pub address: SocketAddr,
    targets: Arc<Mutex<Vec<String>>>,
}

impl SocksProxy {
    /// # Errors
    /// No port is free.
    pub fn start(behavior: SocksBehavior) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let targets = Arc::<Mutex<Vec<String>>>::default();
        let recorded = Arc::clone(&targets);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let recorded = Arc::clone(&recorded);
                thread::spawn(move || drop(serve(stream, behavior, &recorded)));
            }
        });
        Ok(Self { address, targets })
    }

    /// The requested targets as `host:port`: a name that the client did not look up is still a name.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut client: TcpStream, behavior: SocksBehavior, targets: &Mutex<Vec<String>>) -> io::Result<()> {
    const NO_AUTHENTICATION: u8 = 0;
    const PASSWORD: u8 = 2;
    client.set_read_timeout(Some(Duration::from_mins(1)))?;
    let [_, count] = read(&mut client)?;
    let mut methods = vec![0; count.into()];
    client.read_exact(&mut methods)?;
    let (method, target) = match behavior {
        SocksBehavior::Answer(bytes) => return client.write_all(bytes),
        SocksBehavior::Silent => return client.read_exact(&mut [0]),
        SocksBehavior::AcceptNothing => return client.write_all(&[5, 0xff]),
        SocksBehavior::Reply(_) => (NO_AUTHENTICATION, None),
        SocksBehavior::Forward(target) => (NO_AUTHENTICATION, Some(target)),
        SocksBehavior::Authenticate(target, ..) => (PASSWORD, Some(target)),
    };
    if !methods.contains(&method) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, method])?;
    if let SocksBehavior::Authenticate(_, user, password) = behavior {
        let [_] = read(&mut client)?;
        let accepted = text(&mut client)? == user && text(&mut client)? == password;
        client.write_all(&[1, u8::from(!accepted)])?;
        if !accepted {
            return Ok(());
        }
    }
    let [_, _, _, kind] = read(&mut client)?;
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(&mut client)?).to_string(),
        3 => text(&mut client)?,
        _ => return Err(io::Error::other("an address of another kind")),
    };
    let port = u16::from_be_bytes(read(&mut client)?);
    targets.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{host}:{port}"));
    let reply = |code: u8| [5, code, 0, 1, 127, 0, 0, 1, 0, 0];
    let Some(target) = target else {
        let SocksBehavior::Reply(code) = behavior else { return Ok(()) };
        return client.write_all(&reply(code));
    };
    let mut server = TcpStream::connect(target)?;
    client.write_all(&reply(0))?;
    let (mut up, mut down) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut up, &mut down));
    io::copy(&mut server, &mut client).map(drop)
}

fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn text(client: &mut TcpStream) -> io::Result<String> {
    let [length] = read(client)?;
    let mut bytes = vec![0; length.into()];
    client.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
