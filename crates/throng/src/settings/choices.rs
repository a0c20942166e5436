//! What may be chosen among few: which service, by what model, how fast, who may come.

use clap::ValueEnum;

/// What can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// People talk, through three doors
    Chat,
    /// Every byte comes back (RFC 862)
    Echo,
    /// Says "Hello, World!" and closes
    Hello,
}

impl Service {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Service::Chat => "chat",
            Service::Echo => "echo",
            Service::Hello => "hello",
        }
    }
}

/// A choice with a word for each.
pub trait Choice: Copy + PartialEq + 'static {
    /// All of them, by their words.
    const ALL: &'static [(&'static str, Self)];

    /// The one of this word.
    fn read(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("expected one of {}", names.join(", "))
        })
    }

    /// Its word.
    fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, choice)| *choice == self);
        found.map_or("", |(name, _)| name)
    }
}

/// By what means many are served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// One client at a time; the others wait in the kernel's queue.
    Sequential,
    /// A thread for each connection.
    Threads,
    /// Tasks that any of some threads takes up.
    Pool,
    /// An event loop on each core.
    Events,
    /// An event loop in each of some processes; one that crashes ends its own clients only (Linux).
    Processes,
}

impl Choice for Model {
    const ALL: &'static [(&'static str, Model)] = &[
        ("sequential", Model::Sequential),
        ("threads", Model::Threads),
        ("pool", Model::Pool),
        ("events", Model::Events),
        ("processes", Model::Processes),
    ];
}

/// How fast one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can.
    Off,
    /// A burst of 20, then 5 a second.
    Default,
}

impl Choice for Pace {
    const ALL: &'static [(&'static str, Pace)] = &[("default", Pace::Default), ("off", Pace::Off)];
}

/// Who may come in without an account, and how called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guests {
    /// Any name that nobody has at the moment.
    Yes,
    /// Names that belong to no account and look like none that does.
    UnregisteredNames,
    /// Nobody.
    No,
}

impl Choice for Guests {
    const ALL: &'static [(&'static str, Guests)] =
        &[("yes", Guests::Yes), ("unregistered-names", Guests::UnregisteredNames), ("no", Guests::No)];
}

impl Choice for throng_server::Full {
    const ALL: &'static [(&'static str, Self)] =
        &[("queue", throng_server::Full::Queue), ("refuse", throng_server::Full::Refuse)];
}

impl Choice for throng_store::Durability {
    const ALL: &'static [(&'static str, Self)] = &[
        ("strict", throng_store::Durability::Strict),
        ("relaxed", throng_store::Durability::Relaxed),
        ("memory", throng_store::Durability::Memory),
    ];
}
