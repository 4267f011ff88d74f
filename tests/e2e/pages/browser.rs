//! Headless Chromium, driven through the two pipes of its `--remote-debugging-pipe`: one start for all pages.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::setting;

/// Chromium reads commands from descriptor 3 and answers on 4. `timeout` ends a browser that hangs. The pages are our own, and
/// root and most containers have no sandbox.
const START: &str = "exec timeout 300 \"$1\" --headless --no-sandbox --hide-scrollbars --disable-gpu --no-first-run \
                     --disable-background-networking --remote-debugging-pipe \"--user-data-dir=$2\" about:blank \
                     3<&0 4>&1 0</dev/null 1>/dev/null 2>\"$2/stderr\"";

/// A width and a colour scheme of the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    pub name: &'static str,
    /// CSS pixels.
    pub width: u32,
    /// `light` or `dark`.
    pub scheme: &'static str,
}

/// A running browser with one page; ends when dropped.
pub struct Browser {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    profile: TempDir,
    session: Option<String>,
    last_id: u64,
}

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temp folder");
        let mut child = Command::new("sh")
            .args(["-c", START, "sh", &setting("PROMOTE_GATES_E2E_CHROMIUM")])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the browser");
        let commands = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut browser = Self { child, commands, answers, profile, session: None, last_id: 0 };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(ToOwned::to_owned);
        browser
    }

    /// Opens a file on a screen, and waits until its style is loaded.
    pub fn open(&mut self, file: &Path, screen: Screen) {
        let metrics = json!({ "width": screen.width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": screen.scheme }] });
        self.call("Emulation.setEmulatedMedia", &features);
        let opened = self.call("Page.navigate", &json!({ "url": format!("file://{}", file.display()) }));
        assert_eq!(opened.get("errorText"), None, "{}", file.display());
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done(0) : addEventListener('load', () => done(0)))",
        );
    }

    /// The value of a JavaScript expression on the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let arguments = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &arguments);
        assert_eq!(answer.get("exceptionDetails"), None, "{expression}");
        answer["result"]["value"].clone()
    }

    /// A picture of the page's upper left part as PNG; sizes in CSS pixels.
    pub fn picture(&mut self, width: u32, height: u32) -> Vec<u8> {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let arguments = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
        let answer = self.call("Page.captureScreenshot", &arguments);
        STANDARD.decode(answer["data"].as_str().expect("a picture")).expect("base64")
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let commands = self.commands.as_mut().expect("a pipe");
        let sent = commands.write_all(format!("{command}\0").as_bytes());
        sent.unwrap_or_else(|error| panic!("{method}: {error}; {}", self.stderr()));
        loop {
            let mut bytes = Vec::new();
            self.answers.read_until(0, &mut bytes).expect("read from the browser");
            let Some((0, message)) = bytes.split_last() else { panic!("{method}: it ended; {}", self.stderr()) };
            let mut answer: Value = serde_json::from_slice(message).expect("JSON");
            // Other messages are events.
            if answer["id"] == self.last_id {
                assert_eq!(answer.get("error"), None, "{method}");
                return answer["result"].take();
            }
        }
    }

    fn stderr(&self) -> String {
        std::fs::read_to_string(self.profile.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when its pipe is closed.
        self.commands = None;
        let _ = self.child.wait();
    }
}
