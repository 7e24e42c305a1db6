//! Seeds, determinism, and named schedules.

mod schedules;
mod seeds;
