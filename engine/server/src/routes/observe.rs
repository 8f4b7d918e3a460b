//! `GET /observe`: what happens on the server, as it happens.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures_util::{Stream, stream};

use super::table::Endpoint;
use crate::{
    app::Shared,
    principals::{Role, Surface},
};

/// The maximum silence of the stream, so that connections are known to be there.
const SILENCE: Duration = Duration::from_secs(15);

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_server("/observe", get(observe)).on(Surface::Of(Role::Observer))
}

async fn observe(State(app): State<Shared>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let state = (app.metrics.watchers().join(), app.stopping.subscribe());
    let events = stream::unfold(state, |(mut watcher, mut stopping)| async move {
        let event = tokio::select! {
            event = watcher.next() => event?,
            _ = stopping.wait_for(|stopping| *stopping) => return None,
        };
        let event = Event::default().event(event.kind).data(&*event.data);
        Some((Ok(event), (watcher, stopping)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SILENCE))
}
