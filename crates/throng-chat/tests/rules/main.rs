//! The rules of the chat, each as a sentence with the scene that shows it.

#![allow(clippy::unwrap_used)]

mod accounts;
mod bans;
mod limits;
mod names;
mod order;
mod rights;
mod rooms;
mod scene;
mod sessions;
