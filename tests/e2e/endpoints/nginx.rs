//! An nginx for one test, in a temp folder and without root; its access log contains the requests.

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

/// The time limit for nginx to start, to reload and to stop.
const TIME_LIMIT: Duration = Duration::from_mins(2);

pub struct Nginx {
    folder: TempDir,
    /// The port of each server block, in order.
    ports: Vec<u16>,
    shell: Child,
    /// Closes when nginx and its shell have ended.
    shell_output: BufReader<ChildStdout>,
    master: Pid,
    worker: Pid,
    /// The lines of its error log.
    notices: Receiver<String>,
}

/// A line of the access log. `-` means none.
#[derive(Debug, PartialEq)]
pub struct LoggedRequest {
    pub port: u16,
    /// Path and query.
    pub uri: String,
    pub status: u16,
    /// The number of the connection, and of the request on it, both counted from 1.
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
    /// Starts nginx with the contents of `server { }` blocks, each on its own port. In a block, `@0` is the port of the
    /// first one, `@folder` the folder of [`Self::put`], and `@tls` the folder `tests/tls`. A block with `# narrow` has a
    /// listen backlog of 1.
    pub fn serving(servers: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("files")).expect("a folder for files");
        // All ports stay bound until each server has a different one.
        let free: Vec<TcpListener> =
            servers.iter().map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports: Vec<u16> = free.iter().map(|socket| socket.local_addr().expect("an address").port()).collect();
        fs::write(folder.path().join("nginx.conf"), config(&folder, &ports, servers)).expect("a config");
        drop(free);

        // The shell terminates nginx when the pipe closes, which happens even if the tests are killed. It sends SIGTERM,
        // because a killed master would leave its workers behind.
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
            // A separate group, so that a signal to the tests' group does not reach it.
            .process_group(0)
            .spawn()
            .expect("a shell");
        let mut shell_output = BufReader::new(shell.stdout.take().expect("piped"));
        let mut line = String::new();
        shell_output.read_line(&mut line).expect("a pid");
        let master = line.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
        let (sender, notices) = channel();
        let stderr = BufReader::new(shell.stderr.take().expect("piped"));
        // Reads to the end even without a receiver, so that nginx never blocks on a full pipe.
        thread::spawn(move || stderr.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        // nginx listens before it starts workers.
        let started = wait_for_line(&notices, ": start worker process ");
        let worker = started.rsplit(' ').next().and_then(|pid| Pid::from_raw(pid.parse().ok()?)).expect("a pid");
        Self { folder, ports, shell, shell_output, master, worker, notices }
    }

    /// Stops the worker for good. The kernel still accepts connections, up to the backlog.
    pub fn freeze(&self) {
        kill_process(self.worker, Signal::STOP).expect("signal it");
    }

    /// Replaces the server blocks on the same ports; new connections use them.
    pub fn reload(&self, servers: &[&str]) {
        let config = config(&self.folder, &self.ports, servers);
        fs::write(self.folder.path().join("nginx.conf"), config).expect("a config");
        kill_process(self.master, Signal::HUP).expect("signal it");
        // The old worker has ended.
        wait_for_line(&self.notices, " exited with code 0");
    }

    pub fn port(&self, server: usize) -> u16 {
        self.ports[server]
    }

    pub fn url(&self, server: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[server])
    }

    /// An https URL with the host name of the certificate in `tests/tls`.
    pub fn https(&self, server: usize, path: &str) -> String {
        format!("https://localhost:{}{path}", self.ports[server])
    }

    /// Writes a file that the config can use.
    pub fn put(&self, name: &str, contents: &str) {
        fs::write(self.file(name), contents).expect("a file");
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Stops nginx; returns the requests in the order of their responses.
    pub fn requests(mut self) -> Vec<LoggedRequest> {
        kill_process(self.master, Signal::QUIT).expect("signal it");
        // The log is complete when the workers have ended.
        wait_for_line(&self.notices, ": exit");
        drop(self.shell.stdin.take());
        self.shell_output.read_to_end(&mut Vec::new()).expect("its shell ends");
        let log = fs::read_to_string(self.folder.path().join("access.log")).expect("an access log");
        log.lines().map(parse_line).collect()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Closing the pipe makes the shell terminate nginx.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Waits for a line that contains a text; returns the line.
fn wait_for_line(notices: &Receiver<String>, words: &str) -> String {
    let mut other_lines = Vec::new();
    loop {
        match notices.recv_timeout(TIME_LIMIT) {
            Ok(line) if line.contains(words) => return line,
            Ok(line) => other_lines.push(line),
            Err(error) => panic!("nginx did not log {words:?} ({error}), but {other_lines:#?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "endpoints.sh sets the path of nginx")]
fn program() -> PathBuf {
    let path = std::env::var_os("PROMOTE_GATES_E2E_NGINX");
    path.map_or_else(|| panic!("PROMOTE_GATES_E2E_NGINX is not set: run tests/e2e/endpoints.sh"), PathBuf::from)
}

fn config(folder: &TempDir, ports: &[u16], servers: &[&str]) -> String {
    // By default, root's nginx runs workers as a user without access to the folder.
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
        .fold(config, |config, (index, port)| config.replace(&format!("@{index}"), &port.to_string()));
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    config.replace("@folder", &folder.path().join("files").display().to_string()).replace("@tls", tls)
}

/// Parses a line of the access log, whose format is in the config.
fn parse_line(line: &str) -> LoggedRequest {
    let fields: Vec<&str> = line.split('\t').collect();
    let [port, uri, status, connection, on_connection, ended, took, authorization, transfer, content] = fields[..]
    else {
        panic!("{line:?}")
    };
    let number = |text: &str| text.parse().expect("a number");
    let seconds = |text: &str| text.parse::<f64>().expect("seconds");
    LoggedRequest {
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
