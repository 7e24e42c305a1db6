//! The DAG and its ordering (docs/protocol.md).
