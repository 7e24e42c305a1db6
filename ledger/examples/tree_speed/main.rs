//! What the state tree costs: alone in memory and, with the feature `rocksdb`, the whole way to disk.
//! `cargo run -p pollen-ledger --features rocksdb --example tree_speed -- [keys] [batch] [rounds]`
//! The comparison with another tree is in tests/jmt.

#![expect(clippy::disallowed_types, reason = "a measurement, not the ledger")]

#[cfg(feature = "rocksdb")]
mod disk;
mod memory;
mod work;

fn main() {
    let size = work::Size::read();
    for threads in [1, 2] {
        memory::run(size, threads);
    }
    #[cfg(feature = "rocksdb")]
    disk::run(size);
}
