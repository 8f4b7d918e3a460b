//! A file an endpoint, and the table that lists them.
//!
//! Beside the endpoints: `table` makes the router and the API's description from the list, `request` holds what
//! handlers take out of a request, `link` is the connection below a session.

mod link;
mod request;
mod table;

mod baseline;
mod environments;
mod grader;
mod health;
mod mcp;
mod metadata;
mod openapi;
mod page;
mod reload;
mod reset;
mod schema;
mod sessions;
mod state;
mod step;
mod tasks;
mod ws;

use table::Endpoint;
pub(crate) use table::router;

/// Every endpoint there is.
fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        health::endpoint(),
        metadata::endpoint(),
        schema::endpoint(),
        reset::endpoint(),
        step::endpoint(),
        state::endpoint(),
        tasks::endpoint(),
        baseline::endpoint(),
        grader::endpoint(),
        mcp::endpoint(),
        ws::endpoint(),
        openapi::endpoint(),
        environments::endpoint(),
        reload::endpoint(),
        sessions::snapshot(),
        sessions::fork(),
        page::index(),
        page::style(),
    ];
    endpoints.extend(page::scripts());
    endpoints
}
