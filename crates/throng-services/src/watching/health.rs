//! How a server is, for whoever may end it or send it clients. The roof knows, and says so when it is asked.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// How it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Why the process can no longer do its work, so that only a new one can; nothing while it is alive. A full disk is no
    /// reason: it would be as full for the next one.
    pub dead: Option<String>,
    /// Why no new client would be served now; nothing when one would.
    pub unready: Vec<String>,
}

/// Where one learns how it is. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<OnceLock<Look>>);

type Look = Box<dyn Fn() -> Findings + Send + Sync>;

impl Health {
    /// From here on this is asked. It is asked on the threads that serve, so it must answer at once; the first one stays.
    pub fn told_by(&self, look: impl Fn() -> Findings + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(look));
    }

    /// How is it?
    pub fn look(&self) -> Findings {
        match self.0.get() {
            Some(look) => look(),
            None => Findings { dead: None, unready: vec!["it is starting".to_owned()] },
        }
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Health")
    }
}
