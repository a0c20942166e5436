//! Does the hub answer? Somebody knocks once a second and goes on; whether it was heard is looked at the next time. So neither
//! who knocks nor who asks ever waits for the hub.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

/// What became of the last knock.
#[derive(Debug, Default)]
pub struct Pulse {
    /// It was not answered yet.
    knocked: Option<Receiver<()>>,
    /// Since when nothing is answered.
    silent_since: Option<Duration>,
}

impl Pulse {
    /// Looks whether the last knock was answered, and knocks again if it was. A knock that cannot even be made is one that
    /// is not answered.
    pub fn look(&mut self, at: Duration, knock: impl FnOnce() -> Option<Receiver<()>>) {
        match self.knocked.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return self.note_silence(at),
            Some(Ok(())) => self.silent_since = None,
            // It was dropped unheard.
            Some(Err(TryRecvError::Disconnected)) => self.note_silence(at),
            None => {}
        }
        self.knocked = knock();
        if self.knocked.is_none() {
            self.note_silence(at);
        }
    }

    /// How long it has answered nothing, if it does not.
    pub fn silent(&self, at: Duration) -> Option<Duration> {
        self.silent_since.map(|since| at.saturating_sub(since))
    }

    fn note_silence(&mut self, at: Duration) {
        self.silent_since.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn silence_lasts_from_the_first_look_without_an_answer_to_the_answer() {
        let mut pulse = Pulse::default();
        let secs = Duration::from_secs;
        let (answer, answered) = sync_channel(1);
        pulse.look(secs(1), || Some(answered));
        assert_eq!(pulse.silent(secs(1)), None);
        pulse.look(secs(2), || panic!("one knock at a time"));
        pulse.look(secs(3), || panic!("one knock at a time"));
        assert_eq!(pulse.silent(secs(3)), Some(secs(1)));
        answer.send(()).unwrap();
        let (second, answered) = sync_channel(1);
        pulse.look(secs(4), || Some(answered));
        assert_eq!(pulse.silent(secs(4)), None);
        drop(second);
        pulse.look(secs(5), || None);
        pulse.look(secs(9), || None);
        assert_eq!(pulse.silent(secs(9)), Some(secs(4)));
    }
}
