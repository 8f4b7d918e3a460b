//! The audit of a pack or a server, as far as it needs a socket or a terminal.
//!
//! | file | what |
//! |---|---|
//! | `client.rs` | HTTP and `/ws`, as any client speaks them |
//! | `served.rs` | the packs on a port of this machine, for as long as an audit takes |
//! | `wire.rs` | episodes played over a socket, with every answer |
//! | `runtime_checks.rs` | what answers show |
//! | `containment.rs` | what clients must not reach |
//! | `licences.rs` | the licences of what a package is built with, as Cargo knows them |
//! | `html.rs`, `markdown.rs` | the report for people |

pub(crate) mod client;
mod containment;
pub(crate) mod html;
pub(crate) mod licences;
pub(crate) mod markdown;
pub(crate) mod runtime_checks;
pub(crate) mod served;
pub(crate) mod wire;
