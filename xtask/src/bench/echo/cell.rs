//! What one cell of `bench echo` measures, and how it is asked for.

use std::fmt;

use throng_client::echo::{Shape, Stay};

use super::super::contenders::CONNECTIONS_MAX;
use super::super::table::Better;

/// The longest message.
const BYTES_MAX: usize = 16 << 20;

/// The most messages that a connection may have under way.
const DEPTH_MAX: usize = 1024;

/// What those say who come and go, or who come and stay silent.
const SMALL: usize = 64;

/// A cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What counts.
    pub what: What,
    /// Who calls.
    pub shape: Shape,
}

/// What counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Messages that come back.
    RoundTrips,
    /// Connections that come, have one message back, and go.
    Churn,
    /// Memory of connections that are silent.
    Idle,
}

impl Cell {
    /// How it is asked for.
    pub fn parse(word: &str) -> Result<Cell, String> {
        Cell::understood(word).ok_or_else(|| {
            format!(
                "connections:bytes:depth (such as 64:64:1), churn:slots or idle:connections, \
                 of at most {CONNECTIONS_MAX} connections, {BYTES_MAX} bytes, and depth {DEPTH_MAX}"
            )
        })
    }

    fn understood(word: &str) -> Option<Cell> {
        let parts: Vec<&str> = word.split(':').collect();
        let within = |part: &str, most: usize| part.parse().ok().filter(|number| (1..=most).contains(number));
        let (what, connections, bytes, depth) = match *parts.as_slice() {
            ["churn", slots] => (What::Churn, slots, SMALL, 1),
            ["idle", connections] => (What::Idle, connections, SMALL, 1),
            [connections, bytes, depth] => {
                (What::RoundTrips, connections, within(bytes, BYTES_MAX)?, within(depth, DEPTH_MAX)?)
            }
            _ => return None,
        };
        let connections = within(connections, CONNECTIONS_MAX)?;
        let stay = if what == What::Churn { Stay::OneMessage } else { Stay::Long };
        Some(Cell { what, shape: Shape { connections, bytes, depth, stay } })
    }

    /// What its figures are.
    pub fn title(&self) -> String {
        let figures = match self.what {
            What::RoundTrips => "round trips per second of server CPU",
            What::Churn => "connections per second of server CPU",
            What::Idle => "bytes (RSS) per idle connection",
        };
        format!("echo {self}: {figures}")
    }

    /// What is good.
    pub fn better(&self) -> Better {
        if self.what == What::Idle { Better::Less } else { Better::More }
    }
}

/// As it is asked for.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { connections, bytes, depth, .. } = self.shape;
        match self.what {
            What::RoundTrips => write!(f, "{connections}:{bytes}:{depth}"),
            What::Churn => write!(f, "churn:{connections}"),
            What::Idle => write!(f, "idle:{connections}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_three_numbers_or_a_word_and_one() {
        let shape = |connections, bytes, depth, stay| Shape { connections, bytes, depth, stay };
        for (word, what, shape) in [
            ("1000:65536:3", What::RoundTrips, shape(1000, 65536, 3, Stay::Long)),
            ("churn:200", What::Churn, shape(200, SMALL, 1, Stay::OneMessage)),
            ("idle:10000", What::Idle, shape(10_000, SMALL, 1, Stay::Long)),
        ] {
            let cell = Cell::parse(word).unwrap();
            assert_eq!(cell, Cell { what, shape });
            assert_eq!(cell.to_string(), word);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            "",
            "64",
            "64:64",
            "0:64:1",
            "64:0:1",
            "64:64:0",
            "64:64:1:1",
            "64:64:x",
            "-1:64:1",
            "28001:64:1",
            "1:16777217:1",
            "1:1:1025",
            "churn",
            "churn:0",
            "churn:200:64",
            "idle:x",
            "64:churn:1",
        ] {
            assert!(Cell::parse(wrong).unwrap_err().starts_with("connections:bytes:depth"), "{wrong:?}");
        }
    }
}
