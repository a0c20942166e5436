//! What may be how many. The shell sets these; the world keeps them.

/// The limits of one world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// People at once.
    pub people_max: usize,
    /// Rooms that exist or are kept.
    pub rooms_max: usize,
    /// Rooms that one person may be in.
    pub rooms_per_person_max: usize,
    /// Connections that one person may have.
    pub sessions_per_person_max: usize,
    /// Rooms in one list.
    pub list_rooms_max: usize,
    /// People in one list.
    pub list_people_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            people_max: 1_000_000,
            rooms_max: 100_000,
            rooms_per_person_max: 100,
            sessions_per_person_max: 16,
            list_rooms_max: 1_000,
            list_people_max: 1_000,
        }
    }
}
