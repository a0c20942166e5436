//! What a service hears of bans when it keeps to them itself: the chat does, whose hub implements [`Hears`].

use std::sync::mpsc::SyncSender;

use throng_chat::Ban;
use throng_chat::ban::Target;
use throng_server::ConnId;

/// What has come.
#[derive(Debug)]
pub enum News {
    /// A name, a mask or an account is banned; how many connections that closed is told to the one who waits.
    Banned(Box<Ban>, SyncSender<usize>),
    /// It is banned no longer.
    Lifted(Target),
    /// Those who came from an address are put out.
    Evicted(Evicted),
}

/// Who is put out by their address.
#[derive(Debug)]
pub struct Evicted {
    /// Their connections, in order.
    pub conns: Vec<ConnId>,
    /// Why.
    pub ban: Ban,
}

/// A place for one piece of news, which comes there for certain.
pub type Place = Box<dyn FnOnce(News) + Send>;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaf {
    /// It takes no more at this moment.
    Busy,
    /// It has ended.
    Over,
}

/// Who hears of bans.
pub trait Hears: Send + Sync {
    /// A place, at once or not at all. It is taken before anything is stored, so that what is stored is heard of.
    fn place(&self) -> Result<Place, Deaf>;
}
