//! Those who call.
//!
//! [`connect`] is one conversation with any service, by a person or a pipe. [`crowd`] is a crowd of IRC clients on one thread:
//! it comes, joins rooms, talks, and checks every byte that it is told. [`echo`] are callers who want every byte back that they
//! send, and end at the first that is wrong: the yardstick of the benches. [`load`] is what `throng load` does: it goes on
//! whatever the server does, and says what happened. None of them knows anything of the server it talks to but its address, so
//! that all servers are treated alike. [`times`] counts how long things took, and [`figures`] shows what came of it.

pub mod connect;
pub mod crowd;
pub mod echo;
pub mod figures;
pub mod load;
pub mod times;
