//! An nginx of a test's own: in a folder that goes with it, without root, with what it was asked in its access log.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// How long nginx may take to start, to reload and to end.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Nginx {
    folder: TempDir,
    /// One for each server block, in order.
    ports: Vec<u16>,
    shell: Child,
    /// Closes when nginx and its shell are gone.
    gone: BufReader<ChildStdout>,
    master: Pid,
    worker: Pid,
    /// Its error log, line by line.
    notices: Receiver<String>,
}

/// A line of the access log. `-` is none.
#[derive(Debug, PartialEq)]
pub struct Asked {
    pub port: u16,
    /// Path and query.
    pub uri: String,
    pub status: u16,
    /// The number of its connection, counted from 1, and of the request on it.
    pub connection: u32,
    pub on_connection: u32,
    /// Seconds since the epoch, to the millisecond.
    pub began: f64,
    pub ended: f64,
    pub authorization: String,
    pub transfer_encoding: String,
    pub content_encoding: String,
}

impl Nginx {
    /// Serves blocks, each at a port of its own: the insides of a `server { }`. `@0` in one is the first one's port,
    /// `@folder` the folder of [`Self::put`], `@tls` the one of `tests/tls`; in a block
    /// that says `# narrow`, two connections at most wait to be taken.
    pub fn serving(servers: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("files")).expect("a folder for files");
        // All of them are held until each is another one.
        let free: Vec<TcpListener> =
            servers.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports: Vec<u16> = free.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        fs::write(folder.path().join("nginx.conf"), config(&folder, &ports, servers)).expect("a config");
        drop(free);

        // The shell reads until the pipe closes, which it does even when the tests are killed. A master that is killed would
        // leave its workers behind.
        let script = r#""$@" </dev/null >/dev/null & echo $!; cat >/dev/null; kill -TERM $! 2>/dev/null; wait"#;
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program())
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of reach of a signal to the tests' own group.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut gone = BufReader::new(shell.stdout.take().expect("piped"));
        let mut line = String::new();
        gone.read_line(&mut line).expect("a pid");
        let master = line.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
        let (tell, notices) = channel();
        let stderr = BufReader::new(shell.stderr.take().expect("piped"));
        // Read to its end, whether anybody listens or not.
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        // Its sockets listen before its workers start.
        let started = hears(&notices, ": start worker process ");
        let worker = started.rsplit(' ').next().and_then(|pid| Pid::from_raw(pid.parse().ok()?)).expect("a pid");
        Self { folder, ports, shell, gone, master, worker, notices }
    }

    /// Stops in the middle of whatever it does, for good. The kernel goes on taking connections for it.
    pub fn freeze(&self) {
        kill_process(self.worker, Signal::STOP).expect("signal it");
    }

    /// Serves other blocks at the same ports, from the next connection on.
    pub fn reload(&self, servers: &[&str]) {
        let config = config(&self.folder, &self.ports, servers);
        fs::write(self.folder.path().join("nginx.conf"), config).expect("a config");
        kill_process(self.master, Signal::HUP).expect("signal it");
        // Of the old workers' one.
        hears(&self.notices, " exited with code 0");
    }

    pub fn port(&self, server: usize) -> u16 {
        self.ports[server]
    }

    pub fn url(&self, server: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[server])
    }

    /// By a name that the certificate in `tests/tls` is for.
    pub fn https(&self, server: usize, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[server])
    }

    /// Makes a file that the config may ask for.
    pub fn put(&self, name: &str, contents: &str) {
        fs::write(self.file(name), contents).expect("a file");
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Ends it, and gives what it was asked, in the order in which it had answered.
    pub fn asked(mut self) -> Vec<Asked> {
        kill_process(self.master, Signal::QUIT).expect("signal it");
        // The log is whole once the workers are gone.
        hears(&self.notices, ": exit");
        drop(self.shell.stdin.take());
        self.gone.read_to_end(&mut Vec::new()).expect("its shell ends");
        let log = fs::read_to_string(self.folder.path().join("access.log")).expect("an access log");
        log.lines().map(asked).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its shell ends it; workers follow their master.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Waits for a line with these words, and gives it.
fn hears(notices: &Receiver<String>, words: &str) -> String {
    let mut said = Vec::new();
    loop {
        match notices.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(words) => return line,
            Ok(line) => said.push(line),
            Err(error) => panic!("nginx did not say {words:?} ({error}), but {said:#?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "endpoints.sh says where nginx is")]
fn program() -> PathBuf {
    let path = std::env::var_os("PROMOTE_GATES_E2E_NGINX");
    path.map_or_else(|| panic!("PROMOTE_GATES_E2E_NGINX is not set: run tests/e2e/endpoints.sh"), PathBuf::from)
}

fn config(folder: &TempDir, ports: &[u16], servers: &[&str]) -> String {
    // Workers that root starts would be somebody who may not look into the folder.
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let servers: String = servers
        .iter()
        .zip(ports)
        .map(|(server, port)| {
            let tls = if server.contains("ssl_certificate") { " ssl" } else { "" };
            let backlog = if server.contains("# narrow") { " backlog=1" } else { "" };
            format!("    server {{\n        listen 127.0.0.1:{port}{tls}{backlog};\n{server}\n    }}\n")
        })
        .collect();
    let config = include_str!("nginx.conf.tpl").replace("@user", user).replace("@servers", &servers);
    let config = ports
        .iter()
        .enumerate()
        .rev()
        .fold(config, |config, (place, port)| config.replace(&format!("@{place}"), &port.to_string()));
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    config.replace("@folder", &folder.path().join("files").display().to_string()).replace("@tls", tls)
}

/// A line, as the config formats it.
fn asked(line: &str) -> Asked {
    let fields: Vec<&str> = line.split('\t').collect();
    let [port, uri, status, connection, on_connection, ended, took, authorization, transfer, content] = fields[..]
    else {
        panic!("{line:?}")
    };
    let number = |text: &str| text.parse().expect("a number");
    let seconds = |text: &str| text.parse::<f64>().expect("seconds");
    Asked {
        port: port.parse().expect("a port"),
        uri: uri.to_owned(),
        status: status.parse().expect("a status"),
        connection: number(connection),
        on_connection: number(on_connection),
        began: seconds(ended) - seconds(took),
        ended: seconds(ended),
        authorization: authorization.to_owned(),
        transfer_encoding: transfer.to_owned(),
        content_encoding: content.to_owned(),
    }
}
