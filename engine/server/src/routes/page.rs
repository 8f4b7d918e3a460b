//! `GET /`: the page in which a person plays an episode, and its files.

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use super::table::Endpoint;
use crate::{
    principals::Surface,
    studio::{self, Asset},
};

pub(super) fn index() -> Endpoint {
    Endpoint::of_server("/", get(async || answer(studio::INDEX))).on(Surface::Open)
}

pub(super) fn scripts() -> impl Iterator<Item = Endpoint> {
    let script =
        |&(path, asset)| Endpoint::of_server(path, get(move || async move { answer(asset) })).on(Surface::Open);
    studio::SCRIPTS.iter().map(script)
}

/// Where a Space is opened that `openenv push` has made.
pub(super) fn web() -> Endpoint {
    Endpoint::of_server("/web", get(async || Redirect::temporary("/"))).on(Surface::Open)
}

pub(super) fn style() -> Endpoint {
    Endpoint::of_server("/studio/studio.css", get(async || answer(studio::STYLE))).on(Surface::Open)
}

/// Another version of the binary has another page at the same place: it must not come from a cache unasked.
fn answer(asset: Asset) -> Response {
    ([(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, "no-cache")], asset.text).into_response()
}
