//! JSON-RPC: how clients and wallets talk to a node. The only place that knows jsonrpsee.
//!
//! - [`api`]: parameters and results, as they stand in JSON.
//! - [`error`]: the catalogue of errors.
//! - [`backend`]: what the server asks of a node.
//! - [`server`]: HTTP and WebSocket on one port, bounded in everything.
//! - [`client`]: the Rust client, over several nodes.
//!
//! docs/rpc.md is the reference for who writes a client in another language.

pub mod api;
pub mod backend;
pub mod client;
pub mod error;
pub mod openrpc;
pub mod server;
