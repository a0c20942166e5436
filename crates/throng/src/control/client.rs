//! One conversation with a server over its operator's socket.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use throng_services::control::{Done, Hello, Line, RESPONSE_BYTES_MAX, Request, Response, Role, VERSION};
use throng_store::DataFolder;
use throng_wire::printable::printable;

use crate::banner::shown;
use crate::config;
use crate::control::place;
use crate::fault::Fault;

/// How long a server may take to say who it is. It has a thread for each who calls.
const GREETING_MAX: Duration = Duration::from_secs(5);

/// A conversation.
pub struct Client {
    reads: BufReader<UnixStream>,
    /// Who answered.
    pub hello: Hello,
    /// Where.
    pub path: PathBuf,
}

/// Where a server is looked for.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// At this socket.
    pub socket: Option<PathBuf>,
    /// On this data folder.
    pub data: Option<PathBuf>,
    /// With no more than these rights.
    pub role: Option<Role>,
}

/// Finds the server that is meant.
pub fn find(sought: &Sought) -> Result<Client, Fault> {
    let mut client = match (&sought.socket, &sought.data) {
        (Some(path), _) => call(path).map_err(|why| nobody(&why, std::slice::from_ref(path)))?,
        (None, Some(data)) => on(data)?,
        (None, None) => any()?,
    };
    if let Some(role) = sought.role {
        client.ask(&Request::Lower { to: role }).map_err(cut)?;
        if let Response::Hello(hello) = client.hear().map_err(cut)? {
            client.hello = hello;
        }
    }
    Ok(client)
}

/// The server on this data folder: at the socket that it tells there, or else where one would be that was started like this.
fn on(data: &Path) -> Result<Client, Fault> {
    if let Some(client) = told_in(data)? {
        return Ok(client);
    }
    let path = place::of(&place::Whose { data: Some(data), service: "chat" });
    call(&path).map_err(|why| nobody(&why, std::slice::from_ref(&path)))
}

/// Whoever says in this data folder that it is his, if he answers. What stands there may be of a server that was killed, and
/// another may have its socket by now; so who answers must be the process that wrote it.
fn told_in(data: &Path) -> Result<Option<Client>, Fault> {
    let Some(told) = DataFolder::published(data) else { return Ok(None) };
    let path = told.control.map(PathBuf::from).filter(|path| place::is_trusted(path, data));
    let Some(path) = path else { return Ok(None) };
    match call(&path) {
        Ok(client) => Ok(Some(client).filter(|client| client.hello.pid == told.pid)),
        Err(Silent::Nobody(why)) if why.kind() != ErrorKind::PermissionDenied => Ok(None),
        Err(why) => Err(nobody(&why, &[path])),
    }
}

/// The server on the data folder that one would have which is started here, or on the usual one, or else the only one that
/// there is.
fn any() -> Result<Client, Fault> {
    // A configuration with mistakes is told of by whoever needs it.
    if let Some(client) = config::data_folder().ok().map_or(Ok(None), |data| told_in(&data))? {
        return Ok(client);
    }
    let (paths, folders) = place::all();
    let mut found: Vec<Client> = Vec::new();
    let mut refused = None;
    for path in paths {
        match call(&path) {
            Ok(client) if place::is_usual(&path) => return Ok(client),
            Ok(client) => found.push(client),
            Err(Silent::Refused(why)) => refused = Some((path, why)),
            Err(Silent::Nobody(_)) => {}
        }
    }
    if let (true, Some((path, why))) = (found.is_empty(), refused) {
        return Err(nobody(&Silent::Refused(why), &[path]));
    }
    match found.len() {
        0 => {
            let looked = folders.iter().map(|folder| shown(folder)).collect::<Vec<_>>().join(", ");
            Err(Fault::nobody("no throng server is running here")
                .hint(format!("looked in: {looked}"))
                .hint("start one: throng serve        another place: throng console --socket PATH"))
        }
        1 => Ok(found.remove(0)),
        count => {
            let fault = Fault::usage(format!("{count} servers run here; which one is meant?"));
            Err(found.iter().fold(fault, |fault, client| {
                let Hello { service, pid, .. } = &client.hello;
                fault.hint(format!(
                    "{} (process {pid}): --socket {}",
                    printable(service),
                    shown(&client.path)
                ))
            }))
        }
    }
}

/// Why there is no conversation.
pub enum Silent {
    /// Nobody answers.
    Nobody(io::Error),
    /// Somebody does, and does not want us.
    Refused(String),
}

fn nobody(why: &Silent, paths: &[PathBuf]) -> Fault {
    let at = paths.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ");
    match why {
        Silent::Refused(why) => Fault::refused(format!("the server at {at} says: {}", printable(why))),
        Silent::Nobody(why) if why.kind() == ErrorKind::PermissionDenied => {
            Fault::refused(format!("{at}: permission denied"))
                .hint("only root and the user whose server it is may operate it")
        }
        Silent::Nobody(why) => Fault::nobody(format!("no throng server answers at {at}: {why}"))
            .hint("start one: throng serve        another place: throng console --socket PATH"),
    }
}

/// Calls a socket, and hears who answers.
fn call(path: &Path) -> Result<Client, Silent> {
    let stream = UnixStream::connect(path).map_err(Silent::Nobody)?;
    stream.set_read_timeout(Some(GREETING_MAX)).map_err(Silent::Nobody)?;
    let empty = Hello { v: 0, program: String::new(), service: String::new(), pid: 0, role: Role::View };
    let mut client = Client { reads: BufReader::new(stream), hello: empty, path: path.to_owned() };
    match client.hear() {
        Ok(Response::Hello(hello)) if hello.v == VERSION => client.hello = hello,
        Ok(Response::Hello(hello)) => {
            let what = format!("it speaks version {} of the protocol, and this program {VERSION}", hello.v);
            return Err(Silent::Refused(what));
        }
        Ok(Response::Done(done)) => return Err(Silent::Refused(done.error.unwrap_or_default())),
        Ok(_) => return Err(Silent::Refused("something that is no greeting".to_owned())),
        Err(why) => return Err(Silent::Nobody(why)),
    }
    client.reads.get_ref().set_read_timeout(None).map_err(Silent::Nobody)?;
    Ok(client)
}

impl Client {
    /// Asks for something.
    pub fn ask(&mut self, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_string(request).expect("plain values can be written as JSON");
        line.push('\n');
        self.reads.get_mut().write_all(line.as_bytes())
    }

    /// The next line of an answer.
    pub fn hear(&mut self) -> io::Result<Response> {
        let mut line = Vec::new();
        let bytes = (&mut self.reads).take(RESPONSE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        if bytes == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_slice(&line).map_err(io::Error::from)
    }

    /// Asks for this line to be carried out: the first that is answered.
    pub fn begin(&mut self, line: &str, yes: bool) -> Result<Response, Fault> {
        let request = Request::Run { line: line.to_owned(), yes };
        self.ask(&request).and_then(|()| self.hear()).map_err(cut)
    }

    /// Has this line carried out: the end of the answer. What is told before it goes to `part`.
    pub fn carry_out(
        &mut self,
        line: &str,
        yes: bool,
        mut part: impl FnMut(Line) -> Result<(), Fault>,
    ) -> Result<Done, Fault> {
        let mut heard = self.begin(line, yes)?;
        loop {
            match heard {
                Response::Done(done) => return Ok(done),
                Response::Line(line) => part(line)?,
                _ => {}
            }
            heard = self.hear().map_err(cut)?;
        }
    }

    /// How long the next line may be waited for.
    pub fn patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.reads.get_ref().set_read_timeout(patience)
    }
}

/// What was done, or the fault why it was not.
pub fn outcome(done: Done) -> Result<Done, Fault> {
    match done.error {
        None => Ok(done),
        Some(what) => Err(Fault { what, hints: done.hints, exit_code: done.code }),
    }
}

/// The server went away in the middle of it.
#[expect(clippy::needless_pass_by_value, reason = "as a failed call gives it")]
pub fn cut(why: io::Error) -> Fault {
    match why.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            Fault::incomplete("the server has ended, or closed its socket")
        }
        _ => Fault::incomplete(format!("the conversation with the server broke: {why}")),
    }
}
