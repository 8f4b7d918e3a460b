//! What goes over the wire, and the only place that knows how OpenEnv names it.
//!
//! - `arguments`: what `reset` takes, over the socket, in a body or in a query
//! - `body`: HTTP bodies, and the two shapes in which a step is sent
//! - `task`: what the Task API takes
//! - `envelope`: observations, their metadata, and the state
//! - `frames`: messages on the socket and its error codes
//! - `text_frame`: text frames as they go over a socket
//! - `rpc`: JSON-RPC as `/mcp` speaks it
//! - `schema`: the schemas of action, observation and state as they are published
//! - `openapi`: the description of the HTTP surface, made from the route table

pub(crate) mod arguments;
pub(crate) mod body;
pub(crate) mod envelope;
pub(crate) mod frames;
pub(crate) mod openapi;
pub(crate) mod rpc;
pub(crate) mod schema;
pub(crate) mod task;
pub(crate) mod text_frame;
