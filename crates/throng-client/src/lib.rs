//! Those who call.
//!
//! [`connect`] is one conversation with any service, by a person or a pipe. [`crowd`] is a crowd of IRC clients on one thread:
//! it comes, joins rooms, talks, and checks every byte that it is told. [`echo`] are callers who want every byte back that they
//! send. None knows anything of the server it talks to but its address, so that all servers are treated alike.

pub mod connect;
pub mod crowd;
pub mod echo;
