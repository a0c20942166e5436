//! A headless Chromium, driven by its own protocol (chromedevtools.github.io/devtools-protocol) over a WebSocket, so that
//! nothing but the browser itself must be installed.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

use crate::process::{Process, now, pause};
use crate::{Outcome, packages};

/// How long anything may take until the page shows it.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often the page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// A running browser.
pub struct Browser {
    wire: WebSocket<TcpStream>,
    asked: u64,
    /// What pages complained about, each with its session.
    complaints: Vec<(String, String)>,
    // The process ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

/// One page, by the session that drives it.
#[derive(Clone, Debug)]
pub struct Page(String);

impl Browser {
    /// Starts one, with a folder of its own that goes with it.
    pub fn start() -> Outcome<Browser> {
        let program = packages::need("chromium", "chromium")?;
        let folder = TempDir::new()?;
        let mut command = Command::new(program);
        command
            .args(["--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"])
            // Root has no sandbox; what is loaded here is our own page only.
            .args(["--no-sandbox", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = Process::start(&mut command)?;
        let (port, path) = endpoint(folder.path())?;
        let socket = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let (wire, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), socket)
            .map_err(|why| format!("the browser does not let itself be driven: {why}"))?;
        Ok(Browser { wire, asked: 0, complaints: Vec::new(), _process: process, _folder: folder })
    }

    /// Opens a page that shares nothing with the others.
    pub fn open(&mut self, url: &str) -> Outcome<Page> {
        let context = self.call(None, "Target.createBrowserContext", json!({}))?;
        let target = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        self.open_target(target, url)
    }

    /// Opens a page in the browser's own profile. Only there does it open connections ahead.
    pub fn open_at_home(&mut self, url: &str) -> Outcome<Page> {
        self.open_target(json!({ "url": "about:blank" }), url)
    }

    fn open_target(&mut self, target: Value, url: &str) -> Outcome<Page> {
        let target = self.call(None, "Target.createTarget", target)?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", attach)?;
        let page = Page(attached["sessionId"].as_str().ok_or("no session")?.to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            self.call(Some(&page), domain, json!({}))?;
        }
        self.go(&page, url)?;
        Ok(page)
    }

    /// Loads another page.
    pub fn go(&mut self, page: &Page, url: &str) -> Outcome {
        self.call(Some(page), "Page.navigate", json!({ "url": url }))?;
        Ok(())
    }

    /// Loads the page anew.
    pub fn reload(&mut self, page: &Page) -> Outcome {
        // Marked, so that what is looked at next is not still the old one.
        self.run(page, "void (window.isOld = true)")?;
        self.call(Some(page), "Page.reload", json!({}))?;
        self.until(page, "the page to be loaded anew", "!window.isOld && document.readyState === 'complete'")
    }

    /// How large the page is, and whether it is dark.
    pub fn look(&mut self, page: &Page, width: u32, height: u32, dark: bool) -> Outcome {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call(Some(page), "Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call(Some(page), "Emulation.setEmulatedMedia", media)?;
        Ok(())
    }

    /// Types words into what has the focus, and Enter behind them.
    pub fn type_line(&mut self, page: &Page, words: &str) -> Outcome {
        self.call(Some(page), "Input.insertText", json!({ "text": words }))?;
        for kind in ["keyDown", "keyUp"] {
            let mut key =
                json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13 });
            if kind == "keyDown" {
                key["text"] = "\r".into();
            }
            self.call(Some(page), "Input.dispatchKeyEvent", key)?;
        }
        Ok(())
    }

    /// The value of an expression in the page.
    pub fn run(&mut self, page: &Page, expression: &str) -> Outcome<Value> {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call(Some(page), "Runtime.evaluate", asked)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(format!("{expression}: {thrown}").into()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, page: &Page, what: &str, expression: &str) -> Outcome {
        let deadline = now() + PATIENCE;
        while now() < deadline {
            // While a page is being loaded there is none to ask.
            if self.run(page, expression).is_ok_and(|value| value == Value::Bool(true)) {
                return Ok(());
            }
            pause(LOOK_EVERY);
        }
        let shown = self.run(page, "document.body.innerText")?;
        Err(format!("waited in vain for {what}; the page shows {shown} and said {:?}", self.complaints)
            .into())
    }

    /// A picture of the page.
    pub fn picture(&mut self, page: &Page, file: &Path) -> Outcome {
        let taken = self.call(Some(page), "Page.captureScreenshot", json!({ "format": "png" }))?;
        let data = taken["data"].as_str().ok_or("no picture")?;
        std::fs::write(file, data_encoding::BASE64.decode(data.as_bytes())?)?;
        Ok(())
    }

    /// What this page complained about since it was asked last: errors that it logged or did not catch.
    pub fn complaints(&mut self, page: &Page) -> Outcome<Vec<String>> {
        // Whatever came before the answer to this was read by then.
        self.run(page, "0")?;
        let (of_page, others) =
            std::mem::take(&mut self.complaints).into_iter().partition(|(session, _)| *session == page.0);
        self.complaints = others;
        let of_page: Vec<(String, String)> = of_page;
        Ok(of_page.into_iter().map(|(_, complaint)| complaint).collect())
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it in place")]
    fn call(&mut self, page: Option<&Page>, method: &str, params: Value) -> Outcome<Value> {
        self.asked += 1;
        let mut ask = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(Page(session)) = page {
            ask["sessionId"] = session.as_str().into();
        }
        self.wire.send(Message::text(ask.to_string()))?;
        loop {
            let Message::Text(text) = self.wire.read()? else { continue };
            let mut told: Value = serde_json::from_str(&text)?;
            if told["id"] == self.asked {
                return match told.get("error") {
                    Some(error) => Err(format!("{method}: {error}").into()),
                    None => Ok(told["result"].take()),
                };
            }
            self.note(&told);
        }
    }

    /// Keeps what a page complains about.
    fn note(&mut self, told: &Value) {
        let params = &told["params"];
        let complaint = match told["method"].as_str() {
            Some("Runtime.exceptionThrown") => &params["exceptionDetails"],
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => &params["args"],
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => &params["entry"],
            _ => return,
        };
        let session = told["sessionId"].as_str().unwrap_or_default().to_owned();
        self.complaints.push((session, complaint.to_string()));
    }
}

/// Where the browser listens: it writes so into its folder when it does.
fn endpoint(folder: &Path) -> Outcome<(u16, String)> {
    let deadline = now() + PATIENCE;
    while now() < deadline {
        let told = std::fs::read_to_string(folder.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = told.split_once('\n') {
            return Ok((port.parse()?, path.trim().to_owned()));
        }
        pause(LOOK_EVERY);
    }
    Err("the browser did not start".into())
}
