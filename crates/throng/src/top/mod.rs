//! `throng top`: a running server on a whole screen, looked at once a second over the operator's socket.
//!
//! [`seen`] is what is known of the server, read from its own answers; [`view`] what the viewer does with it; [`draw`] puts
//! both on the screen. [`news`] brings what comes, on threads of its own, so that no key waits for a server.

mod draw;
mod news;
mod seen;
mod view;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::SIGTERM;

use crate::cli::Top;
use crate::control::client::{self, Sought};
use crate::fault::Fault;
use news::Newsroom;
use view::{Deed, View};

/// How long a key is waited for before the screen is drawn anew.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Shows a server until the viewer has seen enough. Gives the exit code.
pub fn top(asked: &Top) -> Result<u8, Fault> {
    if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return Err(
            Fault::usage("top needs a terminal").hint("in a pipe: throng console --json -c 'status --watch'")
        );
    }
    let sought = Sought { socket: asked.socket.clone(), data: asked.data.clone(), role: None };
    let client = client::find(&sought)?;
    let sought = Sought { socket: Some(client.path.clone()), ..sought };
    let view = View::new(&client.hello);
    let newsroom = Newsroom::open(client, sought)?;
    let summons = Arc::<AtomicUsize>::default();
    // SIGHUP is left as it is: a terminal that went away needs nothing put back, and cannot be waited for.
    let number = usize::try_from(SIGTERM).unwrap_or_default();
    signal_hook::flag::register_usize(SIGTERM, Arc::clone(&summons), number)
        .map_err(|why| Fault::failed(format!("cannot listen for signals: {why}")))?;
    let mut terminal = ratatui::try_init().map_err(|why| Fault::failed(format!("this terminal: {why}")))?;
    let outcome = watch(&mut terminal, view, &newsroom, &summons);
    ratatui::restore();
    if let Ok(signal @ 1..) = i32::try_from(summons.load(Ordering::SeqCst)) {
        // It comes back only where the kernel knows no such signal.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    outcome
}

fn watch(
    terminal: &mut ratatui::DefaultTerminal,
    mut view: View,
    newsroom: &Newsroom,
    summons: &AtomicUsize,
) -> Result<u8, Fault> {
    let broken = |why: std::io::Error| Fault::failed(format!("this terminal: {why}"));
    loop {
        newsroom.take().into_iter().for_each(|news| view.learn(news));
        terminal.draw(|frame| draw::draw(frame, &mut view)).map_err(broken)?;
        if summons.load(Ordering::SeqCst) != 0 {
            return Ok(0);
        }
        if !event::poll(LOOK_EVERY).map_err(broken)? {
            continue;
        }
        let Event::Key(key) = event::read().map_err(broken)? else { continue };
        match view.press(key) {
            Deed::None => {}
            Deed::Ask(line) => newsroom.ask(line),
            Deed::Leave(code) => return Ok(code),
        }
    }
}
