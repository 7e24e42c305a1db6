//! Placeholder.

pub mod interface;
pub mod value;
