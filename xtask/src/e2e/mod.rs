//! The whole path, as people have it: the built server, a browser with its page, and somebody at a plain terminal.
//!
//! Joins by the page, talks both ways, loads the page anew many times, lets the server go and come back, and looks at what
//! the page complained about. Pictures of it are kept in `target/e2e`.

mod browser;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use self::browser::{Browser, Page};
use crate::process::{Process, free_port, pause};
use crate::{Outcome, servers};

/// How often the page is loaded anew.
const RELOADS: usize = 20;

/// Connections without a word that stay open meanwhile, as browsers like to keep some.
const SPARE: usize = 8;

/// The browser opens a connection ahead, and will use it for the next request.
const KEEP_A_SPARE_ONE: &str = "document.head.append(Object.assign(document.createElement('link'), \
     { rel: 'preconnect', href: location.origin }))";

/// By then a silent connection was greeted.
const GREETED: Duration = Duration::from_millis(600);

/// No line takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who reads along sees the newest message, however small the window became.
const LAST_IN_SIGHT: &str = "(() => { const scroll = document.getElementById('scroll').getBoundingClientRect(); \
     const last = document.querySelector('#messages > :last-child').getBoundingClientRect(); \
     return last.bottom <= scroll.bottom + 1 && last.bottom > scroll.top; })()";

/// Acts all scenes.
pub fn run() -> Outcome {
    let pictures = servers::root().join("target/e2e");
    std::fs::create_dir_all(&pictures)?;
    let throng = build_throng()?;
    let data = TempDir::new()?;
    let address = free_port()?;
    let url = format!("http://{address}/");
    let server = serve(&throng, &data, address)?;
    let mut browser = Browser::start()?;
    let page = browser.open_at_home(&url)?;
    browser.look(&page, 1000, 700, false)?;

    browser.until(&page, "the form for a name", "!document.getElementById('gate').hidden")?;
    browser.picture(&page, &pictures.join("name.png"))?;
    let mut bo = Person::enter(address, "bo")?;
    come_in(&mut browser, &page, "ana")?;
    bo.hear("* ana came into #lobby")?;
    println!("joined by the page");

    talk(&mut browser, &page, &mut bo)?;
    browser.picture(&page, &pictures.join("chat.png"))?;
    browser.look(&page, 360, 640, true)?;
    browser.until(&page, "no scrolling to the side", "document.documentElement.scrollWidth <= 360")?;
    browser.until(&page, "the last message to be in sight", LAST_IN_SIGHT)?;
    browser.picture(&page, &pictures.join("phone.png"))?;
    browser.run(&page, "document.getElementById('list').click()")?;
    browser.picture(&page, &pictures.join("drawer.png"))?;
    browser.run(&page, "document.getElementById('list').click()")?;
    browser.look(&page, 1000, 700, false)?;
    println!("talked both ways");

    two_of_a_name(&mut browser, &url)?;
    println!("was proposed another name");

    own_name(&mut browser, &url, &pictures.join("account.png"))?;
    println!("registered a name, and was let in by its password only");

    reload(&mut browser, &page, address)?;
    println!("kept the name over {RELOADS} reloads");

    spare_only(&mut browser, &url)?;
    println!("came in through spare connections only");

    no_complaints(&mut browser, &page, |_| false)?;
    stop(server)?;
    browser.until(
        &page,
        "the page to notice",
        "document.getElementById('state').dataset.state !== 'open'",
    )?;
    browser.picture(&page, &pictures.join("gone.png"))?;
    let _server = serve(&throng, &data, address)?;
    come_back(&mut browser, &page, address)?;
    println!("came back with the server, and its history");
    // While the server is away the browser itself writes down that it cannot be reached.
    no_complaints(&mut browser, &page, |complaint| complaint.contains("WebSocket connection to"))?;
    println!("pictures: {}", pictures.display());
    Ok(())
}

/// Where throng's program is, built as one develops.
pub fn build_throng() -> Outcome<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--locked", "--quiet", "--package", "throng"]).status()?;
    if !built.success() {
        return Err("throng could not be built".into());
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| servers::root().join("target"), PathBuf::from);
    Ok(target.join("debug/throng"))
}

fn serve(throng: &PathBuf, data: &TempDir, address: SocketAddr) -> Outcome<Process> {
    let mut command = Command::new(throng);
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Process::start(&mut command)?;
    server.wait_for(address)?;
    Ok(server)
}

/// Ends a server as an operator does, and waits for it.
#[expect(clippy::needless_pass_by_value, reason = "whoever stops a server has it no more")]
fn stop(server: Process) -> Outcome {
    let pid = server.child().id().to_string();
    if !Command::new("kill").args(["-TERM", &pid]).status()?.success() {
        return Err("the server had ended before".into());
    }
    let status = server.child().wait()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the server ended badly: {status}").into()),
    }
}

fn come_in(browser: &mut Browser, page: &Page, name: &str) -> Outcome {
    browser.until(page, "the field for a name", "document.activeElement?.id === 'name'")?;
    browser.type_line(page, name)?;
    here(browser, page, name)
}

/// Waits until the page is in the lobby, under this name.
fn here(browser: &mut Browser, page: &Page, name: &str) -> Outcome {
    let here = format!(
        "!document.getElementById('chat').hidden \
         && document.getElementById('state').dataset.state === 'open' \
         && document.getElementById('me').textContent === '{name}' \
         && document.getElementById('room-name').textContent === '#lobby' \
         && [...document.querySelectorAll('#members bdi')].filter(who => who.textContent === '{name}').length === 1"
    );
    browser.until(page, "the lobby", &here)
}

/// Waits until exactly one message says this, and is stored.
fn shows(browser: &mut Browser, page: &Page, from: &str, words: &str) -> Outcome {
    let shown = format!(
        "[...document.querySelectorAll('.entry.stored')].filter(entry => \
         entry.querySelector('.from')?.textContent === '{from}' \
         && entry.querySelector('.text').textContent === '{words}').length === 1"
    );
    browser.until(page, words, &shown)
}

fn talk(browser: &mut Browser, page: &Page, bo: &mut Person) -> Outcome {
    browser.run(page, "document.getElementById('words').focus()")?;
    browser.type_line(page, "/topic Tea at five, everybody is welcome")?;
    bo.hear("* ana set the topic: Tea at five, everybody is welcome")?;
    browser.type_line(page, "hello from the page")?;
    bo.hear("<ana> hello from the page")?;
    shows(browser, page, "ana", "hello from the page")?;
    bo.say("hello from a terminal: <b>plain</b> & simple")?;
    shows(browser, page, "bo", "hello from a terminal: <b>plain</b> & simple")?;
    bo.say("read https://example.org/tea?for=two.")?;
    browser.until(
        page,
        "a link",
        "document.querySelector('.entry .text a')?.href === 'https://example.org/tea?for=two'",
    )?;
    browser.type_line(page, "/me puts the kettle on")?;
    bo.hear("* ana puts the kettle on")?;
    shows(browser, page, "ana", "puts the kettle on")?;
    bo.say("Доброго дня, καλημέρα, 今日は 🫖")?;
    shows(browser, page, "bo", "Доброго дня, καλημέρα, 今日は 🫖")?;
    browser.type_line(page, "A long message, to see how it is wrapped: people write whole paragraphs, and none of it may run out of the window.")?;
    bo.hear("<ana> A long message")?;
    browser.type_line(page, "/dance")?;
    browser.until(page, "a complaint", "!document.getElementById('notice').hidden")?;
    browser.run(page, "document.getElementById('words').value = ''")?;
    browser.until(page, "nothing to be on its way", "document.querySelector('.entry.sending') === null")
}

/// A second guest takes the same name, and is proposed others.
fn two_of_a_name(browser: &mut Browser, url: &str) -> Outcome {
    let other = browser.open(url)?;
    browser.until(&other, "the field for a name", "document.activeElement?.id === 'name'")?;
    browser.type_line(&other, "ana")?;
    browser.until(&other, "proposals", "document.querySelectorAll('#proposals button').length > 0")?;
    let proposed = browser.run(&other, "document.querySelector('#proposals button').textContent")?;
    browser.run(&other, "document.querySelector('#proposals button').click()")?;
    here(browser, &other, proposed.as_str().ok_or("no name was proposed")?)?;
    browser.run(&other, "document.getElementById('words').focus()")?;
    browser.type_line(&other, "/quit")?;
    browser.until(&other, "the end", "document.getElementById('state').dataset.state === 'closed'")?;
    no_complaints(browser, &other, |_| false)
}

/// Somebody registers a name by the page, stays signed in over a reload, and is the only one who can have it.
fn own_name(browser: &mut Browser, url: &str, picture: &Path) -> Outcome {
    let owner = browser.open(url)?;
    say_who(browser, &owner, "owner", "correct horse", true)?;
    here(browser, &owner, "owner")?;
    let token = "sessionStorage.getItem('throng.token')?.startsWith('throng_') === true";
    browser.until(&owner, "a token", token)?;
    browser.reload(&owner)?;
    here(browser, &owner, "owner")?;

    let other = browser.open(url)?;
    for (password, words) in [("", "registered"), ("wrong horse", "the name or the password is wrong")] {
        say_who(browser, &other, "owner", password, false)?;
        let refused = format!("document.getElementById('trouble').textContent.includes('{words}')");
        browser.until(&other, words, &refused)?;
    }
    browser.picture(&other, picture)?;
    say_who(browser, &other, "owner", "correct horse", false)?;
    here(browser, &other, "owner")?;
    for page in [&other, &owner] {
        browser.run(page, "document.getElementById('words').focus()")?;
        browser.type_line(page, "/quit")?;
        browser.until(page, "the end", "document.getElementById('state').dataset.state === 'closed'")?;
        no_complaints(browser, page, |_| false)?;
    }
    Ok(())
}

/// Fills the form, and sends it.
fn say_who(browser: &mut Browser, page: &Page, name: &str, password: &str, registers: bool) -> Outcome {
    browser.until(page, "the form for a name", "!document.getElementById('gate').hidden")?;
    let fill = format!(
        "document.getElementById('name').value = '{name}'; \
         document.getElementById('password').value = '{password}'; \
         document.getElementById('register').checked = {registers}; \
         document.getElementById('enter').click()"
    );
    browser.run(page, &fill).map(drop)
}

fn reload(browser: &mut Browser, page: &Page, address: SocketAddr) -> Outcome {
    let mut spare = Vec::new();
    for _ in 0..RELOADS {
        while spare.len() < SPARE {
            spare.push(TcpStream::connect(address)?);
        }
        browser.run(page, KEEP_A_SPARE_ONE)?;
        // Past the moment at which a silent connection is greeted.
        pause(GREETED);
        browser.reload(page)?;
        here(browser, page, "ana")?;
        shows(browser, page, "ana", "hello from the page")?;
        // One of them is used up each time, so that others are fresh.
        spare.remove(0);
    }
    Ok(())
}

/// A browser that has only connections which it opened ahead, silent for longer than a person may be before the greeting:
/// what it finds there must be no greeting, which it would take for a broken page.
fn spare_only(browser: &mut Browser, url: &str) -> Outcome {
    let page = browser.open_at_home(&format!("{url}nothing"))?;
    browser.until(&page, "no page", "document.body.innerText.includes('nothing here')")?;
    pause(GREETED);
    // Whoever sends a body is answered and let go, and with it the connection that was used before.
    browser.run(&page, "fetch('/', { method: 'POST', body: 'x' }).then(answer => answer.status)")?;
    browser.go(&page, url)?;
    browser.until(&page, "the form for a name", "document.getElementById('gate')?.hidden === false")
}

/// The server is back: the page comes back by itself, with all that was said, and the talk goes on.
fn come_back(browser: &mut Browser, page: &Page, address: SocketAddr) -> Outcome {
    here(browser, page, "ana")?;
    shows(browser, page, "ana", "hello from the page")?;
    shows(browser, page, "bo", "hello from a terminal: <b>plain</b> & simple")?;
    let mut bo = Person::enter(address, "bo")?;
    bo.say("so we are back")?;
    shows(browser, page, "bo", "so we are back")?;
    browser.run(page, "document.getElementById('words').focus()")?;
    browser.type_line(page, "so we are")?;
    bo.hear("<ana> so we are")?;
    shows(browser, page, "ana", "so we are")
}

fn no_complaints(browser: &mut Browser, page: &Page, expected: fn(&str) -> bool) -> Outcome {
    let complaints = browser.complaints(page)?;
    match complaints.iter().find(|complaint| !expected(complaint)) {
        Some(complaint) => Err(format!("the page complained: {complaint}").into()),
        None => Ok(()),
    }
}

/// Somebody at a plain terminal.
struct Person {
    reads: BufReader<TcpStream>,
}

impl Person {
    fn enter(address: SocketAddr, name: &str) -> Outcome<Person> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut person = Person { reads: BufReader::new(socket) };
        // The empty line stays a guest.
        person.say(&format!("{name}\n"))?;
        person.hear("What you type goes to")?;
        Ok(person)
    }

    fn say(&mut self, words: &str) -> Outcome {
        Ok(self.reads.get_mut().write_all(format!("{words}\n").as_bytes())?)
    }

    /// Reads until a line holds these words.
    fn hear(&mut self, words: &str) -> Outcome {
        let mut heard = String::new();
        loop {
            let start = heard.len();
            if self.reads.read_line(&mut heard).map_err(|why| format!("{words:?}: {why} behind {heard}"))?
                == 0
            {
                return Err(format!("the server closed before {words:?}: {heard}").into());
            }
            if heard[start..].contains(words) {
                return Ok(());
            }
        }
    }
}
