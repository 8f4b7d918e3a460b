//! `GET /`: the page in which a person plays an episode, and its files.

use axum::{
    body::Body,
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
    Endpoint::of_server("/", get(async || file(studio::INDEX))).on(Surface::Open)
}

pub(super) fn scripts() -> impl Iterator<Item = Endpoint> {
    let script = |&(path, asset)| Endpoint::of_server(path, get(move || async move { file(asset) })).on(Surface::Open);
    studio::SCRIPTS.iter().map(script)
}

/// Where a Space is opened that `openenv push` has made, and its frame looks for the page.
pub(super) fn web() -> [Endpoint; 2] {
    let page = async || answer(studio::INDEX.kind, studio::index_below());
    [
        Endpoint::of_server("/web", get(async || Redirect::temporary("/web/"))).on(Surface::Open),
        Endpoint::of_server("/web/", get(page)).on(Surface::Open),
    ]
}

pub(super) fn style() -> Endpoint {
    Endpoint::of_server("/studio/studio.css", get(async || file(studio::STYLE))).on(Surface::Open)
}

/// Another version of the binary has another page at the same place: it must not come from a cache unasked.
fn answer(kind: &'static str, text: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text.into()).into_response()
}

fn file(Asset { kind, text }: Asset) -> Response {
    answer(kind, text)
}
