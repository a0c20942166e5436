//! Who said what, and who has heard it: finds what was lost, repeated, reordered or damaged.
//!
//! A message carries the number of its sender's message; each receiver must hear every sender's numbers without a gap, and
//! the rest of the body must be what that sender always says. A message is complete when every other member of its room
//! has heard it; then its sender says the next one.

use super::trouble::Wrong;

/// Bytes of a message's body.
pub const BODY_BYTES: usize = 100;

/// Digits of the number at its beginning.
const NUMBER_DIGITS: usize = 12;

/// The shape of a crowd: rooms of one size; in each, the first members talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rooms.
    pub rooms: usize,
    /// Members of each.
    pub members: usize,
    /// How many of them talk.
    pub talkers: usize,
    /// Messages that a talker has under way.
    pub window: usize,
}

impl Shape {
    /// Everybody.
    pub fn clients(&self) -> usize {
        self.rooms * self.members
    }

    /// The room of a client.
    pub fn room_of(&self, client: usize) -> usize {
        client / self.members
    }

    /// The place of a client among the talkers of all rooms, if it is one.
    pub fn talker(&self, client: usize) -> Option<usize> {
        let place = client % self.members;
        (place < self.talkers && client < self.clients()).then(|| self.room_of(client) * self.talkers + place)
    }

    /// The client with this place among the talkers.
    fn client_of(&self, talker: usize) -> usize {
        talker / self.talkers * self.members + talker % self.talkers
    }
}

/// What was said and heard so far.
pub struct Tally {
    shape: Shape,
    /// For each receiver and each talker of its room, the last number heard.
    heard: Vec<u64>,
    /// For each talker, how many have still to hear each message under way, by its number modulo the window.
    missing: Vec<usize>,
    /// For each talker, how many it said.
    said: Vec<u64>,
    /// What follows the number, for each talker.
    rests: Vec<Vec<u8>>,
    /// Talkers whose oldest message is complete, as often as one is.
    completed: Vec<usize>,
    /// For each talker, how many of its messages are complete. They become so in their order.
    whole: Vec<u64>,
    /// Who is there, and how many of each room.
    is_here: Vec<bool>,
    here: Vec<usize>,
    /// Rooms in which somebody has something to say to somebody.
    talking: usize,
    deliveries: u64,
    /// How often something that was said is still to be heard.
    awaited: u64,
}

impl Tally {
    /// Nothing was said yet.
    pub fn new(shape: Shape) -> Tally {
        let talkers = shape.rooms * shape.talkers;
        Tally {
            heard: vec![0; shape.clients() * shape.talkers],
            missing: vec![0; talkers * shape.window],
            said: vec![0; talkers],
            rests: (0..talkers).map(rest).collect(),
            completed: Vec::new(),
            whole: vec![0; talkers],
            is_here: vec![true; shape.clients()],
            here: vec![shape.members; shape.rooms],
            talking: shape.rooms,
            deliveries: 0,
            awaited: 0,
            shape,
        }
    }

    /// All talkers' clients, each with its place.
    pub fn talkers(&self) -> impl Iterator<Item = (usize, usize)> {
        let shape = self.shape;
        (0..self.said.len()).map(move |talker| (talker, shape.client_of(talker)))
    }

    /// The client of a talker.
    pub fn client_of(&self, talker: usize) -> usize {
        self.shape.client_of(talker)
    }

    /// The place of a talker's message among all that are under way.
    fn place(&self, talker: usize, number: u64) -> usize {
        talker * self.shape.window + (number % self.shape.window as u64) as usize
    }

    /// The place of what a talker said last.
    pub fn last_place(&self, talker: usize) -> usize {
        self.place(talker, self.said[talker])
    }

    /// How much everybody said.
    pub fn said(&self) -> u64 {
        self.said.iter().sum()
    }

    /// How much a talker said that somebody has still to hear.
    pub fn under_way(&self, talker: usize) -> usize {
        (self.said[talker] - self.whole[talker]) as usize
    }

    /// Whether a talker is there, and somebody to hear it.
    pub fn has_hearers(&self, talker: usize) -> bool {
        self.is_here[self.client_of(talker)] && self.hearers(talker) > 0
    }

    /// How many there are in a talker's room beside it.
    pub fn hearers(&self, talker: usize) -> usize {
        self.here[talker / self.shape.talkers].saturating_sub(1)
    }

    /// Whether no talker has hearers any more.
    pub fn is_mute(&self) -> bool {
        self.talking == 0
    }

    /// How much a client said.
    pub fn said_of(&self, client: usize) -> u64 {
        self.shape.talker(client).map_or(0, |talker| self.said[talker])
    }

    /// The number of what a client heard last of a sender.
    pub fn heard_of(&self, at: usize, from: usize) -> u64 {
        let talker = self.shape.talker(from);
        talker.map_or(0, |talker| self.heard[at * self.shape.talkers + talker % self.shape.talkers])
    }

    /// Appends the next body of a talker that has hearers, and fewer messages under way than it may have.
    pub fn say(&mut self, talker: usize, out: &mut Vec<u8>) {
        self.said[talker] += 1;
        let number = self.said[talker];
        let place = self.place(talker, number);
        let hearers = self.hearers(talker);
        self.missing[place] = hearers;
        self.awaited += hearers as u64;
        let mut digits = [b'0'; NUMBER_DIGITS];
        let mut left = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (left % 10) as u8;
            left /= 10;
        }
        out.extend_from_slice(&digits);
        out.extend_from_slice(&self.rests[talker]);
    }

    /// Counts what a client heard. The place of the message among those that are under way, as [`Tally::place`] has it.
    ///
    /// # Errors
    /// When it is not what came next.
    pub fn hear(&mut self, at: usize, from: usize, body: &[u8]) -> Result<usize, Wrong> {
        let stranger = Wrong::Stranger { from, at };
        let Some(talker) = self.shape.talker(from) else { return Err(stranger) };
        if self.shape.room_of(at) != self.shape.room_of(from) || at == from {
            return Err(stranger);
        }
        let came = number(body).filter(|_| body[NUMBER_DIGITS..] == self.rests[talker][..]);
        let Some(came) = came else {
            return Err(Wrong::Damaged { from, at, body: String::from_utf8_lossy(body).into_owned() });
        };
        let last = &mut self.heard[at * self.shape.talkers + talker % self.shape.talkers];
        let expected = *last + 1;
        if came != expected || came > self.said[talker] {
            return Err(Wrong::OutOfOrder { from, at, expected, came });
        }
        *last = came;
        self.deliveries += 1;
        self.tick(talker, came);
        Ok(self.place(talker, came))
    }

    /// Somebody needs not hear this message of a talker any more. What is said by one who left is awaited by nobody.
    fn tick(&mut self, talker: usize, number: u64) {
        if !self.is_here[self.client_of(talker)] {
            return;
        }
        self.awaited -= 1;
        let place = self.place(talker, number);
        self.missing[place] -= 1;
        if self.missing[place] == 0 {
            self.whole[talker] += 1;
            self.completed.push(talker);
        }
    }

    /// A client heard this message of a sender before those that were next: they are not awaited any more. Whether it can be
    /// so; a number that was never said is none.
    pub fn pass_to(&mut self, at: usize, from: usize, came: u64) -> bool {
        let Some(talker) = self.shape.talker(from) else { return false };
        let pair = at * self.shape.talkers + talker % self.shape.talkers;
        let last = self.heard[pair];
        if came <= last || came > self.said[talker] {
            return false;
        }
        for number in last + 1..=came {
            self.tick(talker, number);
        }
        self.heard[pair] = came;
        self.deliveries += 1;
        true
    }

    /// A client is no more: nobody waits for what it would have heard, nor for what it said.
    pub fn lose(&mut self, client: usize) {
        if !self.is_here[client] {
            return;
        }
        let (room, talkers) = (self.shape.room_of(client), self.shape.talkers);
        let talks =
            |tally: &Tally| (room * talkers..(room + 1) * talkers).any(|talker| tally.has_hearers(talker));
        let talked = talks(self);
        self.is_here[client] = false;
        self.here[room] -= 1;
        self.talking -= usize::from(talked && !talks(self));
        for talker in room * talkers..(room + 1) * talkers {
            if self.client_of(talker) != client {
                for number in self.heard[client * talkers + talker % talkers] + 1..=self.said[talker] {
                    self.tick(talker, number);
                }
            }
        }
        if let Some(talker) = self.shape.talker(client) {
            self.awaited -= self.due_of(talker).map(|(_, due)| due).sum::<u64>();
        }
    }

    /// Who has still to hear how much of a talker.
    fn due_of(&self, talker: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let (room, talkers) = (talker / self.shape.talkers, self.shape.talkers);
        let members = room * self.shape.members..(room + 1) * self.shape.members;
        members
            .filter(move |at| *at != self.client_of(talker) && self.is_here[*at])
            .map(move |at| (at, self.said[talker] - self.heard[at * talkers + talker % talkers]))
    }

    /// Who has not heard the oldest message under way of a talker; all of them are what is missing of it.
    pub fn late_for(&self, talker: usize) -> Vec<Wrong> {
        let (oldest, from) = (self.whole[talker] + 1, self.client_of(talker));
        let behind = |(at, due): (usize, u64)| {
            let number = self.said[talker] - due + 1;
            (due > 0 && number <= oldest).then_some(Wrong::Unheard { from, at, number })
        };
        self.due_of(talker).filter_map(behind).collect()
    }

    /// The place of a talker's oldest message under way, if one is.
    pub fn oldest_place(&self, talker: usize) -> Option<usize> {
        (self.under_way(talker) > 0).then(|| self.place(talker, self.whole[talker] + 1))
    }

    /// How often something that was said is still to be heard.
    pub fn awaited(&self) -> u64 {
        self.awaited
    }

    /// The talkers whose messages became complete since the last time.
    pub fn take_completed(&mut self, into: &mut Vec<usize>) {
        into.clear();
        std::mem::swap(&mut self.completed, into);
    }

    /// The first message that somebody has not heard yet, if there is one.
    pub fn unheard(&self) -> Option<Wrong> {
        let shape = self.shape;
        let pairs = (0..shape.clients()).flat_map(|at| (0..shape.talkers).map(move |place| (at, place)));
        pairs
            .map(|(at, place)| (at, shape.room_of(at) * shape.talkers + place))
            .filter(|(at, talker)| shape.client_of(*talker) != *at)
            .map(|(at, talker)| (at, talker, self.heard[at * shape.talkers + talker % shape.talkers]))
            .find(|(_, talker, last)| *last < self.said[*talker])
            .map(|(at, talker, last)| Wrong::Unheard { from: shape.client_of(talker), at, number: last + 1 })
    }

    /// How often something was heard.
    pub fn deliveries(&self) -> u64 {
        self.deliveries
    }
}

/// What a talker always says behind the number.
fn rest(talker: usize) -> Vec<u8> {
    let words =
        format!(" talker {talker} says what it always says, so that every byte of it can be checked; ");
    words.bytes().cycle().take(BODY_BYTES - NUMBER_DIGITS).collect()
}

fn number(body: &[u8]) -> Option<u64> {
    let digits = body.get(..NUMBER_DIGITS)?;
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { rooms: 2, members: 3, talkers: 2, window: 3 };

    /// Talker 2, which is client 3, the first of the second room, says three things.
    fn said() -> (Tally, Vec<Vec<u8>>) {
        let mut tally = Tally::new(SHAPE);
        let mut bodies = Vec::new();
        for _ in 0..3 {
            let mut body = Vec::new();
            tally.say(2, &mut body);
            assert_eq!(body.len(), BODY_BYTES);
            bodies.push(body);
        }
        (tally, bodies)
    }

    #[test]
    fn a_message_is_complete_when_all_others_have_heard_it() {
        let mut tally = Tally::new(SHAPE);
        let mut body = Vec::new();
        tally.say(2, &mut body);
        let mut completed = Vec::new();
        tally.hear(4, 3, &body).unwrap();
        tally.take_completed(&mut completed);
        assert!(completed.is_empty());
        tally.hear(5, 3, &body).unwrap();
        tally.take_completed(&mut completed);
        assert_eq!(completed, [2]);
        assert_eq!((tally.deliveries(), tally.awaited()), (2, 0));
    }

    #[test]
    fn what_somebody_has_not_heard_in_the_end_is_named() {
        let (mut tally, bodies) = said();
        for (at, body) in bodies.iter().flat_map(|body| [(4, body), (5, body)]) {
            assert!(tally.unheard().is_some());
            if at == 4 || body != &bodies[2] {
                tally.hear(at, 3, body).unwrap();
            }
        }
        assert_eq!(tally.unheard(), Some(Wrong::Unheard { from: 3, at: 5, number: 3 }));
        tally.hear(5, 3, &bodies[2]).unwrap();
        assert_eq!(tally.unheard(), None);
    }

    #[test]
    fn what_is_lost_repeated_reordered_or_damaged_is_found() {
        let out_of_order = |expected, came| Wrong::OutOfOrder { from: 3, at: 4, expected, came };
        let (mut tally, bodies) = said();
        assert_eq!(tally.hear(4, 3, &bodies[1]), Err(out_of_order(1, 2)), "lost, or before its time");
        tally.hear(4, 3, &bodies[0]).unwrap();
        assert_eq!(tally.hear(4, 3, &bodies[0]), Err(out_of_order(2, 1)), "repeated");
        assert_eq!(tally.hear(4, 3, &bodies[2]), Err(out_of_order(2, 3)), "lost");
        for place in 0..BODY_BYTES {
            let mut damaged = bodies[1].clone();
            damaged[place] ^= 1;
            assert!(tally.hear(4, 3, &damaged).is_err(), "byte {place}");
        }
        assert!(tally.hear(4, 3, &bodies[1][..BODY_BYTES - 1]).is_err(), "cut");
        assert!(tally.hear(4, 3, b"").is_err());
        tally.hear(4, 3, &bodies[1]).unwrap();
    }

    #[test]
    fn nobody_hears_itself_or_another_room_or_one_who_does_not_talk() {
        let (mut tally, bodies) = said();
        for (at, from) in [(3, 3), (0, 3), (3, 5), (3, 99)] {
            assert_eq!(tally.hear(at, from, &bodies[0]), Err(Wrong::Stranger { from, at }), "{from} at {at}");
        }
    }

    #[test]
    fn who_left_is_awaited_by_nobody_and_the_others_still_are() {
        let (mut tally, bodies) = said();
        assert_eq!((tally.awaited(), tally.under_way(2), tally.hearers(2)), (6, 3, 2));
        tally.hear(4, 3, &bodies[0]).unwrap();
        let late = Wrong::Unheard { from: 3, at: 5, number: 1 };
        assert_eq!((tally.late_for(2), tally.oldest_place(2)), (vec![late], Some(tally.place(2, 1))));
        tally.lose(5);
        tally.lose(5);
        assert_eq!((tally.awaited(), tally.under_way(2), tally.hearers(2)), (2, 2, 1));
        let mut completed = Vec::new();
        tally.take_completed(&mut completed);
        assert_eq!(completed, [2], "the first was awaited of the lost one alone");
        // What the lost talker said still comes in its order, and nobody waits for it.
        tally.lose(3);
        assert_eq!((tally.awaited(), tally.has_hearers(2), tally.is_mute()), (0, false, false));
        tally.hear(4, 3, &bodies[1]).unwrap();
        assert_eq!((tally.awaited(), tally.heard_of(4, 3)), (0, 2));
        (0..2).for_each(|client| tally.lose(client));
        assert!(tally.is_mute(), "in both rooms one is alone");
    }

    #[test]
    fn what_was_passed_over_is_not_awaited_any_more() {
        let (mut tally, bodies) = said();
        assert!(tally.hear(4, 3, &bodies[2]).is_err());
        assert!(tally.pass_to(4, 3, 3));
        assert_eq!((tally.awaited(), tally.deliveries(), tally.heard_of(4, 3)), (3, 1, 3));
        for (from, came) in [(3, 3), (3, 2), (3, 4), (3, u64::MAX), (99, 1)] {
            assert!(!tally.pass_to(4, from, came), "{came} of {from}");
        }
        for body in &bodies {
            tally.hear(5, 3, body).unwrap();
        }
        assert_eq!((tally.awaited(), tally.under_way(2), tally.late_for(2)), (0, 0, vec![]));
    }
}
