//! `GET /`: the page in which a person plays an episode, and its files.

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderValue,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
    },
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use super::table::Endpoint;
use crate::{
    app::{App, Shared},
    principals::Surface,
    studio::{self, Asset},
};

/// What the page may load and do: its own files and requests to its server, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

pub(super) fn index() -> Endpoint {
    let page = async |State(app): State<Shared>| guarded(&app, POLICY, file(studio::INDEX));
    Endpoint::of_server("/", get(page)).on(Surface::Open)
}

pub(super) fn scripts() -> impl Iterator<Item = Endpoint> {
    let script = |&(path, asset)| Endpoint::of_server(path, get(move || async move { file(asset) })).on(Surface::Open);
    studio::SCRIPTS.iter().map(script)
}

/// Where a Space is opened that `openenv push` has made, and its frame looks for the page.
pub(super) fn web() -> [Endpoint; 2] {
    let page =
        async |State(app): State<Shared>| guarded(&app, POLICY, answer(studio::INDEX.kind, studio::index_below()));
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
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text.into())
        .into_response()
}

/// Adds what a page may load and who may show it in a frame: pages that could draw something over it may not.
pub(super) fn guarded(app: &App, policy: &str, mut page: Response) -> Response {
    let origins = &app.config.allow_origins;
    let framers = origins.iter().fold(String::new(), |framers, origin| framers + " " + &origin.to_string());
    let headers = page.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&format!("{policy}; frame-ancestors 'self'{framers}")) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // For browsers that do not know the policy; it cannot name others.
    if origins.is_empty() {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    page
}

fn file(Asset { kind, text }: Asset) -> Response {
    answer(kind, text)
}
