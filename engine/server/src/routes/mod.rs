//! A file an endpoint, and the table that lists them.
//!
//! In addition to the endpoints: `table` makes the router and the API's description from the list, `request` holds what
//! handlers take out of a request, `gate` guards the endpoints; `upgrade`, `socket` and `link` are the handshake, the
//! WebSocket, and the conversation below a session; `seldom` is for what seldom happens meanwhile.

mod agent;
mod gate;
mod link;
mod request;
mod seldom;
mod socket;
mod table;
mod upgrade;

mod baseline;
mod docs;
mod environments;
mod grader;
mod grades;
mod health;
mod mcp;
mod mcp_standard;
mod metadata;
mod metrics;
mod observe;
mod openapi;
mod page;
mod ready;
mod reload;
mod reset;
mod schema;
mod sessions;
mod state;
mod step;
mod task_api;
mod tasks;
mod ws;
mod ws_mcp;

use table::Endpoint;
pub(crate) use table::router;

/// Who reaches which endpoint; the test over sockets reads it too.
#[cfg(test)]
const ACCESS: &str = include_str!("../../tests/it/access.table");

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
        docs::swagger(),
        docs::redoc(),
        environments::endpoint(),
        ready::endpoint(),
        metrics::endpoint(),
        observe::endpoint(),
        reload::endpoint(),
        reload::apply(),
        reload::rollback(),
        sessions::snapshot(),
        sessions::fork(),
        grades::grade(),
        grades::regrade(),
        grades::truth(),
        grades::recorded(),
        page::index(),
        page::style(),
        metadata::web(),
        reset::web(),
        step::web(),
        state::web(),
    ];
    endpoints.extend(page::web());
    endpoints.extend(page::scripts());
    endpoints.extend(task_api::endpoints());
    endpoints
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_stands_in_the_table_of_who_reaches_it() {
        let there: BTreeSet<String> = endpoints().iter().map(|endpoint| endpoint.path().to_owned()).collect();
        let lines = ACCESS.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let told = lines.filter_map(|line| line.split_whitespace().nth(1));
        let told: BTreeSet<String> =
            told.map(|path| path.split('?').next().unwrap_or_default().replace("/desk/", "/{env_name}/")).collect();
        let told: BTreeSet<String> =
            told.into_iter().map(|path| path.replace("/sessions/x", "/sessions/{id}")).collect();
        assert_eq!(there, told);
    }
}
