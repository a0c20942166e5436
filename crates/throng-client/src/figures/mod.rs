//! What was measured, as people look at it: [`plot`] draws lines, on axes of a [`scale`]; a [`sheet`] is a table.

pub mod plot;
pub mod scale;
pub mod sheet;
